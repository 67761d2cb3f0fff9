import type { TaskHandler } from "../../../jobs/jobs.js";
import type { KubeClient } from "../../../kube/client.js";
import { transient } from "../../../kube/errors.js";
import type { Platform } from "../../../platform.js";
import { clusterStore } from "../../api/cluster/store.js";
import { failureMessage } from "./failure.js";
import { type TargetRow, targetStore } from "./store.js";

/** Opens a client for a target. */
export type OpenClient = (platform: Platform, target: TargetRow) => KubeClient;

/** A row of what is on a target. */
interface OnTarget {
  readonly id: string;
  readonly project: string;
  readonly target: string;
  readonly deleteRequestedAt: Date | null;
}

/** What is to be known of one kind of thing on targets to make it what its rows say. */
export interface Settling<Row extends OnTarget> {
  row(id: string): Promise<Row | undefined>;
  /** Applies what is wanted; false when it is about to change by itself. */
  settle(row: Row, client: KubeClient, signal: AbortSignal): Promise<boolean>;
  /** Writes why it is not settled. */
  explain(row: Row, message: string): Promise<void>;
  /** Nothing is left of it on the target. */
  remove(id: string): Promise<void>;
  /** Has it looked at again, after so many looks that changed nothing. */
  lookAgain(row: Row, looks: number): Promise<void>;
}

/**
 * Makes a target what the row of something on it says. It may run any number of times, after any crash: it reads what
 * is wanted, and every step is idempotent. What waits for its target is brought forward by the looks at it.
 */
export function settleOnTarget<Row extends OnTarget>(
  platform: Platform,
  open: OpenClient,
  of: Settling<Row>,
): TaskHandler {
  const { db } = platform;
  return async (payload, { signal }) => {
    const { id, looks } = payload as { id: string; looks: number };
    const row = await of.row(id);
    const target = row && (await targetStore.get(db, { project: row.project, id: row.target }));
    if (row === undefined || target === undefined) return;
    if (target.connection !== "connected") return await waitFor(platform, of, row, target);
    const client = open(platform, target);
    try {
      const isSettled = await of.settle(row, client, signal);
      if (!isSettled) await of.lookAgain(row, looks);
    } catch (error) {
      if (signal.aborted) throw error;
      await of.explain(row, failureMessage(error));
      if (transient(error)) throw error;
    } finally {
      client.close();
    }
  };
}

/** What is said of things whose target is away. */
export function awayMessage({ connection, connectionMessage }: TargetRow): string {
  if (connection !== "pending") return `the target cannot be reached: ${connectionMessage}`;
  return connectionMessage === "" ? "the target was not reached yet" : `the target waits: ${connectionMessage}`;
}

/** Nothing is left of what was in a cluster of the platform that is deleted; anything else waits. */
async function waitFor<Row extends OnTarget>(
  { db }: Platform,
  of: Settling<Row>,
  row: Row,
  target: TargetRow,
): Promise<void> {
  const isLost = target.cluster !== null && (await clusterStore.deletedAmong(db, [target.cluster])).length > 0;
  if (isLost && row.deleteRequestedAt !== null) await of.remove(row.id);
  else await of.explain(row, awayMessage(target));
}
