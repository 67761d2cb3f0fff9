import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { useEffect, useState } from "react";

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const short = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "long" });
const units = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

/** A moment as the API or the browser has it. */
export type Moment = Timestamp | Date | undefined;

const dateOf = (at: Timestamp | Date): Date => (at instanceof Date ? at : timestampDate(at));

/** "3 minutes ago"; the exact time is its title. */
export function Ago({ at, none = "–" }: { at: Moment; none?: string }) {
  useEvery(20_000);
  if (at === undefined) return <span>{none}</span>;
  const date = dateOf(at);
  return (
    <time dateTime={date.toISOString()} title={exact.format(date)}>
      {agoText(date, new Date())}
    </time>
  );
}

/** Date and time in the reader's zone; the exact time with the zone is its title. */
export function DateTime({ at, none = "–" }: { at: Moment; none?: string }) {
  if (at === undefined) return <span>{none}</span>;
  const date = dateOf(at);
  return (
    <time dateTime={date.toISOString()} title={exact.format(date)}>
      {short.format(date)}
    </time>
  );
}

/** The distance of a moment from another one, in words. */
export function agoText(date: Date, now: Date): string {
  const seconds = (date.getTime() - now.getTime()) / 1_000;
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return seconds > 10 ? "in a few seconds" : "just now";
}

// One clock for all: a thousand rows need no thousand timers.
const ticking = new Set<() => void>();
let clock: ReturnType<typeof setInterval> | undefined;

function useEvery(ms: number): void {
  const [, tick] = useState(0);
  useEffect(() => {
    const listener = () => tick((count) => count + 1);
    ticking.add(listener);
    clock ??= setInterval(() => {
      if (!document.hidden) for (const each of ticking) each();
    }, ms);
    return () => {
      ticking.delete(listener);
      if (ticking.size > 0) return;
      clearInterval(clock);
      clock = undefined;
    };
  }, [ms]);
}
