import { InvalidArgumentError } from "commander";
import { parseDuration, shortAge } from "../duration.js";
import type { Column } from "../table.js";

/** A time as messages have it. */
export interface Moment {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** ISO 8601 without parts of seconds; empty when there is none. */
export function isoOf(time: Moment | undefined): string {
  return time === undefined ? "" : new Date(Number(time.seconds) * 1_000).toISOString().replace(".000", "");
}

/** How long ago it was; empty when it never was. */
export function ageOf(time: Moment | undefined): string {
  return time === undefined ? "" : shortAge(Date.now() - Number(time.seconds) * 1_000);
}

/** A column with the age of things. */
export function ageColumn<T>(time: (item: T) => Moment | undefined): Column<T> {
  return { header: "AGE", value: (item) => ageOf(time(item)) };
}

/** Milliseconds of the time of this machine, as messages have it. */
export function momentOf(ms: number): Moment {
  const seconds = Math.floor(ms / 1_000);
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1_000) * 1e6) };
}

/** Reads a time of a flag that lies behind: 2026-05-01T12:00:00Z, 2026-05-01, or how long ago, as in 90m. */
export const pastMoment = (text: string): Moment => readMoment(text, -1);

/** Reads a time of a flag that lies ahead, likewise. */
export const futureMoment = (text: string): Moment => readMoment(text, 1);

function readMoment(text: string, direction: 1 | -1): Moment {
  const distance = parseDuration(text);
  if (distance !== undefined) return momentOf(Date.now() + direction * distance);
  const ms = /^\d{4}-\d{2}(-\d{2})?([T ].*)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) {
    throw new InvalidArgumentError("It must be a time such as 2026-05-01T12:00:00Z, or a duration such as 90m.");
  }
  return momentOf(ms);
}
