import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { expireTasks } from "./expire.js";
import { pruneTasks } from "./prune.js";
import { tasksJob } from "./queue.js";
import { taskRunner } from "./runner.js";
import type { Works } from "./work.js";

/** What workers do for tasks. */
export function taskBackground(platform: Platform, works: Works): Background {
  return {
    tasks: {
      [tasksJob]: taskRunner(platform, works),
      "deployment.tasks.expire": () => expireTasks(platform, works),
      "deployment.tasks.prune": () => pruneTasks(platform),
    },
    cron: [
      { task: "deployment.tasks.expire", pattern: "* * * * *" },
      { task: "deployment.tasks.prune", pattern: "25 * * * *" },
    ],
    controllers: [],
  };
}
