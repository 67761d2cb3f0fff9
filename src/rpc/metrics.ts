import type { Counter, Meter, ObservableResult } from "@opentelemetry/api";

/** The counters that calls feed. */
export interface RpcMetrics {
  started(rpc: string, stream: boolean): void;
  finished(rpc: string, stream: boolean, code: string, seconds: number): void;
  /** A message left on a stream. */
  sent(rpc: string): void;
  /** A call ended before it reached the interceptors. */
  refused(rpc: string, code: string, seconds: number): void;
  /** An audit record was lost. */
  auditFailed(): void;
}

// From a cached read to a call that outlives every default deadline.
const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/**
 * Declares the instruments of the RPC layer: `rpc.server.duration` in seconds by
 * rpc and code, `rpc.server.active_calls`, `rpc.server.active_streams`,
 * `rpc.server.messages_sent` and `audit.write_failures`.
 */
export function createRpcMetrics(meter: Meter): RpcMetrics {
  const duration = meter.createHistogram("rpc.server.duration", {
    description: "Time from a call's arrival to its end; for streams, until they close",
    unit: "s",
    advice: { explicitBucketBoundaries: secondsBuckets },
  });
  const calls = new Counts();
  const streams = new Counts();
  const messages = new Counts();
  const activeCalls = { description: "Unary calls under way" };
  meter.createObservableUpDownCounter("rpc.server.active_calls", activeCalls).addCallback(calls.tell);
  const activeStreams = { description: "Open streams" };
  meter.createObservableUpDownCounter("rpc.server.active_streams", activeStreams).addCallback(streams.tell);
  const sent = { description: "Messages sent on streams" };
  meter.createObservableCounter("rpc.server.messages_sent", sent).addCallback(messages.tell);
  const failures = auditFailures(meter);
  return {
    started: (rpc, stream) => (stream ? streams : calls).add(rpc, 1),
    finished(rpc, stream, code, seconds) {
      (stream ? streams : calls).add(rpc, -1);
      duration.record(seconds, { rpc, code });
    },
    sent: (rpc) => messages.add(rpc, 1),
    refused: (rpc, code, seconds) => duration.record(seconds, { rpc, code }),
    auditFailed: () => failures.add(1),
  };
}

/** Numbers by rpc, kept here and told when they are asked for: to count must cost next to nothing. */
class Counts {
  readonly #byRpc = new Map<string, number>();

  add(rpc: string, by: number): void {
    this.#byRpc.set(rpc, (this.#byRpc.get(rpc) ?? 0) + by);
  }

  readonly tell = (result: ObservableResult): void => {
    for (const [rpc, count] of this.#byRpc) result.observe(count, { rpc });
  };
}

/** Declares the counter of lost audit records, `audit.write_failures`; whoever declares it again adds to the same one. */
export function auditFailures(meter: Meter): Counter {
  return meter.createCounter("audit.write_failures", { description: "Audit records that were not written" });
}
