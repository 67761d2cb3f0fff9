import { DomainError } from "../../../../errors.js";
import type { Platform } from "../../../../platform.js";
import type { Manifest, ObjectOwner, Rendered, RenderInput } from "../../engine/engine.js";
import { engineOf } from "../../engine/engine-of.js";
import { wholeRelease } from "../../release/settle.js";
import { releaseStore } from "../../release/store.js";
import type { Scale, WholeRelease } from "../../spec/content.js";
import type { TargetKey } from "../../target/store.js";
import type { DeploymentRow, TaskRow } from "../../task/work.js";
import { renderInput } from "../render-input.js";

/** What is wanted to run of a deployment, besides its release. */
export interface Capacity {
  readonly scale: Scale;
  readonly stopped: DeploymentRow["stopped"];
}

/** What is to be on a target. */
export interface Plan {
  readonly number: number;
  readonly release: WholeRelease;
  readonly target: TargetKey;
  readonly owner: ObjectOwner;
  readonly input: RenderInput;
  readonly rendered: Rendered;
}

/** All objects of a plan, in the order in which they are applied. */
export const objectsOf = ({ rendered }: Plan): Manifest[] => [
  ...rendered.first,
  ...rendered.releaseJobs,
  ...rendered.workloads,
];

/**
 * What is to be on the target when that release of a deployment runs, alone or with those that have a share of the
 * requests beside it. Throws "missing" when there is none of that number.
 */
export async function planOf(
  platform: Platform,
  deployment: DeploymentRow,
  number: number,
  { scale, stopped, isAlone = false }: Capacity & { readonly isAlone?: boolean } = deployment,
): Promise<Plan> {
  const row = await releaseStore.get(platform.db, deployment.id, number);
  if (row === undefined) throw new DomainError("missing", `the deployment has no release ${number}`);
  const release = await wholeRelease(platform, row);
  const overrides = { scale, stopped: stopped !== "", ...(isAlone ? { variants: [] } : {}) };
  const input = await renderInput(platform, deployment, number, release, overrides);
  const target = { project: deployment.project, id: release.placement.target };
  return { number, release, target, owner: input.owner, input, rendered: engineOf(release).render(input) };
}

/** The number of the release that a task makes run. */
export function numberOf({ release }: TaskRow): number {
  if (release === null) throw new Error("the task has no release");
  return release;
}
