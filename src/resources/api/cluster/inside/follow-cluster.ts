import { setMaxListeners } from "node:events";
import type { Logger } from "pino";
import { withoutValues } from "../../../../db/errors.js";
import type { Gate } from "../../../../gate.js";
import { type KubeClient, openKube } from "../../../../kube/client.js";
import { startDeadline } from "../../../../kube/deadline.js";
import { forbidden, unauthenticated, untrusted } from "../../../../kube/errors.js";
import { pathOf, type ResourceType } from "../../../../kube/objects.js";
import { openPace, type Pace, type PaceLimits } from "../../../../kube/pace.js";
import { pause } from "../../../../pause.js";
import type { ClusterBackend } from "../kube.js";
import type { ClusterRow } from "../store.js";
import { renewalMs } from "./access-life.js";
import { backoffMs } from "./backoff.js";
import type { Budget } from "./collection.js";
import { followedObjects } from "./objects.js";
import type { InsideReader } from "./reader.js";
import { openSettler } from "./settler.js";

/** How long the kubeconfig for following holds, and after how much of it a new one is taken at the latest. */
const accessSeconds = 86_400;
const longestAccessMs = (accessSeconds * 1000) / 2;

/** How much of one cluster is read: its lists at once, and then what a large cluster changes in ordinary work. */
const usualPace: PaceLimits = { bytesPerSecond: 2 * 1024 * 1024, burstBytes: 64 * 1024 * 1024 };

/** What following a cluster needs. */
export interface FollowClusterOptions {
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Whether no other process follows the cluster: what was seen last is then taken in after the signal aborted. */
  readonly isOurs: () => boolean;
  readonly clock: () => Date;
  /** Of each type that a reader follows. */
  readonly budget: Budget;
  /** How much may be read of it; for tests. */
  readonly pace?: PaceLimits | undefined;
  /** Lets some clusters start at a time. */
  readonly gate: Gate;
  /** How long its backend may take to give access, and how long after that it may keep others from being started. */
  readonly startMs: number;
}

/** Follows what is inside of one cluster for all readers, until the signal aborts. */
export async function followCluster(
  cluster: ClusterRow,
  backend: ClusterBackend,
  readers: readonly InsideReader[],
  options: FollowClusterOptions,
): Promise<void> {
  const { signal, log } = options;
  const notice = onceEach();
  const pace = openPace(options.pace ?? usualPace);
  for (let failures = 0; !signal.aborted; ) {
    try {
      const ended = await followOnce(cluster, backend, readers, options, notice, pace);
      // Access that was good for something and is refused now is replaced at once; then one begins to wait.
      failures = ended === "refused" ? failures + 1 : 0;
      if (failures > 1) await pause(backoffMs(failures), signal);
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      log.warn({ err: withoutValues(error), cluster: cluster.id }, "a cluster cannot be looked into");
      await pause(backoffMs(failures), signal);
    }
  }
}

/** Follows with one kubeconfig until it is time for a new one, or the cluster does not accept it. */
async function followOnce(
  cluster: ClusterRow,
  backend: ClusterBackend,
  readers: readonly InsideReader[],
  options: FollowClusterOptions,
  notice: Notice,
  pace: Pace,
): Promise<"read" | "refused"> {
  const { signal, log, clock, startMs } = options;
  const started = await options.gate.enter(signal);
  let longStart: NodeJS.Timeout | undefined;
  try {
    if (signal.aborted) return "read";
    const kubeconfig = await accessTo(cluster, backend, startMs, signal);
    longStart = setTimeout(started, startMs);
    const turn = openTurn(signal, renewalMs(kubeconfig, clock(), longestAccessMs));
    const client = openKube({ kubeconfig, log, pace });
    try {
      await follow(client, cluster, readers, { ...options, signal: turn.signal }, notice, started, turn.refuse);
    } finally {
      turn.stop();
      client.close();
    }
    return turn.isRefused() ? "refused" : "read";
  } finally {
    clearTimeout(longStart);
    started();
  }
}

async function accessTo(
  cluster: ClusterRow,
  backend: ClusterBackend,
  startMs: number,
  signal: AbortSignal,
): Promise<string> {
  const deadline = startDeadline(startMs, signal);
  try {
    return await backend.kubeconfig(cluster, accessSeconds, deadline.signal);
  } catch (error) {
    throw deadline.explain(error);
  } finally {
    deadline.stop();
  }
}

/** Each reader follows its types by itself, so that none waits for another's. */
async function follow(
  client: KubeClient,
  cluster: ClusterRow,
  readers: readonly InsideReader[],
  { signal, log, budget, isOurs }: FollowClusterOptions,
  notice: Notice,
  started: () => void,
  refuse: () => void,
): Promise<void> {
  const onOver = (type: ResourceType): void =>
    notice(`over ${pathOf(type)}`, () =>
      log.warn(
        { cluster: cluster.id, resource: type.plural, ...budget },
        "a cluster has more objects than are kept of it: those beyond are not shown, or as they were",
      ),
    );
  const onDown = (error: unknown): void => {
    if (unauthenticated(error) || untrusted(error)) refuse();
    if (!forbidden(error)) return;
    notice("forbidden", () =>
      log.warn({ err: withoutValues(error), cluster: cluster.id }, "a cluster does not let Slipway look into it"),
    );
  };
  const unread = new Set(readers);
  await Promise.all(
    readers.map(async (reader) => {
      const objects = followedObjects(client, reader.types, { signal, log, budget, onOver, onDown });
      const settler = openSettler(reader, cluster, objects, { signal, log, isOurs });
      await objects.follow(() => {
        if (objects.isRead() && unread.delete(reader) && unread.size === 0) started();
        settler.wake();
      });
      await settler.finish();
    }),
  );
}

/** The time with one kubeconfig: it ends with the signal, when it is due for renewal, and when it is refused. */
function openTurn(signal: AbortSignal, ms: number) {
  const turn = new AbortController();
  // Each type and each reader listens to it: that many are no leak.
  setMaxListeners(0, turn.signal);
  let refused = false;
  const end = (): void => turn.abort();
  const renewal = setTimeout(end, ms);
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  return {
    signal: turn.signal,
    refuse(): void {
      refused = true;
      end();
    },
    isRefused: () => refused,
    stop(): void {
      clearTimeout(renewal);
      signal.removeEventListener("abort", end);
    },
  };
}

type Notice = (what: string, tell: () => void) => void;

/** Tells each thing once. */
function onceEach(): Notice {
  const told = new Set<string>();
  return (what, tell) => {
    if (told.has(what)) return;
    told.add(what);
    tell();
  };
}
