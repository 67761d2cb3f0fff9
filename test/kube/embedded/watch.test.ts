import { connect } from "node:tls";
import { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { historyLength } from "../../../src/kube/embedded/collection.js";
import { configMap, configMaps, linesOf, startKube, type TestKube, take, until } from "./support.js";

let kube: TestKube;

beforeAll(async () => {
  kube = await startKube();
});
afterAll(() => kube.close());

const resource = { group: "", resource: "configmaps" };

async function namespace(name: string): Promise<string> {
  await kube.send("POST", "/api/v1/namespaces", { body: { metadata: { name } } });
  return `/api/v1/namespaces/${name}/configmaps`;
}

const brief = (event: { type: string; object: { metadata: { name: string } } }) =>
  `${event.type} ${event.object.metadata.name}`;

describe("a watch", () => {
  test("begins with what there is, and goes on with what changes", async () => {
    const path = await namespace("w1");
    await kube.send("POST", path, { body: configMap("a") });
    const lines = linesOf(await kube.open(`${path}?watch=true`));
    expect((await take(lines, 1)).map(brief)).toEqual(["ADDED a"]);
    await kube.send("POST", path, { body: configMap("b") });
    const type = "application/merge-patch+json";
    await kube.send("PATCH", `${path}/a`, { body: { data: { x: "1" } }, type });
    await kube.send("DELETE", `${path}/b`);
    const events = await take(lines, 3);
    expect(events.map(brief)).toEqual(["ADDED b", "MODIFIED a", "DELETED b"]);
    const versions = events.map((event) => Number(event.object.metadata.resourceVersion));
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    expect(events[1].object).toMatchObject({ apiVersion: "v1", kind: "ConfigMap", data: { x: "1" } });
  });

  test("resumes after a resourceVersion without losing or repeating anything", async () => {
    const path = await namespace("w2");
    const { json } = await kube.send("GET", path);
    await kube.send("POST", path, { body: configMap("a") });
    const second = await kube.send("POST", path, { body: configMap("b") });
    const from = (version: string) => `${path}?watch=1&timeoutSeconds=1&resourceVersion=${version}`;
    const all = [];
    for await (const event of linesOf(await kube.open(from(json.metadata.resourceVersion)))) all.push(brief(event));
    expect(all).toEqual(["ADDED a", "ADDED b"]);
    const none = [];
    for await (const event of linesOf(await kube.open(from(second.json.metadata.resourceVersion)))) none.push(event);
    expect(none).toEqual([]);
  });

  test("tells when an object enters and leaves the selector", async () => {
    const path = await namespace("w3");
    const lines = linesOf(await kube.open(`${path}?watch=true&labelSelector=tier%3Dweb`));
    await kube.send("POST", path, { body: configMap("a") });
    const label = (tier: string | null) =>
      kube.send("PATCH", `${path}/a`, {
        body: { metadata: { labels: { tier } } },
        type: "application/merge-patch+json",
      });
    await label("web");
    await kube.send("PATCH", `${path}/a`, { body: { data: { x: "1" } }, type: "application/merge-patch+json" });
    const left = await label("db");
    await kube.send("DELETE", `${path}/a`);
    await kube.send("POST", path, { body: { metadata: { name: "z", labels: { tier: "web" } } } });
    const events = await take(lines, 4);
    expect(events.map(brief)).toEqual(["ADDED a", "MODIFIED a", "DELETED a", "ADDED z"]);
    expect(events[2].object.metadata.labels).toEqual({ tier: "web" });
    expect(events[2].object.metadata.resourceVersion).toBe(left.json.metadata.resourceVersion);
  });

  test("marks the end of the initial events, and where it stands when it ends", async () => {
    const path = await namespace("w4");
    await kube.send("POST", path, { body: configMap("a") });
    const query =
      "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1";
    const events = [];
    for await (const event of linesOf(await kube.open(`${path}?${query}`))) events.push(event);
    expect(events.map((event) => event.type)).toEqual(["ADDED", "BOOKMARK", "BOOKMARK"]);
    expect(events[1].object.metadata.annotations).toEqual({ "k8s.io/initial-events-end": "true" });
    expect(events[2].object).toMatchObject({ kind: "ConfigMap", apiVersion: "v1" });
    const wrong = await kube.send("GET", `${path}?watch=true&sendInitialEvents=true`);
    expect(wrong.json).toMatchObject({ code: 422, reason: "Invalid" });
  });

  test("answers 410 when the history is gone", async () => {
    const path = await namespace("w5");
    const { json: before } = await kube.send("GET", path);
    const [old] = await take(linesOf(await kube.open(`${path}?watch=true&resourceVersion=1`)), 1);
    expect(old).toMatchObject({ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired" } });
    const ref = { ...resource, namespace: "w5", name: "busy" };
    await kube.store.create(resource, { metadata: { name: "busy", namespace: "w5" } });
    for (let round = 0; round < historyLength * 2; round += 1) {
      await kube.store.modify(ref, (draft) => {
        draft.data = { round: String(round) };
      });
    }
    const from = `${path}?watch=true&resourceVersion=${before.metadata.resourceVersion}`;
    const [event] = await take(linesOf(await kube.open(from)), 1);
    expect(event.object.code).toBe(410);
  });

  test("sends tables and metadata to those who ask", async () => {
    const path = await namespace("w6");
    await kube.send("POST", path, { body: configMap("a", { data: { x: "1" } }) });
    await kube.send("POST", path, { body: configMap("b") });
    const table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    const [first, second] = await take(linesOf(await kube.open(`${path}?watch=true`, { accept: table })), 2);
    expect(first.object).toMatchObject({ kind: "Table", rows: [{ cells: ["a", 1, expect.any(String)] }] });
    expect(first.object.columnDefinitions).toHaveLength(3);
    expect(second.object.columnDefinitions).toBeNull();
    const partial = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
    const [metadata] = await take(linesOf(await kube.open(`${path}?watch=true`, { accept: partial })), 1);
    expect(metadata.object.kind).toBe("PartialObjectMetadata");
    expect(metadata.object.data).toBeUndefined();
  });

  test("is cut off when nobody reads it, and its memory with it", async () => {
    await namespace("w7");
    const config = new KubeConfig();
    config.loadFromString(kube.adminKubeconfig);
    const user = config.getCurrentUser();
    const decoded = (data: string | undefined) => Buffer.from(data ?? "", "base64");
    const url = new URL(kube.url);
    const socket = connect({
      host: url.hostname,
      port: Number(url.port),
      ca: decoded(config.getCurrentCluster()?.caData),
      cert: decoded(user?.certData),
      key: decoded(user?.keyData),
    });
    socket.write("GET /api/v1/namespaces/w7/configmaps?watch=true HTTP/1.1\r\nHost: x\r\n\r\n");
    await new Promise((resolve) => socket.once("data", resolve));
    socket.pause();
    let closed = false;
    socket.on("close", () => {
      closed = true;
    });
    socket.on("error", () => undefined);
    const ref = { ...resource, namespace: "w7", name: "large" };
    await kube.store.create(resource, { metadata: { name: "large", namespace: "w7" } });
    for (let round = 0; round < 60; round += 1) {
      await kube.store.modify(ref, (draft) => {
        draft.data = { round: String(round), filling: "x".repeat(500_000) };
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.resume();
    await until(() => closed);
  });

  test("ends when the server closes", async () => {
    const own = await startKube();
    const response = await own.open(`${configMaps}?watch=true`);
    const ended = (async () => {
      for await (const _ of linesOf(response));
    })();
    await own.close();
    await ended;
  });
});
