import { PassThrough } from "node:stream";
import { KubeConfig, Log } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { until } from "../support.js";
import { eventually, type Json, paths, type Stage, startStage } from "./support.js";

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
    await eventually(async () =>
      expect((await log("writer", "?timestamps=true&tailLines=1")).text).toMatch(
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z running, line \d+\n$/,
      ),
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
    expect(out).toContain("40 120\r\n");
  });

  it("is refused by a container that does not run", async () => {
    await create("pending", { nodeSelector: { none: "such" } });
    await expect(stage.run("pending", ["true"])).resolves.toMatchObject({ code: Number.NaN });
  });
});
