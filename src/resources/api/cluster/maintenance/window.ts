import { Cron } from "croner";

/** One maintenance window. */
export interface MaintenanceWindow {
  readonly begin: Date;
  readonly end: Date;
}

/**
 * The window that is open at a time, if one is. Windows begin every day at the time of day that `begin` shows
 * on the clocks of the time zone (IANA name): where clocks are put forward over it, when they have been; where they
 * are put back over it, at the first of the two times. They last the same everywhere: `seconds`, less than a day.
 */
export function windowAt(begin: Date, seconds: number, timeZone: string, now: Date): MaintenanceWindow | undefined {
  const { hour, minute, second } = timeOfDay(begin, timeZone);
  const daily = new Cron(`${second} ${minute} ${hour} * * *`, { timezone: timeZone, paused: true });
  // The next begin after the moment whose window would just have ended is the only one that can be open.
  const since = new Date(now.getTime() - seconds * 1000);
  const next = daily.nextRun(since);
  if (next === null || next > now) return undefined;
  return { begin: next, end: new Date(next.getTime() + seconds * 1000) };
}

function timeOfDay(date: Date, timeZone: string): { hour: number; minute: number; second: number } {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  });
  const parts = new Map(format.formatToParts(date).map(({ type, value }) => [type, Number(value)]));
  return { hour: parts.get("hour") ?? 0, minute: parts.get("minute") ?? 0, second: parts.get("second") ?? 0 };
}

/** Whether a text names a time zone. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en-GB", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
