import { and, desc, eq, like } from "drizzle-orm";
import type { Database } from "../../../../db/database.js";
import type { DomainError } from "../../../../errors.js";
import type { Platform } from "../../../../platform.js";
import type { Manifest } from "../../engine/engine.js";
import { type Inspection, inspect } from "../../engine/inspect.js";
import { taskLogLines } from "../../task/table.js";
import type { StepContext, StepOutcome, TaskRow } from "../../task/work.js";
import { isAway, type TargetClients } from "./clients.js";
import type { Plan } from "./plan.js";

/** What all steps are made of. */
export interface Kit {
  readonly platform: Platform;
  readonly targets: TargetClients;
}

const awayPrefix = "waits for the target: ";
const backLine = "the target answers again: the time for this step counts from here";
const awayMs = 5_000;
const shortestMs = 500;
const longestMs = 10_000;

/** Whether a step waits because its target is away. */
export const isWaitForTarget = (outcome: StepOutcome): boolean =>
  outcome.type === "wait" && outcome.message.startsWith(awayPrefix);

/** How long a step waits and what it bears. */
export interface Patience {
  /** Seconds, counted from the step's begin, or from when the target was back after it was away. */
  readonly seconds: number;
  /** Whether it fails when something is broken after its first start, although it might recover. */
  readonly isShort: boolean;
}

/** Looks whether objects are healthy, or waits; to be called within `observed`. */
export async function untilHealthy(
  kit: Kit,
  context: StepContext,
  { plan, manifests, step }: { plan: Plan; manifests: readonly Manifest[]; step: string },
  patience: Patience,
): Promise<StepOutcome> {
  if (manifests.length === 0) return { type: "skipped", message: "nothing of it runs all the time" };
  const seen = await kit.targets.use(plan.target, (client) => inspect(client, plan.owner, manifests, context.signal));
  if (seen.health === "healthy" || seen.health === "stopped") return { type: "done", message: told(seen) };
  const message = told(seen);
  if (seen.failed) return { type: "failed", message };
  const left = await leftMs(kit, context, step, patience.seconds);
  const isBroken = seen.health === "unhealthy" || seen.health === "degraded";
  if (isBroken && patience.isShort && left < patience.seconds * 1_000 - startMs(patience.seconds)) {
    return { type: "failed", message };
  }
  if (left > 0) return { type: "wait", message, afterMs: Math.min(left, pauseMs(kit, context)) };
  return { type: "failed", message: `not healthy within ${patience.seconds} s: ${message}` };
}

/**
 * Does something at a target that may be away: then it waits, at most until the task's deadline, and the time for the
 * step counts anew when the target answers again. What comes of it is written to the task's log whenever it changes.
 */
export async function observed(
  { platform }: Kit,
  context: StepContext,
  step: string,
  look: () => Promise<StepOutcome>,
): Promise<StepOutcome> {
  const before = messageOf(context.task, step);
  let outcome: StepOutcome;
  try {
    outcome = await look();
    if (before.startsWith(awayPrefix)) await context.log(backLine);
  } catch (error) {
    if (!isAway(error)) throw error;
    platform.log.debug({ task: context.task.id, reason: error.message }, "a task waits for its target");
    outcome = awayOutcome(error);
  }
  const { message = "" } = outcome;
  if (outcome.type !== "skipped" && message !== "" && message !== before) await context.log(message);
  return outcome;
}

/** What a step answers whose target is away. */
const awayOutcome = (error: DomainError): StepOutcome => ({
  type: "wait",
  message: `${awayPrefix}${error.message}`,
  afterMs: awayMs,
});

/** Milliseconds that are left of so many seconds; at most 0 when they are over. */
export async function leftMs({ platform }: Kit, context: StepContext, step: string, seconds: number): Promise<number> {
  if (messageOf(context.task, step).startsWith(awayPrefix)) return seconds * 1_000;
  const back = await lastBack(platform.db, context.task.id, step);
  const since = Math.max(context.since.getTime(), back?.getTime() ?? 0);
  return since + seconds * 1_000 - platform.clock().getTime();
}

/** What is new may fail for a moment before it runs. */
const startMs = (seconds: number): number => Math.min(60_000, seconds * 100);

/** Looks often at first; what takes longer is looked at less. The observer brings it forward. */
export function pauseMs({ platform }: Kit, { since }: StepContext): number {
  const elapsed = platform.clock().getTime() - since.getTime();
  return Math.min(longestMs, Math.max(shortestMs, elapsed / 10));
}

async function lastBack(db: Database, task: string, step: string): Promise<Date | undefined> {
  const [line] = await db
    .select({ at: taskLogLines.at })
    .from(taskLogLines)
    .where(and(eq(taskLogLines.task, task), eq(taskLogLines.step, step), like(taskLogLines.text, backLine)))
    .orderBy(desc(taskLogLines.number))
    .limit(1);
  return line?.at;
}

const messageOf = ({ steps }: TaskRow, name: string): string => steps.find((step) => step.name === name)?.message ?? "";

/** "web: 2 of 3 ready; worker: 0 of 1 ready (the image cannot be pulled)", or else what is said of the whole. */
function told({ processes, message }: Inspection): string {
  const each = Object.entries(processes).map(([name, { current, ready, message: why }]) => {
    return `${name}: ${ready} of ${current} ready${why === "" ? "" : ` (${why})`}`;
  });
  return each.length === 0 ? message : each.join("; ");
}
