import { type Bell, createBell } from "../../../bell.js";
import { withoutValues } from "../../../db/errors.js";
import { openGate } from "../../../gate.js";
import { pause } from "../../../pause.js";
import type { Platform } from "../../../platform.js";
import { clusterBackends } from "../../api/cluster/backends.js";
import { followTarget, type ObserverPace } from "./follow-target.js";
import { type TargetMark, targetStore } from "./store.js";
import type { TargetVisitor } from "./visitor.js";

/** How often the targets are looked through for those that were missed. */
const scanMs = 30_000;
/** However often they change, so long is the time from one look at the database to the next. */
const restMs = 500;

const usual: ObserverPace = { recheckMs: 30_000, doubtMs: 2_000, lookMs: 15_000, atOnce: 16 };

interface Following {
  readonly mark: string;
  readonly bell: Bell;
  stop(): Promise<void>;
}

/** Follows all targets, as they come, change and go, until the signal aborts. */
export async function observeTargets(
  platform: Platform,
  visitors: readonly TargetVisitor[],
  signal: AbortSignal,
  pace: ObserverPace = usual,
): Promise<void> {
  const followed = new Map<string, Following>();
  const gate = openGate(pace.atOnce);
  const backends = clusterBackends(platform);
  const follow = ({ id, project, mark }: TargetMark): Following => {
    const turn = new AbortController();
    const bell = createBell();
    const options = { signal: turn.signal, bell, gate, pace, visitors, backends };
    const working = followTarget(platform, { id, project }, options);
    const stop = async (): Promise<void> => {
      turn.abort();
      await working;
    };
    return { mark, bell, stop };
  };
  const bell = createBell();
  const unsubscribe = ["target", "cluster"].map((topic) => platform.feed.subscribe(topic, () => bell.ring()));
  while (!signal.aborted) {
    try {
      await scan(platform, followed, follow);
    } catch (error) {
      platform.log.warn({ err: withoutValues(error) }, "targets could not be looked through");
    }
    await pause(restMs, signal);
    await bell.wait(scanMs - restMs, signal);
  }
  for (const stop of unsubscribe) stop();
  await Promise.all([...followed.values()].map(({ stop }) => stop()));
}

/** Begins to follow new targets, wakes who follow changed ones, and lets go of deleted ones. */
async function scan(
  { db }: Platform,
  followed: Map<string, Following>,
  follow: (target: TargetMark) => Following,
): Promise<void> {
  const marks = new Map((await targetStore.marks(db)).map((target) => [target.id, target]));
  for (const [id, target] of marks) {
    const known = followed.get(id);
    if (known === undefined) followed.set(id, follow(target));
    else if (known.mark !== target.mark) {
      followed.set(id, { ...known, mark: target.mark });
      known.bell.ring();
    }
  }
  const left = [...followed].filter(([id]) => !marks.has(id));
  for (const [id] of left) followed.delete(id);
  await Promise.all(left.map(([, { stop }]) => stop()));
}
