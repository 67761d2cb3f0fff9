import { PassThrough, Readable } from "node:stream";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type KubeClient, openKube } from "../../../../../src/kube/client.js";
import { type KubeObject, pods } from "../../../../../src/kube/objects.js";
import type { Line } from "../../../../../src/resources/deploy/runtime/logs/lines.js";
import { openPodLog, type PodLog, read } from "../../../../../src/resources/deploy/runtime/logs/pod-log.js";
import { startTestKube, type TestKube } from "../../../../support/platform.js";

let kube: TestKube;
let client: KubeClient;
let streams = 0;
let breakOff: (() => void)[] = [];

beforeAll(async () => {
  kube = await startTestKube(200, {}, undefined, true);
  const real = openKube({ kubeconfig: kube.kubeconfig, log: pino({ enabled: false }) });
  client = {
    ...real,
    /** Counts the streams that follow, and can break them. */
    async streamBelow(type, place, subresource, query, signal) {
      if (query.follow !== "true") return real.streamBelow(type, place, subresource, query, signal);
      const broken = new AbortController();
      breakOff.push(() => broken.abort());
      streams += 1;
      return real.streamBelow(type, place, subresource, query, AbortSignal.any([signal, broken.signal]));
    },
  };
});
afterAll(async () => {
  client?.close();
  await kube?.close();
});

async function runPod(name: string, annotations: Record<string, string>, restartPolicy = "Always") {
  const place = { namespace: "default", name };
  const marks = Object.fromEntries(
    Object.entries(annotations).map(([key, value]) => [`simulator.slipway.dev/${key}`, value]),
  );
  const spec = { restartPolicy, containers: [{ name: "main", image: "registry.example/box:1" }] };
  await client.create(pods, { metadata: { ...place, annotations: marks }, spec } as KubeObject);
  const isRunning = async () =>
    /"phase":"(Running|Succeeded)"/.test(JSON.stringify(await client.get<KubeObject>(pods, place)));
  await vi.waitUntil(isRunning, { timeout: 30_000 });
  const { uid = "" } = (await client.get<KubeObject>(pods, place)).metadata;
  return { pod: place, uid, container: "main" };
}

/** Listens, and collects what is told. */
async function listenTo(log: PodLog) {
  const lines: Line[] = [];
  let isOver = false;
  const { backlog, stop } = await log.listen({
    lines: (some) => lines.push(...some),
    ended: () => {
      isOver = true;
    },
  });
  return { all: () => [...backlog.lines, ...lines].map(({ at, text }) => `${at} ${text}`), isOver: () => isOver, stop };
}

test("200 followers of one log cost one stream, hear every line once, and the last one ends it", async () => {
  const place = await runPod("shared", { "log-every": "50ms" });
  streams = 0;
  let idle = 0;
  const log = openPodLog(client, place, () => (idle += 1));
  const followers = await Promise.all(Array.from({ length: 200 }, () => listenTo(log)));
  await expect.poll(() => followers[0]?.all().length, { timeout: 30_000 }).toBeGreaterThan(10);
  expect(log.listeners).toBe(200);
  expect(streams).toBe(1);
  for (const { all } of followers) expect(all()).toEqual(followers[0]?.all());
  const late = await listenTo(log);
  expect(late.all().slice(0, 5)).toEqual(followers[0]?.all().slice(0, 5));
  for (const { stop } of [...followers, late]) stop();
  expect(idle).toBe(1);
  expect(log.listeners).toBe(0);
});

test("a stream that breaks is opened again, and no line is lost or told twice", async () => {
  const place = await runPod("broken", { "log-every": "20ms" });
  breakOff = [];
  const follower = await listenTo(openPodLog(client, place, () => undefined));
  for (const wanted of [10, 20, 30]) {
    await expect.poll(() => follower.all().length, { timeout: 30_000 }).toBeGreaterThan(wanted);
    for (const end of breakOff.splice(0)) end();
  }
  await expect.poll(() => follower.all().length, { timeout: 30_000 }).toBeGreaterThan(40);
  const told = follower.all();
  follower.stop();
  const { lines: whole } = await read(client, place, {}, new AbortController().signal);
  expect(told).toEqual(whole.slice(0, told.length).map(({ at, text }) => `${at} ${text}`));
});

test("whoever begins while a line comes hears it once", async () => {
  const at = (number: number) => `2026-01-01T00:00:0${number}.000000000Z`;
  const pipe = new PassThrough();
  const told = { metadata: { uid: "one" }, status: { phase: "Running" } };
  const written: KubeClient = {
    ...client,
    get: async () => told as never,
    async streamBelow(_type, _place, _subresource, query) {
      return query.follow === "true" ? pipe : Readable.from([Buffer.from(`${at(1)} first\n`)]);
    },
  };
  const place = { pod: { namespace: "default", name: "piped" }, uid: "one", container: "main" };
  const log = openPodLog(written, place, () => undefined);
  let joining: Promise<Awaited<ReturnType<typeof listenTo>>> | undefined;
  const early = await log.listen({
    // Between this and the end of the turn the line becomes one of those that are kept.
    lines: () => {
      joining ??= listenTo(log);
    },
    ended: () => undefined,
  });
  pipe.write(`${at(2)} second\n`);
  await expect.poll(() => joining).toBeDefined();
  const joined = await joining;
  pipe.write(`${at(3)} third\n`);
  await expect.poll(() => joined?.all().at(-1)).toBe(`${at(3)} third`);
  expect(joined?.all()).toEqual([`${at(1)} first`, `${at(2)} second`, `${at(3)} third`]);
  joined?.stop();
  early.stop();
  pipe.destroy();
});

test("a read that stalls ends, and says so", async () => {
  const stalled: KubeClient = { ...client, streamBelow: async (_t, _p, _s, _q, signal) => until(signal) };
  const place = { pod: { namespace: "default", name: "stalled" }, uid: "one", container: "main" };
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const reading = read(stalled, place, {}, new AbortController().signal).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await reading).toMatchObject({ kind: "timeout" });
  } finally {
    vi.useRealTimers();
  }
});

/** Bytes that never come; they end when the signal aborts, as those of a connection do. */
async function* until(signal: AbortSignal): AsyncGenerator<Buffer> {
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
}

test("the end of a pod is told, and a log that cannot be read is refused", async () => {
  const place = await runPod("short", { "run-for": "2s" }, "Never");
  const follower = await listenTo(openPodLog(client, place, () => undefined));
  await expect.poll(follower.isOver, { timeout: 30_000 }).toBe(true);
  follower.stop();
  let idle = 0;
  const gone = openPodLog(
    client,
    { pod: { namespace: "default", name: "gone" }, uid: "none", container: "main" },
    () => (idle += 1),
  );
  await expect(listenTo(gone)).rejects.toMatchObject({ code: 404 });
  expect(idle).toBe(1);
});
