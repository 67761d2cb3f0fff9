import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { settleClaim } from "./jobs.js";
import { settleTask } from "./queue.js";

/** What workers do for volume claims. */
export function volumeClaimBackground(platform: Platform): Background {
  return { tasks: { [settleTask]: settleClaim(platform) }, controllers: [] };
}
