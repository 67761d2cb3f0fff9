import { DomainError } from "../../../errors.js";
import type { DeploymentKey } from "../deployment/store.js";
import type { ReleaseRow } from "./store.js";

/** The row; or NOT_FOUND. */
export function found(row: ReleaseRow | undefined, number: number): ReleaseRow {
  if (row === undefined) throw new DomainError("missing", `release ${number} does not exist`);
  return row;
}

/** Which deployment a request names. */
export function keyOf(request: {
  readonly project: string;
  readonly environment: string;
  readonly deployment: string;
}): DeploymentKey {
  return { project: request.project, environment: request.environment, id: request.deployment };
}
