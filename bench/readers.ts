import { type GrpcConnection, openGrpc } from "./grpc.js";
import { type BenchRun, percentile } from "./measure.js";
import { within } from "./processes.js";

const deliveryTimeoutMs = 20_000;

/** What every reader asks for. */
export interface ReadersOptions {
  readonly url: string;
  readonly token?: string;
  readonly path: string;
  readonly request: Uint8Array;
  readonly connections: number;
  readonly streamsPerConnection: number;
}

/** Many open streams that should all get the same messages. */
export interface Readers {
  readonly count: number;
  /** The message that came last. */
  last(): Buffer;
  /**
   * Makes a change and waits until every reader has a message that contains the text; answers the
   * milliseconds from just before the change was made to each arrival.
   */
  timeChange(text: string, change: () => Promise<unknown>): Promise<number[]>;
}

/** Opens the streams; resolves when each has had its first message. */
export async function openReaders(run: BenchRun, options: ReadersOptions): Promise<Readers> {
  const { connections, streamsPerConnection, url, token, path, request } = options;
  const count = connections * streamsPerConnection;
  let last: Buffer = Buffer.alloc(0);
  let wanted = "";
  let arrivals: number[] = [];
  let done = (): void => {};
  let fail = (_: Error): void => {};
  let closing = false;

  const gather = async (text: string, begin: () => Promise<unknown>): Promise<number[]> => {
    wanted = text;
    arrivals = [];
    const all = new Promise<void>((resolve, reject) => {
      done = resolve;
      fail = reject;
    });
    const began = performance.now();
    await Promise.all([within(deliveryTimeoutMs, `delivery of "${text}" to ${count} readers`, all), begin()]).catch(
      (error: Error) => {
        throw new Error(`${error.message}; ${arrivals.length} have it`, { cause: error });
      },
    );
    return arrivals.map((at) => at - began);
  };
  const take = (message: Buffer): void => {
    const at = performance.now();
    if (!message.includes(wanted)) return;
    last = message;
    arrivals.push(at);
    if (arrivals.length === count) done();
  };
  const onEnd = (why: string): void => {
    if (!closing) fail(new Error(`a reader's stream ended with ${why}`));
  };

  const open: GrpcConnection[] = [];
  run.onEnd(() => {
    closing = true;
    for (const connection of open) connection.close();
  });
  await gather("", async () => {
    for (let i = 0; i < connections; i++) {
      const connection = openGrpc(url, token);
      open.push(connection);
      for (let j = 0; j < streamsPerConnection; j++) connection.stream(path, request, take, onEnd);
    }
  });
  return { count, last: () => last, timeChange: gather };
}

/** The figures of one round. */
export interface Round {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Sums up the deliveries of a round. */
export function roundOf(samples: readonly number[]): Round {
  return { p50: percentile(samples, 0.5), p99: percentile(samples, 0.99), max: percentile(samples, 1) };
}
