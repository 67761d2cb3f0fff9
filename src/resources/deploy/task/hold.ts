import type { Platform } from "../../../platform.js";
import { type Lease, LeaseLost, leaseStore } from "./lease.js";
import type { TaskRow } from "./work.js";

/** The time of an attempt is up: it goes on in another one. */
export class TimeUp extends Error {
  override readonly name = "TimeUp";
}

/** A lease that is renewed while an attempt works. */
export interface Hold {
  /** Aborts with LeaseLost, with TimeUp, or as the worker's does. */
  readonly signal: AbortSignal;
  /** Whether too little time is left to begin a step. */
  isShort(): boolean;
  /** Stops renewing; the lease itself stays with the task. */
  release(): void;
}

export interface HoldOptions {
  readonly attemptMs: number;
  readonly renewMs: number;
  /** That of the worker. */
  readonly signal: AbortSignal;
}

/** Renews a lease until it is released, lost, or the time of the attempt or of the task is up. */
export function holdLease({ db, clock, log }: Platform, task: TaskRow, lease: Lease, options: HoldOptions): Hold {
  const lost = new AbortController();
  const startedAt = performance.now();
  const renew = async (): Promise<void> => {
    const holds = await leaseStore.renew(db, lease).catch((error: unknown) => {
      log.warn({ reason: String(error), deploymentTask: task.id }, "a lease could not be renewed; trying again");
      return true;
    });
    if (!holds) lost.abort(new LeaseLost());
  };
  const renewing = setInterval(() => void renew(), options.renewMs);
  const leftMs = task.deadlineAt === null ? Infinity : Math.max(0, task.deadlineAt.getTime() - clock().getTime());
  const end = setTimeout(
    () => lost.abort(new TimeUp("the time of the attempt is up")),
    Math.min(options.attemptMs, leftMs),
  );
  return {
    signal: AbortSignal.any([lost.signal, options.signal]),
    isShort: () => performance.now() - startedAt > options.attemptMs / 3,
    release() {
      clearInterval(renewing);
      clearTimeout(end);
    },
  };
}
