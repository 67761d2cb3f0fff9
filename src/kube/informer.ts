import type { Logger } from "pino";
import { pause } from "../pause.js";
import type { KubeClient, Selection } from "./client.js";
import { type Delivery, type ObjectHandlers, openDelivery } from "./delivery.js";
import { expired, KubeError, transient, untrusted, watchError } from "./errors.js";
import type { KubeObject, ResourceType } from "./objects.js";
import type { WatchEvent } from "./watch.js";

/** What to follow, and whom to tell. */
export interface FollowOptions<T extends KubeObject> extends Selection, ObjectHandlers<T> {
  readonly client: KubeClient;
  readonly type: ResourceType;
  /** Called when a watch is open for the first time or again. */
  readonly onUp?: () => void;
  /** Called when the API server stops answering, and again whenever the kind of reason changes until it does. */
  readonly onDown?: (error: unknown) => void;
  /** Ends following. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** A watch that is silent for so long is taken for dead; 150 000 unless given. */
  readonly watchdogMs?: number;
  /** List again after so long, even if nothing seems to be wrong; never unless given. */
  readonly resyncMs?: number;
  /** When a handler has failed, list again after so long, so that it gets a second chance; 5000 unless given. */
  readonly handlerRetryMs?: number;
  /** Objects per page of a list; 500 unless given. */
  readonly pageSize?: number;
  /** Larger pages are refused; the client's own limit unless given. */
  readonly maxPageBytes?: number;
  /** Says at each list what is kept of it; everything unless given. */
  readonly intake?: () => Intake<T>;
  /** Pauses between attempts grow from `minMs` (200) to `maxMs` (30 000). */
  readonly backoff?: { readonly minMs: number; readonly maxMs: number };
  /** Jitter, from 0 to 1; Math.random unless given. */
  readonly random?: () => number;
}

/** Takes in one object of a list, before the next one is read: what shall be kept of it, undefined for nothing. */
export type Intake<T extends KubeObject> = (object: T) => T | undefined;

interface Position {
  /** Where the next watch begins; undefined means that a list must come first. */
  resourceVersion: string | undefined;
  /** When the next list is due even if the position holds, by performance.now(). */
  listAt: number;
  /** Tells the open watch that `listAt` has come nearer. */
  hurry: () => void;
  /** Attempts in a row that brought nothing. */
  failures: number;
}

const briefMs = 1000;

/**
 * Lists a collection and follows its changes by a watch, until the signal aborts: reconnects after every fault,
 * lists again when the server has forgotten the position (410), and never gives up. Handlers are called one at a
 * time; what a slow one misses is the states in between, never the newest. Resolves after the last handler.
 */
export async function follow<T extends KubeObject>(options: FollowOptions<T>): Promise<void> {
  const { signal, log } = options;
  const health = openHealth(options);
  const position: Position = { resourceVersion: undefined, listAt: 0, hurry: () => undefined, failures: 0 };
  const delivery = openDelivery(options, log, () => {
    position.listAt = Math.min(position.listAt, performance.now() + (options.handlerRetryMs ?? 5000));
    position.hurry();
  });
  while (!signal.aborted) {
    try {
      await listIfDue(options, position, delivery);
      await watchOnce(options, position, delivery, health.up);
    } catch (error) {
      if (signal.aborted) break;
      position.failures++;
      // What goes on for long is said once; how often it was tried is for those who look closely.
      const level = settle(error, position, health.down) ? "warn" : "debug";
      log[level](
        { err: error, resource: options.type.plural, failures: position.failures },
        "following was interrupted",
      );
    }
    await pause(backoffMs(options, position.failures), signal);
  }
  await delivery.stop();
}

/** Decides where to go on after a fault; answers whether it is news. */
function settle(error: unknown, position: Position, down: (error: unknown) => boolean): boolean {
  const dropped = error instanceof BrokenWatch;
  const cause = dropped ? error.cause : error;
  // The position survives a server that cannot be reached, but not one that refuses it or speaks in riddles.
  const refused = !transient(cause) || (dropped && cause instanceof KubeError && cause.kind === "status");
  if (refused || (cause instanceof KubeError && cause.kind === "malformed")) position.resourceVersion = undefined;
  // A watch that breaks is everyday life; the attempt to open the next one tells whether the server is there.
  return dropped || expired(cause) || down(cause);
}

async function listIfDue<T extends KubeObject>(options: FollowOptions<T>, position: Position, delivery: Delivery<T>) {
  if (position.resourceVersion !== undefined && performance.now() < position.listAt) return;
  const { client, type, namespace, labelSelector, fieldSelector, signal, pageSize: limit = 500 } = options;
  const take = options.intake?.() ?? ((item: T) => item);
  const items: T[] = [];
  let next: string | undefined;
  let first: string | undefined;
  do {
    const selection = { namespace, labelSelector, fieldSelector };
    const { maxPageBytes: maxBytes } = options;
    const page = await client.list<T>(type, { ...selection, signal, limit, maxBytes, continue: next });
    for (const item of page.items) {
      const kept = take(item);
      if (kept !== undefined) items.push(kept);
    }
    // The first page's version: what changed while the others were read is then told again by the watch.
    first ??= page.resourceVersion;
    next = page.continue;
  } while (next !== undefined);
  position.resourceVersion = first;
  position.listAt = performance.now() + (options.resyncMs ?? Number.POSITIVE_INFINITY);
  delivery.sync(items);
}

/** A fault of a watch that had been open. */
class BrokenWatch extends Error {}

async function watchOnce<T extends KubeObject>(
  options: FollowOptions<T>,
  position: Position,
  delivery: Delivery<T>,
  up: () => void,
): Promise<void> {
  const { client, type, namespace, labelSelector, fieldSelector, random = Math.random } = options;
  const watchdogMs = options.watchdogMs ?? 150_000;
  const guard = guardWatch(options.signal, watchdogMs, position);
  // The server is asked to end a healthy watch before the watchdog would bark.
  const timeoutSeconds = Math.max(1, Math.floor((watchdogMs / 1000) * (0.6 + 0.3 * random())));
  const resourceVersion = position.resourceVersion ?? "";
  const selection = { namespace, labelSelector, fieldSelector };
  let told = false;
  let opened = Number.POSITIVE_INFINITY;
  // Only a watch that was of use ends a series of failures.
  const useful = () => told || performance.now() - opened >= briefMs;
  try {
    const events = await client.watch<T>(type, { ...selection, resourceVersion, timeoutSeconds, signal: guard.signal });
    opened = performance.now();
    guard.start();
    up();
    try {
      for await (const event of events) {
        guard.alive();
        take(event, position, delivery);
        told = true;
      }
    } catch (error) {
      // The watchdog and the resync end a watch on purpose; the position still holds.
      if (!guard.signal.aborted) throw new BrokenWatch("the watch broke", { cause: error });
    }
  } finally {
    guard.stop();
    if (useful()) position.failures = 0;
  }
  if (!useful()) position.failures++;
}

function take<T extends KubeObject>(event: WatchEvent<T>, position: Position, delivery: Delivery<T>): void {
  if (event.type === "ERROR") throw watchError(event.object);
  position.resourceVersion = event.object.metadata.resourceVersion ?? position.resourceVersion;
  if (event.type !== "BOOKMARK") delivery.event({ type: event.type, object: event.object });
}

/** A signal that aborts with the caller's, on silence, and when the next list is due. */
function guardWatch(signal: AbortSignal, watchdogMs: number, position: Position) {
  const controller = new AbortController();
  const end = () => controller.abort();
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  let watchdog: NodeJS.Timeout | undefined;
  let list: NodeJS.Timeout | undefined;
  const alive = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(end, watchdogMs);
  };
  const arm = () => {
    clearTimeout(list);
    const wait = Math.max(0, position.listAt - performance.now());
    if (Number.isFinite(wait)) list = setTimeout(end, wait);
  };
  return {
    signal: controller.signal,
    alive,
    /** Call it when the watch is open; until then the client's own deadline holds. */
    start() {
      alive();
      arm();
      position.hurry = arm;
    },
    stop() {
      position.hurry = () => undefined;
      clearTimeout(watchdog);
      clearTimeout(list);
      signal.removeEventListener("abort", end);
    },
  };
}

function openHealth(options: { onUp?: () => void; onDown?: (error: unknown) => void; log: Logger }) {
  let state = "new";
  const tell = (call: () => void) => {
    try {
      call();
    } catch (error) {
      options.log.error({ err: error }, "a handler of the API server's health failed");
    }
  };
  return {
    up() {
      if (state === "up") return;
      state = "up";
      tell(() => options.onUp?.());
    },
    /** Answers whether that was told: the same reason is not told twice. */
    down(error: unknown): boolean {
      const reason = `down: ${reasonOf(error)}`;
      if (state === reason) return false;
      state = reason;
      tell(() => options.onDown?.(error));
      return true;
    },
  };
}

/** What kind of reason an error is: a server that is merely busy or broken says so with many codes. */
function reasonOf(error: unknown): string {
  if (!(error instanceof KubeError)) return "defect";
  if (untrusted(error)) return "tls";
  return error.kind === "status" ? (transient(error) ? "busy" : String(error.code)) : error.kind;
}

/** Between half and the whole of a pause that doubles with each failure, so that replicas do not return in step. */
function backoffMs(options: Pick<FollowOptions<KubeObject>, "backoff" | "random">, failures: number): number {
  const { minMs, maxMs } = options.backoff ?? { minMs: 200, maxMs: 30_000 };
  const pauseMs = Math.min(maxMs, minMs * 2 ** Math.min(failures, 16));
  return pauseMs * (0.5 + 0.5 * (options.random ?? Math.random)());
}
