import { Cron } from "croner";
import { invalidField } from "../../../errors.js";

// What Kubernetes reads in a field. The library reads more, such as L, W and # and Sundays as 7.
const name = "[A-Za-z]{3}";
const value = `(?:\\d{1,2}|${name})`;
const term = `(?:\\*(?:/\\d{1,2})?|${value}(?:-${value}(?:/\\d{1,2})?)?)`;
const fieldPattern = new RegExp(`^${term}(?:,${term})*$`);

/** Refuses a schedule that is not of five crontab fields as Kubernetes has them, or whose time never comes. */
export function refuseBadSchedule(field: string, schedule: string): void {
  const parts = schedule.split(" ");
  const weekdays = parts[4] ?? "";
  if (parts.length !== 5 || !parts.every((part) => fieldPattern.test(part)) || /(?:^|[,-])0*7/.test(weekdays)) {
    throw invalidField(
      field,
      "must be five crontab fields with one space between: minute, hour, day, month, weekday 0-6",
    );
  }
  if (!comes(field, schedule)) throw invalidField(field, "is of a time that never comes");
}

function comes(field: string, schedule: string): boolean {
  try {
    return new Cron(schedule, { mode: "5-part", paused: true, timezone: "UTC" }).nextRun() !== null;
  } catch {
    throw invalidField(field, "is not within the bounds of minute 0-59, hour 0-23, day 1-31, month 1-12, weekday 0-6");
  }
}
