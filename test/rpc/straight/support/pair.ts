import type { ConnectRouter } from "@connectrpc/connect";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { expect } from "vitest";
import type { ListenOptions } from "../../../../src/rpc/listen.js";
import { type Line, startServer, type TestServer } from "../../support/server.js";
import { type Deeds, kindOf, newDeeds, registerActing } from "./services.js";

/** Limits that are small, so that requests beyond them cost little. */
export const limits = { readMaxBytes: 2_000, writeMaxBytes: 50_000, compressMinBytes: 1_000, maxTimeoutMs: 3_600_000 };

/** One origin of browsers that may call. */
export const allowedOrigin = "https://console.example.com";

/** A trace that a request may bring along. */
export const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";

/** One server with what it did. */
export interface Side {
  readonly server: TestServer;
  readonly deeds: Deeds;
  readonly metrics: MetricReader;
}

/** Two servers that differ in nothing but the way by which they serve calls. */
export interface Pair {
  readonly straight: Side;
  readonly long: Side;
  /** Runs the same against both; they must give the same answers and do the same besides. */
  same<T>(exchange: (side: Side) => Promise<T>): Promise<T>;
  /**
   * The same for calls whose caller leaves. Deliberately different then: only connect's handlers try to write an answer
   * to somebody who is gone, and say at debug level that they could not.
   */
  sameWithoutCaller<T>(exchange: (side: Side) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface PairOptions {
  readonly listen?: Partial<ListenOptions>;
  /** Time for a whole request over HTTP/2, in ms. */
  readonly bodyTimeoutMs?: number;
}

/** Starts both on free ports. */
export async function startPair(options: PairOptions = {}): Promise<Pair> {
  const straight = await startSide(options, (router) => router);
  const long = await startSide(options, withOwnOptions);
  const compared = async <T>(exchange: (side: Side) => Promise<T>, told: (line: Line) => boolean): Promise<T> => {
    const [ours, theirs] = await Promise.all([exchange(straight), exchange(long)]);
    await Promise.all([quiet(straight.deeds), quiet(long.deeds)]);
    const [done, wanted] = [takeEffects(straight, told), takeEffects(long, told)];
    expect({ answer: ours, effects: done }).toEqual({ answer: theirs, effects: wanted });
    return ours;
  };
  return {
    straight,
    long,
    same: (exchange) => compared(exchange, () => true),
    sameWithoutCaller: (exchange) => compared(exchange, ({ msg }) => msg !== "response not delivered"),
    async close() {
      expect(await counted(straight.metrics)).toEqual(await counted(long.metrics));
      await Promise.all([straight.server.close(), long.server.close()]);
      expect(long.deeds.ways.straight).toBe(0);
    },
  };
}

/** Services that bring options are left to connect's handlers; this one says what is so anyway. */
function withOwnOptions(router: ConnectRouter): ConnectRouter {
  const own = { requireConnectProtocolHeader: false };
  const leaving: ConnectRouter = {
    handlers: router.handlers,
    service(service, implementation) {
      router.service(service, implementation, own);
      return leaving;
    },
    rpc(method, implementation) {
      router.rpc(method, implementation, own);
      return leaving;
    },
  };
  return leaving;
}

async function startSide(
  { listen = {}, bodyTimeoutMs = 60_000 }: PairOptions,
  through: (router: ConnectRouter) => ConnectRouter,
): Promise<Side> {
  const deeds = newDeeds();
  const metrics = new AskedReader();
  const server = await startServer(
    {
      routes: (router) => registerActing(through(router), deeds),
      newId: () => "0195c0de-0000-7000-8000-0000000000ff",
      newRequestId: () => "0195c0de-0000-7000-8000-0000000000ff",
      meter: new MeterProvider({ readers: [metrics] }).getMeter("test"),
      corsOrigins: [allowedOrigin],
      trustedProxies: ["127.0.0.0/8"],
      limits: { ...limits, bodyTimeoutMs },
    },
    listen,
  );
  return { server, deeds, metrics };
}

/** Gives what was counted when it is asked for it. */
class AskedReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** What was counted since the start, and of durations how many there were. */
async function counted(reader: MetricReader): Promise<string[]> {
  const { resourceMetrics } = await reader.collect();
  const all = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
  const points = all.flatMap(({ descriptor, dataPoints }) =>
    dataPoints.map(({ attributes, value }) => {
      const count = typeof value === "number" ? value : "count" in value ? value.count : undefined;
      return `${descriptor.name} ${JSON.stringify(attributes)}: ${count}`;
    }),
  );
  return points.sort();
}

/** Waits until the signal of every handler that ran has fired: nothing of a call comes after that. */
async function quiet(deeds: Deeds): Promise<void> {
  for (let turns = 0; deeds.seen.length > deeds.ends.length + deeds.blind.length; turns++) {
    if (turns > 2_000) throw new Error("a call's signal never fired");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await new Promise((resolve) => setImmediate(resolve));
}

/** What a server did since it was last asked, in an order that does not depend on how calls at once took turns. */
function takeEffects({ server, deeds }: Side, told: (line: Line) => boolean) {
  const lines = server.lines.splice(0).filter(told).map(withoutChance);
  const audits = server.audits.splice(0).map((entry) => JSON.stringify(entry));
  const blind = deeds.blind.splice(0).map(({ signal }) => (signal.aborted ? kindOf(signal.reason) : "still open"));
  return {
    ...{ lines: lines.sort(), audits: audits.sort() },
    ...{ seen: deeds.seen.splice(0).sort(), ends: deeds.ends.splice(0).map(toldAlike).sort(), blind: blind.sort() },
  };
}

/**
 * Deliberately different: the signal of a gRPC call whose handler has returned an answer that is too large to be sent.
 * The library's fires as after an answer that was sent, the straight path's tells the error, as both do in Connect.
 */
function toldAlike(end: string): string {
  return end.endsWith(`is larger than configured writeMaxBytes ${limits.writeMaxBytes}`) ? "AbortError" : end;
}

function withoutChance({ time: _, ms: __, pid: ___, hostname: ____, trace, err, ...line }: Record<string, unknown>) {
  // A trace that the caller did not bring is made up; a stack says by which way the call came.
  const known = trace === traceId ? trace : typeof trace;
  const { stack: _____, ...error } = (typeof err === "object" ? err : { err }) as Record<string, unknown>;
  return JSON.stringify({ ...line, trace: known, error });
}
