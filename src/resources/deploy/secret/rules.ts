import { DomainError } from "../../../errors.js";
import type { SecretRow } from "./store.js";

/** Most secrets of a project, with those of its environments. */
export const mostSecrets = 1_000;

/** Most versions of a secret: none is ever taken away, as releases hold them. */
export const mostVersions = 1_000;

/** The row; or NOT_FOUND. */
export function found<Row extends SecretRow>(row: Row | undefined, uuid: string): Row {
  if (row === undefined) throw new DomainError("missing", `secret ${uuid} does not exist`);
  return row;
}

/** Refuses a change that is based on another version than the newest one. */
export function refuseStale({ name, version }: SecretRow, expected: bigint | undefined): void {
  if (expected === undefined || BigInt(version) === expected) return;
  throw new DomainError("conflict", `secret ${name} has version ${version} now: read it again`);
}
