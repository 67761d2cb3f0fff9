import type { Logger } from "pino";
import { databaseError, withoutValues } from "../../../db/errors.js";
import { DomainError } from "../../../errors.js";
import { KubeError, transient } from "../../../kube/errors.js";
import { failureMessage } from "../target/failure.js";
import type { StepRecord } from "./table.js";
import type { StepOutcome } from "./work.js";

/** What follows from what a step threw, and how often in a row it did. */
export interface Failure {
  readonly outcome: Extract<StepOutcome, { type: "wait" | "failed" }>;
  readonly counts: Pick<StepRecord, "away" | "defects">;
}

const mostDefects = 5;
const shortestMs = 500;
const longestMs = 30_000;
const longestMessage = 500;

/** Whether a step waits or has failed, by what it threw. */
export function failureOf(error: unknown, record: StepRecord, log: Logger): Failure {
  const { away = 0, defects = 0 } = record;
  const reason = awayReason(error);
  if (reason !== undefined) {
    const afterMs = Math.max(delayMs(away), reason.retryAfterMs ?? 0);
    return { outcome: { type: "wait", message: reason.message, afterMs }, counts: { away: away + 1, defects } };
  }
  if (error instanceof DomainError || error instanceof KubeError) {
    return failed(error.message.slice(0, longestMessage));
  }
  log.error({ err: withoutValues(error), step: record.name }, "a step of a task failed unexpectedly");
  if (defects + 1 >= mostDefects) return failed("Slipway failed at it: the log of the worker says why");
  const message = "Slipway failed at it: it is tried again";
  return {
    outcome: { type: "wait", message, afterMs: delayMs(defects) },
    counts: { away, defects: defects + 1 },
  };
}

const failed = (message: string): Failure => ({ outcome: { type: "failed", message }, counts: {} });

const delayMs = (before: number): number => Math.min(longestMs, shortestMs * 2 ** Math.min(before, 10));

/** Why it may go well later; undefined when it will not. */
function awayReason(error: unknown): { message: string; retryAfterMs?: number | undefined } | undefined {
  if (error instanceof DomainError) {
    return error.kind === "unavailable" || error.kind === "timeout" ? error : undefined;
  }
  if (error instanceof KubeError) {
    return transient(error) ? { message: failureMessage(error), retryAfterMs: error.retryAfterMs } : undefined;
  }
  if (error instanceof DOMException) return { message: "it takes too long: it is tried again" };
  const known = databaseError(error);
  const isAway = known?.kind === "unavailable" || known?.kind === "timeout" || known?.kind === "conflict";
  return isAway ? known : undefined;
}
