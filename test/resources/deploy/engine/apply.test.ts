import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type KubeClient, openKube } from "../../../../src/kube/client.js";
import { transient } from "../../../../src/kube/errors.js";
import {
  applyManifests,
  entriesBeyond,
  inventoryOf,
  pruneInventory,
  removeStorage,
} from "../../../../src/resources/deploy/engine/apply.js";
import { jobManifest } from "../../../../src/resources/deploy/engine/images/jobs.js";
import { eventually, paths } from "../../../kube/embedded/workloads/support.js";
import { image, input, type Json, process, release } from "./releases.js";
import { apply, type EngineStage, look, manifestsOf, reaches, soon, startEngineStage } from "./stage.js";

let stage: EngineStage;
beforeAll(async () => {
  stage = await startEngineStage();
});
afterAll(() => stage.close());

const config = { variables: [{ name: "COLOUR", value: "red", sensitive: false }] };
const code = async (path: string) => (await stage.send("GET", path)).code;
const podsOf = async (name: string): Promise<Json[]> =>
  await stage.list(`${paths.pods}?labelSelector=app.kubernetes.io/instance%3D${name}`);

describe("applying", () => {
  it("makes a release run, rolls to the next, and prunes what that one lacks", async () => {
    const two = release({ processes: [process(), process({ name: "worker", ports: [] })], config });
    const first = input({ objectName: "life", release: two, scale: { web: { replicas: 2 } } });
    const before = inventoryOf("t", await apply(stage, first));
    const seen = await reaches(stage, first, "healthy");
    expect(seen.processes).toEqual({
      web: { current: 2, ready: 2, message: "" },
      worker: { current: 1, ready: 1, message: "" },
    });
    const second = { ...first, number: 2, release: release({ source: image("registry.example/web:2"), config }) };
    const after = inventoryOf("t", await apply(stage, second));
    await reaches(stage, second, "healthy");
    const gone = entriesBeyond(before, after);
    expect(gone.map(({ kind, name }) => `${kind} ${name}`)).toEqual(["Secret life-r1", "Deployment life-worker"]);
    expect(await pruneInventory(stage.client, first.owner, gone, soon())).toEqual([]);
    expect(await code(`${paths.deployments}/life-worker`)).toBe(404);
    await eventually(async () => {
      const pods = await podsOf("life");
      expect(pods.map(({ metadata }) => metadata.labels["slipway.dev/release"])).toEqual(["2", "2"]);
      expect(pods[0].spec.containers[0].image).toContain("web:2@sha256:");
    });
    expect(await pruneInventory(stage.client, first.owner, [...gone, ...after], soon())).toEqual([]);
    expect((await look(stage, second)).health).toBe("unhealthy");
  });

  it("bears repetition: nothing is written when nothing differs", async () => {
    const given = input({ objectName: "again", release: release({ config }) });
    await apply(stage, given);
    await reaches(stage, given, "healthy");
    const generations = async () => {
      const all = [`${paths.deployments}/again-web`, `${paths.services}/again-web`, `${paths.secrets}/again-r1`];
      return await Promise.all(all.map(async (path) => (await stage.get(path)).metadata.resourceVersion));
    };
    await eventually(async () =>
      expect((await stage.get(`${paths.deployments}/again-web`)).status.readyReplicas).toBe(1),
    );
    const before = await generations();
    await apply(stage, given);
    expect(await generations()).toEqual(before);
  });

  it("stops and starts", async () => {
    const given = input({ objectName: "pause", scale: { web: { replicas: 2 } } });
    await apply(stage, given);
    await reaches(stage, given, "healthy");
    const stopped = { ...given, stopped: true };
    await apply(stage, stopped);
    await reaches(stage, stopped, "stopped");
    await apply(stage, given);
    expect((await reaches(stage, given, "healthy")).processes.web?.ready).toBe(2);
  });

  it("never takes over what is not of this deployment, and leaves it when it prunes", async () => {
    const selector = { a: "b" };
    const spec = { selector, ports: [{ port: 1 }] };
    await stage.create(paths.services, { metadata: { name: "foreign-web" }, spec });
    const given = input({ objectName: "foreign" });
    const message = "Service foreign-web exists in the namespace default and is not of this deployment";
    await expect(apply(stage, given)).rejects.toMatchObject({
      kind: "precondition",
      message: expect.stringContaining(message),
    });
    expect((await stage.get(`${paths.services}/foreign-web`)).spec.selector).toEqual(selector);
    const entries = inventoryOf("t", manifestsOf(given));
    expect(await pruneInventory(stage.client, given.owner, entries, soon())).toEqual([]);
    expect(await code(`${paths.services}/foreign-web`)).toBe(200);
    const namesake = input({ objectName: "mine" });
    await apply(stage, namesake);
    await expect(apply(stage, input({ objectName: "mine" }))).rejects.toMatchObject({ kind: "precondition" });
  });

  it("waits for what is being deleted, says what is refused, and lets faults of the connection pass", async () => {
    const given = input({ objectName: "held" });
    await apply(stage, given);
    const at = `${paths.services}/held-web`;
    await stage.patch(at, { metadata: { finalizers: ["example.org/held"] } });
    const [entry] = inventoryOf("t", manifestsOf(given));
    expect(await pruneInventory(stage.client, given.owner, entry ? [entry] : [], soon())).toEqual([entry]);
    await expect(apply(stage, given)).rejects.toMatchObject({ kind: "unavailable" });
    await stage.patch(at, { metadata: { finalizers: [] } });
    await apply(stage, given);
    const nowhere = input({ objectName: "held" });
    const lost = { ...nowhere, owner: { ...nowhere.owner, namespace: "nowhere" } };
    await expect(apply(stage, lost)).rejects.toMatchObject({
      kind: "precondition",
      message: 'Service held-web was refused: namespaces "nowhere" not found',
    });
    const kubeconfig = stage.adminKubeconfig.replace(/(server: https:\/\/[^:]+):\d+/, "$1:1");
    const dead = openKube({ kubeconfig, log: pino({ level: "silent" }) });
    const error = await applyManifests(dead, given.owner, manifestsOf(given), soon()).catch((each: unknown) => each);
    expect(transient(error)).toBe(true);
    dead.close();
  });

  it("ends when its caller gives up", async () => {
    const given = input({ objectName: "given-up" });
    const reason = new Error("enough");
    const call = applyManifests(stage.client, given.owner, manifestsOf(given), AbortSignal.abort(reason));
    await expect(call).rejects.toBe(reason);
    expect(await code(`${paths.deployments}/given-up-web`)).toBe(404);
  });
});

describe("an autoscaler", () => {
  const at = `${paths.deployments}/scaled-web`;
  const replicas = async () => (await stage.get(at)).spec.replicas;
  const autoscale = { min: 2, max: 6, cpu: 50, memory: 0 };
  const scale = { web: { replicas: 3, autoscale } };
  const fixed = { web: { replicas: 3 } };

  it("takes over the size, which no release and no other change of it sets back", async () => {
    const given = input({ objectName: "scaled", scale: fixed });
    await apply(stage, given);
    await reaches(stage, given, "healthy");
    await apply(stage, { ...given, scale });
    expect(await replicas()).toBe(3);
    await stage.patch(`${paths.autoscalers}/scaled-web`, {
      metadata: { annotations: { "simulator.slipway.dev/load": "230" } },
    });
    await eventually(async () => expect(await replicas()).toBe(5));
    await reaches(stage, { ...given, scale }, "healthy");
    const next = { ...given, number: 2, scale, release: release({ source: image("registry.example/web:2") }) };
    for (const each of [next, { ...next, number: 3 }]) {
      const sizes = new Set<number>();
      const watch = async () => void sizes.add(await replicas());
      await watch();
      await apply(stage, each);
      await watch();
      await reaches(stage, each, "healthy");
      await watch();
      expect([...sizes]).toEqual([5]);
    }
  });

  it("may change the size between reading and applying: the size of then is not set again", async () => {
    const given = input({ objectName: "race", scale });
    await apply(stage, given);
    const sizes = [4, 5, 6, 4, 5, 6];
    const racing = (times: number): KubeClient => ({
      ...stage.client,
      async apply(type, object, options) {
        const size = type.kind === "Deployment" && times-- > 0 ? sizes.pop() : undefined;
        if (size !== undefined) await stage.patch(`${paths.deployments}/race-web`, { spec: { replicas: size } });
        return await stage.client.apply(type, object, options);
      },
    });
    const next = manifestsOf({ ...given, number: 2 });
    await applyManifests(racing(1), given.owner, next, soon());
    const { spec } = await stage.get(`${paths.deployments}/race-web`);
    expect(spec.replicas).toBe(6);
    expect(spec.template.metadata.labels["slipway.dev/release"]).toBe("2");
    const endless = applyManifests(racing(9), given.owner, manifestsOf({ ...given, number: 3 }), soon());
    await expect(endless).rejects.toMatchObject({ kind: "unavailable" });
  });

  it("finds its bounds held when they change, and a number of its own when it is taken away", async () => {
    const owner = input().owner;
    const given = { ...input({ objectName: "bounds" }), owner: { ...owner, objectName: "bounds" } };
    const size = async () => (await stage.get(`${paths.deployments}/bounds-web`)).spec.replicas;
    const bounded = (min: number, max: number) => ({
      ...given,
      scale: { web: { replicas: 1, autoscale: { ...autoscale, min, max } } },
    });
    await apply(stage, bounded(2, 4));
    expect(await size()).toBe(2);
    await apply(stage, bounded(3, 4));
    expect(await size()).toBe(3);
    await apply(stage, bounded(1, 2));
    expect(await size()).toBe(2);
    await apply(stage, { ...bounded(1, 2), stopped: true });
    expect(await size()).toBe(0);
    await apply(stage, bounded(2, 3));
    expect(await size()).toBe(2);
    await pruneInventory(
      stage.client,
      given.owner,
      entriesBeyond(inventoryOf("t", manifestsOf(bounded(2, 3))), inventoryOf("t", manifestsOf(given))),
      soon(),
    );
    await apply(stage, { ...given, scale: { web: { replicas: 1 } } });
    expect(await size()).toBe(1);
    expect(await code(`${paths.autoscalers}/bounds-web`)).toBe(404);
  });
});

describe("other processes", () => {
  /** Nothing here makes volumes for claims. */
  const bind = (name: string) =>
    eventually(async () => {
      const body = { status: { phase: "Bound" } };
      const type = "application/merge-patch+json";
      expect((await stage.send("PATCH", `${paths.claims}/${name}/status`, { body, type })).code).toBe(200);
    });

  it("keeps the storage of replicas until it is removed on its own", async () => {
    const storage = { size: "1Gi", storageClass: "", path: "/data" };
    const db = process({ name: "db", kind: "stateful", storage });
    const given = input({ objectName: "store", release: release({ processes: [db] }), scale: { db: { replicas: 2 } } });
    const entries = inventoryOf("t", await apply(stage, given));
    for (const name of ["storage-store-db-0", "storage-store-db-1"]) await bind(name);
    expect((await reaches(stage, given, "healthy")).processes.db).toMatchObject({ current: 2, ready: 2 });
    await apply(stage, { ...given, number: 2 });
    await eventually(async () => {
      const labels = (await podsOf("store")).map(({ metadata }) => metadata.labels["slipway.dev/release"]);
      expect(labels).toEqual(["2", "2"]);
    });
    expect(await pruneInventory(stage.client, given.owner, entries, soon())).toEqual([]);
    await eventually(async () => expect(await podsOf("store")).toEqual([]));
    const claims = async () => (await stage.list(paths.claims)).map(({ metadata }) => metadata.name);
    expect(await claims()).toEqual(["storage-store-db-0", "storage-store-db-1"]);
    expect(await removeStorage(stage.client, given.owner, soon(), ["other"])).toEqual([]);
    expect(await claims()).toHaveLength(2);
    await eventually(async () => expect(await removeStorage(stage.client, given.owner, soon())).toEqual([]));
    expect(await claims()).toEqual([]);
  });

  it("runs jobs: one of a release, one that is asked for, and one that fails with its reason", async () => {
    const migrate = process({ name: "migrate", kind: "release_job", ports: [] });
    const task = process({
      name: "task",
      kind: "job",
      ports: [],
      annotations: { "simulator.slipway.dev/exit-code": "3" },
    });
    const given = input({ objectName: "jobs", number: 4, release: release({ processes: [migrate, task] }) });
    await apply(stage, given);
    await reaches(stage, given, "healthy");
    await apply(stage, given);
    const run = jobManifest(given, "task", [], "jobs-task-once");
    await applyManifests(stage.client, given.owner, [run], soon());
    await eventually(async () => {
      const seen = await look(stage, given, [run]);
      expect(seen).toMatchObject({ health: "unhealthy", failed: true });
      expect(seen.message).toMatch(/^Job jobs-task-once: BackoffLimitExceeded/);
    });
    await pruneInventory(stage.client, given.owner, inventoryOf("t", [run, ...manifestsOf(given)]), soon());
    await eventually(async () => expect(await podsOf("jobs")).toEqual([]));
  });
});
