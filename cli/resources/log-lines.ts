import type { LogLine } from "../../gen/ts/deploy/v1/runtime_pb.js";
import type { Moment } from "./times.js";

/** Remembers where a log was read to. */
export interface LinesAfter {
  /** The time of the newest line so far. */
  last(): Moment | undefined;
  /** The lines that were not there before the stream was opened again. */
  fresh(lines: readonly LogLine[]): readonly LogLine[];
}

/** Begins with nothing read. Lines of the newest moment are told apart by instance and text. */
export function linesAfter(): LinesAfter {
  let newest: Moment | undefined;
  let counts = new Map<string, number>();
  let toSkip = new Map<string, number>();
  const keyOf = ({ instance, text }: LogLine): string => `${instance}\n${text}`;
  const add = (line: LogLine, time: Moment): void => {
    if (newest === undefined || compare(time, newest) > 0) {
      newest = { seconds: time.seconds, nanos: time.nanos };
      counts = new Map();
    }
    if (compare(time, newest) === 0) counts.set(keyOf(line), (counts.get(keyOf(line)) ?? 0) + 1);
  };
  return {
    last() {
      toSkip = new Map(counts);
      return newest;
    },
    fresh: (lines) =>
      lines.filter((line) => {
        const { time } = line;
        if (time === undefined) return true;
        const left = newest !== undefined && compare(time, newest) === 0 ? (toSkip.get(keyOf(line)) ?? 0) : 0;
        if (left > 0) {
          toSkip.set(keyOf(line), left - 1);
          return false;
        }
        add(line, time);
        return true;
      }),
  };
}

function compare(one: Moment, other: Moment): number {
  return one.seconds === other.seconds ? one.nanos - other.nanos : one.seconds < other.seconds ? -1 : 1;
}
