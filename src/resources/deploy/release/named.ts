import { inArray } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import { type SecretRow, secretStore } from "../secret/store.js";
import type { ReleaseChange, SecretUse } from "../spec/content.js";
import { secretsNamed } from "../spec/merge.js";
import { volumeClaims } from "../volume-claim/table.js";

/** Where a release is to run. */
export interface NamedScope {
  readonly project: string;
  readonly environment: string;
  readonly namespace: string;
}

/** Uuids of what a change names. */
export interface Named {
  readonly usesSecrets: readonly string[];
  readonly usesVolumeClaims: readonly string[];
}

/**
 * Demands what a change names, and keeps it from being deleted until the transaction ends: secrets of the project or
 * the environment with the versions and keys, and volume claims of the namespace. Throws "missing" for what is not
 * there, and "precondition" for what cannot be used so.
 */
export async function holdNamed(tx: Database, scope: NamedScope, change: ReleaseChange): Promise<Named> {
  const usesSecrets = secretsNamed(change);
  const rows = await secretStore.hold(tx, scope, usesSecrets);
  const held = new Map(rows.map((row) => [row.id, row]));
  for (const id of usesSecrets) {
    if (!held.has(id)) {
      throw new DomainError("missing", `secret ${id} does not exist in the project or the environment`);
    }
  }
  await demandKeys(tx, held, change);
  return { usesSecrets, usesVolumeClaims: await holdClaims(tx, scope, change) };
}

type Use = Pick<SecretUse, "secret" | "version"> & { readonly key?: string };

function usesOf({ source, config }: ReleaseChange): Use[] {
  return [
    ...(source?.type === "chart" ? source.secretValues.map(({ use }) => use) : []),
    ...(config?.setVariables ?? []).flatMap(({ use }) => (use === undefined ? [] : [use])),
    ...(config?.setSecretMounts ?? []),
  ];
}

async function demandKeys(tx: Database, held: ReadonlyMap<string, SecretRow>, change: ReleaseChange): Promise<void> {
  const uses = usesOf(change).map((use) => ({ ...use, version: use.version || (held.get(use.secret)?.version ?? 0) }));
  if (uses.length === 0) return;
  const keys = await secretStore.keysOf(tx, uses);
  for (const { secret, version, key } of uses) {
    const name = held.get(secret)?.name ?? secret;
    const there = keys.get(`${secret}@${version}`);
    if (there === undefined) throw new DomainError("missing", `secret ${name} has no version ${version}`);
    if (key !== undefined && !there.includes(key)) {
      throw new DomainError("missing", `version ${version} of secret ${name} has no key ${key}`);
    }
  }
}

async function holdClaims(tx: Database, scope: NamedScope, { processes = [] }: ReleaseChange): Promise<string[]> {
  const named = [
    ...new Set(processes.flatMap(({ mounts }) => mounts.map(({ volumeClaim }) => volumeClaim))),
  ].toSorted();
  if (named.length === 0) return [];
  const rows = await tx
    .select()
    .from(volumeClaims)
    .where(inArray(volumeClaims.id, named))
    .orderBy(volumeClaims.id)
    .for("key share");
  const held = new Map(rows.map((row) => [row.id, row]));
  for (const id of named) {
    const row = held.get(id);
    if (row === undefined || row.project !== scope.project || row.environment !== scope.environment) {
      throw new DomainError("missing", `volume claim ${id} does not exist in the environment`);
    }
    if (row.deleteRequestedAt !== null) {
      throw new DomainError("precondition", `volume claim ${row.name} is being deleted`);
    }
    if (row.namespace !== scope.namespace) {
      throw new DomainError("precondition", `volume claim ${row.name} is in another namespace than the deployment`);
    }
  }
  return named;
}
