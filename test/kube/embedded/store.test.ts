import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { StoreEvent } from "../../../src/kube/embedded/types.js";
import { configMap, configMaps, linesOf, startKube, take, until, widgetDefinition, widgets } from "./support.js";

const resource = { group: "", resource: "configmaps" };
const ref = (name: string) => ({ ...resource, namespace: "default", name });
const named = (name: string) => ({ metadata: { name, namespace: "default" } });

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "embedded-kube-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe("the store in process", () => {
  test("hands out frozen objects, changes drafts, and tells every change once and in order", async () => {
    const kube = await startKube();
    const events: StoreEvent[] = [];
    const stop = kube.store.watch(resource, (event) => events.push(event));
    const created = await kube.store.create(resource, named("a"));
    expect(() => {
      created.metadata.name = "b";
    }).toThrow(TypeError);
    const changed = await kube.store.modify(ref("a"), (draft) => {
      draft.metadata.labels = { x: "y" };
    });
    const same = await kube.store.modify(ref("a"), () => undefined);
    expect(same).toBe(changed);
    await kube.store.delete(ref("a"));
    stop();
    await kube.store.create(resource, named("b"));
    expect(events.map(({ type }) => type)).toEqual(["ADDED", "MODIFIED", "DELETED"]);
    expect(events[1]?.previous).toBe(created);
    expect(kube.store.list(resource, { labelSelector: "!x" }).map(({ metadata }) => metadata.name)).toEqual(["b"]);
    await kube.close();
  });

  test("refuses stale updates, keeps the status apart, and answers undefined for what is not there", async () => {
    const kube = await startKube();
    await kube.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", { body: widgetDefinition });
    const kind = { group: "example.org", resource: "widgets" };
    const first = await kube.store.create(kind, { ...named("w"), spec: { size: 1 } });
    await kube.store.patchStatus({ ...kind, namespace: "default", name: "w" }, (draft) => {
      draft.status = { phase: "Up" };
      draft.spec = { size: 9 };
    });
    expect(kube.store.list(kind)).toMatchObject([{ spec: { size: 1 }, status: { phase: "Up" } }]);
    await expect(kube.store.update(kind, { ...first, spec: { size: 2 } })).rejects.toMatchObject({ code: 409 });
    await expect(kube.store.create(kind, named("w"))).rejects.toMatchObject({ reason: "AlreadyExists" });
    const lost = { metadata: { name: "w", namespace: "nowhere" } };
    await expect(kube.store.create(kind, lost)).rejects.toMatchObject({ code: 404 });
    expect(await kube.store.modify(ref("none"), () => undefined)).toBeUndefined();
    expect(await kube.store.delete(ref("none"))).toBeUndefined();
    await kube.close();
  });

  test("lets nobody in between of a change", async () => {
    const kube = await startKube({ directory });
    await kube.store.create(resource, { ...named("count"), data: { n: "0" } });
    const increment = () =>
      kube.store.modify(ref("count"), (draft) => {
        draft.data = { n: String(Number((draft.data as { n: string }).n) + 1) };
      });
    await Promise.all(Array.from({ length: 200 }, increment));
    expect(kube.store.get(ref("count"))?.data).toEqual({ n: "200" });
    await kube.close();
  });

  test("goes on when a listener throws", async () => {
    const faults: string[] = [];
    const log = { error: (_: object, message: string) => faults.push(message), warn: () => undefined };
    const kube = await startKube({ log });
    kube.store.watch(resource, () => {
      throw new Error("broken listener");
    });
    const seen: string[] = [];
    kube.store.watch(resource, ({ object }) => seen.push(object.metadata.name));
    await kube.store.create(resource, named("a"));
    expect(seen).toEqual(["a"]);
    expect(faults).toHaveLength(1);
    await kube.close();
  });
});

describe("a directory", () => {
  test("keeps objects, definitions, clusters and kubeconfigs over a restart", async () => {
    const first = await startKube({ directory });
    await first.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", { body: widgetDefinition });
    await first.send("POST", widgets, { body: { metadata: { name: "w" }, spec: { size: 1 } } });
    const kept = await first.send("POST", configMaps, { body: configMap("kept", { data: { a: "b" } }) });
    await first.send("POST", configMaps, { body: configMap("gone") });
    const last = await first.send("DELETE", `${configMaps}/gone`);
    expect(last.code).toBe(200);
    const second = await first.createCluster("second");
    await second.store.create(resource, named("inside"));
    const { yaml } = await first.kubeconfig({ user: "me", groups: ["system:masters"] });
    const { json: list } = await first.send("GET", configMaps);
    await first.close();

    const again = await startKube({ directory });
    expect((await again.send("GET", `${configMaps}/kept`)).json).toEqual(kept.json);
    expect((await again.send("GET", `${configMaps}/gone`)).code).toBe(404);
    expect((await again.send("GET", `${widgets}/w`)).json.spec).toEqual({ size: 1 });
    expect(again.cluster("second")?.store.get(ref("inside"))).toBeDefined();
    // The entry of the address differs, the certificates hold.
    expect((await again.send("GET", "/api/v1/nodes", { kubeconfig: yaml })).code).toBe(200);
    const { json: listed } = await again.send("GET", configMaps);
    expect(Number(listed.metadata.resourceVersion)).toBeGreaterThan(Number(list.metadata.resourceVersion));
    const from = `${configMaps}?watch=true&resourceVersion=${list.metadata.resourceVersion}`;
    const [event] = await take(linesOf(await again.open(from)), 1);
    expect(event).toMatchObject({ type: "ERROR", object: { code: 410 } });
    await again.deleteCluster("second");
    await again.close();

    const third = await startKube({ directory });
    expect(third.cluster("second")).toBeUndefined();
    const remade = await third.createCluster("second");
    expect(remade.store.get(ref("inside"))).toBeUndefined();
    await third.close();
  });

  test("has everything that a killed process has shown", async () => {
    const writer = fileURLToPath(new URL("writer.ts", import.meta.url));
    const child = spawn(process.execPath, ["--import", "tsx", writer, directory], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let shown = "";
    child.stdout.on("data", (chunk) => {
      shown += String(chunk);
    });
    await until(() => shown.split("\n").length > 300);
    child.kill("SIGKILL");
    await once(child, "close");
    const kube = await startKube({ directory });
    const names = shown.split("\n").slice(0, -1);
    const kept = new Set(kube.store.list(resource).map(({ metadata }) => metadata.name));
    expect(names.filter((name) => !kept.has(name))).toEqual([]);
    await kube.close();
  });

  test("never goes back in resourceVersion, even when the clock does", async () => {
    const first = await startKube({ directory });
    const { metadata } = await first.store.create(resource, named("a"));
    await first.close();
    const second = await startKube({ directory, clock: () => new Date(Date.now() - 3_600_000) });
    const later = await second.store.create(resource, named("b"));
    expect(Number(later.metadata.resourceVersion)).toBeGreaterThan(Number(metadata.resourceVersion));
    await second.close();
  });

  test("goes on with deletions that a restart interrupted", async () => {
    const first = await startKube({ directory });
    await first.store.create({ group: "", resource: "namespaces" }, { metadata: { name: "leaving" } });
    const inside = { ...resource, namespace: "leaving", name: "x" };
    await first.store.create(resource, { metadata: { name: "x", namespace: "leaving", finalizers: ["a.b/c"] } });
    await first.store.delete({ group: "", resource: "namespaces", name: "leaving" });
    await until(() => first.store.get(inside)?.metadata.deletionTimestamp !== undefined);
    await first.close();
    const second = await startKube({ directory });
    expect(second.store.get({ group: "", resource: "namespaces", name: "leaving" })).toBeDefined();
    await second.store.modify(inside, (draft) => {
      draft.metadata.finalizers = [];
    });
    await until(() => second.store.get({ group: "", resource: "namespaces", name: "leaving" }) === undefined);
    await second.close();
  });

  test("belongs to one process, keeps its key to its owner, and says what is wrong with it", async () => {
    const kube = await startKube({ directory });
    await expect(startKube({ directory })).rejects.toThrow(/another process uses the embedded Kubernetes data/);
    expect((await stat(join(directory, "authority.pem"))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(directory, "authority.pem"), "utf8")).toContain("PRIVATE KEY");
    await kube.close();
    await writeFile(join(directory, "authority.pem"), "nonsense");
    await expect(startKube({ directory })).rejects.toThrow(/does not hold a certificate and a key/);
  });

  test("a port that is taken is an error, and leaves nothing open", async () => {
    const kube = await startKube();
    const port = Number(new URL(kube.url).port);
    await expect(startKube({ directory, port })).rejects.toMatchObject({ code: "EADDRINUSE" });
    const other = await startKube({ directory });
    await other.close();
    await kube.close();
  });
});
