import { PassThrough } from "node:stream";
import { KubeConfig, Log } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { until } from "../support.js";
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

describe("the log of a container", () => {
  beforeAll(async () => {
    const annotations = { "simulator.slipway.dev/log": "one\ntwo", "simulator.slipway.dev/log-every": "200ms" };
    await create("writer", {}, annotations);
    await reaches("writer", { phase: "Running" });
    await create("quiet", { container: { args: ["--serve"] } }, { "simulator.slipway.dev/log-every": "0" });
    await reaches("quiet", { phase: "Running" });
  });
  const log = (name: string, query = "") => stage.send("GET", `${at(name)}/log${query}`);

  it("begins with what was started, and with what it is told to write", async () => {
    expect((await log("quiet")).text).toBe("starting registry.example/app:1: --serve\n");
    expect((await log("writer")).text).toMatch(/^starting registry.example\/app:1\none\ntwo\n/);
    expect((await log("writer", "?timestamps=true&tailLines=1")).text).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z running, line \d+\n$/,
    );
  });

  it("is cut to the lines, the time and the bytes that are asked for", async () => {
    await eventually(async () => expect((await log("writer", "?tailLines=4")).text.split("\n")).toHaveLength(5));
    expect((await log("writer", "?limitBytes=12")).text).toBe("starting reg");
    expect((await log("writer", `?sinceTime=${new Date(Date.now() + 3_600_000).toISOString()}`)).text).toBe("");
    expect((await log("quiet", "?tailLines=0")).text).toBe("");
    expect((await log("quiet", "?sinceSeconds=3600")).text).toContain("starting");
    expect((await log("quiet", "?previous=true")).code).toBe(400);
    expect((await log("quiet", "?container=none")).code).toBe(400);
  });

  it("is followed until the container ends", async () => {
    const config = new KubeConfig();
    config.loadFromString(stage.adminKubeconfig);
    const sink = new PassThrough();
    let seen = "";
    let ended = false;
    sink.on("data", (chunk) => {
      seen += String(chunk);
    });
    sink.on("end", () => {
      ended = true;
    });
    await new Log(config).log("default", "writer", "main", sink, { follow: true, tailLines: 1 });
    await until(() => seen.split("\n").length > 4);
    const beats = [...seen.matchAll(/line (\d+)/g)].map(([, beat]) => Number(beat));
    expect(beats).toEqual(beats.map((_, index) => (beats[0] ?? 0) + index));
    await stage.remove(at("writer"));
    await until(() => ended);
  });
});

describe("a command in a container", () => {
  beforeAll(async () => {
    await stage.create(paths.configMaps, { metadata: { name: "files" }, data: { "app.conf": "port = 80\n" } });
    const volumes = [{ name: "conf", configMap: { name: "files" } }];
    const container = {
      env: [{ name: "NAME", value: "value" }],
      volumeMounts: [{ name: "conf", mountPath: "/etc/app" }],
    };
    await create("shell", { volumes, container });
    await reaches("shell", { phase: "Running" });
  });

  it("writes, reads and ends as a small shell does", async () => {
    const run = (...command: string[]) => stage.run("shell", command);
    expect(await run("echo", "a", "b")).toEqual({ code: 0, out: "a b\n", err: "" });
    expect((await run("env")).out).toContain("NAME=value\n");
    expect(await run("cat", "/etc/app/app.conf")).toMatchObject({ code: 0, out: "port = 80\n" });
    expect(await run("cat", "/nowhere")).toMatchObject({ code: 1, err: expect.stringContaining("No such file") });
    expect((await run("hostname")).out).toBe("shell\n");
    expect((await run("id")).out).toBe("uid=0(root) gid=0(root) groups=0(root)\n");
    expect((await run("date")).out).toMatch(/UTC\n$/);
    expect((await run("true")).code).toBe(0);
    expect((await run("false")).code).toBe(1);
    expect(await run("nginx", "-t")).toMatchObject({ code: 127, err: "sh: nginx: not found\n" });
    expect((await run("sh", "-c", "echo $NAME && false || exit 7; echo never")).code).toBe(7);
    expect((await run("sh", "-c", "sleep 0.01; echo 'it is $NAME' \"$NAME\"")).out).toBe("it is $NAME value\n");
    expect((await stage.run("shell", ["cat"], "typed")).out).toBe("typed");
    expect(await stage.run("shell", ["sh"], "echo first\nexit 4\n")).toMatchObject({ code: 4, out: "first\n" });
  });

  it("knows the size of its terminal", async () => {
    const config = new KubeConfig();
    config.loadFromString(stage.adminKubeconfig);
    const user = config.getCurrentUser();
    const decoded = (data: string | undefined) => Buffer.from(data ?? "", "base64");
    const query = "command=sh&stdin=true&stdout=true&tty=true";
    const socket = new WebSocket(
      `${stage.url.replace("https", "wss")}${at("shell")}/exec?${query}`,
      ["v5.channel.k8s.io"],
      {
        ca: decoded(config.getCurrentCluster()?.caData),
        cert: decoded(user?.certData),
        key: decoded(user?.keyData),
      },
    );
    let out = "";
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.on("message", (data: Buffer) => {
      if (data[0] === 1) out += data.subarray(1).toString();
    });
    await new Promise((resolve) => socket.on("open", resolve));
    socket.send(Buffer.concat([Buffer.from([4]), Buffer.from('{"Width":120,"Height":40}')]));
    socket.send(Buffer.concat([Buffer.from([0]), Buffer.from("stty size\n")]));
    socket.send(Buffer.from([255, 0]));
    await closed;
    expect(out).toBe("40 120\r\n");
  });

  it("is refused by a container that does not run", async () => {
    await create("pending", { nodeSelector: { none: "such" } });
    await expect(stage.run("pending", ["true"])).resolves.toMatchObject({ code: Number.NaN });
  });
});
