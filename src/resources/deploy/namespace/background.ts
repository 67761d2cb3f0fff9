import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { settleNamespace } from "./jobs.js";
import { namespaceQueue } from "./queue.js";

/** What workers do for namespaces. */
export function namespaceBackground(platform: Platform): Background {
  return { tasks: { [namespaceQueue.task]: settleNamespace(platform) }, controllers: [] };
}
