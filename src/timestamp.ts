import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";

/** A time as messages have it: what `timestampFromDate` answers, for the thousands that lists are made of. */
export function timestampOf(date: Date): Timestamp {
  const ms = date.getTime();
  const seconds = Math.floor(ms / 1000);
  return { $typeName: "google.protobuf.Timestamp", seconds: BigInt(seconds), nanos: (ms - seconds * 1000) * 1_000_000 };
}

/** Whole seconds as a duration. */
export function durationOf(seconds: number): Duration {
  return { $typeName: "google.protobuf.Duration", seconds: BigInt(seconds), nanos: 0 };
}
