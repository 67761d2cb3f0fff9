import { type Line, lastOf, sizeOf } from "./lines.js";

/** A line and whose it is. */
export interface OwnedLine extends Line {
  readonly instance: string;
  readonly process: string;
}

/** Lines of many logs in the order of their times; what is not read in time is left out, and counted. */
export interface LineQueue {
  /** `left` more lines of the instance were left out before these. */
  push(instance: string, process: string, lines: readonly Line[], left?: number): void;
  /** No line comes any more: what waits is the last. */
  end(error?: unknown): void;
  /** Waits for lines, and takes those whose turn it is; undefined when none comes any more. Throws what `end` was given. */
  take(): Promise<{ readonly lines: OwnedLine[]; readonly dropped: number } | undefined>;
}

/** Lines that come later than others of the same time are waited for so long. */
const orderMs = 200;
const mostWaiting = 5_000;
const mostBytes = 4 * 1024 * 1024;
const mostAtOnce = 500;
/** Clients take messages of 4 MiB, as is usual. */
const mostBytesAtOnce = 1024 * 1024;

/** Makes a queue; `signal` ends it. */
export function createLineQueue(signal: AbortSignal, waiting = mostWaiting): LineQueue {
  let lines: readonly OwnedLine[] = [];
  let added: OwnedLine[] = [];
  let bytes = 0;
  let dropped = 0;
  let isEnded = false;
  let failure: unknown;
  let wake = (): void => undefined;
  const end = (error?: unknown): void => {
    isEnded = true;
    failure ??= error;
    wake();
  };
  /** Brings them into order, without the oldest of too many. */
  const settleLines = (): void => {
    const all = inOrder([...lines, ...added]);
    lines = lastOf(all, waiting, mostBytes);
    added = [];
    bytes = 0;
    dropped += all.length - lines.length;
  };
  signal.addEventListener("abort", () => end(), { once: true });
  if (signal.aborted) end();
  return {
    push(instance, process, some, left = 0) {
      dropped += left;
      for (const line of some) {
        added.push({ ...line, instance, process });
        bytes += sizeOf(line);
      }
      if (added.length > waiting || bytes > mostBytes) settleLines();
      wake();
    },
    end,
    async take() {
      while (lines.length + added.length === 0 && !isEnded) await new Promise<void>((resolve) => (wake = resolve));
      if (!isEnded) await settle(signal);
      if (signal.aborted) return undefined;
      settleLines();
      const taken = firstOf(lines);
      lines = lines.slice(taken.length);
      if (taken.length === 0) {
        if (failure !== undefined) throw failure;
        return undefined;
      }
      const told = { lines: taken, dropped };
      dropped = 0;
      return told;
    },
  };
}

/** The first of some lines, as many as one answer holds: at least one. */
export function firstOf(lines: readonly OwnedLine[]): OwnedLine[] {
  let bytes = 0;
  const end = lines.findIndex((line, index) => {
    bytes += sizeOf(line);
    return index >= mostAtOnce || (index > 0 && bytes > mostBytesAtOnce);
  });
  return lines.slice(0, end < 0 ? lines.length : end);
}

/** Lines in the order of their times; those of one instance keep theirs, for equals are not exchanged. */
export function inOrder(lines: readonly OwnedLine[]): OwnedLine[] {
  return [...lines].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

function settle(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, orderMs);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
  });
}
