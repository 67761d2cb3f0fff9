import { withoutValues } from "../../../../db/errors.js";
import { pause } from "../../../../pause.js";
import type { Platform } from "../../../../platform.js";
import type { Background } from "../../../background.js";
import { clusterBackends } from "../backends.js";
import type { ClusterBackend } from "../kube.js";
import { type ClusterRow, clusterStore } from "../store.js";
import { followCluster } from "./follow-cluster.js";
import type { InsideReader } from "./reader.js";

/** How often the clusters are looked through for those that were missed. */
const scanMs = 30_000;

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

/** Follows the clusters of one partition whose API server answers, as they come and go. */
export async function followPartition(
  platform: Platform,
  partition: string,
  backend: ClusterBackend,
  readers: readonly InsideReader[],
  signal: AbortSignal,
): Promise<void> {
  const followed = new Map<string, Following>();
  const bell = ringer();
  const unsubscribe = platform.feed.subscribe("cluster", () => bell.ring());
  signal.addEventListener("abort", bell.ring, { once: true });
  while (!signal.aborted) {
    try {
      await scan(platform, partition, backend, readers, followed);
    } catch (error) {
      platform.log.warn({ err: withoutValues(error), partition }, "clusters could not be looked through");
      await pause(1_000, signal);
    }
    await bell.wait(scanMs);
  }
  unsubscribe();
  await Promise.all([...followed.values()].map((one) => one.stop()));
}

async function scan(
  platform: Platform,
  partition: string,
  backend: ClusterBackend,
  readers: readonly InsideReader[],
  followed: Map<string, Following>,
): Promise<void> {
  const { db, log } = platform;
  const rows = await clusterStore.inPartition(db, partition);
  const reachable = new Map(rows.filter(isReachable).map((row) => [row.id, row]));
  for (const [id, row] of reachable) {
    if (!followed.has(id))
      followed.set(
        id,
        start((signal) => followCluster(row, backend, readers, { signal, log })),
      );
  }
  for (const [id, one] of followed) {
    if (reachable.has(id)) continue;
    followed.delete(id);
    await one.stop();
  }
  for (const reader of readers) await reader.forgetDeleted(db);
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

/** Wakes who waits; a ring that comes while nobody waits is remembered. */
function ringer() {
  let rung = false;
  let wake = (): void => {};
  return {
    ring(): void {
      rung = true;
      wake();
    },
    async wait(ms: number): Promise<void> {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      rung = false;
    },
  };
}
