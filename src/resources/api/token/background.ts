import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { tokenStore } from "./store.js";

const pruneTask = "tokens.prune";

/** What workers do for tokens: forget those that have expired, hourly. */
export function tokenBackground({ db, clock }: Platform): Background {
  return {
    tasks: { [pruneTask]: () => tokenStore.prune(db, clock()) },
    cron: [{ task: pruneTask, pattern: "35 * * * *" }],
    controllers: [],
  };
}
