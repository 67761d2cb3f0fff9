import { once } from "node:events";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { CoreV1Api, CustomObjectsApi, Exec, KubeConfig, Log, type V1Status } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ApiExtension } from "../../../src/kube/embedded/extension.js";
import { forbidden } from "../../../src/kube/embedded/status-error.js";
import { startKube, statusOf, type TestKube, until } from "./support.js";

const fruit = {
  group: "fruit.example.org",
  version: "v1",
  resource: "apples",
  kind: "Apple",
  namespaced: true,
} as const;

/** One resource with rules and a subresource, and pods that echo. */
const extension: ApiExtension = {
  resources: [
    {
      ...fruit,
      status: true,
      subresources: {
        access: {
          group: "fruit.example.org",
          version: "v1",
          kind: "AccessRequest",
          async create({ object, kubeconfig, user }) {
            const { yaml } = await kubeconfig({ user: user.name, groups: ["cluster:orchard"], cluster: "orchard" });
            return { kind: "AccessRequest", status: { kubeconfig: yaml, of: object.metadata.name } };
          },
        },
      },
    },
  ],
  admit({ operation, type, object, previous }) {
    if (type.resource !== fruit.resource) return;
    const { annotations = {} } = object.metadata;
    if (operation === "delete" && annotations.confirmed !== "true") {
      throw forbidden(type, object.metadata.name, "annotation confirmed=true is missing");
    }
    if (operation === "create") object.spec = { colour: "green", ...object.spec };
    if (operation === "update" && annotations.operation === "polish") {
      delete annotations.operation;
      object.metadata.generation = (previous?.metadata.generation ?? 0) + 1;
    }
  },
  appliesTo: () => true,
  pods: {
    async *logs(pod, { tailLines, follow, signal }) {
      const lines = ["one\n", "two\n", "three\n"].slice(-(tailLines ?? 3));
      yield* lines;
      if (!follow) return;
      yield `following ${pod.metadata.name}\n`;
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
    async exec(_, { command, stdin }, streams) {
      if (command[0] === "fail") return 7;
      if (command[0] === "linger") {
        streams.stdout.write("here\n");
        await new Promise((resolve) => streams.signal.addEventListener("abort", resolve, { once: true }));
        streams.stdout.write("too late\n");
        lingered = streams.stdin.read() === null;
        return 0;
      }
      streams.stdout.write(`${command.join(" ")}\n`);
      streams.stderr.write("warning\n");
      if (stdin) streams.stdout.write((await text(streams.stdin)).toUpperCase());
      return 0;
    },
  },
};

let lingered = false;
let kube: TestKube;
let config: KubeConfig;

beforeAll(async () => {
  kube = await startKube({ extensions: [extension] });
  await kube.createCluster("orchard");
  config = new KubeConfig();
  config.loadFromString(kube.adminKubeconfig);
});
afterAll(() => kube.close());

const namespace = "default";

describe("an extension", () => {
  const { group, version, resource: plural } = fruit;
  const at = { group, version, namespace, plural };

  test("fills, refuses and counts in the request path", async () => {
    const custom = config.makeApiClient(CustomObjectsApi);
    const made = await custom.createNamespacedCustomObject({ ...at, body: { metadata: { name: "a" } } });
    expect(made).toMatchObject({ spec: { colour: "green" }, metadata: { generation: 1 } });
    expect(await statusOf(custom.deleteNamespacedCustomObject({ ...at, name: "a" }))).toMatchObject({
      code: 403,
      message: 'apples.fruit.example.org "a" is forbidden: annotation confirmed=true is missing',
    });
    const type = "application/merge-patch+json";
    const path = `/apis/${group}/${version}/namespaces/${namespace}/${plural}/a`;
    const annotations = { operation: "polish", confirmed: "true" };
    const polished = await kube.send("PATCH", path, { body: { metadata: { annotations } }, type });
    expect(polished.json.metadata).toMatchObject({ generation: 2, annotations: { confirmed: "true" } });
    expect(polished.json.metadata.annotations.operation).toBeUndefined();
    await custom.deleteNamespacedCustomObject({ ...at, name: "a" });
  });

  test("answers its subresource with a kubeconfig that works for its cluster", async () => {
    const custom = config.makeApiClient(CustomObjectsApi);
    await custom.createNamespacedCustomObject({ ...at, body: { metadata: { name: "gate" } } });
    const path = `/apis/${group}/${version}/namespaces/${namespace}/${plural}`;
    const answer = await kube.send("POST", `${path}/gate/access`, { body: {} });
    expect(answer.code).toBe(201);
    expect(answer.json.status.of).toBe("gate");
    const orchard = new KubeConfig();
    orchard.loadFromString(answer.json.status.kubeconfig);
    const core = orchard.makeApiClient(CoreV1Api);
    await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: "inside" } } });
    const list = await core.listNamespacedConfigMap({ namespace });
    expect(list.items.map(({ metadata }) => metadata?.name)).toEqual(["inside"]);
    expect((await kube.send("POST", `${path}/none/access`, { body: {} })).code).toBe(404);
    expect((await kube.send("GET", `${path}/gate/access`)).code).toBe(405);
    expect((await kube.send("POST", `${path}/gate/toString`, { body: {} })).code).toBe(404);
    const discovery = await kube.send("GET", `/apis/${group}/${version}`);
    expect(discovery.json.resources).toContainEqual(
      expect.objectContaining({ name: "apples/access", kind: "AccessRequest", verbs: ["create"] }),
    );
  });
});

describe("pods", () => {
  beforeAll(async () => {
    const core = config.makeApiClient(CoreV1Api);
    const containers = [{ name: "main", image: "x" }];
    await core.createNamespacedPod({ namespace, body: { metadata: { name: "p" }, spec: { containers } } });
    const two = [...containers, { name: "side", image: "y" }];
    await core.createNamespacedPod({ namespace, body: { metadata: { name: "pair" }, spec: { containers: two } } });
  });
  const logs = "/api/v1/namespaces/default/pods/p/log";

  test("show their logs, and follow them until the reader leaves", async () => {
    expect((await kube.send("GET", logs)).text).toBe("one\ntwo\nthree\n");
    expect((await kube.send("GET", `${logs}?tailLines=1`)).text).toBe("three\n");
    const sink = new PassThrough();
    const running = await new Log(config).log(namespace, "p", "main", sink, { follow: true });
    let seen = "";
    sink.on("data", (chunk) => {
      seen += String(chunk);
    });
    await until(() => seen.endsWith("following p\n"));
    running.abort();
    expect((await kube.send("GET", `${logs}?container=none`)).code).toBe(400);
    expect((await kube.send("GET", logs.replace("/p/", "/pair/"))).json.message).toContain(
      "choose one of: [main side]",
    );
    expect((await kube.send("GET", logs.replace("/p/", "/none/"))).code).toBe(404);
  });

  test("run commands with stdin, stdout, stderr and an exit code", async () => {
    const run = async (command: string[], input?: string) => {
      const stdout = new PassThrough();
      const stderr = new PassThrough();
      const stdin = input === undefined ? null : new PassThrough().end(input);
      const status = await new Promise<V1Status>((resolve, reject) => {
        new Exec(config).exec(namespace, "p", "main", command, stdout, stderr, stdin, false, resolve).catch(reject);
      });
      return { status, out: String(stdout.read() ?? ""), err: String(stderr.read() ?? "") };
    };
    expect(await run(["echo", "hi"])).toMatchObject({
      status: { status: "Success" },
      out: "echo hi\n",
      err: "warning\n",
    });
    expect((await run(["fail"])).status).toMatchObject({
      status: "Failure",
      reason: "NonZeroExitCode",
      details: { causes: [{ reason: "ExitCode", message: "7" }] },
    });
    expect((await run(["cat"], "abc")).out).toBe("cat\nABC");
  });

  test("outlive a caller who leaves in the middle", async () => {
    const stdout = new PassThrough();
    const socket = await new Exec(config).exec(namespace, "p", "main", ["linger"], stdout, stdout, null, false);
    await once(stdout, "data");
    socket.close();
    await until(() => lingered);
    expect((await kube.send("GET", "/readyz")).code).toBe(200);
  });

  test("without handlers have empty logs and refuse to run anything", async () => {
    const bare = await startKube();
    const own = new KubeConfig();
    own.loadFromString(bare.adminKubeconfig);
    const containers = [{ name: "main", image: "x" }];
    await own.makeApiClient(CoreV1Api).createNamespacedPod({
      namespace,
      body: { metadata: { name: "p" }, spec: { containers } },
    });
    expect(await bare.send("GET", logs)).toMatchObject({ code: 200, text: "" });
    const status = await new Promise<V1Status>((resolve, reject) => {
      const sink = new PassThrough();
      new Exec(own).exec(namespace, "p", "main", ["ls"], sink, sink, null, false, resolve).catch(reject);
    });
    expect(status).toMatchObject({ status: "Failure", code: 501, reason: "NotImplemented" });
    const plain = await bare.send("GET", "/api/v1/namespaces/default/pods/p/exec?command=ls", {
      headers: { connection: "upgrade", upgrade: "SPDY/3.1" },
    });
    expect(plain.json).toMatchObject({ code: 400, message: expect.stringContaining("v5.channel.k8s.io") });
    await bare.close();
  });
});
