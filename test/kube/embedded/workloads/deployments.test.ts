import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { boundsOf, nextNew, nextOld } from "../../../../src/kube/embedded/workloads/rollout.js";
import { conditionOf, deployment, eventually, type Json, paths, podsOf, type Stage, startStage } from "./support.js";

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.close());

const path = (name: string) => `${paths.deployments}/${name}`;
const setsOf = async (name: string): Promise<Json[]> =>
  await stage.list(`${paths.replicaSets}?labelSelector=app%3D${name}`);
const settled = (name: string, replicas = 3) =>
  eventually(async () => {
    const found = await stage.get(path(name));
    expect(found.status).toMatchObject({
      observedGeneration: found.metadata.generation,
      replicas,
      updatedReplicas: replicas,
      readyReplicas: replicas,
      availableReplicas: replicas,
    });
    expect(conditionOf(found, "Progressing")).toMatchObject({ status: "True", reason: "NewReplicaSetAvailable" });
    expect(conditionOf(found, "Available")).toMatchObject({ status: "True", reason: "MinimumReplicasAvailable" });
    return found;
  });
const withImage = (name: string, image: string) =>
  stage.patch(path(name), { spec: { template: { spec: { containers: [{ name: "web", image }] } } } });
const reasonsOf = async (name: string): Promise<string[]> =>
  (await stage.list(paths.events)).filter((one) => one.involvedObject.name === name).map(({ reason }) => reason);

describe("a Deployment", () => {
  it("has its pods run by way of a ReplicaSet, each owned by the other", async () => {
    await stage.create(paths.deployments, deployment("plain"));
    const found = await settled("plain");
    expect(found.metadata.annotations["deployment.kubernetes.io/revision"]).toBe("1");
    expect(found.status.unavailableReplicas).toBeUndefined();
    const [set] = await setsOf("plain");
    const hash = set.metadata.labels["pod-template-hash"];
    expect(set.metadata).toMatchObject({
      name: `plain-${hash}`,
      ownerReferences: [{ kind: "Deployment", name: "plain", controller: true }],
    });
    expect(set.spec.selector.matchLabels).toEqual({ app: "plain", "pod-template-hash": hash });
    const pods = await podsOf(stage, "plain");
    expect(pods).toHaveLength(3);
    for (const pod of pods) {
      expect(pod.metadata.ownerReferences).toMatchObject([{ kind: "ReplicaSet", uid: set.metadata.uid }]);
      expect(pod.metadata.labels["pod-template-hash"]).toBe(hash);
      expect(pod.status).toMatchObject({ phase: "Running", containerStatuses: [{ ready: true, restartCount: 0 }] });
    }
    expect(new Set(pods.map(({ spec }) => spec.nodeName)).size).toBe(3);
    expect(await reasonsOf("plain")).toContain("ScalingReplicaSet");
    expect(await reasonsOf(pods[0].metadata.name)).toEqual(
      expect.arrayContaining(["Scheduled", "Pulling", "Pulled", "Created", "Started"]),
    );
  });

  it("rolls to a new template, keeps the revisions, and goes back to an old one", async () => {
    await stage.create(paths.deployments, deployment("rolled"));
    await settled("rolled");
    await withImage("rolled", "registry.example/web:2");
    await eventually(async () => {
      const found = await settled("rolled");
      expect(found.metadata.annotations["deployment.kubernetes.io/revision"]).toBe("2");
    });
    expect((await setsOf("rolled")).map(({ spec }) => spec.replicas).sort()).toEqual([0, 3]);
    await withImage("rolled", "registry.example/web:1");
    await eventually(async () => {
      const found = await settled("rolled");
      expect(found.metadata.annotations["deployment.kubernetes.io/revision"]).toBe("3");
    });
    const sets = await setsOf("rolled");
    expect(sets).toHaveLength(2);
    const back = sets.find(({ spec }) => spec.replicas === 3);
    expect(back.metadata.annotations).toMatchObject({ "deployment.kubernetes.io/revision-history": "1" });
  });

  it("keeps as many revisions as it is told to", async () => {
    await stage.create(paths.deployments, deployment("brief", { replicas: 1, revisionHistoryLimit: 1 }));
    for (const tag of [1, 2, 3, 4]) {
      await withImage("brief", `registry.example/web:${tag}`);
      await settled("brief", 1);
    }
    await eventually(async () => expect(await setsOf("brief")).toHaveLength(2));
  });

  it("is scaled by its scale subresource, and by deleting pods it loses none", async () => {
    await stage.create(paths.deployments, deployment("sized"));
    await settled("sized");
    await stage.patch(`${path("sized")}/scale`, { spec: { replicas: 5 } });
    await settled("sized", 5);
    expect((await stage.get(`${path("sized")}/scale`)).status).toMatchObject({ replicas: 5, selector: "app=sized" });
    const [pod] = await podsOf(stage, "sized");
    await stage.remove(`${paths.pods}/${pod.metadata.name}`);
    await eventually(async () => {
      const names = (await podsOf(stage, "sized")).map(({ metadata }) => metadata.name);
      expect(names).toHaveLength(5);
      expect(names).not.toContain(pod.metadata.name);
    });
    await stage.patch(`${path("sized")}/scale`, { spec: { replicas: 0 } });
    await settled("sized", 0);
    await eventually(async () => expect(await podsOf(stage, "sized")).toHaveLength(0));
  });

  it("starts nothing new while it is paused", async () => {
    await stage.create(paths.deployments, deployment("paused"));
    await settled("paused");
    await stage.patch(path("paused"), { spec: { paused: true } });
    await withImage("paused", "registry.example/web:2");
    await eventually(async () => {
      const found = await stage.get(path("paused"));
      expect(found.status.observedGeneration).toBe(found.metadata.generation);
      expect(conditionOf(found, "Progressing")).toMatchObject({ status: "Unknown", reason: "DeploymentPaused" });
    });
    expect(await setsOf("paused")).toHaveLength(1);
    await stage.patch(path("paused"), { spec: { paused: false } });
    await settled("paused");
    expect(await setsOf("paused")).toHaveLength(2);
  });

  it("with Recreate starts the new pods only after the last old one is gone", async () => {
    const slow = { annotations: { "simulator.slipway.dev/stop-after": "20s" } };
    await stage.create(paths.deployments, deployment("anew", { strategy: { type: "Recreate" } }, slow));
    await settled("anew");
    const images = new Set<string>();
    const stop = stage.store.watch({ group: "", resource: "pods" }, () => {
      const mine = stage.store.list({ group: "", resource: "pods" }, { labelSelector: "app=anew" });
      const now = new Set(mine.map(({ spec }) => (spec as Json).containers[0].image));
      images.add([...now].sort().join());
    });
    await withImage("anew", "registry.example/web:2");
    await settled("anew");
    stop();
    expect([...images].sort()).toEqual(["", "registry.example/web:1", "registry.example/web:2"]);
  });

  it("says that it is late when its pods never become ready, and recovers", async () => {
    await stage.create(paths.deployments, deployment("late", { progressDeadlineSeconds: 60 }));
    await settled("late");
    await withImage("late", "registry.example/web:never-ready");
    await eventually(async () => {
      const found = await stage.get(path("late"));
      expect(conditionOf(found, "Progressing")).toMatchObject({ status: "False", reason: "ProgressDeadlineExceeded" });
      expect(found.status).toMatchObject({ availableReplicas: 3, updatedReplicas: 1, unavailableReplicas: 1 });
    });
    await withImage("late", "registry.example/web:3");
    await settled("late");
  });

  it("with a quota that is too small has fewer pods, says so, and catches up", async () => {
    const hard = { pods: "2" };
    await stage.create("/api/v1/namespaces", { metadata: { name: "tight" } });
    const inTight = (at: string) => at.replace("/default/", "/tight/");
    await stage.create(inTight(paths.quotas), { metadata: { name: "small" }, spec: { hard } });
    await stage.create(inTight(paths.deployments), deployment("many"));
    await eventually(async () => {
      const found = await stage.get(inTight(path("many")));
      expect(found.status).toMatchObject({ availableReplicas: 2, unavailableReplicas: 1 });
      expect(conditionOf(found, "ReplicaFailure")).toMatchObject({ status: "True", reason: "FailedCreate" });
      expect(conditionOf(found, "ReplicaFailure").message).toContain(
        "exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2",
      );
    });
    const own = { metadata: { name: "own" }, spec: { containers: [{ name: "a", image: "b" }] } };
    const refused = await stage.send("POST", inTight(paths.pods), { body: own });
    expect(refused.json).toMatchObject({
      code: 403,
      reason: "Forbidden",
      message: expect.stringContaining("exceeded quota"),
    });
    await eventually(async () => {
      expect((await stage.get(`${inTight(paths.quotas)}/small`)).status.used).toEqual({ pods: "2" });
    });
    await stage.patch(`${inTight(paths.quotas)}/small`, { spec: { hard: { pods: "10" } } });
    await eventually(async () => {
      const found = await stage.get(inTight(path("many")));
      expect(found.status.availableReplicas).toBe(3);
      expect(conditionOf(found, "ReplicaFailure")).toBeUndefined();
    });
    expect(await stage.remove("/api/v1/namespaces/tight")).toBe(200);
    await eventually(async () => expect((await stage.send("GET", "/api/v1/namespaces/tight")).code).toBe(404));
  });

  it("takes everything that is its own with it", async () => {
    await stage.create(paths.deployments, deployment("leaving"));
    await settled("leaving");
    await stage.remove(path("leaving"));
    await eventually(async () => {
      expect(await setsOf("leaving")).toEqual([]);
      expect(await podsOf(stage, "leaving")).toEqual([]);
    });
  });
});

const share = fc.oneof(
  fc.integer({ min: 0, max: 6 }),
  fc.integer({ min: 0, max: 100 }).map((percent) => `${percent}%`),
);

describe("a rolling update", () => {
  it("never has fewer available or more replicas than it may, and comes to its end", () => {
    const seeds = fc.array(fc.nat(), { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20 }), share, share, seeds, (desired, maxSurge, maxUnavailable, chance) => {
        const bounds = boundsOf(desired, { maxSurge, maxUnavailable });
        let fresh = { replicas: 0, available: 0 };
        let old = [{ replicas: desired, available: desired }];
        for (const [round, luck] of [...chance, ...Array(200).fill(1)].entries()) {
          const grown = nextNew(bounds, fresh, old);
          expect(grown).toBeGreaterThanOrEqual(fresh.replicas);
          fresh = { ...fresh, replicas: grown };
          const shrunk = nextOld(bounds, fresh, old);
          old = shrunk.map((replicas, index) => ({
            replicas,
            available: Math.min(replicas, old[index]?.available ?? 0),
          }));
          const count = (field: "replicas" | "available") => old.reduce((sum, one) => sum + one[field], fresh[field]);
          expect(count("replicas")).toBeLessThanOrEqual(desired + bounds.maxSurge);
          expect(count("available")).toBeGreaterThanOrEqual(desired - bounds.maxUnavailable);
          // Some of the new pods become ready, in no particular order.
          const ready = round < chance.length ? luck % 3 : 1;
          fresh = { ...fresh, available: Math.min(fresh.replicas, fresh.available + ready) };
        }
        expect({ fresh, old }).toEqual({
          fresh: { replicas: desired, available: desired },
          old: [{ replicas: 0, available: 0 }],
        });
      }),
    );
  });

  it("holds its bounds in the cluster too", async () => {
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), share, share, async (replicas, maxSurge, maxUnavailable) => {
        round += 1;
        const name = `bounded-${round}`;
        const strategy = { rollingUpdate: { maxSurge, maxUnavailable } };
        const bounds = boundsOf(replicas, strategy.rollingUpdate);
        await stage.create(paths.deployments, deployment(name, { replicas, strategy }));
        await settled(name, replicas);
        let [least, most] = [replicas, replicas];
        const stop = stage.store.watch({ group: "", resource: "pods" }, () => {
          const mine = stage.store.list({ group: "", resource: "pods" }, { labelSelector: `app=${name}` });
          const active = mine.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
          least = Math.min(least, active.filter((pod) => conditionOf(pod, "Ready")?.status === "True").length);
          most = Math.max(most, active.length);
        });
        await withImage(name, "registry.example/web:2");
        await settled(name, replicas);
        stop();
        await stage.remove(path(name));
        expect(least).toBeGreaterThanOrEqual(replicas - bounds.maxUnavailable);
        expect(most).toBeLessThanOrEqual(replicas + bounds.maxSurge);
      }),
      { numRuns: 12 },
    );
  });

  it("goes on after the server was stopped in the middle of it", async () => {
    const directory = await mkdtemp(join(tmpdir(), "workloads-"));
    const strategy = { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
    // Slow enough to be stopped in the middle.
    const first = await startStage({ directory, timeScale: 20 });
    await first.create(paths.deployments, deployment("long", { replicas: 4, strategy }));
    await eventually(async () => expect((await first.get(path("long"))).status.availableReplicas).toBe(4));
    const template = { spec: { containers: [{ name: "web", image: "registry.example/web:2" }] } };
    await first.patch(path("long"), { spec: { template } });
    await eventually(async () => expect((await first.get(path("long"))).status.updatedReplicas).toBe(2));
    await first.close();
    const second = await startStage({ directory });
    expect((await second.get(path("long"))).status.updatedReplicas).toBeLessThan(4);
    await eventually(async () => {
      const found = await second.get(path("long"));
      expect(found.status).toMatchObject({ replicas: 4, updatedReplicas: 4, availableReplicas: 4 });
      expect(conditionOf(found, "Progressing").reason).toBe("NewReplicaSetAvailable");
    });
    await second.close();
    await rm(directory, { recursive: true });
  });
});
