import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type KubeClient, openKube } from "../../src/kube/client.js";
import type { ExecSession } from "../../src/kube/exec.js";
import { type KubeObject, pods } from "../../src/kube/objects.js";
import { startTestKube, type TestKube } from "../support/platform.js";

const place = { namespace: "default", name: "box" };
let kube: TestKube;
let client: KubeClient;

beforeAll(async () => {
  kube = await startTestKube(200, {}, undefined, true);
  client = openKube({ kubeconfig: kube.kubeconfig, log: pino({ enabled: false }) });
  const spec = { containers: [{ name: "main", image: "registry.example/box:1" }] };
  await client.create(pods, { metadata: place, spec } as KubeObject);
  const ready = async () => JSON.stringify((await client.get<KubeObject & { status?: unknown }>(pods, place)).status);
  await vi.waitUntil(async () => (await ready()).includes('"phase":"Running"'), { timeout: 30_000 });
});
afterAll(async () => {
  client?.close();
  await kube?.close();
});

const never = () => new AbortController().signal;
const run = (command: string[], stdin = false, signal = never()) =>
  client.exec(place, { command, stdin, tty: false, signal });

async function collected(session: ExecSession) {
  const texts = { stdout: "", stderr: "" };
  for await (const part of session.output) {
    if (part.type === "exit") return { ...texts, code: part.code };
    texts[part.type] += part.data.toString();
  }
  return { ...texts, code: undefined };
}

test("a command answers what it writes and its exit code", async () => {
  expect(await collected(await run(["sh", "-c", "echo hello; exit 3"]))).toEqual({
    stdout: "hello\n",
    stderr: "",
    code: 3,
  });
});

test("a command reads its input to its end", async () => {
  const session = await run(["cat"], true);
  const all = collected(session);
  await session.write(Buffer.from("one "));
  await session.write(Buffer.from("two"));
  await session.endInput();
  expect(await all).toEqual({ stdout: "one two", stderr: "", code: 0 });
});

test("a session that is read late loses nothing", async () => {
  const session = await run(["echo", "kept"]);
  await sleep(50);
  expect(await collected(session)).toMatchObject({ stdout: "kept\n", code: 0 });
});

test("refusals are told as those of any call", async () => {
  const gone = client.exec(
    { ...place, name: "gone" },
    { command: ["true"], stdin: false, tty: false, signal: never() },
  );
  await expect(gone).rejects.toMatchObject({ kind: "status", code: 404 });
});

test("a signal ends a session, before and while it is read", async () => {
  const reading = new AbortController();
  const session = await run(["sleep", "1000"], false, reading.signal);
  const all = collected(session);
  reading.abort();
  await expect(all).rejects.toThrow();
  const early = new AbortController();
  early.abort();
  await expect(run(["true"], false, early.signal)).rejects.toThrow();
});

test("a log is streamed as it is written, until the signal aborts", async () => {
  const ending = new AbortController();
  const query = { follow: "true", container: "main" };
  const lines: string[] = [];
  for await (const chunk of await client.streamBelow(pods, place, "log", query, ending.signal)) {
    lines.push(chunk.toString());
    ending.abort();
  }
  expect(lines.join("")).toContain("box");
});
