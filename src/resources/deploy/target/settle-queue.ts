import type { Database } from "../../../db/database.js";
import { addJob } from "../../../jobs/jobs.js";

/** How the jobs that make one kind of thing on targets what its rows say are queued. */
export interface SettleQueue {
  /** The name of the job. */
  readonly task: string;
  /** Queues the job in the caller's transaction; a waiting one is replaced, never doubled. */
  settle(tx: Database, id: string): Promise<void>;
  /** Queues another look after so many that changed nothing; it replaces none that is to run at once. */
  lookAgain(db: Database, id: string, looks: number): Promise<void>;
}

/** What waits that long for its next attempt is not forgotten: every look at its target brings it forward. */
const mostAttempts = 10;
const shortestMs = 500;
const longestMs = 30_000;

/** The queue of a kind, such as "namespace". There is one line for each thing: two jobs of it never run at once. */
export function settleQueue(kind: string): SettleQueue {
  const task = `${kind}.settle`;
  const inTurn = (id: string) => ({ queue: `${kind}:${id}`, maxAttempts: mostAttempts });
  return {
    task,
    settle: (tx, id) => addJob(tx, task, { id, looks: 0 }, { ...inTurn(id), key: `${task}:${id}` }),
    lookAgain(db, id, looks) {
      const runAt = new Date(Date.now() + Math.min(longestMs, shortestMs * 2 ** Math.min(looks, 10)));
      return addJob(db, task, { id, looks: looks + 1 }, { ...inTurn(id), key: `${task}:${id}:later`, runAt });
    },
  };
}
