import { timestampDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DeploymentHealth } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { InstanceState } from "../../../../gen/ts/deploy/v1/runtime_pb.js";
import { TaskState } from "../../../../gen/ts/deploy/v1/task_pb.js";
import type { KubeObject, ResourceType } from "../../../../src/kube/objects.js";
import { configMaps, secrets } from "../../../../src/resources/deploy/engine/kinds.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { object, openStage, type Stage } from "./stage.js";

let stage: Stage;
let platform: Stage["platform"];
let kube: Stage["kube"];
let runtime: Stage["runtime"];
let deployments: Stage["deployments"];
let home: Stage["home"];
let web: Stage["web"];
let named: Stage["named"];
let instances: Stage["instances"];
let objects: Stage["objects"];
let get: Stage["get"];
beforeAll(async () => {
  stage = await openStage();
  ({ platform, kube, runtime, deployments, home, web, named, instances, objects, get } = stage);
});
afterAll(() => stage?.close());

describe("objects", () => {
  it("are those of the inventory and how they are [platz.allK8sResources]", async () => {
    const list = await objects({});
    const row = await deployments.row(web.uuid);
    expect(list.map((one) => `${one.object?.kind} ${one.object?.name}`).sort()).toEqual(
      row.inventory.map(({ kind, name }) => `${kind} ${name}`).sort(),
    );
    expect(list.map((one) => one.health)).toEqual(list.map(() => DeploymentHealth.HEALTHY));
    const [workload] = await objects({ kind: "Deployment" });
    expect(workload).toMatchObject({
      object: { kind: "Deployment", name: `${web.objectName}-web`, group: "" },
      apiVersion: "apps/v1",
      namespace: home.name,
      message: "",
    });
    expect(await objects({ kind: "Pod" })).toEqual([]);
  });

  it("that were deleted on the target are listed as such", async () => {
    const service = { name: `${web.objectName}-web`, namespace: home.name };
    const services: ResourceType = { group: "", version: "v1", plural: "services", kind: "Service" };
    const before = await kube.get<KubeObject>(services, service);
    await kube.delete(services, service);
    expect(await objects({ kind: "Service" })).toMatchObject([
      { object: { name: service.name }, health: DeploymentHealth.UNHEALTHY, message: "it is not there" },
    ]);
    const { resourceVersion: _, uid: _uid, ...metadata } = before.metadata;
    await kube.create(services, { ...before, metadata: { ...metadata } });
    expect(await objects({ kind: "Service" })).toMatchObject([{ health: DeploymentHealth.HEALTHY }]);
  });

  it("are shown whole, as they are on the target [platz.getK8sResource]", async () => {
    const answer = await get(object("Deployment", `${web.objectName}-web`));
    expect(answer.object).toMatchObject({ health: DeploymentHealth.HEALTHY, apiVersion: "apps/v1" });
    expect(answer.content).toMatchObject({
      kind: "Deployment",
      metadata: { name: `${web.objectName}-web`, namespace: home.name },
      spec: { replicas: 2 },
      status: { readyReplicas: 2 },
    });
    expect(answer.content?.metadata).not.toHaveProperty("managedFields");
    // The group may be named, too.
    expect((await get(object("Deployment", `${web.objectName}-web`, "apps"))).content).toBeDefined();
    const [first] = await instances({ deployment: web.uuid });
    expect((await get(object("Pod", first?.name ?? ""))).content).toMatchObject({ status: { phase: "Running" } });
  });

  it("never show the values of configuration", async () => {
    const holders = (await objects({})).filter((one) => ["Secret", "ConfigMap"].includes(one.object?.kind ?? ""));
    expect(holders.length).toBeGreaterThan(1);
    for (const { object: reference } of holders) {
      const { content } = await get({ object: reference });
      expect(Object.values(content?.data ?? {}).every((value) => value === "")).toBe(true);
      const text = JSON.stringify(content);
      for (const value of ["hunter2", "hunter3"]) {
        expect(text).not.toContain(value);
        expect(text).not.toContain(Buffer.from(value).toString("base64"));
      }
    }
    const live = platform.kube.embedded.store.list({ group: "", resource: "secrets" }, { namespace: home.name });
    expect(JSON.stringify(live)).toContain(Buffer.from("hunter2").toString("base64"));
    expect(JSON.stringify(platform.lines)).not.toContain("hunter");
  });

  it("of others are nobody's", async () => {
    const other = await deployments.create(home);
    await deployments.done(other.task);
    expect(await codeOf(get(object("Deployment", `${other.objectName}-web`)))).toBe("NotFound");
    await kube.apply(secrets, { metadata: { name: "not-yours", namespace: home.name } });
    await kube.apply(configMaps, { metadata: { name: "not-yours", namespace: home.name } });
    for (const kind of ["Secret", "ConfigMap", "Thing"]) {
      expect(await codeOf(get(object(kind, "not-yours")))).toBe("NotFound");
    }
    expect(await codeOf(get({}))).toBe("InvalidArgument");
  });
});

describe("events", () => {
  it("are about the objects and pods of a deployment, the newest first", async () => {
    const { events } = await runtime.listEvents(named(), deployments.owner);
    expect(events.length).toBeGreaterThan(3);
    const times = events.map(({ lastAt }) => (lastAt === undefined ? 0 : timestampDate(lastAt).getTime()));
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    for (const { object: about } of events) expect(about?.name).toMatch(new RegExp(`^${web.objectName}`));
    expect(events.map(({ reason }) => reason)).toEqual(expect.arrayContaining(["ScalingReplicaSet", "Scheduled"]));
    const two = await runtime.listEvents(named({ limit: 2 }), deployments.owner);
    expect(two.events).toEqual(events.slice(0, 2));
  });

  it("of one object are asked for by its name", async () => {
    const [first] = await instances({ deployment: web.uuid });
    const { events } = await runtime.listEvents(named(object("Pod", first?.name ?? "")), deployments.owner);
    expect(events.length).toBeGreaterThan(0);
    expect(new Set(events.map((event) => event.object?.name))).toEqual(new Set([first?.name]));
    const none = await runtime.listEvents(named(object("Pod", "stray")), deployments.owner);
    expect(none.events).toEqual([]);
  });
});

describe("restarts of objects", () => {
  const restart = (request: object) => runtime.restartObject(named(request), deployments.owner);

  it("start the pods of one workload anew, and once for each key", async () => {
    const before = (await instances({ deployment: web.uuid })).map(({ name }) => name);
    const order = { ...object("Deployment", `${web.objectName}-worker`), options: { idempotencyKey: "again" } };
    const { task } = await restart(order);
    expect((await restart(order)).task?.uuid).toBe(task?.uuid);
    expect((await deployments.end(task)).state).toBe(TaskState.SUCCEEDED);
    const after = (await instances({ deployment: web.uuid })).filter(
      ({ state }) => state !== InstanceState.TERMINATING,
    );
    const stayed = after.filter(({ name }) => before.includes(name));
    expect(stayed.map(({ process }) => process)).toEqual(["web", "web"]);
  });

  it("are refused for what has no pods, or is not of the deployment", async () => {
    expect(await refusal(restart(object("Service", `${web.objectName}-web`)))).toMatchObject({
      code: "InvalidArgument",
      fields: ["object.kind"],
    });
    expect(await codeOf(restart(object("Deployment", "nobody")))).toBe("NotFound");
    const stale = { ...object("Deployment", `${web.objectName}-web`), options: { expectedVersion: 999n } };
    expect(await codeOf(restart(stale))).toBe("Aborted");
  });
});
