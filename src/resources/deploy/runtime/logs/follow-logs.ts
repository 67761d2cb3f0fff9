import { DomainError } from "../../../../errors.js";
import { failureMessage } from "../../target/failure.js";
import type { LogHub } from "./hub.js";
import type { LogInstance } from "./instances.js";
import { type Line, lastOf, padded } from "./lines.js";
import type { LineQueue } from "./merge.js";
import type { PodPlace } from "./place.js";
import { type Backlog, type LogPlace, read } from "./pod-log.js";
import type { LogSelection } from "./selection.js";

/** A log that could not be read is tried again after so long. */
const againMs = 5_000;
/** Lines that come while earlier ones are read, which are shown before them. */
const mostEarly = 5_000;
const mostEarlyBytes = 4 * 1024 * 1024;

/** An instance that is listened to. */
interface Turn {
  readonly uid: string;
  stop(): void;
}

/** What all instances of one follower share. */
interface Following {
  readonly hub: LogHub;
  readonly place: PodPlace;
  readonly selection: LogSelection;
  readonly queue: LineQueue;
  readonly signal: AbortSignal;
}

/** Puts the lines of all instances that are meant into a queue, as they come and as the instances do, until `stop`. */
export function followLogs(following: Following): () => void {
  const { hub, place, selection, signal } = following;
  const startedAt = Math.floor(Date.now() / 1000) * 1000;
  const open = new Map<string, Turn>();
  const present = new Map<string, LogInstance>();
  const timers = createTimers();
  const leave = (name: string): void => {
    open.get(name)?.stop();
    open.delete(name);
  };
  const attach = (instance: LogInstance): void => {
    const { name, uid } = instance;
    if (signal.aborted || open.get(name)?.uid === uid || !selection.has(instance)) return;
    // Another one of that name has come in the place of the one before.
    leave(name);
    const isNew = Date.parse(instance.createdAt) >= startedAt;
    const stop = listenTo(following, instance, isNew, () => {
      timers.later(() => {
        if (open.get(name)?.stop !== stop) return;
        leave(name);
        const now = present.get(name);
        if (now !== undefined) attach(now);
      });
    });
    if (stop !== undefined) open.set(name, { uid, stop });
  };
  const stopWatch = hub.watch(place.target, place.selection, {
    there(instance) {
      present.set(instance.name, instance);
      attach(instance);
    },
    gone(name) {
      present.delete(name);
      // What it wrote last may still be on its way.
      if (open.has(name)) timers.later(() => (present.has(name) ? undefined : leave(name)));
    },
  });
  return () => {
    stopWatch();
    timers.stop();
    for (const turn of open.values()) turn.stop();
  };
}

/** Does things after a while, unless it is stopped before. */
function createTimers() {
  const timers = new Set<NodeJS.Timeout>();
  return {
    later(work: () => void): void {
      const timer = setTimeout(() => {
        timers.delete(timer);
        work();
      }, againMs);
      timers.add(timer);
    },
    stop(): void {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/**
 * Puts the lines of one instance into the queue until the answered function is called; undefined for one that has not
 * the container. `failed` is called when its log cannot be read.
 */
function listenTo(
  { hub, place, selection, queue, signal }: Following,
  instance: LogInstance,
  isNew: boolean,
  failed: () => void,
): (() => void) | undefined {
  const container = selection.containerOf(instance);
  if (container === undefined) return undefined;
  const turn = new AbortController();
  const pod = { namespace: place.selection.namespace, name: instance.name };
  const log = { pod, uid: instance.uid, container };
  const options = { isNew, signal: turn.signal };
  listen(hub, place, log, selection, options, (lines, left) =>
    queue.push(instance.name, instance.process, lines, left),
  ).catch((error: unknown) => {
    if (turn.signal.aborted || signal.aborted) return;
    if (error instanceof DomainError) return queue.end(error);
    const at = padded(new Date().toISOString()) ?? "";
    const text = `the log of ${instance.name} cannot be read: ${failureMessage(error)}`;
    queue.push("", instance.process, [{ at, text }]);
    failed();
  });
  return () => turn.abort();
}

/** Listens to one log until the signal aborts; first what is meant of the lines that are there. */
async function listen(
  hub: LogHub,
  { target }: PodPlace,
  log: LogPlace,
  selection: LogSelection,
  { isNew, signal }: { readonly isNew: boolean; readonly signal: AbortSignal },
  take: (lines: readonly Line[], left?: number) => void,
): Promise<void> {
  let early: readonly Line[] | undefined = [];
  let left = 0;
  const listener = {
    lines: (lines: readonly Line[]): void => {
      if (early === undefined) {
        take(lines);
        return;
      }
      const all: readonly Line[] = [...early, ...lines];
      early = lastOf(all, mostEarly, mostEarlyBytes);
      left += all.length - early.length;
    },
    ended: (): void => undefined,
  };
  const { backlog, stop } = await hub.podLog(target, log).listen(listener);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) return stop();
  // Of an instance that came later all is news.
  if (isNew) take(selection.since(backlog.lines));
  else take(selection.cut(await history(hub, target, log, selection, backlog, signal)));
  take(early, left);
  early = undefined;
}

/** What was written before: the backlog that all share, and what it lacks of what somebody wants. */
async function history(
  hub: LogHub,
  target: PodPlace["target"],
  log: LogPlace,
  selection: LogSelection,
  { lines, isWhole }: Backlog,
  signal: AbortSignal,
): Promise<readonly Line[]> {
  if (isWhole || selection.isEnough(lines)) return lines;
  const { client, release } = hub.targets.hold(target);
  try {
    const first = lines[0]?.at;
    const earlier = await read(client, log, selection.part, signal);
    return [...earlier.lines.filter(({ at }) => first === undefined || at < first), ...lines];
  } finally {
    release();
  }
}
