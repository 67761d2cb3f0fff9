import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import type { DeploymentRow } from "../deployment/store.js";
import { engineOf } from "../engine/engine-of.js";
import { environmentStore } from "../environment/store.js";
import { secretStore } from "../secret/store.js";
import type { ReleaseChange, WholeRelease } from "../spec/content.js";
import { mergeRelease, secretsNamed, usesOf } from "../spec/merge.js";
import { openChange, openConfig, sealConfig } from "../spec/seal.js";
import { summaryOf } from "../spec/summary.js";
import { refuseUnfit } from "./fit.js";
import { type ReleaseRow, releaseStore } from "./store.js";

/** A release that is worked out: as it would be, and what it changes of the one that runs. */
export interface Draft {
  readonly release: WholeRelease;
  /** For people, such as "added HELLO". */
  readonly summary: string;
}

/** All of a release, with its configuration; throws for one whose task has not begun. */
export async function wholeRelease({ keyring }: Pick<Platform, "keyring">, row: ReleaseRow): Promise<WholeRelease> {
  if (row.content === null || row.configSealed === null) throw new Error(`release ${row.number} is not settled`);
  return { ...row.content, config: await openConfig(keyring, row.configSealed) };
}

/**
 * What a change makes of the release that is active now. Nothing is written, but the secrets that it names keep their
 * newest version until a transaction ends. Throws DomainError where the change does not fit: "missing" for what is to
 * be unset, for a release to go back to, and for a secret, "invalid" and "precondition" for what does not go together.
 */
export async function draftRelease(
  { keyring }: Pick<Platform, "keyring">,
  tx: Database,
  deployment: Pick<DeploymentRow, "id" | "project" | "environment" | "target" | "namespace">,
  change: ReleaseChange,
): Promise<Draft> {
  const { id, project, target, namespace } = deployment;
  const activeRow = await releaseStore.active(tx, id);
  const active = activeRow && (await wholeRelease({ keyring }, activeRow));
  const rolledBack = change.rollback && (await earlier({ keyring }, tx, id, change.rollback.number));
  const environment = await environmentStore.get(tx, { project, id: deployment.environment });
  if (environment === undefined) throw new Error(`the environment of deployment ${id} is gone`);
  const named = secretsNamed(change, active, rolledBack);
  const release = mergeRelease({
    change,
    ...(active === undefined ? {} : { active }),
    ...(rolledBack === undefined ? {} : { rolledBack }),
    environment: { nodeSelector: environment.nodeSelector, tolerations: environment.tolerations },
    placement: change.placement ?? { target, namespace },
    newestVersions: await secretStore.newestVersions(tx, { project, environment: deployment.environment }, named),
  });
  await refuseUnfit(tx, deployment, change, release);
  engineOf(release).check(release);
  return { release, summary: summaryOf(change, active, release) };
}

/**
 * What a release is, which is decided once: when its task begins, on the ground of the release that is active then. It
 * may be called again after a crash. Throws as `draftRelease` does; the release is not settled then. Whoever calls it
 * has locked the deployment.
 */
export async function settleRelease(
  platform: Pick<Platform, "keyring">,
  tx: Database,
  deployment: DeploymentRow,
  row: ReleaseRow,
): Promise<WholeRelease> {
  if (row.content !== null) return await wholeRelease(platform, row);
  const change = await openChange(platform.keyring, row.changeSealed);
  const { release, summary } = await draftRelease(platform, tx, deployment, change);
  const { config, ...content } = release;
  const { secrets, follows, volumeClaims } = usesOf(release);
  await releaseStore.settle(tx, row.id, {
    content,
    configSealed: await sealConfig(platform.keyring, config),
    usesSecrets: secrets,
    followsSecrets: follows,
    usesVolumeClaims: volumeClaims,
    summary: row.summary === "" ? summary : row.summary,
  });
  return release;
}

async function earlier(
  platform: Pick<Platform, "keyring">,
  tx: Database,
  deployment: string,
  number: number,
): Promise<WholeRelease> {
  const row = await releaseStore.get(tx, deployment, number);
  if (row === undefined) throw new DomainError("missing", `release ${number} does not exist`);
  if (row.content === null) throw new DomainError("precondition", `release ${number} has never run`);
  return await wholeRelease(platform, row);
}
