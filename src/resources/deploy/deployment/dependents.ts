import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import { addJob, type TaskHandler } from "../../../jobs/jobs.js";
import type { Platform } from "../../../platform.js";
import { planRelease } from "../release/plan.js";
import { wholeRelease } from "../release/settle.js";
import { type ReleaseRow, releaseStore } from "../release/store.js";
import { renewRoutes } from "../route/renew.js";
import { routeStore } from "../route/store.js";
import { secretStore } from "../secret/store.js";
import { taskStore } from "../task/store.js";
import { writePlanned } from "./accept.js";
import { mostOpenTasks } from "./rules.js";
import { deploymentStore } from "./store.js";

/** The name of the job that makes releases of what follows a secret. */
export const dependentsTask = "deployment.dependents";

const order = { actor: "system" } as const;

/**
 * Has a release made of each deployment that follows a secret, and the certificates of routes renewed that are encrypted
 * with it, in the transaction that writes the secret's new version. It is a job of its own: that transaction holds the
 * secret, and whoever accepts a change holds a deployment before it asks for secrets; and one deployment that cannot
 * take a release now must not keep a password from being changed.
 */
export async function queueDependents(tx: Database, secret: string): Promise<void> {
  await addJob(tx, dependentsTask, { secret }, { key: `${dependentsTask}:${secret}`, queue: `secret:${secret}` });
}

/**
 * The job: any number of times, one deployment after the other, each in a transaction of its own. What has the newest
 * version, or waits for a release with it, is left alone; what has no room for a task is tried again later.
 */
export function releaseDependents(platform: Platform): TaskHandler {
  return async (payload, { signal }) => {
    const { secret } = payload as { secret: string };
    let full: DomainError | undefined;
    const works = [
      ...(await deploymentStore.following(platform.db, secret)).map((id) => ({ id, work: releaseDependent })),
      ...(await routeStore.deploymentsOfSecret(platform.db, secret)).map((id) => ({ id, work: renewRoutes })),
    ];
    for (const { id, work } of works) {
      signal.throwIfAborted();
      try {
        await platform.db.transaction((tx) => work(platform, tx, id, secret));
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        // Another time: what runs of the others must not wait for that.
        if (error.kind === "exhausted") full ??= error;
        else
          platform.log.warn({ secret, deployment: id, reason: error.message }, "a deployment cannot follow a secret");
      }
    }
    if (full !== undefined) throw full;
  };
}

async function releaseDependent(platform: Platform, tx: Database, id: string, secret: string): Promise<void> {
  const deployment = await deploymentStore.lockById(tx, id);
  if (deployment === undefined) return;
  const open = await taskStore.openTasks(tx, id);
  if (open.some(({ kind }) => kind === "delete")) return;
  const pending = await releaseStore.pending(tx, id);
  // One that has not begun takes the newest version of whatever it follows.
  const waits = new Set(
    open.flatMap(({ state, release }) => (state === "queued" && release !== null ? [release] : [])),
  );
  if (pending.some((row) => row.cause === "dependency" && row.content === null && waits.has(row.number))) return;
  const active = await releaseStore.active(tx, id);
  const settled = [...(active === undefined ? [] : [active]), ...pending.filter(({ content }) => content !== null)];
  if (!(await isBehind(platform, tx, settled.at(-1), secret))) return;
  if (open.length >= mostOpenTasks) {
    throw new DomainError("exhausted", `deployment ${deployment.name} has ${mostOpenTasks} tasks that wait`);
  }
  const ground = { deployment, open, at: platform.clock() };
  const planned = await planRelease(platform, tx, ground, { cause: "dependency", kind: "release", change: {} });
  await writePlanned(platform, tx, { order, deployment, planned });
}

/** Whether a release follows a secret and was made before its newest version. */
async function isBehind(
  platform: Platform,
  tx: Database,
  row: ReleaseRow | undefined,
  secret: string,
): Promise<boolean> {
  if (row === undefined || !row.followsSecrets.includes(secret)) return false;
  const newest = await secretStore.newest(tx, secret);
  if (newest === undefined) return false;
  const { source, config } = await wholeRelease(platform, row);
  // That of the registry has no version in a release: its password is what it was when the release was made.
  if (source.registrySecret === secret && row.createdAt < newest.createdAt) return true;
  const uses = [
    ...config.variables.flatMap(({ use }) => use ?? []),
    ...config.secretMounts,
    ...(source.type === "chart" ? source.secretValues.map(({ use }) => use) : []),
  ];
  return uses.some((use) => use.secret === secret && use.follows && use.version < newest.version);
}
