import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KubeClient } from "../../../../src/kube/client.js";
import type { KubeObject, ResourceType } from "../../../../src/kube/objects.js";
import { pods, workloadDeployments } from "../../../../src/resources/deploy/engine/kinds.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";
import { chart, image, process, release } from "../engine/releases.js";
import { directly } from "../target/targets.js";
import { type Place, placeOf, podsOf, type Runtimes, runtimesOf, startRuntime } from "./runtimes.js";

let platform: TestPlatform;
let kube: KubeClient;
let runtimes: Runtimes;
let place: Place;
let stop: () => Promise<void>;
beforeAll(async () => {
  platform = await startPlatform({ background: false, hostWorkloads: true });
  kube = directly(platform);
  runtimes = runtimesOf(platform, platform, kube);
  const sealed = await platform.platform.keyring.seal(platform.kube.kubeconfig);
  place = await runtimes.place(await runtimes.target(sealed));
  stop = startRuntime(platform);
});
afterAll(async () => {
  await stop?.();
  kube?.close();
  await platform?.close();
});

const merge = (type: ResourceType, name: string, patch: object) =>
  kube.mergePatch(type, { name, namespace: place.name }, patch);

describe("how a deployment is", () => {
  it("is unknown while nothing is applied, and follows what is", async () => {
    const row = await runtimes.insert(place);
    await runtimes.until(row.id, { health: "unknown", healthMessage: "nothing of it is applied yet" });
    await runtimes.apply(row, place, release(), { web: { replicas: 2 } });
    const seen = await runtimes.until(row.id, {
      health: "healthy",
      healthMessage: "",
      observed: { web: { current: 2, ready: 2, message: "" } },
    });
    // What is seen is no change of what is wanted.
    expect(seen).toMatchObject({ version: row.version, updatedAt: row.updatedAt });
  });

  it("says why it does not run", async () => {
    const row = await runtimes.insert(place);
    await runtimes.apply(row, place, release({ source: image("registry.example/crash-loop:1") }));
    await runtimes.until(row.id, {
      health: "unhealthy",
      healthMessage: expect.stringContaining("CrashLoopBackOff"),
      observed: { web: { ready: 0, message: expect.stringContaining("CrashLoopBackOff") } },
    });
  });

  it("is not written again while nothing changes", async () => {
    const row = await runtimes.insert(place);
    const manifests = await runtimes.apply(row, place);
    const { revision } = await runtimes.until(row.id, { health: "healthy" });
    const { type, place: at } = placeOf(manifests, "Deployment");
    await kube.mergePatch(type, at, { metadata: { labels: { other: "label" } } });
    await kube.mergePatch(type, at, { metadata: { annotations: { "slipway.dev/status": "busy" } } });
    expect(await runtimes.until(row.id, { reported: "busy" })).toMatchObject({ revision: revision + 1 });
  });

  it("shows what was deleted on the target, until it is there again", async () => {
    const row = await runtimes.insert(place);
    const worker = process({ name: "worker", ports: [] });
    const content = release({ processes: [process(), worker] });
    await runtimes.apply(row, place, content);
    await runtimes.until(row.id, { health: "healthy" });
    await kube.delete(workloadDeployments, { name: `${row.objectName}-worker`, namespace: place.name });
    await runtimes.until(row.id, {
      health: "degraded",
      healthMessage: `Deployment ${row.objectName}-worker: it is not there`,
    });
    await kube.delete(workloadDeployments, { name: `${row.objectName}-web`, namespace: place.name });
    await runtimes.until(row.id, { health: "unhealthy" });
    await runtimes.apply(row, place, content);
    await runtimes.until(row.id, { health: "healthy", healthMessage: "" });
  });

  it("takes what is not there for on its way while a task works", async () => {
    const row = await runtimes.insert(place, { phase: "working" });
    const manifests = await runtimes.apply(row, place);
    await runtimes.until(row.id, { health: "healthy" });
    const service = placeOf(manifests, "Service");
    await kube.delete(service.type, service.place);
    await runtimes.until(row.id, {
      health: "progressing",
      healthMessage: `Service ${service.place.name} is not there`,
    });
    await runtimes.change(row.id, { phase: "idle" });
    await runtimes.until(row.id, {
      health: "degraded",
      healthMessage: `Service ${service.place.name}: it is not there`,
    });
  });

  it("shows that somebody has set another size, unless the load decides", async () => {
    const row = await runtimes.insert(place);
    const scale = { web: { replicas: 1 } };
    const manifests = await runtimes.apply(row, place, release(), scale);
    await runtimes.until(row.id, { health: "healthy" });
    const { place: at } = placeOf(manifests, "Deployment");
    await merge(workloadDeployments, at.name, { spec: { replicas: 3 } });
    await runtimes.until(row.id, {
      health: "degraded",
      healthMessage: `Deployment ${at.name} was set to 3 replicas on the target instead of 1`,
      observed: { web: { current: 3, ready: 3, message: "" } },
    });
    await runtimes.change(row.id, {
      scale: { web: { replicas: 1, autoscale: { min: 1, max: 5, cpu: 80, memory: 0 } } },
    });
    await runtimes.until(row.id, { health: "healthy", healthMessage: "" });
  });

  it("is stopped when that is wanted", async () => {
    const row = await runtimes.insert(place);
    await runtimes.apply(row, place);
    await runtimes.until(row.id, { health: "healthy" });
    await runtimes.change(row.id, { stopped: "scaled", phase: "stopped" });
    await runtimes.until(row.id, { health: "stopped", healthMessage: "" });
    await runtimes.change(row.id, { stopped: "uninstalled", inventory: [] });
    await runtimes.until(row.id, { health: "stopped", observed: {} });
  });

  it("has what its workloads say of themselves, each by its name where they differ", async () => {
    const row = await runtimes.insert(place);
    const worker = process({ name: "worker", ports: [] });
    await runtimes.apply(row, place, release({ processes: [process(), worker] }));
    const say = (name: string, text: string | null) =>
      merge(workloadDeployments, `${row.objectName}-${name}`, {
        metadata: { annotations: { "slipway.dev/status": text } },
      });
    await say("web", "migrating");
    await runtimes.until(row.id, { reported: "migrating" });
    await say("worker", "idle\u0000");
    await runtimes.until(row.id, { reported: "web: migrating; worker: idle" });
    await say("web", null);
    await say("worker", null);
    await runtimes.until(row.id, { reported: "" });
  });

  it("knows nothing of objects elsewhere that only bear its label", async () => {
    const row = await runtimes.insert(place);
    const elsewhere = await runtimes.place(place.target);
    const manifests = await runtimes.apply(row, place);
    const { object } = placeOf(manifests, "Deployment");
    await runtimes.until(row.id, { health: "healthy" });
    const { name, labels } = object.metadata;
    const annotations = { "slipway.dev/status": "I am not yours" };
    await kube.apply(workloadDeployments, {
      ...object,
      metadata: { name: `${name}-other`, namespace: elsewhere.name, labels: labels ?? {}, annotations },
    });
    await kube.apply(workloadDeployments, {
      ...object,
      metadata: { name, namespace: elsewhere.name, labels: labels ?? {}, annotations },
    });
    await merge(workloadDeployments, name, { metadata: { annotations: { "slipway.dev/status": "mine" } } });
    await runtimes.until(row.id, { reported: "mine", health: "healthy" });
  });
});

describe("a chart", () => {
  it("is as healthy as what it has made", async () => {
    const row = await runtimes.insert(place);
    await runtimes.apply(row, place, release({ source: chart(), processes: [] }));
    await runtimes.until(row.id, { health: "healthy", observed: {} });
    const all = await podsOf(kube, place, row);
    expect(all.length).toBeGreaterThan(0);
    await merge(workloadDeployments, row.objectName, {
      spec: {
        template: { metadata: { annotations: { "simulator.slipway.dev/fault": "crash-loop" } } },
        strategy: { type: "Recreate", rollingUpdate: null },
      },
    });
    await runtimes.until(row.id, {
      health: expect.stringMatching(/^(degraded|unhealthy)$/),
      healthMessage: expect.stringContaining("CrashLoopBackOff"),
    });
  });

  it("is unhealthy when its HelmRelease fails", async () => {
    const row = await runtimes.insert(place);
    const source = chart({ name: "no-such-chart", resolvedVersion: "9.9.9" });
    await runtimes.apply(row, place, release({ source, processes: [] }));
    await runtimes.until(row.id, {
      health: expect.stringMatching(/^(progressing|unhealthy)$/),
      healthMessage: expect.stringContaining("HelmRelease"),
    });
  });
});

describe("kinds that a target learns", () => {
  const definitions: ResourceType = {
    group: "apiextensions.k8s.io",
    version: "v1",
    plural: "customresourcedefinitions",
    kind: "CustomResourceDefinition",
  };
  const things: ResourceType = { group: "example.org", version: "v1", plural: "things", kind: "Thing" };

  it("are followed while an inventory has them", async () => {
    const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
    const spec = {
      group: things.group,
      scope: "Namespaced",
      names: { plural: things.plural, singular: "thing", kind: things.kind, listKind: "ThingList" },
      versions: [{ name: "v1", served: true, storage: true, schema }],
    };
    await kube.apply(definitions, { metadata: { name: "things.example.org" }, spec } as KubeObject);
    const row = await runtimes.insert(place);
    const [owner, at] = [runtimes.owner(row, place), { name: row.objectName, namespace: place.name }];
    const labels = { "slipway.dev/deployment": owner.deployment, "app.kubernetes.io/managed-by": "slipway" };
    const thing = (status: string, message: string) =>
      ({
        metadata: { ...at, labels },
        status: { conditions: [{ type: "Ready", status, reason: "Told", message }] },
      }) as KubeObject;
    await kube.apply(things, thing("False", "no thing today"));
    await runtimes.change(row.id, { inventory: [{ ...things, ...at, target: place.target }] });
    await runtimes.until(row.id, { health: "unhealthy", healthMessage: expect.stringContaining("no thing today") });
    await kube.apply(things, thing("True", ""));
    await runtimes.until(row.id, { health: "healthy", healthMessage: "" });
    await kube.delete(definitions, { name: "things.example.org" });
    await runtimes.until(row.id, { health: "unhealthy", healthMessage: expect.stringContaining("it is not there") });
  });
});

describe("tasks", () => {
  const jobsOf = async (id: string): Promise<number> => {
    const { rows } = await platform.database.server.pool.query<{ key: string }>(
      "select key from graphile_worker.jobs where key = $1",
      [`deployment.tasks:${id}`],
    );
    return rows.length;
  };

  it("are looked at as soon as objects of their deployment change, and no others", async () => {
    // Whatever was last read of the deployment, what counts is whether a task runs.
    const [row, idle] = [await runtimes.insert(place), await runtimes.insert(place)];
    await runtimes.runningTask(row.id);
    await runtimes.apply(idle, place);
    await runtimes.apply(row, place);
    await expect.poll(() => jobsOf(row.id), { timeout: 30_000 }).toBe(1);
    await runtimes.until(idle.id, { health: "healthy" });
    expect(await jobsOf(idle.id)).toBe(0);
  });

  it("are looked at while their deployment moves, when objects change where it goes", async () => {
    const sealed = await platform.platform.keyring.seal(platform.kube.kubeconfig);
    const there = await runtimes.place(await runtimes.target(sealed));
    const row = await runtimes.insert(place, { phase: "working" });
    await runtimes.runningTask(row.id);
    await runtimes.apply(row, there);
    await expect.poll(() => jobsOf(row.id), { timeout: 30_000 }).toBe(1);
    // It is where it was until it has moved.
    await runtimes.until(row.id, { health: "unknown", healthMessage: "nothing of it is applied yet" });
    await runtimes.change(row.id, { target: there.target, namespace: there.namespace, phase: "idle" });
    await runtimes.until(row.id, { health: "healthy" });
  });

  it("see pods that are gone", async () => {
    const row = await runtimes.insert(place);
    await runtimes.apply(row, place);
    await runtimes.until(row.id, { health: "healthy" });
    const [pod] = await podsOf(kube, place, row);
    await kube.delete(pods, { name: pod?.metadata.name ?? "", namespace: place.name });
    await expect
      .poll(async () => (await podsOf(kube, place, row)).map(({ metadata }) => metadata.uid), { timeout: 30_000 })
      .not.toContain(pod?.metadata.uid);
    await runtimes.until(row.id, { health: "healthy", observed: { web: { current: 1, ready: 1 } } });
  });
});
