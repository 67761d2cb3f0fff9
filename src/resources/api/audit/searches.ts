import { type InTurn, takeTurns } from "../../../in-turn.js";

/** Lets a few searches run at once, for each takes a connection for up to 10 s: no number of them keeps the database from calls. */
export function limitSearches(): InTurn {
  return takeTurns({ running: 3, waiting: 100, full: "too many searches of the audit log wait: try again" });
}
