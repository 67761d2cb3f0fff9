import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Cluster } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { clusterBackends } from "../../../../src/resources/api/cluster/backends.js";
import { followClusters } from "../../../../src/resources/api/cluster/controller.js";
import { reconcileCluster } from "../../../../src/resources/api/cluster/jobs.js";
import type {
  ClusterBackend,
  ClusterHandlers,
  ClusterObservation,
} from "../../../../src/resources/api/cluster/kube.js";
import { clusterSpec } from "../../../../src/resources/api/cluster/messages.js";
import { type ClusterRow, clusterStore } from "../../../../src/resources/api/cluster/store.js";
import { clusters as table } from "../../../../src/resources/api/cluster/table.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";
import { clustersOf } from "../../support/clusters.js";

// Without workers: the tests run the jobs, and tell the controller what it hears, at the moments that matter.
let platform: TestPlatform;
let clusters: ReturnType<typeof clustersOf>;
let backend: ClusterBackend;
let told: ClusterHandlers;
let stop: AbortController;
let ended: Promise<void>;

beforeAll(async () => {
  platform = await startPlatform({ background: false });
  clusters = clustersOf(platform);
  backend = clusterBackends(platform.platform).of("eqx-mu4");
});
afterAll(() => platform.close());

beforeEach(async () => {
  stop = new AbortController();
  told = await new Promise<ClusterHandlers>((resolve) => {
    const follow: ClusterBackend["follow"] = (handlers, signal) => {
      resolve(handlers);
      return new Promise((end) => signal.addEventListener("abort", () => end(), { once: true }));
    };
    ended = followClusters(platform.platform, "eqx-mu4", { ...backend, follow }, stop.signal);
  });
});
afterEach(async () => {
  stop.abort();
  await ended;
});

const db = () => platform.platform.db;
const signal = AbortSignal.timeout(60_000);

async function row(id: string): Promise<ClusterRow> {
  const [found] = await clusterStore.byIds(db(), [id]);
  if (found === undefined) throw new Error("there is no such cluster");
  return found;
}

/** Does the work of a cluster that is queued, as a worker would; answers whether there was any. */
async function work(id: string): Promise<boolean> {
  const { rows } = await db().execute(
    sql`delete from graphile_worker._private_jobs where key = ${`cluster.reconcile:${id}`} returning id`,
  );
  const { log } = platform.platform;
  const reconcile = reconcileCluster(platform.platform, clusterBackends(platform.platform));
  if (rows.length > 0) await reconcile({ id }, { signal, attempt: 1, log });
  return rows.length > 0;
}

async function seen(id: string): Promise<ClusterObservation> {
  const observation = await backend.observe(await row(id), signal);
  if (observation === undefined) throw new Error("the backend knows no such cluster");
  return observation;
}

/** A cluster whose Shoot is ready, and whose row says so. */
async function ready(name?: string): Promise<Cluster> {
  const cluster = await clusters.create(name === undefined ? {} : { name });
  await work(cluster.uuid);
  await expect
    .poll(async () => (await seen(cluster.uuid)).nodesReady === "True" && (await seen(cluster.uuid)).state, {
      timeout: 20_000,
    })
    .toBe("Succeeded");
  await told.onObservation(await seen(cluster.uuid));
  await work(cluster.uuid);
  expect(await row(cluster.uuid)).toMatchObject({ statusState: "Succeeded", appliedGeneration: 1 });
  return cluster;
}

const vanished = (id: string) =>
  expect.poll(async () => backend.observe(await row(id), signal), { timeout: 20_000 }).toBeUndefined();

const goneBefore = async (id: string): Promise<ClusterObservation> => ({
  ...(await seen(id)),
  gone: true,
  type: "Delete",
  state: "Succeeded",
});

describe("the news that a namesake is gone", () => {
  it("does not make a living cluster lost", async () => {
    const { uuid } = await ready();
    const before = await row(uuid);
    await told.onObservation(await goneBefore(uuid));
    expect(await row(uuid)).toEqual(before);
    expect(await work(uuid)).toBe(false);
  });

  it("does not make a cluster deleted whose deletion has only begun", async () => {
    const { uuid } = await ready();
    await clusterStore.requestDelete(db(), uuid, new Date());
    await told.onObservation(await goneBefore(uuid));
    expect(await row(uuid)).toMatchObject({ deletedAt: null, statusType: "Delete", statusState: "Pending" });
  });

  it("is believed when nothing is there any more", async () => {
    const { uuid } = await ready();
    const last = await goneBefore(uuid);
    await clusterStore.requestDelete(db(), uuid, new Date());
    await backend.remove(await row(uuid), signal);
    await vanished(uuid);
    await told.onObservation(last);
    expect(await row(uuid)).toMatchObject({ deletedAt: expect.any(Date), statusState: "Succeeded" });
  });
});

describe("a Shoot that turns up after its cluster's deletion was settled", () => {
  const ways: [string, (id: string) => void | Promise<void>][] = [
    ["is seen to change", async (id) => told.onObservation(await seen(id))],
    ["is found in a full read", async (id) => told.onSync([await seen(id)])],
  ];

  it.each(ways)("is removed when it %s, and its name is free again", async (_, hear) => {
    const { uuid, name } = await clusters.create();
    await clusters.client.delete({ project: platform.project, uuid }, clusters.owner);
    expect(await work(uuid)).toBe(true);
    expect(await row(uuid)).toMatchObject({ deletedAt: expect.any(Date) });
    const { deletedAt, revision } = await row(uuid);
    // As a job does that was on its way when the deletion was settled.
    await backend.apply(clusterSpec(await row(uuid)), signal);
    await hear(uuid);
    expect(await work(uuid)).toBe(true);
    await vanished(uuid);
    // The last word was said before.
    expect(await row(uuid)).toMatchObject({ deletedAt, revision });
    expect((await ready(name)).uuid).not.toBe(uuid);
  });
});

describe("a full read", () => {
  it("that is older than what is known does not bring the past back", async () => {
    const { uuid } = await ready();
    const { observedVersion } = await row(uuid);
    const version = String((observedVersion ?? 0n) - 1n);
    await told.onSync([{ ...(await seen(uuid)), version, state: "Processing", progress: 10 }]);
    expect(await row(uuid)).toMatchObject({ statusState: "Succeeded", statusProgress: 100 });
  });

  it("of a backend whose versions went back is believed, and so is what follows", async () => {
    const { uuid } = await ready();
    await db()
      .update(table)
      .set({ observedVersion: 10n ** 18n, statusState: "Error" })
      .where(sql`id = ${uuid}`);
    const now = await seen(uuid);
    await told.onObservation(now);
    expect(await row(uuid)).toMatchObject({ statusState: "Error" });
    await told.onSync([now]);
    expect(await row(uuid)).toMatchObject({ statusState: "Succeeded" });
    const version = String(((await row(uuid)).observedVersion ?? 0n) + 1n);
    await told.onObservation({ ...now, version, state: "Processing", progress: 10 });
    expect(await row(uuid)).toMatchObject({ statusState: "Processing", statusProgress: 10 });
  });

  it("without a cluster that its backend has does not make it lost", async () => {
    const { uuid } = await ready();
    const before = await row(uuid);
    await told.onSync([]);
    expect(await row(uuid)).toEqual(before);
  });
});
