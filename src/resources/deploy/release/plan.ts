import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import type { Planned } from "../deployment/accept.js";
import { isReleasing } from "../deployment/rules.js";
import type { DeploymentRow } from "../deployment/store.js";
import { mostUnits } from "../deployment/wanted-scale.js";
import type { ProcessContent, ReleaseChange } from "../spec/content.js";
import { isRunning } from "../spec/process.js";
import { scaleFor } from "../spec/scale.js";
import type { TaskParams } from "../task/table.js";
import type { TaskRow } from "../task/work.js";
import { refuseUnfit } from "./fit.js";
import { holdNamed } from "./named.js";
import { type Draft, draftRelease } from "./settle.js";
import type { ReleaseRow } from "./store.js";

/** A release that is asked for. */
export interface AskedRelease {
  readonly cause: ReleaseRow["cause"];
  readonly kind: "create" | "release" | "move";
  readonly change: ReleaseChange;
  /** For people; worked out unless set. */
  readonly summary?: string;
  readonly rollbackOf?: number;
  readonly params?: TaskParams;
}

/** The deployment that a release is made for, which the transaction holds, and its tasks that have not ended. */
export interface Ground {
  readonly deployment: DeploymentRow;
  readonly open: readonly TaskRow[];
  /** When it is to be made. */
  readonly at: Date;
}

/**
 * What a release comes to. Whatever it names is held. While no other release waits that is made before, it is worked out as a whole, so that
 * what does not fit is refused at once; else only what can never become right is, and the rest when its task begins.
 */
export async function planRelease(
  platform: Platform,
  tx: Database,
  { deployment, open, at }: Ground,
  asked: AskedRelease,
): Promise<Planned & Required<Pick<Planned, "release">>> {
  const { cause, kind, change, rollbackOf } = asked;
  const place = change.placement ?? deployment;
  const { project, environment } = deployment;
  const named = await holdNamed(tx, { project, environment, namespace: place.namespace }, change);
  const waits = open.some((task) => isReleasing(task) && task.executeAt <= at);
  const draft = await draftRelease(platform, tx, deployment, change).catch((error: unknown) => {
    if (waits && error instanceof DomainError) return undefined;
    throw error;
  });
  if (draft === undefined) await refuseUnfit(tx, deployment, change, change);
  const capacity = capacityOf(deployment, open, draft?.release.processes ?? change.processes);
  return {
    release: {
      cause,
      change,
      ...named,
      summary: summaryFor(asked, draft, waits),
      ...(rollbackOf === undefined ? {} : { rollbackOf }),
      draft: draft?.release,
    },
    // The scale of a new deployment is in its row.
    task: { kind, ...(kind === "create" ? {} : { unitsAfter: capacity?.units }), params: paramsOf(asked, capacity) },
  };
}

/** What others that wait will have changed by then is not told yet. */
function summaryFor({ summary = "" }: AskedRelease, draft: Draft | undefined, waits: boolean): string {
  if (summary !== "" || waits) return summary;
  return draft?.summary ?? "";
}

/** How large a deployment is with these processes, and the scale of those that are new. */
function capacityOf(
  deployment: DeploymentRow,
  open: readonly TaskRow[],
  processes: readonly ProcessContent[] | undefined,
) {
  if (processes === undefined) return undefined;
  const running = processes.filter(isRunning);
  const added = running.filter(({ name }) => !Object.hasOwn(deployment.scale, name));
  const units = mostUnits(deployment, open, { processes: running.map(({ name }) => name) });
  return { units, added: scaleFor({}, added) };
}

/** Others that are accepted meanwhile count the processes that are new. */
function paramsOf({ params }: AskedRelease, capacity: ReturnType<typeof capacityOf>): TaskParams {
  const { added = {} } = capacity ?? {};
  return Object.keys(added).length === 0 ? { ...params } : { ...params, scale: added };
}
