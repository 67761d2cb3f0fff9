import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ClusterObservation } from "../../../../src/resources/api/cluster/kube.js";
import { type ClusterRow, clusterStore } from "../../../../src/resources/api/cluster/store.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";
import { clustersOf } from "../../support/clusters.js";

// Without workers nobody but the test observes anything.
let platform: TestPlatform;
let id: string;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());
beforeEach(async () => {
  id = (await clustersOf(platform).create()).uuid;
});

const db = () => platform.platform.db;

async function row(): Promise<ClusterRow> {
  const [found] = await clusterStore.byIds(db(), [id]);
  if (found === undefined) throw new Error("there is no such cluster");
  return found;
}

const seen = (version: number, more: Partial<ClusterObservation> = {}): ClusterObservation => ({
  id,
  gone: false,
  version: String(version),
  type: "Reconcile",
  state: "Processing",
  progress: 50,
  description: "",
  conditions: [],
  lastErrors: [],
  apiServerReady: "True",
  controlPlaneReady: "True",
  nodesReady: "True",
  systemComponentsReady: "True",
  seed: "seed",
  labels: {},
  kubernetesVersion: "1.33.5",
  ...more,
});
const done = { state: "Succeeded", progress: 100 } as const;

describe("an observation from before the backend was told", () => {
  it("is left aside when it is handled after that", async () => {
    await clusterStore.markApplied(db(), id, 1, "100");
    expect(await clusterStore.observe(db(), seen(99, done))).toBe(false);
    expect(await row()).toMatchObject({ statusType: "Create", statusState: "Pending", observedVersion: 100n });
    expect(await clusterStore.observe(db(), seen(100, done))).toBe(true);
    expect(await row()).toMatchObject({ statusState: "Succeeded", observedVersion: 100n });
  });

  it("is left aside when a later one was seen before", async () => {
    await clusterStore.markApplied(db(), id, 1, "100");
    await clusterStore.observe(db(), seen(150));
    const now = new Date();
    await clusterStore.want(db(), id, await row(), now);
    await clusterStore.markApplied(db(), id, 2, "140");
    expect(await row()).toMatchObject({ appliedGeneration: 2, observedVersion: 150n });
    expect(await clusterStore.observe(db(), seen(149, done))).toBe(false);
    expect(await row()).toMatchObject({ statusState: "Pending" });
  });

  it("of a backend that waits for the next wish is left aside whatever its version", async () => {
    expect(await clusterStore.observe(db(), seen(1_000, done))).toBe(false);
    expect(await clusterStore.observe(db(), seen(1_000, done), true)).toBe(false);
    expect(await row()).toMatchObject({ statusState: "Pending", observedVersion: null });
  });
});

describe("a backend whose versions went back", () => {
  beforeEach(async () => {
    await clusterStore.markApplied(db(), id, 1, "1000");
    await clusterStore.observe(db(), seen(1_000));
  });

  it.each<[string, Partial<ClusterObservation>]>([
    ["says something else", { progress: 40 }],
    ["says the same as before", {}],
  ])("is believed when it is read now and %s; its next news is taken", async (_, more) => {
    expect(await clusterStore.observe(db(), seen(500, more))).toBe(false);
    expect(await clusterStore.observe(db(), seen(500, more), true)).toBe(true);
    expect(await row()).toMatchObject({ observedVersion: 500n, statusProgress: more.progress ?? 50 });
    expect(await clusterStore.observe(db(), seen(501, done))).toBe(true);
    expect(await row()).toMatchObject({ observedVersion: 501n, statusState: "Succeeded" });
  });
});

describe("a cluster that vanished", () => {
  beforeEach(async () => {
    await clusterStore.markApplied(db(), id, 1, "100");
    await clusterStore.observe(db(), seen(100, done));
  });
  const hasWork = async () => {
    const { appliedGeneration, generation } = await row();
    return appliedGeneration < generation;
  };

  it("is still to be made when a job of before says that it was told", async () => {
    expect(await clusterStore.markLost(db(), id)).toBe(true);
    await clusterStore.markApplied(db(), id, 1, "101");
    expect(await hasWork()).toBe(true);
    // What is made anew may have any version.
    expect((await row()).observedVersion).toBeNull();
    expect(await clusterStore.observe(db(), seen(100, done))).toBe(false);
    await clusterStore.markApplied(db(), id, 2, "7");
    expect(await hasWork()).toBe(false);
    expect(await clusterStore.observe(db(), seen(8, done))).toBe(true);
  });

  it("is lost once, however often it is said", async () => {
    expect(await clusterStore.markLost(db(), id)).toBe(true);
    const { generation } = await row();
    expect(await clusterStore.markLost(db(), id)).toBe(false);
    expect(await row()).toMatchObject({ generation, statusType: "Create", statusState: "Pending" });
  });

  it("is not lost while it is being deleted, nor when it is unknown", async () => {
    expect(await clusterStore.markLost(db(), uuidv7())).toBe(false);
    await clusterStore.requestDelete(db(), id, new Date());
    expect(await clusterStore.markLost(db(), id)).toBe(false);
    expect((await row()).statusType).toBe("Delete");
  });
});
