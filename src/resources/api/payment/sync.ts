import type { Database } from "../../../db/database.js";
import type { TaskHandler } from "../../../jobs/jobs.js";
import { handOnFailure, type RequestedJob, requestJob } from "../../../jobs/request.js";
import type { Platform } from "../../../platform.js";
import { readBook } from "./book.js";
import { customerStore } from "./store.js";

/** The name of the job that tells the processor what became of a customer. */
export const syncTask = "payment.sync";

/**
 * Says, in the transaction of a change, that the processor has something to hear of the customer; nothing is queued
 * for a processor that keeps no copy.
 */
export async function queueSync(
  tx: Database,
  { processor }: Pick<Platform, "processor">,
  tenant: string,
): Promise<void> {
  await customerStore.raiseGeneration(tx, tenant);
  if (processor.sync !== undefined) await requestJob(tx, syncJob(tenant));
}

const syncJob = (tenant: string): RequestedJob => ({
  task: syncTask,
  payload: { tenant },
  key: `${syncTask}:${tenant}`,
  queue: `payment:${tenant}`,
});

/** Makes the processor's copy of a customer what the book says. Idempotent. */
export function syncCustomer(platform: Platform): TaskHandler {
  const { db, processor } = platform;
  return async (payload, { signal, attempt, log }) => {
    const { tenant } = payload as { readonly tenant: string };
    const known = await readBook(platform, tenant);
    // An account that is still at another processor moves when it is saved the next time.
    if (processor.sync === undefined || known === undefined || known.row.processor !== processor.name) return;
    try {
      const account = await processor.sync(known.book, signal);
      await customerStore.setSynced(db, tenant, known.row.generation, account);
    } catch (error) {
      if (!(await handOnFailure(db, syncJob(tenant).key, attempt))) throw error;
      log.warn({ tenant }, "the payment processor could not be told of a customer; it will be tried again");
    }
  };
}
