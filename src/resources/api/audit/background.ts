import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { maintainPartitions } from "./partitions.js";

const maintainTask = "audit.maintain";

/** What workers do for the audit log: they make its partitions and drop old ones, at their start and hourly. */
export function auditBackground({ db, clock, settings }: Platform): Background {
  const retentionDays = settings.auditRetentionDays;
  return {
    tasks: {
      [maintainTask]: (_, { signal }) => maintainPartitions(db, { now: clock(), retentionDays, signal }),
    },
    cron: [{ task: maintainTask, pattern: "20 * * * *" }],
    atStart: [maintainTask],
    controllers: [],
  };
}
