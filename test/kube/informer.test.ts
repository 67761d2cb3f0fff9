import type { ServerResponse } from "node:http";
import { pino } from "pino";
import { afterEach, expect, test, vi } from "vitest";
import { openKube } from "../../src/kube/client.js";
import type { KubeError } from "../../src/kube/errors.js";
import { type FollowOptions, follow } from "../../src/kube/informer.js";
import type { KubeObject } from "../../src/kube/objects.js";
import { openStub, type Seen, sendJson, sendStatus } from "./stub-server.js";

const widgets = { group: "test.example", version: "v1", plural: "widgets", kind: "Widget" };
const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const widget = (name: string, resourceVersion: string, uid = `uid-${name}`): KubeObject => ({
  metadata: { name, namespace: "n", uid, resourceVersion },
});

const list = (resourceVersion: string, items: KubeObject[], next?: string) => ({
  kind: "WidgetList",
  metadata: { resourceVersion, ...(next ? { continue: next } : {}) },
  items,
});

const line = (type: string, object: unknown) => `${JSON.stringify({ type, object })}\n`;

interface Answers {
  list: (request: Seen, response: ServerResponse, call: number) => void;
  watch: (request: Seen, response: ServerResponse, call: number) => void;
}

const until = (check: () => unknown) => vi.waitFor(check, { timeout: 10_000 });

/** Follows widgets on a stub and writes down what the handlers are told. */
async function following(answers: Answers, options: Partial<FollowOptions<KubeObject>> = {}, timeoutMs = 5000) {
  const calls = { list: 0, watch: 0 };
  const stub = await openStub((request, response) => {
    const kind = request.query.get("watch") === "true" ? "watch" : "list";
    if (kind === "watch") response.on("error", () => undefined);
    answers[kind](request, response, ++calls[kind]);
  });
  const log = pino({ enabled: false });
  const client = openKube({ kubeconfig: stub.kubeconfig, log, timeoutMs });
  const told: string[] = [];
  const stop = new AbortController();
  const done = follow<KubeObject>({
    client,
    type: widgets,
    labelSelector: "app=x",
    onSync: (items) => void told.push(`sync ${items.map(({ metadata }) => metadata.name).join(",")}`),
    onEvent: ({ type, object }) => void told.push(`${type} ${object.metadata.name}@${object.metadata.resourceVersion}`),
    onUp: () => void told.push("up"),
    onDown: () => void told.push("down"),
    signal: stop.signal,
    log,
    backoff: { minMs: 1, maxMs: 5 },
    ...options,
  });
  const close = () => {
    stop.abort();
    return done;
  };
  open.push(stub, client, { close });
  return { stub, told, stop, done, watches: () => stub.seen.filter(({ query }) => query.has("watch")) };
}

const start = (response: ServerResponse, ...lines: string[]) => response.writeHead(200).write(lines.join("") || "\n");
const emptyList: Answers["list"] = (_, response) => sendJson(response, 200, list("10", []));

test("lists page by page, then follows from the list's version, with the selector on both", async () => {
  const { told, stub, watches } = await following({
    list: (request, response) =>
      request.query.get("continue") === null
        ? sendJson(response, 200, list("10", [widget("a", "3")], "more"))
        : sendJson(response, 200, list("10", [widget("b", "4")])),
    watch: (_, response) => {
      const text = line("ADDED", widget("c", "11")) + line("DELETED", widget("a", "12"));
      start(response, text.slice(0, 30));
      setTimeout(() => response.write(text.slice(30)), 5);
    },
  });
  await until(() => expect(told).toEqual(["up", "sync a,b", "ADDED c@11", "DELETED a@12"].sort(order(told))));
  expect(stub.seen.every(({ query }) => query.get("labelSelector") === "app=x")).toBe(true);
  expect(watches()[0]!.query.get("resourceVersion")).toBe("10");
  expect(watches()[0]!.query.get("allowWatchBookmarks")).toBe("true");
  expect(Number(watches()[0]!.query.get("timeoutSeconds"))).toBeGreaterThan(0);
});

/** "up" is told beside the queue, so its place among the events is not fixed. */
function order(told: string[]) {
  return (a: string, b: string) => (a === "up" || b === "up" ? told.indexOf(a) - told.indexOf(b) : 0);
}

const events = (told: string[]) => told.filter((one) => one !== "up");

test("goes on from the last bookmark when the server ends the watch", async () => {
  const { told, watches } = await following({
    list: emptyList,
    watch: (_, response, call) => {
      start(response, line("BOOKMARK", { metadata: { resourceVersion: `${20 + call}` } }));
      if (call < 3) response.end();
    },
  });
  await until(() => expect(watches()).toHaveLength(3));
  expect(watches().map(({ query }) => query.get("resourceVersion"))).toEqual(["10", "21", "22"]);
  expect(told.filter((one) => one.startsWith("sync"))).toHaveLength(1);
  expect(told).not.toContain("down");
});

test.each([
  ["as the answer", (response: ServerResponse) => sendStatus(response, 410, "Expired")],
  ["as an event", (response: ServerResponse) => start(response, line("ERROR", { code: 410, reason: "Expired" }))],
])("lists again after 410 %s", async (_, expire) => {
  const { told } = await following({
    list: (_, response, call) => sendJson(response, 200, list(`${call}0`, [widget(`a${call}`, "1")])),
    watch: (_, response, call) =>
      call === 1 ? expire(response) : start(response, line("MODIFIED", widget("a2", "21"))),
  });
  await until(() => expect(events(told)).toEqual(["sync a1", "sync a2", "MODIFIED a2@21"]));
  expect(told.filter((one) => one === "up")).toHaveLength(1);
});

test("counts failures up, and so pauses longer, when all that ever comes is 410", async () => {
  const failures: number[] = [];
  const log = pino({ level: "warn" }, { write: (text: string) => void failures.push(JSON.parse(text).failures) });
  await following(
    { list: emptyList, watch: (_, response) => start(response, line("ERROR", { code: 410, reason: "Expired" })) },
    { log },
  );
  await until(() => expect(failures.slice(0, 4)).toEqual([1, 2, 3, 4]));
});

test("survives a list that answers 500, garbage and nothing, says down for each kind of reason, and up once", async () => {
  const { told } = await following({
    list: (_, response, call) => {
      if (call === 1) sendStatus(response, 500, "InternalError");
      else if (call === 2) response.writeHead(200).end("<html>");
      else if (call === 3) response.destroy();
      else sendJson(response, 200, list("10", [widget("a", "1")]));
    },
    watch: (_, response) => start(response),
  });
  await until(() => expect([...told].sort()).toEqual(["down", "down", "sync a", "up"]));
  expect(told.lastIndexOf("down")).toBeLessThan(told.indexOf("up"));
});

test("says why it is down whenever the kind of reason changes, and logs what goes on for long once", async () => {
  const reasons: unknown[] = [];
  const logged: number[] = [];
  const log = pino({ level: "warn" }, { write: (text: string) => void logged.push(JSON.parse(text).err.code) });
  const answers = [503, 500, 404, 404, 403, 403, 404];
  const { stub } = await following(
    {
      list: (_, response, call) => sendStatus(response, answers[call - 1] ?? 404, "Reason"),
      watch: (_, response) => start(response),
    },
    { onDown: (error) => void reasons.push((error as KubeError).code), log },
  );
  await until(() => expect(stub.seen.length).toBeGreaterThan(answers.length + 2));
  expect(reasons).toEqual([503, 404, 403, 404]);
  expect(logged).toEqual(reasons);
});

test("keeps of a list what the intake leaves of it, and asks anew for each list", async () => {
  let lists = 0;
  const { told } = await following(
    {
      list: (request, response) =>
        request.query.get("continue") === null
          ? sendJson(response, 200, list("10", [widget("a", "3"), widget("b", "4")], "more"))
          : sendJson(response, 200, list("10", [widget("c", "5")])),
      watch: (_, response) => start(response),
    },
    {
      resyncMs: 20,
      intake() {
        const most = ++lists;
        let taken = 0;
        return (object) => (++taken > most ? undefined : { metadata: { name: `${object.metadata.name}!` } });
      },
    },
  );
  await until(() =>
    expect(told.filter((one) => one !== "up").slice(0, 3)).toEqual(["sync a!", "sync a!,b!", "sync a!,b!,c!"]),
  );
});

test("starts over after garbage in a watch", async () => {
  const { told } = await following({
    list: (_, response, call) => sendJson(response, 200, list(`${call}0`, [])),
    watch: (_, response, call) =>
      start(response, call === 1 ? "{broken\n" : call === 2 ? line("SHOUT", {}) : line("ADDED", widget("a", "31"))),
  });
  await until(() => expect(events(told)).toEqual(["sync ", "sync ", "sync ", "ADDED a@31"]));
});

test("goes on where it was when the connection of a watch breaks", async () => {
  const { told, watches } = await following({
    list: emptyList,
    watch: (_, response, call) => {
      start(response, line("ADDED", widget(`a${call}`, `${10 + call}`)));
      if (call === 1) setTimeout(() => response.destroy(), 10);
    },
  });
  await until(() => expect(events(told)).toEqual(["sync ", "ADDED a1@11", "ADDED a2@12"]));
  expect(watches().map(({ query }) => query.get("resourceVersion"))).toEqual(["10", "11"]);
});

test("replaces a watch that has fallen silent", async () => {
  const { told, watches } = await following(
    {
      list: emptyList,
      watch: (_, response, call) => {
        if (call === 1) start(response);
        else start(response, line("ADDED", widget("a", "11")));
      },
    },
    { watchdogMs: 50 },
  );
  await until(() => expect(told).toContain("ADDED a@11"));
  expect(watches().length).toBeGreaterThan(1);
  expect(told.filter((one) => one.startsWith("sync"))).toHaveLength(1);
});

test("gives up on a list and a watch that are never answered, and tries again", async () => {
  const { told } = await following(
    {
      list: (_, response, call) => void (call > 1 && sendJson(response, 200, list("10", []))),
      watch: (_, response, call) => void (call > 1 && start(response, line("ADDED", widget("a", "11")))),
    },
    {},
    100,
  );
  await until(() => expect(told).toContain("ADDED a@11"));
  expect(told.filter((one) => !one.startsWith("sync"))).toEqual(["down", "up", "ADDED a@11"]);
});

test("lists again when a resync is due", async () => {
  const { told } = await following({ list: emptyList, watch: (_, response) => start(response) }, { resyncMs: 20 });
  await until(() => expect(told.filter((one) => one === "sync ").length).toBeGreaterThan(2));
  expect(told).not.toContain("down");
});

test("a handler that throws does not stop the next ones", async () => {
  const heard: string[] = [];
  await following(
    {
      list: emptyList,
      watch: (_, response) => start(response, line("ADDED", widget("a", "11")), line("ADDED", widget("b", "12"))),
    },
    {
      onSync: () => {
        throw new Error("in sync");
      },
      onEvent: async ({ object }) => {
        heard.push(object.metadata.name);
        throw new Error("in event");
      },
      onUp: () => {
        throw new Error("in up");
      },
    },
  );
  await until(() => expect(heard).toEqual(["a", "b"]));
});

test("a handler that failed gets the whole collection again", async () => {
  let failures = 2;
  const heard: string[] = [];
  await following(
    {
      list: (_, response, call) => sendJson(response, 200, list(`${call}0`, [widget("a", "1")])),
      watch: (_, response, call) => start(response, ...(call === 1 ? [line("MODIFIED", widget("a", "11"))] : [])),
    },
    {
      onSync: (items) => {
        if (failures-- > 0) throw new Error("the database is away");
        heard.push(...items.map(({ metadata }) => metadata.name));
      },
      handlerRetryMs: 10,
    },
  );
  await until(() => expect(heard).toEqual(["a"]));
});

test("a slow handler runs alone and gets the newest state of each object", async () => {
  const heard: string[] = [];
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let running = 0;
  const { watches } = await following(
    {
      list: (_, response) => sendJson(response, 200, list("10", [widget("a", "1"), widget("old", "2", "u1")])),
      watch: (_, response) => {
        const changes = Array.from({ length: 50 }, (_, i) => line("MODIFIED", widget("a", `${20 + i}`)));
        const born = [line("ADDED", widget("b", "80")), line("MODIFIED", widget("b", "81"))];
        const reborn = [line("DELETED", widget("old", "82", "u1")), line("ADDED", widget("old", "83", "u2"))];
        start(response, ...changes, ...born, ...reborn, line("BOOKMARK", { metadata: { resourceVersion: "90" } }));
        response.end();
      },
    },
    {
      onSync: () => held,
      onEvent: async ({ type, object }) => {
        expect(++running).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        heard.push(`${type} ${object.metadata.name}@${object.metadata.resourceVersion}`);
      },
    },
  );
  // The second watch opens after the first was read to its end.
  await until(() => expect(watches().length).toBeGreaterThan(1));
  expect(heard).toEqual([]);
  release();
  await until(() => expect(heard).toContain("ADDED old@83"));
  expect(heard.slice(0, 4)).toEqual(["MODIFIED a@69", "ADDED b@81", "DELETED old@82", "ADDED old@83"]);
});

test("ends when the signal aborts, after the handler that runs", async () => {
  let finished = false;
  const { stop, done, stub } = await following(
    { list: emptyList, watch: (_, response) => start(response) },
    {
      onSync: async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        finished = true;
      },
    },
  );
  await until(() => expect(stub.seen.length).toBe(2));
  stop.abort();
  await done;
  expect(finished).toBe(true);
  expect(stub.seen).toHaveLength(2);
});
