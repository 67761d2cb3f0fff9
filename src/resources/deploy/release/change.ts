import { sql } from "drizzle-orm";
import {
  type ReleaseServiceCreateRequest,
  ReleaseServiceCreateRequestSchema,
  type ReleaseServiceDeleteRequest,
  type ReleaseServiceRedeployRequest,
  ReleaseServiceRedeployRequestSchema,
  type ReleaseServiceRollbackRequest,
  ReleaseServiceRollbackRequestSchema,
  type ReleaseServiceUpdateRequest,
  RollbackPart,
} from "../../../../gen/ts/deploy/v1/release_pb.js";
import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { type Accepted, acceptChange } from "../deployment/accept.js";
import type { Call } from "../deployment/call.js";
import { executeAtOf, requestText } from "../deployment/request.js";
import { resolveSource } from "../deployment/resolve-source.js";
import { found as foundDeployment } from "../deployment/rules.js";
import { type DeploymentRow, deploymentStore } from "../deployment/store.js";
import { causeOf, changeOf } from "../deployment/update.js";
import { routes } from "../route/table.js";
import type { SourceContent } from "../spec/content.js";
import { openChange } from "../spec/seal.js";
import { taskStore } from "../task/store.js";
import { planRelease } from "./plan.js";
import { rollbackTo } from "./rollback.js";
import { found, keyOf } from "./rules.js";
import { type ReleaseRow, releaseStore } from "./store.js";

/** Makes a release. */
export async function createRelease(
  platform: Platform,
  request: ReleaseServiceCreateRequest,
  { actor, signal }: Call,
): Promise<Accepted> {
  const { options, summary } = request;
  const key = keyOf(request);
  const text = () => requestText(ReleaseServiceCreateRequestSchema, request);
  return await acceptChange(platform, { actor, options, request: text }, key, async () => {
    const change = await changeOf(platform, key, request, signal);
    const asked = { cause: causeOf(change) ?? "updated", kind: "release", change, summary } as const;
    return { plan: (tx, deployment, open, at) => planRelease(platform, tx, { deployment, open, at }, asked) };
  });
}

/** Makes a release with the source and the configuration of an earlier one, or one of the two. */
export async function rollback(
  platform: Platform,
  request: ReleaseServiceRollbackRequest,
  { actor }: Call,
): Promise<Accepted> {
  const { number, options } = request;
  const part = parts.get(request.part) ?? "all";
  const text = () => requestText(ReleaseServiceRollbackRequestSchema, request);
  return await acceptChange(platform, { actor, options, request: text }, keyOf(request), () => ({
    plan: async (tx, deployment, open, at) => {
      const asked = await rollbackTo(tx, deployment, { number, part });
      return await planRelease(platform, tx, { deployment, open, at }, { ...asked, kind: "release" });
    },
  }));
}

const parts: ReadonlyMap<RollbackPart, "source" | "config"> = new Map([
  [RollbackPart.SOURCE, "source"],
  [RollbackPart.CONFIG, "config"],
]);

/** Makes a release of the same source, resolved again, and configuration. */
export async function redeploy(
  platform: Platform,
  request: ReleaseServiceRedeployRequest,
  { actor, signal }: Call,
): Promise<Accepted> {
  const { options } = request;
  const key = keyOf(request);
  const text = () => requestText(ReleaseServiceRedeployRequestSchema, request);
  return await acceptChange(platform, { actor, options, request: text }, key, async () => {
    const { db } = platform;
    const deployment = foundDeployment(await deploymentStore.get(db, key), key.id);
    const at = executeAtOf(options?.executeAt, platform.clock());
    const before = await newestSource(platform, db, deployment, at);
    const source = await resolveSource(platform, deployment, before, signal);
    const asked = { cause: "updated", kind: "release", change: { source } } as const;
    return {
      plan: async (tx, held, open) => {
        refuseOther(before, await newestSource(platform, tx, held, at));
        return await planRelease(platform, tx, { deployment: held, open, at }, asked);
      },
    };
  });
}

/** What a deployment runs at that time, when what waits until then is done; throws "precondition" when it runs nothing. */
async function newestSource(
  { keyring }: Platform,
  db: Database,
  { id, name }: DeploymentRow,
  at: Date,
): Promise<SourceContent> {
  const before = (await taskStore.openTasks(db, id)).filter(({ executeAt }) => executeAt <= at);
  for (const { release } of before.toReversed()) {
    const row = release === null ? undefined : await releaseStore.get(db, id, release);
    if (row?.status !== "pending") continue;
    const { source, rollback: back } = await openChange(keyring, row.changeSealed);
    if (source !== undefined) return source;
    if (back === undefined || back.part === "config") continue;
    const content = (await releaseStore.get(db, id, back.number))?.content;
    if (content) return content.source;
  }
  const source = (await releaseStore.active(db, id))?.content?.source;
  if (source !== undefined) return source;
  throw new DomainError("precondition", `no release of deployment ${name} was active yet: make one first`);
}

function refuseOther(before: SourceContent, now: SourceContent): void {
  if (JSON.stringify(before) === JSON.stringify(now)) return;
  throw new DomainError("conflict", "somebody has changed what the deployment runs meanwhile: try again");
}

/** Allows or forbids to go back to a release. */
export async function updateRelease(
  { db }: Platform,
  request: ReleaseServiceUpdateRequest,
): Promise<readonly [DeploymentRow, ReleaseRow]> {
  const { number, rollbackDisabled, reason } = request;
  const key = keyOf(request);
  return await db.transaction(async (tx) => {
    const deployment = foundDeployment(await deploymentStore.lock(tx, key), key.id);
    const row = found(await releaseStore.get(tx, deployment.id, number), number);
    const rollbackDisabledReason = rollbackDisabled ? reason : "";
    return [deployment, await releaseStore.setRollback(tx, row.id, { rollbackDisabled, rollbackDisabledReason })];
  });
}

/** Deletes a release that nothing needs; answers it as it was. */
export async function deleteRelease(
  { db }: Platform,
  request: ReleaseServiceDeleteRequest,
): Promise<readonly [DeploymentRow, ReleaseRow]> {
  const { number } = request;
  const key = keyOf(request);
  return await db.transaction(async (tx) => {
    const deployment = foundDeployment(await deploymentStore.lock(tx, key), key.id);
    const row = found(await releaseStore.get(tx, deployment.id, number), number);
    await refuseNeeded(tx, deployment, row);
    await releaseStore.delete(tx, row.id);
    return [deployment, row];
  });
}

async function refuseNeeded(tx: Database, { id }: DeploymentRow, { number, status }: ReleaseRow): Promise<void> {
  if (status === "active") throw new DomainError("precondition", `release ${number} is active`);
  if (status === "pending")
    throw new DomainError("precondition", `release ${number} waits for its turn: cancel its task`);
  const waiting = (await releaseStore.pending(tx, id)).find(({ rollbackOf }) => rollbackOf === number);
  if (waiting !== undefined) {
    throw new DomainError("precondition", `release ${waiting.number}, which waits, goes back to release ${number}`);
  }
  const about = JSON.stringify([{ release: number }]);
  const [served] = await tx
    .select({ hostname: routes.hostname })
    .from(routes)
    .where(sql`${routes.deployment} = ${id} and ${routes.traffic} @> ${about}::jsonb`)
    .limit(1);
  if (served === undefined) return;
  throw new DomainError("precondition", `release ${number} has traffic of ${served.hostname}: give it none first`);
}
