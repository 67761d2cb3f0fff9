import { StringDecoder } from "node:string_decoder";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";

/** A line of a log. */
export interface Line {
  /** RFC 3339 in UTC with nine digits of the second: such times compare as texts. */
  readonly at: string;
  readonly text: string;
}

/** Longer lines are cut. */
export const longestLine = 16 * 1024;
const stampPattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/;

/** What a line takes in memory, about: its text, and what is around it. */
export const sizeOf = ({ text }: Line): number => text.length + 128;

/** The last of some lines: no more than so many of them, and no more than so many bytes. */
export function lastOf<L extends Line>(lines: readonly L[], most: number, mostBytes: number): readonly L[] {
  let bytes = 0;
  const first = lines.findLastIndex((line, index) => {
    bytes += sizeOf(line);
    return lines.length - index > most || bytes > mostBytes;
  });
  return first < 0 ? lines : lines.slice(first + 1);
}

/** The lines of a log that is read with timestamps, as they come; those without a timestamp are left out. */
export async function* linesOf(bytes: AsyncIterable<Buffer>): AsyncGenerator<Line[], void, undefined> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const chunk of bytes) {
    const parts = (rest + decoder.write(chunk)).split("\n");
    // What is beyond the longest line is not kept while its end has not come.
    rest = (parts.pop() ?? "").slice(0, longestLine + 64);
    const lines = parts.flatMap(lineOf);
    if (lines.length > 0) yield lines;
  }
  const last = lineOf(rest + decoder.end());
  if (last.length > 0) yield last;
}

function lineOf(raw: string): Line[] {
  const space = raw.indexOf(" ");
  const at = padded(space < 0 ? raw : raw.slice(0, space));
  if (at === undefined) return [];
  const text = space < 0 ? "" : raw.slice(space + 1, space + 1 + longestLine);
  return [{ at, text: text.replace(/\r$/, "") }];
}

/** A time of Kubernetes, which leaves out zeros at the end, with all of its digits. */
export function padded(stamp: string): string | undefined {
  const match = stampPattern.exec(stamp);
  return match === null ? undefined : `${match[1]}.${(match[2] ?? "").padEnd(9, "0")}Z`;
}

/** A time of a message, written as lines have it. */
export function stampOf({ seconds, nanos }: Pick<Timestamp, "seconds" | "nanos">): string {
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${whole}.${String(nanos).padStart(9, "0")}Z`;
}

/** The time of a line for a message. */
export function timestampOf(at: string): MessageInitShape<typeof TimestampSchema> {
  return { seconds: BigInt(Math.floor(Date.parse(`${at.slice(0, 19)}Z`) / 1000)), nanos: Number(at.slice(20, 29)) };
}
