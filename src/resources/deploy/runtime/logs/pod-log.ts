import type { KubeClient, Place } from "../../../../kube/client.js";
import { startDeadline } from "../../../../kube/deadline.js";
import { KubeError, notFound } from "../../../../kube/errors.js";
import { type KubeObject, pods } from "../../../../kube/objects.js";
import { pause } from "../../../../pause.js";
import { type Line, lastOf, linesOf } from "./lines.js";

/** Which log. */
export interface LogPlace {
  readonly pod: Place;
  /** Of the pod: another one of its name has another log. */
  readonly uid: string;
  /** The first container unless given. */
  readonly container: string | undefined;
}

/** Hears of lines, each once, in their order. */
export interface LogListener {
  lines(lines: readonly Line[]): void;
  /** Nothing more comes: the container has ended for good, or the pod is gone. */
  ended(): void;
}

/** What was there when somebody began to listen. */
export interface Backlog {
  readonly lines: readonly Line[];
  /** Whether it begins with the first line of the log. */
  readonly isWhole: boolean;
}

/** The log of one container, read once for all who listen. */
export interface PodLog {
  /** Calls the listener with all lines after the backlog, until `stop` is called. Throws KubeError when the log cannot be read. */
  listen(listener: LogListener): Promise<{ readonly backlog: Backlog; stop(): void }>;
  /** How many listen. */
  readonly listeners: number;
}

/** Lines that are kept for those who come later. */
const keptLines = 1_000;
const keptBytes = 2 * 1024 * 1024;
const firstPauseMs = 500;
const lastPauseMs = 10_000;

/** Follows a log as long as anybody listens. `idle` is called when nobody does any more. */
export function openPodLog(client: KubeClient, place: LogPlace, idle: () => void): PodLog {
  const ending = new AbortController();
  /** Those who listen, and those who wait for what was written before. */
  const users = new Set<LogListener>();
  const listeners = new Set<LogListener>();
  let kept: readonly Line[] = [];
  let isWhole = false;
  let isOver = false;

  const began = read(client, place, { tailLines: String(keptLines) }, ending.signal).then(({ lines, isCut }) => {
    kept = lastOf(lines, keptLines, keptBytes);
    isWhole = !isCut && kept.length < keptLines && kept.length === lines.length;
    void goOn();
  });
  // Whoever listens hears of the failure.
  began.catch(() => undefined);

  const take = (lines: readonly Line[]): void => {
    const all = [...kept, ...lines];
    kept = lastOf(all, keptLines, keptBytes);
    if (kept.length < all.length) isWhole = false;
    for (const listener of listeners) listener.lines(lines);
  };

  async function goOn(): Promise<void> {
    for (let failures = 0; !ending.signal.aborted; failures += 1) {
      const before = kept.at(-1);
      if (await followed(client, place, kept, ending.signal, take)) break;
      if (kept.at(-1) !== before) failures = 0;
      await pause(Math.min(lastPauseMs, firstPauseMs * 2 ** failures), ending.signal);
    }
    isOver = true;
    for (const listener of listeners) listener.ended();
  }

  return {
    async listen(listener) {
      const stop = (): void => {
        listeners.delete(listener);
        if (!users.delete(listener) || users.size > 0) return;
        ending.abort();
        idle();
      };
      users.add(listener);
      try {
        await began;
      } catch (error) {
        stop();
        throw error;
      }
      // It hears all that is not in the backlog, and nothing that is.
      listeners.add(listener);
      if (isOver) queueMicrotask(() => listener.ended());
      return { backlog: { lines: kept, isWhole }, stop };
    },
    get listeners() {
      return users.size;
    },
  };
}

/** Follows a log until its stream ends; true when there is nothing more to come. */
async function followed(
  client: KubeClient,
  place: LogPlace,
  known: readonly Line[],
  signal: AbortSignal,
  take: (lines: readonly Line[]) => void,
): Promise<boolean> {
  const fresh = notKnown(known);
  // Kubernetes knows whole seconds only.
  const last = known.at(-1)?.at.slice(0, 19);
  const query = { ...queryOf(place), follow: "true", ...(last === undefined ? {} : { sinceTime: `${last}Z` }) };
  const turn = new AbortController();
  const end = (): void => turn.abort();
  signal.addEventListener("abort", end, { once: true });
  try {
    const stream = await client.streamBelow(pods, place.pod, "log", query, turn.signal);
    // Only now it is sure whose log that is: another pod may have come under the name.
    if ((await phaseOf(client, place, turn.signal)) === "gone") return true;
    for await (const lines of linesOf(stream)) {
      const news = lines.filter(fresh);
      if (news.length > 0) take(news);
    }
    return (await phaseOf(client, place, turn.signal)) !== "live";
  } catch {
    // Whatever it was: those who listen shall not miss what comes when it is over.
    return (await phaseOf(client, place, signal).catch(() => "live")) === "gone";
  } finally {
    end();
    signal.removeEventListener("abort", end);
  }
}

/** Leaves out what is known already: lines of the last time are counted, for several may have the same. */
function notKnown(known: readonly Line[]): (line: Line) => boolean {
  const last = known.at(-1)?.at ?? "";
  let equal = known.filter(({ at }) => at === last).length;
  return ({ at }) => {
    if (at !== last) return at > last;
    equal -= 1;
    return equal < 0;
  };
}

/** Whether the pod is still there, and whether it has ended for good. Throws KubeError. */
async function phaseOf(
  client: KubeClient,
  { pod, uid }: LogPlace,
  signal: AbortSignal,
): Promise<"live" | "ended" | "gone"> {
  try {
    const live = await client.get<KubeObject & { status?: { phase?: unknown } }>(pods, pod, { signal });
    if (live.metadata.uid !== uid) return "gone";
    return live.status?.phase === "Succeeded" || live.status?.phase === "Failed" ? "ended" : "live";
  } catch (error) {
    if (notFound(error)) return "gone";
    throw error;
  }
}

/** Which part of a log, as Kubernetes has it. */
export interface LogPart {
  readonly tailLines?: string;
  readonly sinceTime?: string;
  readonly previous?: string;
}

/** How much is read of one log at once, and for how long. */
const mostBytes = 8 * 1024 * 1024;
const readMs = 30_000;

/**
 * The lines that are there now, the first of them where they are more than `most` bytes. A container that has not
 * started yet, or was never started again, has none. Throws KubeError.
 */
export async function read(
  client: KubeClient,
  place: LogPlace,
  part: LogPart,
  signal: AbortSignal,
  most = mostBytes,
): Promise<{ readonly lines: readonly Line[]; readonly isCut: boolean }> {
  const query = { ...queryOf(place), ...part, limitBytes: String(most) };
  const lines: Line[] = [];
  let bytes = 0;
  const limit = startDeadline(readMs, signal);
  try {
    const stream = await client.streamBelow(pods, place.pod, "log", query, limit.signal);
    for await (const some of linesOf(counted(stream, (count) => (bytes += count)))) lines.push(...some);
    // A stream that is ended ends like any other.
    limit.signal.throwIfAborted();
  } catch (error) {
    if (isNotStarted(error)) return { lines: [], isCut: false };
    throw limit.explain(error);
  } finally {
    limit.stop();
  }
  return { lines, isCut: bytes >= most };
}

async function* counted(stream: AsyncIterable<Buffer>, count: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    count(chunk.length);
    yield chunk;
  }
}

const queryOf = ({ container }: LogPlace) => ({ timestamps: "true", container });

/** What Kubernetes answers before a container runs, and for the one before when there was none. */
const isNotStarted = (error: unknown): boolean =>
  error instanceof KubeError &&
  error.code === 400 &&
  /waiting to start|previous terminated|not found/.test(error.message);
