import { Code } from "@connectrpc/connect";
import { problemOf } from "../../../../../clients/ts/src/problem.js";

/** What is sent to a shell at once: keys, a new size of the terminal, or both. */
export interface ShellPiece {
  readonly stdin: Uint8Array;
  readonly resize?: { readonly columns: number; readonly rows: number };
}

/** Input that waits to be sent. */
export interface ShellInput {
  /** Answers whether there was room; what is too much is left out. */
  readonly type: (bytes: Uint8Array) => boolean;
  readonly resize: (columns: number, rows: number) => void;
  readonly stop: () => void;
}

/** What one call takes, and what may wait for it. */
const mostBytes = 65_536;
const mostWaiting = 1_048_576;
const attempts = 8;

/**
 * Sends input one call after the other, so that it stays in its order; what is typed meanwhile goes with the next. A
 * call that fails is made again with the same number, which the server takes once.
 */
export function shellInput(
  send: (number: bigint, piece: ShellPiece) => Promise<unknown>,
  onFailure: (error: unknown) => void,
): ShellInput {
  let waiting: Uint8Array[] = [];
  let size: ShellPiece["resize"];
  let bytes = 0;
  let number = 0n;
  let isSending = false;
  let isStopped = false;
  const next = (): ShellPiece => {
    const all = joined(waiting, bytes);
    const stdin = all.subarray(0, mostBytes);
    const rest = all.subarray(mostBytes);
    waiting = rest.length === 0 ? [] : [rest];
    bytes = rest.length;
    const resize = size;
    size = undefined;
    return { stdin, ...(resize === undefined ? {} : { resize }) };
  };
  const flush = async (): Promise<void> => {
    if (isSending) return;
    isSending = true;
    try {
      while (!isStopped && (bytes > 0 || size !== undefined)) {
        const piece = next();
        number += 1n;
        await retried(
          () => send(number, piece),
          () => isStopped,
        );
      }
    } catch (error) {
      isStopped = true;
      onFailure(error);
    } finally {
      isSending = false;
    }
  };
  return {
    type(typed) {
      if (isStopped || bytes + typed.length > mostWaiting) return false;
      waiting.push(typed);
      bytes += typed.length;
      void flush();
      return true;
    },
    resize(columns, rows) {
      if (isStopped) return;
      size = { columns, rows };
      void flush();
    },
    stop() {
      isStopped = true;
    },
  };
}

const mends = new Set([Code.Unavailable, Code.DeadlineExceeded, Code.Aborted]);

async function retried(call: () => Promise<unknown>, isStopped: () => boolean): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await call();
      return;
    } catch (error) {
      if (isStopped() || attempt >= attempts || !mends.has(problemOf(error).code)) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.min(200 * 2 ** attempt, 3_000)));
    }
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
