import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { conditionOf, eventually, type Json, paths, putNode, type Stage, startStage } from "./support.js";

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.close());

const at = (name: string) => `${paths.pods}/${name}`;
const create = (name: string, spec: Json = {}, annotations: Record<string, string> = {}) => {
  const { image = "registry.example/app:1", container = {}, ...rest } = spec;
  return stage.create(paths.pods, {
    metadata: { name, annotations },
    spec: { containers: [{ name: "main", image, ...container }], ...rest },
  });
};
const reaches = (name: string, status: object) =>
  eventually(async () => {
    const pod = await stage.get(at(name));
    expect(pod.status).toMatchObject(status);
    return pod;
  });
const eventsOf = async (name: string): Promise<Json[]> =>
  (await stage.list(paths.events)).filter((one) => one.involvedObject.name === name);
const waiting = (reason: string) => ({ containerStatuses: [{ state: { waiting: { reason } }, ready: false }] });

describe("the life of a pod", () => {
  it("goes from Pending to Running, with addresses and conditions", async () => {
    const made = await create("life");
    expect(made.status.phase).toBe("Pending");
    const pod = await reaches("life", { phase: "Running", containerStatuses: [{ started: true, ready: true }] });
    expect(pod.status.podIP).toMatch(/^10\.244\.\d+\.\d+$/);
    for (const type of ["PodScheduled", "Initialized", "ContainersReady", "Ready"]) {
      expect(conditionOf(pod, type).status).toBe("True");
    }
    expect(pod.status.containerStatuses[0].state.running.startedAt).toMatch(/Z$/);
  });

  it("is pending with a reason until a node suits it", async () => {
    await create("picky", { nodeSelector: { disk: "ssd" } });
    const pod = await reaches("picky", { phase: "Pending", conditions: [{ type: "PodScheduled", status: "False" }] });
    expect(conditionOf(pod, "PodScheduled")).toMatchObject({
      reason: "Unschedulable",
      message: "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
    });
    expect(await eventsOf("picky")).toMatchObject([{ type: "Warning", reason: "FailedScheduling" }]);
    await stage.patch(`${paths.nodes}/node-1`, { metadata: { labels: { disk: "ssd" } } });
    expect((await reaches("picky", { phase: "Running" })).spec.nodeName).toBe("node-1");
  });

  it("does not fit where there is no room, and comes in when there is", async () => {
    await putNode(stage, "tiny", { cpu: "1", memory: "1Gi" });
    const asks = (cpu: string) => ({ resources: { requests: { cpu } } });
    const here = { nodeSelector: { "kubernetes.io/hostname": "tiny" } };
    await create("large", { ...here, container: asks("800m") });
    await reaches("large", { phase: "Running" });
    await create("second", { ...here, container: asks("0.3") });
    await eventually(async () => {
      const pod = await stage.get(at("second"));
      expect(conditionOf(pod, "PodScheduled").message).toContain("1 Insufficient cpu");
    });
    await stage.remove(at("large"));
    await reaches("second", { phase: "Running" });
  });

  it("respects taints and nodes that take no pods", async () => {
    await putNode(stage, "special");
    const taints = [{ key: "gpu", value: "yes", effect: "NoSchedule" }];
    await stage.patch(`${paths.nodes}/special`, { spec: { taints }, metadata: { labels: { gpu: "yes" } } });
    await create("plain", { nodeSelector: { gpu: "yes" } });
    await eventually(async () => {
      const pod = await stage.get(at("plain"));
      expect(conditionOf(pod, "PodScheduled")?.message).toContain("untolerated taint {gpu: yes}");
    });
    await create("tolerant", {
      nodeSelector: { gpu: "yes" },
      tolerations: [{ key: "gpu", operator: "Exists" }],
    });
    await reaches("tolerant", { phase: "Running" });
    await stage.remove(at("plain"));
  });

  it("is prepared by its init containers one after the other", async () => {
    const step = (name: string) => ({ name, image: "registry.example/init:1" });
    await create("prepared", { initContainers: [step("one"), step("two")] });
    const pod = await reaches("prepared", { phase: "Running" });
    const ended = pod.status.initContainerStatuses.map(({ state }: Json) => state.terminated.exitCode);
    expect(ended).toEqual([0, 0]);
    await create("unprepared", { initContainers: [{ ...step("one"), command: ["false"] }] });
    await reaches("unprepared", {
      phase: "Pending",
      initContainerStatuses: [{ state: { waiting: { reason: "CrashLoopBackOff" } } }],
    });
    await stage.remove(at("unprepared"));
  });

  it("waits for the ConfigMap and the Secret that it needs", async () => {
    const env = [
      { name: "COLOUR", valueFrom: { configMapKeyRef: { name: "settings", key: "colour" } } },
      { name: "WHERE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
      { name: "BOTH", value: "$(COLOUR)-$(WHERE)" },
    ];
    await create("needy", { container: { env, envFrom: [{ secretRef: { name: "keys" }, prefix: "K_" }] } });
    const pod = await reaches("needy", waiting("CreateContainerConfigError"));
    expect(pod.status.containerStatuses[0].state.waiting.message).toBe('secret "keys" not found');
    await stage.create(paths.secrets, { metadata: { name: "keys" }, stringData: { token: "s3cret" } });
    await eventually(async () => {
      const { waiting: now } = (await stage.get(at("needy"))).status.containerStatuses[0].state;
      expect(now.message).toBe('configmap "settings" not found');
    });
    await stage.create(paths.configMaps, { metadata: { name: "settings" }, data: { colour: "green" } });
    const running = await reaches("needy", { phase: "Running" });
    const { out } = await stage.run("needy", ["sh", "-c", 'echo "$K_token $BOTH"']);
    expect(out).toBe(`s3cret green-${running.spec.nodeName}\n`);
  });

  it("is deleted after its containers have ended, within their grace", async () => {
    await create("slow", { terminationGracePeriodSeconds: 40 }, { "simulator.slipway.dev/stop-after": "1h" });
    await reaches("slow", { phase: "Running" });
    await stage.remove(at("slow"));
    expect((await stage.get(at("slow"))).metadata.deletionTimestamp).toBeDefined();
    await eventually(async () => expect((await stage.send("GET", at("slow"))).code).toBe(404));
    expect((await eventsOf("slow")).map(({ reason }) => reason)).toContain("Killing");
  });

  it("is over when its containers end and are not started again", async () => {
    await create("done", { restartPolicy: "Never", container: { command: ["sh", "-c", "sleep 2; echo bye; exit 0"] } });
    await reaches("done", {
      phase: "Succeeded",
      containerStatuses: [{ state: { terminated: { exitCode: 0, reason: "Completed" } } }],
    });
    await create("failed", { restartPolicy: "Never", container: { command: ["sh", "-c", "exit 3"] } });
    await reaches("failed", {
      phase: "Failed",
      containerStatuses: [{ state: { terminated: { exitCode: 3, reason: "Error" } } }],
    });
    expect((await stage.send("GET", `${at("done")}/log`)).text).toContain("bye\n");
  });
});

describe("pods that fail on demand", () => {
  it("cannot pull their image, and tell so again and again", async () => {
    await create("unpulled", { image: "registry.example/pull-error@sha256:abc" });
    await reaches("unpulled", { phase: "Pending", ...waiting("ImagePullBackOff") });
    await eventually(async () => {
      const failed = (await eventsOf("unpulled")).find(({ message }) => message === "Error: ErrImagePull");
      expect(failed.count).toBeGreaterThan(1);
    });
    const refused = await stage.send("GET", `${at("unpulled")}/log`);
    expect(refused.code).toBe(400);
    expect(refused.json.message).toContain("trying and failing to pull image");
  });

  it("crash, with waits that grow", async () => {
    await create("crashing", { image: "registry.example/app:crash-loop" }, { "simulator.slipway.dev/exit-code": "42" });
    const pod = await eventually(async () => {
      const found = await reaches("crashing", { phase: "Running", ...waiting("CrashLoopBackOff") });
      expect(found.status.containerStatuses[0].restartCount).toBeGreaterThanOrEqual(3);
      return found;
    });
    const [status] = pod.status.containerStatuses;
    expect(status.lastState.terminated).toMatchObject({ exitCode: 42, reason: "Error" });
    const seconds = 10 * 2 ** (status.restartCount - 1);
    expect(status.state.waiting.message).toMatch(new RegExp(`^back-off ${seconds}s restarting failed container=main`));
    expect((await eventsOf("crashing")).map(({ reason }) => reason)).toContain("BackOff");
    expect((await stage.send("GET", `${at("crashing")}/log?previous=true`)).text).toContain("ended with exit code 42");
    await stage.remove(at("crashing"));
  });

  it("never become ready, or late", async () => {
    await create("never", {}, { "simulator.slipway.dev/fault": "never-ready" });
    const pod = await reaches("never", { phase: "Running", containerStatuses: [{ started: true, ready: false }] });
    expect(conditionOf(pod, "Ready")).toMatchObject({ status: "False", reason: "ContainersNotReady" });
    await create("slowly", {}, { "simulator.slipway.dev/fault": "slow-start" });
    await reaches("slowly", { phase: "Running", containerStatuses: [{ ready: true }] });
  });

  it("are taken from a node that is lost, and run on it again when it is back", async () => {
    const own = await startStage({ nodes: 2 });
    const spec = { nodeName: "node-0", containers: [{ name: "main", image: "a" }] };
    await own.create(paths.pods, { metadata: { name: "stuck" }, spec });
    const ready = async (status: string) =>
      expect(conditionOf(await own.get(at("stuck")), "Ready")?.status).toBe(status);
    await eventually(() => ready("True"));
    const fault = (value: string | null) =>
      own.patch(`${paths.nodes}/node-0`, { metadata: { annotations: { "simulator.slipway.dev/fault": value } } });
    await fault("node-lost");
    await eventually(() => ready("False"));
    const node = await own.get(`${paths.nodes}/node-0`);
    expect(conditionOf(node, "Ready")).toMatchObject({ status: "Unknown", reason: "NodeStatusUnknown" });
    expect(node.spec.taints).toMatchObject([{ key: "node.kubernetes.io/unreachable" }, { effect: "NoExecute" }]);
    await fault(null);
    await eventually(() => ready("True"));
    expect((await own.get(`${paths.nodes}/node-0`)).spec.taints).toBeUndefined();
    await fault("node-lost");
    await eventually(async () => expect((await own.get(at("stuck"))).metadata.deletionTimestamp).toBeDefined());
    await own.remove(`${paths.nodes}/node-0`);
    await eventually(async () => expect((await own.send("GET", at("stuck"))).code).toBe(404));
    await own.close();
  });
});
