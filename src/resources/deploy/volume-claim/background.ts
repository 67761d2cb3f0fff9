import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { settleClaim } from "./jobs.js";
import { claimQueue } from "./queue.js";

/** What workers do for volume claims. */
export function volumeClaimBackground(platform: Platform): Background {
  return { tasks: { [claimQueue.task]: settleClaim(platform) }, controllers: [] };
}
