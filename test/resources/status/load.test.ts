import { setMaxListeners } from "node:events";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, beforeEach, expect, it, type MockInstance, vi } from "vitest";
import { HealthService } from "../../../gen/ts/api/v1/health_pb.js";
import { StatusService, type StatusServiceWatchResponse } from "../../../gen/ts/status/v1/status_pb.js";
import { probeStore } from "../../../src/resources/api/health/store.js";
import { startPlatform, type TestPlatform } from "../../support/platform.js";

const watchers = 300;

let platform: TestPlatform;
let stop: AbortController;
let queries: MockInstance<TestPlatform["database"]["server"]["pool"]["query"]>;
let changes = 0;
beforeAll(async () => {
  const limits = { SLIPWAY_ANONYMOUS_STREAMS: "1000", SLIPWAY_ANONYMOUS_STREAMS_PER_NETWORK: String(watchers) };
  platform = await startPlatform({ background: false, env: limits });
  queries = vi.spyOn(platform.database.server.pool, "query");
});
afterAll(() => platform.close());
beforeEach(() => {
  stop = new AbortController();
  setMaxListeners(0, stop.signal);
  return () => stop.abort();
});

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 50 });
const openTransport = (): Transport => createGrpcTransport({ baseUrl: platform.url });

interface Watcher {
  /** What was told last. */
  last: string | undefined;
  ended: ConnectError | undefined;
}

/** Watches the status without a token. */
function watch(transport: Transport): Watcher {
  const watcher: Watcher = { last: undefined, ended: undefined };
  const messageOf = ({ health }: StatusServiceWatchResponse) => health?.services[0]?.partitions["eqx-mu4"]?.message;
  void (async () => {
    const { watch: open } = createClient(StatusService, transport);
    for await (const told of open({}, { signal: stop.signal })) watcher.last = messageOf(told);
  })().catch((error: unknown) => {
    watcher.ended = ConnectError.from(error);
  });
  return watcher;
}

/** Writes what a worker would. */
async function report(message: string): Promise<void> {
  const observedAt = platform.platform.clock();
  const state = { probe: "kubernetes", partition: "eqx-mu4", status: "degraded", streak: 0 } as const;
  await probeStore.put(platform.platform.db, [{ ...state, message, observedAt }]);
}

/** What the process asked of its database by then, but for the beat that says whether it answers, and what the test writes. */
function statementsSince(begin: number): string[] {
  return queries.mock.calls
    .slice(begin)
    .map(([query]) => (typeof query === "string" ? query : (query as { text: string }).text))
    .filter((text) => text !== "select 1" && !text.startsWith('insert into "probe_states"'));
}

/** Makes three changes, one after the other, while `meanwhile` runs; answers what that took of the database. */
async function threeChanges(all: readonly Watcher[], meanwhile: () => Promise<unknown>): Promise<string[]> {
  const begin = queries.mock.calls.length;
  for (let made = 0; made < 3; made++) {
    const message = `change ${++changes}`;
    await report(message);
    await meanwhile();
    await until(() => expect(all.filter(({ last }) => last !== message)).toEqual([]));
  }
  return statementsSince(begin);
}

it("costs the database as much with many watchers and callers as with one watcher", async () => {
  await report("before");
  const first = watch(openTransport());
  await until(() => expect(first.last).toBe("before"));
  const alone = await threeChanges([first], async () => {});
  // Each change is read once.
  expect(alone).toHaveLength(3);
  expect(new Set(alone).size).toBe(1);
  expect(alone[0]).toContain('from "probe_states"');

  const begin = queries.mock.calls.length;
  const transports = [openTransport(), openTransport(), openTransport()];
  const all = [first, ...Array.from({ length: watchers - 1 }, (_, at) => watch(transports[at % 3] ?? openTransport()))];
  await until(() => expect(all.filter(({ last }) => last === undefined)).toEqual([]));
  expect(statementsSince(begin)).toEqual([]);
  const status = platform.client(StatusService);
  const health = platform.client(HealthService);
  const ask = () => Promise.all(Array.from({ length: 50 }, () => [status.get({}), health.get({})]).flat());
  expect(await threeChanges(all, ask)).toEqual(alone);
  expect(all.filter(({ ended }) => ended !== undefined)).toEqual([]);

  // As many as the setting allows; calls go on.
  const more = watch(openTransport());
  await until(() => expect(more.ended?.code).toBe(Code.ResourceExhausted));
  expect((await status.get({})).connectionBroken).toBe(false);
}, 90_000);
