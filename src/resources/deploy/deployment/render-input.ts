import { inArray } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { type MountedClaim, type RenderInput, type SecretContents, secretKey, type Variant } from "../engine/engine.js";
import { namespaceStore } from "../namespace/store.js";
import { wholeRelease } from "../release/settle.js";
import { releaseStore } from "../release/store.js";
import { variantShares } from "../route/shares.js";
import { valuesOf } from "../secret/content.js";
import { secretStore } from "../secret/store.js";
import type { WholeRelease } from "../spec/content.js";
import { volumeClaims } from "../volume-claim/table.js";
import type { DeploymentRow } from "./store.js";

/** What to render instead of what the deployment's row and routes say. */
export type RenderOverrides = Partial<Pick<RenderInput, "scale" | "stopped" | "variants">>;

/**
 * All that the objects of a release are made of: the content of its secrets, its volume claims, and
 * the releases that run beside it. Throws "missing" for a namespace, secret or volume claim that is gone.
 * The content of the registry secret is that of its newest version, under version 0.
 */
export async function renderInput(
  platform: Pick<Platform, "db" | "keyring">,
  deployment: DeploymentRow,
  number: number,
  release: WholeRelease,
  overrides: RenderOverrides = {},
): Promise<RenderInput> {
  const { db } = platform;
  const { id, project, objectName } = deployment;
  const namespace = await namespaceStore.get(db, { project, id: release.placement.namespace });
  if (namespace === undefined) {
    throw new DomainError("missing", `namespace ${release.placement.namespace} does not exist`);
  }
  const variants = overrides.variants ?? (await variantsOf(platform, deployment, number));
  const all = [release, ...variants.map((variant) => variant.release)];
  return {
    owner: { deployment: id, project, objectName, namespace: namespace.name },
    number,
    release,
    scale: overrides.scale ?? deployment.scale,
    stopped: overrides.stopped ?? deployment.stopped !== "",
    variants,
    secrets: await secretContents(platform, project, all.flatMap(usesOf)),
    claims: await mountedClaims(db, all),
    rolloutSeconds: deployment.rolloutSeconds,
  };
}

/** The releases other than the given one that routes of the deployment give a share of their requests. */
async function variantsOf(
  platform: Pick<Platform, "db" | "keyring">,
  deployment: DeploymentRow,
  number: number,
): Promise<Variant[]> {
  const variants: Variant[] = [];
  for (const { release: other, percent } of await variantShares(platform.db, deployment)) {
    if (other === number) continue;
    const row = await releaseStore.get(platform.db, deployment.id, other);
    // A share of what was never settled cannot be served; routes are checked when they are made.
    if (row === undefined || row.content === null) continue;
    variants.push({ number: other, release: await wholeRelease(platform, row), percent });
  }
  return variants;
}

type Use = { readonly secret: string; readonly version: number };

/** Which secrets in which versions a release is made of; version 0 means the newest. */
function usesOf({ source, config }: WholeRelease): Use[] {
  return [
    ...config.variables.flatMap(({ use }) => use ?? []),
    ...config.secretMounts,
    ...(source.type === "chart" ? source.secretValues.map(({ use }) => use) : []),
    ...(source.registrySecret === "" ? [] : [{ secret: source.registrySecret, version: 0 }]),
  ];
}

/** The content of these versions of secrets of a project. Throws "missing" for one that is not there. */
export async function secretContents(
  { db, keyring }: Pick<Platform, "db" | "keyring">,
  project: string,
  uses: readonly Use[],
): Promise<SecretContents> {
  const wanted = new Map(uses.map((use) => [secretKey(use.secret, use.version), use]));
  const contents = new Map<string, ReadonlyMap<string, Uint8Array>>();
  for (const [key, { secret, version }] of wanted) {
    const asked = version === 0 ? undefined : version;
    const content = await secretStore.content(db, { project, environment: "", id: secret }, asked);
    if (content === undefined) throw new DomainError("missing", `secret ${secret} has no version ${version}`);
    contents.set(key, new Map(Object.entries(valuesOf(await keyring.open(content.dataSealed)))));
  }
  return contents;
}

async function mountedClaims(db: Database, releases: readonly WholeRelease[]): Promise<Map<string, MountedClaim>> {
  const wanted = new Set(
    releases.flatMap(({ processes }) => processes.flatMap(({ mounts }) => mounts.map((mount) => mount.volumeClaim))),
  );
  if (wanted.size === 0) return new Map();
  const rows = await db
    .select({ id: volumeClaims.id, name: volumeClaims.name, accessMode: volumeClaims.accessMode })
    .from(volumeClaims)
    .where(inArray(volumeClaims.id, [...wanted]));
  const claims = new Map(rows.map(({ id, ...claim }) => [id, claim]));
  for (const id of wanted) if (!claims.has(id)) throw new DomainError("missing", `volume claim ${id} does not exist`);
  return claims;
}
