import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  DeploymentServicePreviewRequest,
  DeploymentServicePreviewResponseSchema,
  ObjectDifference,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { DomainError, invalidField } from "../../../errors.js";
import { startDeadline } from "../../../kube/deadline.js";
import { KubeError } from "../../../kube/errors.js";
import type { Platform } from "../../../platform.js";
import { differences } from "../engine/difference.js";
import type { Manifest, ObjectOwner } from "../engine/engine.js";
import { engineOf } from "../engine/engine-of.js";
import { releaseMessage } from "../release/messages.js";
import { planRelease } from "../release/plan.js";
import { rollbackTo } from "../release/rollback.js";
import type { ReleaseChange, WholeRelease } from "../spec/content.js";
import { targetAccess } from "../target/access.js";
import { failureMessage } from "../target/failure.js";
import type { PlannedRelease } from "./accept.js";
import { renderInput } from "./render-input.js";
import { found } from "./rules.js";
import { type DeploymentKey, type DeploymentRow, deploymentStore } from "./store.js";
import { causeOf, changeOf } from "./update.js";

/** How long the target may take for its dry run. */
const dryRunMs = 20_000;

/** What a change would do, by a dry run on the target; nothing is changed. */
export async function previewChange(
  platform: Platform,
  request: DeploymentServicePreviewRequest,
  actor: string,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof DeploymentServicePreviewResponseSchema>> {
  const { project, environment, deployment: id, rollbackTo: number } = request;
  const key: DeploymentKey = { project, environment, id };
  const asked = number === 0 ? await changeOf(platform, key, request, signal) : {};
  if (number > 0 && (request.source ?? request.processes ?? request.config) !== undefined) {
    throw invalidField("rollback_to", "is instead of source, processes and config");
  }
  const { deployment, planned, release } = await plannedFor(platform, key, number, asked);
  const manifests = await rendered(platform, deployment, release);
  const objects = await dryRun(platform, deployment, { ...manifests, signal });
  const now = platform.clock();
  const row = {
    ...unsaved,
    deployment: deployment.id,
    number: deployment.lastRelease + 1,
    cause: planned.cause,
    rollbackOf: planned.rollbackOf ?? null,
    summary: planned.summary,
    createdBy: actor,
    createdAt: now,
  };
  return {
    release: releaseMessage(row, { project: deployment.project, task: "", content: release }),
    objects,
    notes: notesOf(deployment, release),
  };
}

const unsaved = {
  id: "",
  status: "pending" as const,
  message: "",
  content: null,
  usesSecrets: [],
  followsSecrets: [],
  usesVolumeClaims: [],
  rollbackDisabled: false,
  rollbackDisabledReason: "",
  activatedAt: null,
};

interface PlannedPreview {
  readonly deployment: DeploymentRow;
  readonly planned: Pick<PlannedRelease, "cause" | "rollbackOf" | "summary">;
  readonly release: WholeRelease;
}

/** As if nothing else waited. */
async function plannedFor(
  platform: Platform,
  key: DeploymentKey,
  rollbackNumber: number,
  asked: ReleaseChange,
): Promise<PlannedPreview> {
  return await platform.db.transaction(async (tx) => {
    const deployment = found(await deploymentStore.get(tx, key), key.id);
    const wanted =
      rollbackNumber > 0
        ? await rollbackTo(tx, deployment, { number: rollbackNumber, part: "all" })
        : ({ cause: causeOf(asked) ?? "updated", change: asked } as const);
    const ground = { deployment, open: [], at: platform.clock() };
    const { release } = await planRelease(platform, tx, ground, { ...wanted, kind: "release" });
    if (release.draft === undefined) throw new Error("a release that waits for none is known");
    return { deployment, planned: release, release: release.draft };
  });
}

async function rendered(platform: Platform, deployment: DeploymentRow, release: WholeRelease) {
  // A release that becomes active gets all requests: no other one runs beside it.
  const input = await renderInput(platform, deployment, deployment.lastRelease + 1, release, { variants: [] });
  const { first, releaseJobs, workloads } = engineOf(release).render(input);
  return { owner: input.owner, manifests: [...first, ...releaseJobs, ...workloads] };
}

interface DryRun {
  readonly owner: ObjectOwner;
  readonly manifests: readonly Manifest[];
  readonly signal: AbortSignal;
}

async function dryRun(
  platform: Platform,
  { project, target, inventory }: DeploymentRow,
  { owner, manifests, signal }: DryRun,
): Promise<ObjectDifference[]> {
  const client = targetAccess(platform, { project, id: target });
  const limit = startDeadline(dryRunMs, signal);
  try {
    const here = inventory.filter((entry) => entry.target === target && entry.kind !== "Ingress");
    return await differences(client, owner, manifests, here, limit.signal);
  } catch (error) {
    if (signal.aborted || !(error instanceof KubeError)) throw error;
    throw new DomainError("unavailable", `the target cannot be asked: ${failureMessage(error)}`, { cause: error });
  } finally {
    limit.stop();
    client.close();
  }
}

function notesOf({ stopped }: DeploymentRow, { source }: WholeRelease): string[] {
  return [
    ...(source.type === "chart"
      ? ["The objects that the chart makes are not among these: only what installs it is."]
      : []),
    ...(stopped === "" ? [] : ["The deployment is stopped: nothing of it runs until it is started."]),
  ];
}
