import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { openKube } from "../../../src/kube/client.js";
import { parseFault } from "../../../src/kube/embedded/gardener/faults.js";
import { gardenerBackend } from "../../../src/resources/api/cluster/gardener.js";
import { shootOf } from "../../../src/resources/api/cluster/gardener-shoot.js";
import { type Shoot, shoots } from "../../../src/resources/api/cluster/gardener-types.js";
import type { ClusterObservation, ClusterSpec } from "../../../src/resources/api/cluster/kube.js";
import { openStub, sendJson, sendStatus } from "../stub-server.js";
import {
  clusterSpec,
  type Garden,
  getShoot,
  healthy,
  log,
  namespace,
  observed,
  partition,
  recorded,
  settings,
  signal,
  startGarden,
  temporaryDirectory,
  until,
} from "./garden.js";

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

describe("a step that fails", () => {
  let garden: Garden;
  beforeAll(async () => {
    garden = await startGarden();
    // Makes the project.
    await garden.backend.apply(clusterSpec("first"), signal);
  });
  afterAll(() => garden.close());

  const fail = (spec: ClusterSpec, fault: string) =>
    garden.client.mergePatch(
      shoots,
      { name: spec.name, namespace },
      { metadata: { annotations: { "simulator.slipway.dev/fail": fault } } },
    );

  /** Applies a cluster that has the fault from the beginning. */
  const applyFailing = async (spec: ClusterSpec, fault: string) => {
    const { metadata, ...shoot } = shootOf(spec, namespace, settings, undefined);
    const annotations = { ...metadata.annotations, "simulator.slipway.dev/fail": fault };
    await garden.client.create<Shoot>(shoots, { ...shoot, metadata: { ...metadata, annotations } });
  };

  test("is tried again, with its error in the status until the operation succeeds", async () => {
    const spec = clusterSpec("again");
    const { seen } = await recorded(garden, async () => {
      await applyFailing(spec, "workers:ERR_INFRA_QUOTA_EXCEEDED:2");
      await observed(garden, spec, healthy);
    });
    const errors = seen.filter(({ state }) => state === "Error");
    expect(new Set(errors.map(({ id }) => id))).toEqual(new Set([spec.id]));
    expect(errors).toHaveLength(2);
    expect(errors[0]).toMatchObject({
      type: "Create",
      progress: 62,
      lastErrors: [{ taskId: "workers", codes: ["ERR_INFRA_QUOTA_EXCEEDED"], description: expect.any(String) }],
    });
    const last = seen.findLast(({ id }) => id === spec.id);
    expect(last).toMatchObject({ type: "Create", state: "Succeeded", lastErrors: [] });
  });

  test("for good ends in Failed, until a retry", async () => {
    const spec = clusterSpec("failed");
    await applyFailing(spec, "etcd:ERR_INFRA_DEPENDENCIES:failed");
    const seen = await observed(garden, spec, ({ state }) => state === "Failed");
    expect(seen).toMatchObject({ type: "Create", lastErrors: [{ codes: ["ERR_INFRA_DEPENDENCIES"] }] });
    expect((await getShoot(garden.client, "failed")).metadata.labels).toMatchObject({
      "shoot.gardener.cloud/status": "unhealthy",
    });
    await garden.backend.operate(spec, "retry", signal);
    expect(await observed(garden, spec, healthy)).toMatchObject({ type: "Create" });
  });

  test("again and again does not keep a cluster from being deleted", async () => {
    const spec = clusterSpec("always");
    await applyFailing(spec, "dns:ERR_INFRA_UNAUTHORIZED:always");
    await observed(garden, spec, ({ state }) => state === "Error");
    await garden.backend.remove(spec, signal);
    await observed(garden, spec, ({ type, state }) => type === "Delete" && state === "Error");
    await fail(spec, "dns:ERR_INFRA_UNAUTHORIZED:1");
    await until(async () => expect(await garden.backend.remove(spec, signal)).toBe("gone"));
  });

  test.each(["", "workers", "sleep:ERR_X:1", "workers:oops:1", "workers:ERR_X:0", "workers:ERR_X:1:2"])(
    "needs a right annotation, unlike %j",
    (text) => {
      expect(parseFault(text)).toBeUndefined();
    },
  );
});

test("a restart in the middle of a creation goes on with it, and ends with one Shoot", async () => {
  const directory = await temporaryDirectory();
  open.push(directory);
  const spec = clusterSpec("restart");
  const first = await startGarden({ directory: directory.path, timeScale: 10 });
  await first.backend.apply(spec, signal);
  const before = await observed(first, spec, ({ progress }) => progress >= 25);
  expect(before).toMatchObject({ type: "Create", state: "Processing" });
  const uid = (await getShoot(first.client, "restart")).metadata.uid;
  await first.close();

  const second = await startGarden({ directory: directory.path });
  open.push(second);
  const { seen, synced } = await recorded(second, async () => {
    // As a job does that did not get to note its success.
    await second.backend.apply(spec, signal);
    await observed(second, spec, healthy);
  });
  expect(synced[0]?.map(({ id }) => id)).toEqual([spec.id]);
  expect(synced[0]?.[0]?.progress).toBeGreaterThanOrEqual(before.progress);
  expect(seen.at(-1)).toMatchObject({ type: "Create", state: "Succeeded" });
  const all = await second.client.list<Shoot>(shoots);
  expect(all.items.map(({ metadata }) => metadata.uid)).toEqual([uid]);
  // The virtual cluster is reached where the server is now.
  expect(await second.backend.machines(spec, signal)).toHaveLength(2);
});

test("a follower goes on when the API server comes back, and learns what it missed", async () => {
  const directory = await temporaryDirectory();
  open.push(directory);
  const [kept, lost] = [clusterSpec("kept"), clusterSpec("lost")];
  const first = await startGarden({ directory: directory.path });
  const port = Number(new URL(first.embedded.url).port);
  for (const spec of [kept, lost]) {
    await first.backend.apply(spec, signal);
    await observed(first, spec, healthy);
  }
  const { synced, health } = await recorded(first, async (seen, health, synced) => {
    await first.closeServer();
    await until(() => expect(health.at(-1)).toBe("down"));
    const second = await startGarden({ directory: directory.path, port });
    open.push(second);
    await second.backend.remove(lost, signal);
    await until(async () => expect(await second.backend.remove(lost, signal)).toBe("gone"));
    await until(() => expect(health.at(-1)).toBe("up"));
    await second.backend.operate(kept, "reconcile", signal);
    // Whether a change comes with a list or as an event depends on who was faster.
    const reconciled = ({ id, type, state }: ClusterObservation) =>
      id === kept.id && type === "Reconcile" && state === "Succeeded";
    await until(() => expect([...(synced.at(-1) ?? []), ...seen].some(reconciled)).toBe(true));
  });
  first.client.close();
  expect(synced[0]).toHaveLength(2);
  expect(synced.length).toBeGreaterThan(1);
  expect(health).toEqual(["up", "down", "up"]);
});

test("a creation that is interrupted again and again ends with one healthy cluster", async () => {
  const directory = await temporaryDirectory();
  open.push(directory);
  const spec = clusterSpec("bumpy");
  for (let round = 0; round < 6; round++) {
    const garden = await startGarden({ directory: directory.path, timeScale: 100 });
    await garden.backend.apply(spec, signal);
    const from = (await garden.backend.observe(spec, signal))?.progress ?? 0;
    await observed(garden, spec, ({ progress }) => progress > from || progress === 100);
    await garden.close();
  }
  const garden = await startGarden({ directory: directory.path });
  open.push(garden);
  expect(await observed(garden, spec, healthy)).toMatchObject({ type: "Create" });
  expect((await garden.client.list<Shoot>(shoots)).items).toHaveLength(1);
  expect(await garden.backend.machines(spec, signal)).toHaveLength(2);
});

test("a cluster that was finished before a restart can be reached after it", async () => {
  const directory = await temporaryDirectory();
  open.push(directory);
  const spec = clusterSpec("moved");
  const first = await startGarden({ directory: directory.path });
  await first.backend.apply(spec, signal);
  await observed(first, spec, healthy);
  await first.close();
  const second = await startGarden({ directory: directory.path });
  open.push(second);
  await until(async () => {
    const { status } = await getShoot(second.client, "moved");
    expect(status?.advertisedAddresses?.[0]?.url).toContain(second.embedded.url);
  });
  expect(await second.backend.machines(spec, signal)).toHaveLength(2);
  expect(healthy((await second.backend.observe(spec, signal))!)).toBe(true);
});

describe("a Gardener in trouble", () => {
  async function stubbed(answer: Parameters<typeof openStub>[0]) {
    const stub = await openStub(answer);
    const client = openKube({ kubeconfig: stub.kubeconfig, log, timeoutMs: 500 });
    open.push(stub, client);
    return { stub, backend: gardenerBackend({ client, partition, settings, log, projectWaitMs: 300 }) };
  }
  const spec = clusterSpec("trouble");

  test.each([
    [500, "unavailable"],
    [429, "unavailable"],
    [403, "unavailable"],
  ])("%i is %s for every call", async (code, kind) => {
    const { backend } = await stubbed((_, response) => sendStatus(response, code, "Trouble", { "retry-after": "60" }));
    await expect(backend.apply(spec, signal)).rejects.toMatchObject({ kind });
    await expect(backend.remove(spec, signal)).rejects.toMatchObject({ kind });
    await expect(backend.observe(spec, signal)).rejects.toMatchObject({ kind });
    await expect(backend.operate(spec, "reconcile", signal)).rejects.toMatchObject({ kind });
    await expect(backend.kubeconfig(spec, 600, signal)).rejects.toMatchObject({ kind });
    await expect(backend.monitoring(spec, signal)).rejects.toMatchObject({ kind });
    await expect(backend.machines(spec, signal)).rejects.toMatchObject({ kind });
  });

  test("a server that hangs or is not one is unavailable", async () => {
    const { backend } = await stubbed((request, response) => {
      if (request.method === "GET") response.writeHead(200).end("<html>");
    });
    await expect(backend.apply(spec, signal)).rejects.toMatchObject({ kind: "unavailable" });
    const { backend: mute } = await stubbed(() => undefined);
    await expect(mute.observe(spec, signal)).rejects.toMatchObject({ kind: "unavailable" });
  });

  test("a project that never becomes ready is tried again later", async () => {
    const metadata = { labels: { "slipway.dev/project": spec.project } };
    const { backend, stub } = await stubbed((_, response) => sendJson(response, 200, { metadata, spec: {} }));
    await expect(backend.apply(spec, signal)).rejects.toMatchObject({ kind: "unavailable", retryAfterMs: 5000 });
    expect(stub.seen.every(({ method }) => method === "GET")).toBe(true);
  });

  test("following says that it is down, and up when the server is back", async () => {
    let away = true;
    const { backend } = await stubbed((request, response) => {
      if (away) response.destroy();
      else if (request.query.has("watch")) response.writeHead(200).write("\n");
      else sendJson(response, 200, { metadata: { resourceVersion: "1" }, items: [] });
    });
    const heard: string[] = [];
    const stop = new AbortController();
    const done = backend.follow(
      {
        onSync: () => void heard.push("sync"),
        onObservation: () => undefined,
        onUp: () => void heard.push("up"),
        onDown: (error) => void heard.push(error.message),
      },
      stop.signal,
    );
    await until(() => expect(heard).toEqual(["the cluster backend does not answer"]));
    away = false;
    await until(() => expect(heard).toContain("up"));
    expect(heard).toContain("sync");
    stop.abort();
    await done;
  });
});
