import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { LogLine } from "../../../../../gen/ts/deploy/v1/runtime_pb.js";

/** A line as it is shown. */
export interface ShownLine {
  /** Rises from line to line, also when the oldest ones are let go. */
  readonly seq: number;
  readonly time: Timestamp | undefined;
  /** Where it is from: an instance, or a step. */
  readonly label: string;
  readonly text: string;
}

/** The newest lines of a log, over lost connections. */
export interface LogBuffer {
  readonly lines: () => readonly ShownLine[];
  /** Takes lines of a connection; those that an earlier one has brought already are left out. */
  readonly add: (connection: number, lines: readonly LogLine[]) => void;
  readonly clear: () => void;
}

/** As many lines are kept. */
export const mostLines = 10_000;

/** Keeps the newest lines. A connection that comes back asks for some that are here already: it brings them once. */
export function createLogBuffer(most = mostLines): LogBuffer {
  let kept: readonly ShownLine[] = [];
  let seq = 0;
  let current = 0;
  /** How often each line is here that the connection may bring again. */
  let known = new Map<string, number>();
  const begin = (connection: number) => {
    current = connection;
    known = new Map();
    for (const { label, time, text } of kept) {
      const key = keyOf(label, time, text);
      known.set(key, (known.get(key) ?? 0) + 1);
    }
  };
  const isAgain = (line: LogLine): boolean => {
    const key = keyOf(line.instance, line.time, line.text);
    const times = known.get(key) ?? 0;
    if (times > 0) known.set(key, times - 1);
    return times > 0;
  };
  return {
    lines: () => kept,
    add(connection, lines) {
      if (connection !== current) begin(connection);
      // What is older than all that is kept was let go before.
      const oldest = kept.length >= most && known.size > 0 ? nanosOf(kept[0]?.time) : -1n;
      const fresh = lines.filter((line) => nanosOf(line.time) >= oldest && !isAgain(line));
      if (fresh.length === 0) return;
      const shown = fresh.flatMap(({ time, instance, text, dropped }) => [
        ...(dropped > 0n ? [{ seq: ++seq, time, label: "", text: `… ${dropped} lines were not read in time …` }] : []),
        { seq: ++seq, time, label: instance, text },
      ]);
      kept = [...kept, ...shown].slice(-most);
    },
    clear() {
      kept = [];
      known = new Map();
    },
  };
}

/** A moment in nanoseconds. */
export function nanosOf(time: Timestamp | undefined): bigint {
  return time === undefined ? 0n : time.seconds * 1_000_000_000n + BigInt(time.nanos);
}

const keyOf = (label: string, time: Timestamp | undefined, text: string): string => `${label} ${nanosOf(time)} ${text}`;
