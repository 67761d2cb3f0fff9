import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { syncCustomer, syncTask } from "./sync.js";

/** What workers do for customer accounts. */
export function paymentBackground(platform: Platform): Background {
  return { tasks: { [syncTask]: syncCustomer(platform) }, controllers: [] };
}
