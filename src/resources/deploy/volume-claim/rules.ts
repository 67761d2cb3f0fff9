import { AccessMode } from "../../../../gen/ts/deploy/v1/volume_claim_pb.js";
import { DomainError, invalidField } from "../../../errors.js";
import { bytesOf } from "../../../kube/quantity.js";
import type { VolumeClaimRow } from "./store.js";

/** Most volume claims of a project. */
export const mostClaims = 1_000;

/** What a PersistentVolumeClaim of ours carries. */
export const ownLabels = {
  managedBy: "app.kubernetes.io/managed-by",
  project: "slipway.dev/project",
  claim: "slipway.dev/volume-claim",
} as const;

const classPattern = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/** How access modes are numbered in the API. */
export const accessModes = {
  ReadWriteOnce: AccessMode.READ_WRITE_ONCE,
  ReadWriteMany: AccessMode.READ_WRITE_MANY,
  ReadOnlyMany: AccessMode.READ_ONLY_MANY,
} as const satisfies Record<VolumeClaimRow["accessMode"], AccessMode>;

/** The access mode of a request; that of one node unless it says. */
export function accessModeOf(mode: AccessMode): VolumeClaimRow["accessMode"] {
  if (mode === AccessMode.READ_WRITE_MANY) return "ReadWriteMany";
  return mode === AccessMode.READ_ONLY_MANY ? "ReadOnlyMany" : "ReadWriteOnce";
}

/** The row; or NOT_FOUND. */
export function found<Row extends object>(row: Row | undefined, claim: string): Row {
  if (row === undefined) throw new DomainError("missing", `volume claim ${claim} does not exist`);
  return row;
}

/** Refuses a change that is based on another version than the present one. */
export function refuseStale({ name, version }: VolumeClaimRow, expected: bigint | undefined): void {
  if (expected === undefined || BigInt(version) === expected) return;
  throw new DomainError("conflict", `volume claim ${name} has version ${version} now: read it again`);
}

/** Refuses to change what is going. */
export function refuseTerminating({ name, deleteRequestedAt }: VolumeClaimRow): void {
  if (deleteRequestedAt === null) return;
  throw new DomainError("precondition", `volume claim ${name} is being deleted`);
}

/** The size of a request, as it was written; throws "invalid" for what is no quantity of at least a byte. */
export function sizeOf(size: string): string {
  const bytes = bytesOf(size);
  if (bytes === undefined || bytes < 1n) throw invalidField("size", "must be a Kubernetes quantity, such as 10Gi");
  return size;
}

/** The storage class of a request; empty for the default one. */
export function storageClassOf(name: string): string {
  if (name !== "" && !classPattern.test(name)) {
    throw invalidField("storage_class", "must be the name of an object: lower case letters, digits, dashes and dots");
  }
  return name;
}

/**
 * Refuses a size that storage cannot have: once it is on its target it only grows. Where growing has failed, any size
 * does that is not less than it has.
 */
export function refuseShrinking(row: VolumeClaimRow, size: string): void {
  if (row.appliedGeneration === 0) return;
  const isStuck = row.state === "failed" && row.appliedGeneration < row.generation && row.capacity !== "";
  const least = isStuck ? row.capacity : row.size;
  if ((bytesOf(size) ?? 0n) >= (bytesOf(least) ?? 0n)) return;
  throw new DomainError("precondition", `volume claim ${row.name} only grows: give it ${least} or more`);
}

/** Refuses what can be changed only as long as it is not on its target. */
export function refuseMade({ name, appliedGeneration }: VolumeClaimRow): void {
  if (appliedGeneration === 0) return;
  throw new DomainError(
    "precondition",
    `volume claim ${name} is on its target already: storage class and access mode stay, make another one`,
  );
}
