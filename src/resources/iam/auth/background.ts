import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { pruneSignIns } from "./store.js";

const pruneTask = "sign-ins.prune";
/** What is over is kept for a little while, so that it still answers who comes late. */
const keptMs = 3_600_000;

/** What workers do for signing in: forget what is over. */
export function authBackground({ db, clock }: Platform): Background {
  return {
    tasks: { [pruneTask]: () => pruneSignIns(db, new Date(clock().getTime() - keptMs)) },
    cron: [{ task: pruneTask, pattern: "*/10 * * * *" }],
    controllers: [],
  };
}
