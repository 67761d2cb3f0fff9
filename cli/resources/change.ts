import type { Command } from "commander";
import type { Task } from "../../gen/ts/deploy/v1/task_pb.js";
import type { Session } from "../session.js";
import { followTask } from "./follow-task.js";
import { given } from "./given.js";
import { futureMoment, type Moment } from "./times.js";
import { addExpectedVersion, type VersionFlag } from "./versions.js";

/** The flags of every command that makes a task. */
export interface ChangeFlags extends VersionFlag {
  readonly wait?: boolean;
  readonly reason?: string;
  readonly at?: Moment;
  readonly idempotencyKey?: string;
  readonly validateOnly?: boolean;
}

/** The flags of the fields of a task's options, for violations. */
export const changeFields = {
  "options.execute_at": "--at",
  "options.idempotency_key": "--idempotency-key",
  "options.expected_version": "--expected-version",
  "options.reason": "--reason",
} as const;

/** Declares them. */
export function addChange(command: Command, versioned = "deployment"): Command {
  const basic = command
    .option("--wait", "wait until the change is made, and show how it goes")
    .option("--reason <text>", "why, for those who read the task")
    .option("--at <time>", "not before that time: 2026-05-01T12:00:00Z, or in so long, as in 2h", futureMoment)
    .option("--idempotency-key <key>", "a request with the same key is made once")
    .option("--validate-only", "check everything, and change nothing");
  return addExpectedVersion(basic, versioned);
}

/** The flags as requests have them. */
export function optionsOf({ reason, at, idempotencyKey, validateOnly, expectedVersion }: ChangeFlags) {
  return given({ reason, executeAt: at, idempotencyKey, validateOnly, expectedVersion });
}

/** What came of a change: its tasks, and what they are about. */
export interface Change {
  readonly tasks: readonly (Task | undefined)[];
  /** As in "deployment web". */
  readonly title: string;
}

/**
 * Ends a command that made tasks: waits for them with --wait, else says how to. Answers whether something has
 * changed since the answer came, so that it is worth looking again.
 */
export async function settle(session: Session, flags: ChangeFlags, { tasks, title }: Change): Promise<boolean> {
  if (flags.validateOnly === true) {
    session.note("all is valid; nothing was changed");
    return false;
  }
  const made = tasks.filter((task) => task !== undefined).filter(({ uuid }) => uuid !== "");
  if (flags.wait !== true) {
    for (const { uuid } of made) session.note(`the task is on its way: slipway task watch ${uuid}`);
    return false;
  }
  for (const task of made) await followTask(session, task, title);
  return made.length > 0;
}
