import { createBell } from "../../../bell.js";
import { withoutValues } from "../../../db/errors.js";
import { openGate } from "../../../gate.js";
import { pause } from "../../../pause.js";
import type { Platform } from "../../../platform.js";
import { clusterBackends } from "../../api/cluster/backends.js";
import { type FollowedTarget, type FollowOptions, followTarget, type RuntimePace } from "./follow-target.js";
import { openRoster, type Roster } from "./roster.js";
import { isShown, type RuntimeTarget, runtimeStore, type Sighting } from "./store.js";
import { unknown } from "./verdict.js";

/** A target is its tenant's, who may put anything into it. */
export const usualPace: RuntimePace = {
  budget: { items: 20_000, bytes: 16 * 1024 * 1024 },
  pace: { bytesPerSecond: 2 * 1024 * 1024, burstBytes: 64 * 1024 * 1024 },
  startsAtOnce: 8,
  startMs: 30_000,
  gatherMs: 50,
  restMs: 450,
  doubtMs: 5_000,
};

/** How often targets are looked through for those that were missed. */
const scanMs = 30_000;
/** However often deployments change, so long is the time from one look at the database to the next. */
const restMs = 250;

/**
 * Follows what runs of deployments on all targets that are connected, and writes how the deployments are, until the
 * signal aborts. Those whose target is not connected are unknown; where it comes back all of it is told anew.
 */
export async function observeRuntime(
  platform: Platform,
  signal: AbortSignal,
  pace: RuntimePace = usualPace,
): Promise<void> {
  const bell = createBell();
  const roster = openRoster(platform, () => bell.ring());
  const followed = new Map<string, FollowedTarget>();
  const gate = openGate(pace.startsAtOnce);
  const options: FollowOptions = { roster, backends: clusterBackends(platform), gate, pace };
  while (!signal.aborted) {
    try {
      await scan(platform, roster, followed, options);
    } catch (error) {
      platform.log.warn({ err: withoutValues(error) }, "deployments could not be looked through");
    }
    await pause(restMs, signal);
    await bell.wait(scanMs - restMs, signal);
  }
  roster.close();
  await Promise.all([...followed.values()].map((one) => one.stop()));
}

/** Begins to follow targets that are connected, lets go of the others, and tells all of what has changed. */
async function scan(
  platform: Platform,
  roster: Roster,
  followed: Map<string, FollowedTarget>,
  options: FollowOptions,
): Promise<void> {
  const changed = await roster.refresh();
  const targets = await roster.targets();
  const connected = new Map(
    targets.filter(({ connection }) => connection === "connected").map((target) => [target.id, target]),
  );
  // Another version may have another kubeconfig.
  const left = [...followed].filter(([id, { version }]) => connected.get(id)?.version !== version);
  for (const [id] of left) followed.delete(id);
  await Promise.all(left.map(([, one]) => one.stop()));
  for (const [id, target] of connected) {
    const one = followed.get(id);
    if (one === undefined) followed.set(id, followTarget(platform, target, options));
    else one.changed(changedOn(roster, id, changed));
  }
  await runtimeStore.observe(
    platform.db,
    targets.filter(({ id }) => !connected.has(id)).flatMap((target) => awayFrom(roster, target)),
  );
}

function changedOn(roster: Roster, target: string, changed: ReadonlySet<string>): string[] {
  if (changed.size === 0) return [];
  return roster.on(target).flatMap(({ id }) => (changed.has(id) ? [id] : []));
}

/** What is to be written of the deployments on a target that is not connected. */
function awayFrom(roster: Roster, target: RuntimeTarget): Sighting[] {
  const message = awayMessage(target);
  return roster
    .on(target.id)
    .filter((subject) => subject.target === target.id)
    .map((subject) => ({ subject, seen: unknown(subject, message) }))
    .filter(({ subject, seen }) => !isShown(subject, seen))
    .map(({ subject, seen }) => ({ ...seen, id: subject.id, target: target.id }));
}

function awayMessage({ name, connection, connectionMessage }: RuntimeTarget): string {
  const why = connectionMessage === "" ? "" : `: ${connectionMessage}`;
  return connection === "pending"
    ? `target ${name} was not reached yet${why}`
    : `target ${name} cannot be reached${why}`;
}
