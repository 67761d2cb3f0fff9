import { DomainError } from "../../../errors.js";
import type { ProcessContent, ScaleEntry } from "../spec/content.js";

/** Refuses to scale by the use of a resource that the process does not request: nobody could tell how much of it that is. */
export function refuseUnrequested(process: ProcessContent, autoscale: ScaleEntry["autoscale"]): void {
  if (autoscale === undefined) return;
  for (const resource of ["cpu", "memory"] as const) {
    if (autoscale[resource] === 0 || process.resources[resource] !== "") continue;
    throw new DomainError(
      "precondition",
      `process ${process.name} requests no ${resource}, of which the use is told in percent: set resources.${resource}`,
    );
  }
}
