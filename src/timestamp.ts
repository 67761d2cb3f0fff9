import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";

/** A time as messages have it: what `timestampFromDate` answers, for the thousands that lists are made of. */
export const timestampOf = (date: Date): Timestamp => timestampAt(date.getTime());

/** The same of milliseconds since 1970. */
export function timestampAt(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000);
  return { $typeName: "google.protobuf.Timestamp", seconds: BigInt(seconds), nanos: (ms - seconds * 1000) * 1_000_000 };
}

/** Whole seconds as a duration. */
export function durationOf(seconds: number): Duration {
  return { $typeName: "google.protobuf.Duration", seconds: BigInt(seconds), nanos: 0 };
}
