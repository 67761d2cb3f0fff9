import { createBell } from "../../../bell.js";
import { withoutValues } from "../../../db/errors.js";
import type { Gate } from "../../../gate.js";
import { openPace, type PaceLimits } from "../../../kube/pace.js";
import { pause } from "../../../pause.js";
import type { Platform } from "../../../platform.js";
import type { ClusterBackends } from "../../api/cluster/backends.js";
import { backoffMs } from "../../api/cluster/inside/backoff.js";
import type { Budget } from "../../api/cluster/inside/collection.js";
import { targetAccess } from "../target/access.js";
import { wakeTasks } from "../task/queue.js";
import type { PartOptions } from "./part.js";
import { openParts, type Parts } from "./parts.js";
import type { Roster } from "./roster.js";
import { isShown, type RuntimeTarget, runtimeStore, type Sighting, type Subject } from "./store.js";
import { type Verdict, verdictOf } from "./verdict.js";

/** How fast and how much is followed. */
export interface RuntimePace {
  /** Of each type on each target. */
  readonly budget: Budget;
  /** How much is read of one target. */
  readonly pace: PaceLimits;
  /** How many targets begin to be followed at a time, and how long one may keep others from it. */
  readonly startsAtOnce: number;
  readonly startMs: number;
  /** Changes that come within this time after silence are taken in together. */
  readonly gatherMs: number;
  /** From one writing of what has changed on a target to the next. */
  readonly restMs: number;
  /** How long what looks as if others had changed it is not believed: what was applied last may not have been seen. */
  readonly doubtMs: number;
  /** Of attempts to read a type again; as informers have it unless given. */
  readonly backoff?: PartOptions["backoff"];
}

/** What following a target needs. */
export interface FollowOptions {
  readonly roster: Roster;
  readonly backends: ClusterBackends;
  readonly gate: Gate;
  readonly pace: RuntimePace;
}

/** A target that is followed. */
export interface FollowedTarget {
  /** Of the target, when it began to be followed. */
  readonly version: number;
  /** Some deployments were changed in the database. */
  changed(ids: Iterable<string>): void;
  stop(): Promise<void>;
}

const idleMs = 60_000;

/** Follows what runs on a target, writes how its deployments are and wakes their tasks, until it is stopped. */
export function followTarget(platform: Platform, target: RuntimeTarget, options: FollowOptions): FollowedTarget {
  const turn = new AbortController();
  const due = createDue();
  const working = follow(platform, target, options, due, turn.signal);
  return {
    version: target.version,
    changed: (ids) => due.mark(ids, false),
    async stop() {
      turn.abort();
      await working;
    },
  };
}

/** The deployments that are to be looked at, and whether objects of theirs have changed. */
function createDue() {
  const bell = createBell();
  const waiting = new Map<string, boolean>();
  const add = (id: string, objects: boolean): void => void waiting.set(id, objects || waiting.get(id) === true);
  return {
    mark(ids: Iterable<string>, objects: boolean): void {
      for (const id of ids) add(id, objects);
      bell.ring();
    },
    /** Without waking anybody. */
    add,
    takeAll(): ReadonlyMap<string, boolean> {
      const all = new Map(waiting);
      waiting.clear();
      return all;
    },
    wait: (ms: number, signal: AbortSignal): Promise<void> => bell.wait(ms, signal),
  };
}

async function follow(
  platform: Platform,
  target: RuntimeTarget,
  options: FollowOptions,
  due: ReturnType<typeof createDue>,
  signal: AbortSignal,
): Promise<void> {
  const { pace, roster, backends } = options;
  const client = targetAccess(platform, target, backends, openPace(pace.pace));
  const leave = await options.gate.enter(signal);
  const late = setTimeout(leave, pace.startMs);
  const idsOfAll = (): string[] => roster.on(target.id).map(({ id }) => id);
  const parts = openParts({
    ...{ target: target.id, client, signal, log: platform.log, budget: pace.budget, backoff: pace.backoff },
    onChange: (ids) => due.mark(ids === "all" ? idsOfAll() : ids, true),
  });
  try {
    due.mark(idsOfAll(), false);
    await settleAll(platform, target, { ...options, parts, due, signal, started: leave });
  } finally {
    clearTimeout(late);
    leave();
    await parts.stop();
    client.close();
  }
}

interface Settling extends FollowOptions {
  readonly parts: Parts;
  readonly due: ReturnType<typeof createDue>;
  readonly signal: AbortSignal;
  readonly started: () => void;
}

async function settleAll(platform: Platform, target: RuntimeTarget, settling: Settling): Promise<void> {
  const { parts, due, signal, roster, pace, started } = settling;
  const doubts = new Map<string, number>();
  for (let failures = 0; !signal.aborted; ) {
    await due.wait(doubts.size > 0 ? pace.doubtMs : idleMs, signal);
    await pause(failures > 0 ? backoffMs(failures) : pace.gatherMs, signal);
    if (signal.aborted) break;
    for (const id of doubts.keys()) due.add(id, false);
    const ids = due.takeAll();
    try {
      await parts.settle(roster.on(target.id));
      await settleSome(platform, target, settling, ids, doubts);
      failures = 0;
    } catch (error) {
      if (signal.aborted) break;
      failures += 1;
      for (const [id, objects] of ids) due.mark([id], objects);
      platform.log.warn({ err: withoutValues(error), target: target.id }, "health of deployments was not written");
    }
    if (parts.isRead()) started();
    await pause(pace.restMs, signal);
  }
}

/**
 * Writes what is new of these deployments, and then wakes their tasks, which look for themselves. Whether there are any
 * the database tells: the roster may not have heard yet of a deployment whose objects are there already.
 */
async function settleSome(
  { db }: Platform,
  target: RuntimeTarget,
  { parts, roster, pace }: Settling,
  ids: ReadonlyMap<string, boolean>,
  doubts: Map<string, number>,
): Promise<void> {
  const subjects = [...ids.keys()].map((id) => roster.subject(id)).filter((subject) => subject !== undefined);
  for (const id of ids.keys()) if (roster.subject(id) === undefined) doubts.delete(id);
  const sightings = subjects
    .filter((subject) => subject.target === target.id)
    .flatMap((subject) => {
      const view = parts.view(subject);
      return view === undefined ? [] : believed(subject, verdictOf(subject, view), doubts, pace.doubtMs);
    });
  await runtimeStore.observe(db, sightings);
  const touched = [...ids].filter(([, objects]) => objects).map(([id]) => id);
  await wakeTasks(db, target.id, touched);
}

/** What is to be written of a deployment: nothing when it is shown so, or not believed yet. */
function believed(subject: Subject, verdict: Verdict, doubts: Map<string, number>, doubtMs: number): Sighting[] {
  const { isDoubtful, ...seen } = verdict;
  const since = doubts.get(subject.id);
  if (isDoubtful && since === undefined) doubts.set(subject.id, performance.now());
  if (isDoubtful && performance.now() - (since ?? performance.now()) < doubtMs) return [];
  doubts.delete(subject.id);
  return isShown(subject, seen) ? [] : [{ ...seen, id: subject.id, target: subject.target }];
}
