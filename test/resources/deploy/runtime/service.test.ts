import { timestampDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DeploymentHealth } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { InstanceState } from "../../../../gen/ts/deploy/v1/runtime_pb.js";
import type { KubeObject, ResourceType } from "../../../../src/kube/objects.js";
import { pods, workloadDeployments } from "../../../../src/resources/deploy/engine/kinds.js";
import { as } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { targetsOf } from "../target/targets.js";
import { chart, deploymentsOf, homeOn, image, podsOf } from "../works/site.js";
import { object, openStage, type Stage } from "./stage.js";

let stage: Stage;
let platform: Stage["platform"];
let kube: Stage["kube"];
let proxy: Stage["proxy"];
let runtime: Stage["runtime"];
let deployments: Stage["deployments"];
let home: Stage["home"];
let web: Stage["web"];
let named: Stage["named"];
let instances: Stage["instances"];
let get: Stage["get"];
beforeAll(async () => {
  stage = await openStage();
  ({ platform, kube, proxy, runtime, deployments, home, web, named, instances, get } = stage);
});
afterAll(() => stage?.close());

describe("instances", () => {
  it("are the pods of a deployment and how they are [deis.containers-list, platz.allK8sResources]", async () => {
    const list = await instances({ deployment: web.uuid });
    expect(list.map(({ process }) => process)).toEqual(["web", "web", "worker"]);
    const names = podsOf(platform.kube, web.objectName, home.name).map(({ metadata }) => metadata.name);
    expect(list.map(({ name }) => name).sort()).toEqual(names.sort());
    for (const instance of list) {
      expect(instance).toMatchObject({
        deployment: web.uuid,
        release: 1,
        state: InstanceState.READY,
        message: "",
        node: expect.stringMatching(/^host-\d$/),
        address: expect.stringMatching(/^\d+\.\d+\.\d+\.\d+$/),
        restarts: 0,
        containers: [instance.process],
      });
      expect(instance.createdAt && timestampDate(instance.createdAt).getTime()).toBeGreaterThan(0);
    }
  });

  it("are those of one process [deis.containers-list-by-type]", async () => {
    const list = await instances({ deployment: web.uuid, process: "worker" });
    expect(list.map(({ process }) => process)).toEqual(["worker"]);
    expect(await instances({ deployment: web.uuid, process: "nobody" })).toEqual([]);
  });

  it("are those on one node [tsuru.node-container-units, tsuru.app-node-units]", async () => {
    const all = await instances();
    const [{ node = "" } = {}] = all;
    const there = await instances({ node });
    expect(there.map(({ name }) => name)).toEqual(all.filter((one) => one.node === node).map(({ name }) => name));
    const ofOne = await instances({ node, deployment: web.uuid });
    expect(ofOne.every((one) => one.node === node && one.deployment === web.uuid)).toBe(true);
    expect(await instances({ node: "no-such-node" })).toEqual([]);
  });

  it("tell why one does not run", async () => {
    const broken = await deployments.create(home, {
      source: image("shop:1"),
      autoRollback: { timeoutSeconds: 5 },
    });
    await deployments.done(broken.task);
    const fault = { "simulator.slipway.dev/fault": "crash-loop" };
    await kube.mergePatch(
      workloadDeployments,
      { name: `${broken.objectName}-web`, namespace: home.name },
      { spec: { template: { metadata: { annotations: fault } } } },
    );
    await expect
      .poll(() => instances({ deployment: broken.uuid }), { timeout: 30_000 })
      .toContainEqual(
        expect.objectContaining({ state: InstanceState.FAILED, message: expect.stringContaining("CrashLoopBackOff") }),
      );
  });

  it("of a chart are found by the name of its instance", async () => {
    const made = await deployments.create(home, { source: chart("demo-web") });
    await deployments.done(made.task);
    const list = await instances({ deployment: made.uuid });
    expect(list).toMatchObject([{ deployment: made.uuid, process: "", release: 0, state: InstanceState.READY }]);
    const all = await instances({ environment: deployments.environment });
    expect(all.map(({ name }) => name)).toContain(list[0]?.name);
    const found = (await runtime.listObjects(named({ deployment: made.uuid }), deployments.owner)).objects;
    expect(found.map((one) => one.object?.kind)).toEqual(
      expect.arrayContaining(["Deployment", "HelmRelease", "HelmRepository", "Service"]),
    );
    const release = found.find((one) => one.object?.kind === "HelmRelease");
    expect(release).toMatchObject({ object: { group: "helm.toolkit.fluxcd.io" }, health: DeploymentHealth.HEALTHY });
    // What the chart made is its own, too; what is beside it is not.
    const own = object("Deployment", made.objectName);
    expect((await get({ deployment: made.uuid, ...own })).object?.health).toBe(DeploymentHealth.HEALTHY);
    expect(await codeOf(get({ deployment: made.uuid, ...object("Deployment", `${web.objectName}-web`) }))).toBe(
      "NotFound",
    );
    expect(await codeOf(get(own))).toBe("NotFound");
    const { events } = await runtime.listEvents(named({ deployment: made.uuid }), deployments.owner);
    expect(events.map((event) => event.object?.kind)).toContain("Pod");
  });
});

describe("evictions", () => {
  const evict = (instance: string, by = deployments.owner) => runtime.evictInstance(named({ instance }), by);

  it("move an instance elsewhere [tsuru.docker-container-move]", async () => {
    const [first] = await instances({ deployment: web.uuid, process: "worker" });
    await evict(first?.name ?? "");
    await expect
      .poll(
        async () =>
          (await instances({ deployment: web.uuid, process: "worker" })).map(({ name, state }) => [name, state]),
        {
          timeout: 30_000,
        },
      )
      .toEqual([[expect.not.stringMatching(first?.name ?? ""), InstanceState.READY]]);
    expect(await codeOf(evict(first?.name ?? ""))).toBe("NotFound");
  });

  it("clear a node of all instances [tsuru.docker-containers-move]", async () => {
    const [{ node = "" } = {}] = await instances({ deployment: web.uuid });
    const there = await instances({ deployment: web.uuid, node });
    for (const { name } of there) await evict(name);
    const gone = there.map(({ name }) => name);
    await expect
      .poll(async () => (await instances({ deployment: web.uuid })).map(({ name }) => name), { timeout: 30_000 })
      .not.toEqual(expect.arrayContaining([gone[0]]));
  });

  it("are refused by a disruption budget, which is named", async () => {
    const budgets: ResourceType = {
      group: "policy",
      version: "v1",
      plural: "poddisruptionbudgets",
      kind: "PodDisruptionBudget",
    };
    const at = { name: "all-of-it", namespace: home.name };
    const spec = { minAvailable: "100%", selector: { matchLabels: { "slipway.dev/deployment": web.uuid } } };
    await kube.apply(budgets, { metadata: at, spec } as KubeObject);
    await expect
      .poll(async () => (await kube.get<KubeObject & { status?: unknown }>(budgets, at)).status)
      .toMatchObject({ expectedPods: 3, disruptionsAllowed: 0 });
    const [first] = await instances({ deployment: web.uuid });
    expect(await refusal(evict(first?.name ?? ""))).toEqual({
      code: "FailedPrecondition",
      message: expect.stringMatching(
        /disruption budget all-of-it does not allow it: it needs 3 healthy pods and has \d/,
      ),
      fields: [],
    });
    await kube.delete(budgets, at);
  });

  it("are for those who may change the deployment, and of its own pods alone", async () => {
    const [first] = await instances({ deployment: web.uuid });
    expect(await codeOf(evict(first?.name ?? "", as(platform.tokens.viewer)))).toBe("PermissionDenied");
    const stray = {
      metadata: { name: "stray", namespace: home.name },
      spec: { containers: [{ name: "a", image: "a" }] },
    };
    await kube.apply(pods, stray);
    expect(await codeOf(evict("stray"))).toBe("NotFound");
  });
});

describe("who may look", () => {
  it("is who may look at the project, the environment or the deployment", async () => {
    const stranger = await platform.newTenant();
    const by = as(stranger.tokens.owner);
    expect(await codeOf(runtime.listInstances(named(), by))).toMatch(/^(NotFound|PermissionDenied)$/);
    const foreign = { project: stranger.project, deployment: web.uuid };
    const missing = { code: "NotFound" };
    expect(await refusal(runtime.listInstances(foreign, by))).toMatchObject(missing);
    expect(await refusal(runtime.listObjects(foreign, by))).toMatchObject(missing);
    expect(await refusal(runtime.listEvents(foreign, by))).toMatchObject(missing);
    expect(await refusal(runtime.getObject({ ...foreign, ...object("Pod", "a") }, by))).toMatchObject(missing);
    expect(await refusal(runtime.evictInstance({ ...foreign, instance: "a" }, by))).toMatchObject(missing);
    expect(await refusal(runtime.restartObject({ ...foreign, ...object("Deployment", "a") }, by))).toMatchObject(
      missing,
    );
    expect((await runtime.listInstances({ project: stranger.project }, by)).instances).toEqual([]);
    const elsewhere = (await deploymentsOf(platform, platform)).environment;
    expect(await codeOf(runtime.listObjects(named({ environment: elsewhere }), deployments.owner))).toBe("NotFound");
    expect(await instances({ environment: elsewhere })).toEqual([]);
  });
});

describe("a target that is away", () => {
  it("is named, and what runs elsewhere is listed", async () => {
    const near = (await targetsOf(platform, platform).foreign(platform.kube.kubeconfig)).uuid;
    await targetsOf(platform, platform).connected(near);
    const there = await homeOn(platform, platform, platform.kube.kubeconfig);
    const made = await deployments.create(there);
    await deployments.done(made.task);
    proxy.meddle((_, response) => Boolean(response.destroy()));
    const answer = await runtime.listInstances({ project: deployments.project }, deployments.owner);
    expect(answer.unreachableTargets).toEqual([home.target]);
    expect(new Set(answer.instances.map(({ deployment }) => deployment))).toEqual(new Set([made.uuid]));
    expect(await codeOf(runtime.listObjects(named(), deployments.owner))).toBe("Unavailable");
    expect(await codeOf(runtime.listEvents(named(), deployments.owner))).toBe("Unavailable");
    expect(await codeOf(get(object("Pod", "a")))).toBe("Unavailable");
    proxy.leave();
    expect((await runtime.listInstances(named(), deployments.owner)).unreachableTargets).toEqual([]);
  });
});
