import type { Logger } from "pino";
import { withoutValues } from "../../../../db/errors.js";
import { pause } from "../../../../pause.js";
import type { ClusterRow } from "../store.js";
import { backoffMs } from "./backoff.js";
import type { FollowedObjects } from "./objects.js";
import type { InsideReader } from "./reader.js";

/** Changes that come within this time after silence are taken in together. */
const gatherMs = 50;
/** However often a cluster changes, so long is the time from the end of one call of a reader to the next. */
const restMs = 1_000;

/** Calls one reader of one cluster. */
export interface Settler {
  /** Something has changed. */
  wake(): void;
  /** Takes in what is still to be taken in after the signal has aborted; resolves when no call runs any more. */
  finish(): Promise<void>;
}

/** What calling a reader needs. */
export interface SettlerOptions {
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Whether no other process follows the cluster. */
  readonly isOurs: () => boolean;
}

/** Lets one reader take in the objects after changes, one call at a time, and again when it failed. */
export function openSettler(
  reader: InsideReader,
  cluster: ClusterRow,
  objects: FollowedObjects,
  { signal, log, isOurs }: SettlerOptions,
): Settler {
  let due = false;
  let failures = 0;
  let restedAt = 0;
  let working: Promise<void> | undefined;
  const settle = async (): Promise<void> => {
    due = false;
    try {
      await reader.settle(cluster, objects, signal);
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      due = true;
      failures += 1;
      log.warn({ err: withoutValues(error), cluster: cluster.id, reader: reader.name }, "reading a cluster failed");
    }
    restedAt = performance.now() + restMs;
  };
  const work = async (): Promise<void> => {
    while (due && !signal.aborted) {
      await pause(failures > 0 ? backoffMs(failures) : Math.max(gatherMs, restedAt - performance.now()), signal);
      if (!signal.aborted) await settle();
    }
  };
  const start = (): void => {
    working ??= work().finally(() => {
      working = undefined;
      // A change may have come after the last look and before this.
      if (due && !signal.aborted) start();
    });
  };
  return {
    wake() {
      if (!objects.isRead()) return;
      due = true;
      start();
    },
    async finish() {
      await working;
      // What a cluster told last is not lost because others had their turn: it may be the last that it ever tells.
      if (due && failures === 0 && isOurs()) await settle();
    },
  };
}
