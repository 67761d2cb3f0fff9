import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { DeploymentRow } from "../deployment/store.js";
import type { AskedRelease } from "./plan.js";
import { type ReleaseRow, releaseStore } from "./store.js";

/** What is to be gone back to. */
export interface RollbackOrder {
  /** 0 for the release that was active before the active one. */
  readonly number: number;
  readonly part: "all" | "source" | "config";
}

/** The release that goes back to an earlier one; throws "missing" and "precondition" for one that cannot be gone back to. */
export async function rollbackTo(
  tx: Database,
  deployment: Pick<DeploymentRow, "id" | "name">,
  { number: asked, part }: RollbackOrder,
): Promise<Required<Pick<AskedRelease, "cause" | "change" | "rollbackOf">>> {
  const row =
    asked === 0 ? await releaseStore.previous(tx, deployment.id) : await releaseStore.get(tx, deployment.id, asked);
  if (row === undefined && asked === 0) {
    throw new DomainError(
      "precondition",
      `no release of deployment ${deployment.name} was active before the active one`,
    );
  }
  if (row === undefined) throw new DomainError("missing", `release ${asked} does not exist`);
  refuseBad(row);
  return { cause: "rollback", change: { rollback: { number: row.number, part } }, rollbackOf: row.number };
}

function refuseBad({ number, status, content, rollbackDisabled, rollbackDisabledReason: reason }: ReleaseRow): void {
  if (rollbackDisabled) {
    const why = reason === "" ? "" : `: ${reason}`;
    throw new DomainError("precondition", `release ${number} may not be gone back to${why}`);
  }
  if (status === "failed") throw new DomainError("precondition", `release ${number} has failed: name one that ran`);
  if (status === "pending" || content === null) {
    throw new DomainError("precondition", `release ${number} has not run yet: there is no source to go back to`);
  }
}
