import type { Database } from "../../../db/database.js";
import { requestJob } from "../../../jobs/request.js";

/** The job that issues the invoices of billing periods that are over. */
export const issueTask = "invoices.issue";

/** Asks, in the transaction of a run of the meter that ends a billing period, for its invoices. */
export function queueInvoices(tx: Database): Promise<void> {
  return requestJob(tx, { task: issueTask, payload: {}, key: issueTask, queue: issueTask });
}
