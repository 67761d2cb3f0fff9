import type { Database } from "../../../db/database.js";
import { addJob } from "../../../jobs/jobs.js";

/** The name of the job that makes one volume claim what its row says. */
export const settleTask = "volume-claim.settle";

/** What waits that long for its next attempt is not forgotten: every look at its target brings it forward. */
const mostAttempts = 10;
const shortestMs = 500;
const longestMs = 30_000;

/** Queues the job in the caller's transaction; a waiting one is replaced, never doubled. */
export function queueSettle(tx: Database, id: string): Promise<void> {
  return addJob(tx, settleTask, { id, looks: 0 }, { ...inTurn(id), key: `${settleTask}:${id}` });
}

/** Queues another look after so many that changed nothing; it replaces none that is to run at once. */
export function queueLook(db: Database, id: string, looks: number): Promise<void> {
  const runAt = new Date(Date.now() + Math.min(longestMs, shortestMs * 2 ** Math.min(looks, 10)));
  return addJob(db, settleTask, { id, looks: looks + 1 }, { ...inTurn(id), key: `${settleTask}:${id}:later`, runAt });
}

/** One queue per volume claim: two jobs of the same one never run at once. */
const inTurn = (id: string) => ({ queue: `volume-claim:${id}`, maxAttempts: mostAttempts });
