import { createBell } from "../../../../bell.js";
import { withoutValues } from "../../../../db/errors.js";
import { openGate } from "../../../../gate.js";
import type { PaceLimits } from "../../../../kube/pace.js";
import { pause } from "../../../../pause.js";
import type { Platform } from "../../../../platform.js";
import type { Background } from "../../../background.js";
import { clusterBackends } from "../backends.js";
import type { ClusterBackend } from "../kube.js";
import { type ClusterRow, clusterStore } from "../store.js";
import type { Budget } from "./collection.js";
import { followCluster } from "./follow-cluster.js";
import type { InsideReader } from "./reader.js";

/** How often the clusters are looked through for those that were missed, and deleted ones for what is left of them. */
const scanMs = 30_000;
/** However often clusters change, so long is the time from one look at the database to the next. */
const restMs = 1_000;

/** Bounds of what clusters may take. */
export interface FollowLimits {
  /** How much is kept of each type in each cluster. */
  readonly budget: Budget;
  /** How many clusters are started at a time: until all that their readers need has been read once. */
  readonly startsAtOnce: number;
  /** Others wait so long for the access to a cluster that starts, and as long again until it has been read. */
  readonly startMs: number;
  /** How much may be read of each cluster; the usual unless given. */
  readonly pace?: PaceLimits | undefined;
}

/** A cluster is its tenant's, who may put anything into it. */
const usual: FollowLimits = {
  budget: { items: 20_000, bytes: 16 * 1024 * 1024 },
  startsAtOnce: 16,
  startMs: 30_000,
};

/** Follows what is inside of all clusters: one process for each partition. */
export function insideBackground(platform: Platform, readers: readonly InsideReader[]): Background {
  return {
    tasks: {},
    controllers: [...clusterBackends(platform).all].map(([partition, backend]) => ({
      name: `inside of ${partition}`,
      run: (signal) => followPartition(platform, partition, backend, readers, signal),
    })),
  };
}

interface Following {
  stop(): Promise<void>;
}

/** What one process knows of the clusters of a partition. */
interface Followed {
  /** By id. */
  readonly clusters: Map<string, Following>;
  /** Ids of the clusters that were there at the last look. */
  known: ReadonlySet<string>;
  /** When deleted clusters are to be looked through again, by performance.now(). */
  forgetAt: number;
}

/** Follows the clusters of one partition whose API server answers, as they come and go. */
export async function followPartition(
  platform: Platform,
  partition: string,
  backend: ClusterBackend,
  readers: readonly InsideReader[],
  signal: AbortSignal,
  { budget, startsAtOnce, startMs, pace }: FollowLimits = usual,
): Promise<void> {
  const followed: Followed = { clusters: new Map(), known: new Set(), forgetAt: 0 };
  const gate = openGate(startsAtOnce);
  const { log, clock } = platform;
  const follow = (row: ClusterRow): Following =>
    start((turn) => {
      const isOurs = () => !signal.aborted;
      return followCluster(row, backend, readers, { signal: turn, log, isOurs, clock, budget, gate, startMs, pace });
    });
  const bell = createBell();
  const unsubscribe = platform.feed.subscribe("cluster", () => bell.ring());
  while (!signal.aborted) {
    try {
      await scan(platform, partition, readers, followed, follow);
    } catch (error) {
      log.warn({ err: withoutValues(error), partition }, "clusters could not be looked through");
    }
    await pause(restMs, signal);
    await bell.wait(scanMs - restMs, signal);
  }
  unsubscribe();
  await Promise.all([...followed.clusters.values()].map((one) => one.stop()));
}

async function scan(
  platform: Platform,
  partition: string,
  readers: readonly InsideReader[],
  followed: Followed,
  follow: (row: ClusterRow) => Following,
): Promise<void> {
  const { clusters } = followed;
  const rows = await clusterStore.inPartition(platform.db, partition);
  const reachable = new Map(rows.filter(isReachable).map((row) => [row.id, row]));
  for (const [id, row] of reachable) if (!clusters.has(id)) clusters.set(id, follow(row));
  const left = [...clusters].filter(([id]) => !reachable.has(id));
  for (const [id] of left) clusters.delete(id);
  await Promise.all(left.map(([, one]) => one.stop()));
  const present = new Set(rows.map(({ id }) => id));
  // At once when a cluster has gone; else now and then, for those that went while nobody looked.
  const someWent = [...followed.known].some((id) => !present.has(id));
  if (someWent || performance.now() >= followed.forgetAt) {
    for (const reader of readers) await reader.forgetDeleted(platform.db);
    followed.forgetAt = performance.now() + scanMs;
  }
  // Only now: what failed is done again.
  followed.known = present;
}

const isReachable = (row: ClusterRow): boolean => row.apiServerReady === "True" && row.deleteRequestedAt === null;

function start(work: (signal: AbortSignal) => Promise<void>): Following {
  const turn = new AbortController();
  const working = work(turn.signal);
  return {
    async stop() {
      turn.abort();
      await working;
    },
  };
}
