import { createBell } from "../../bell.js";
import type { ChangeFeed } from "../../changes/feed.js";
import { retried } from "../../changes/load.js";
import { DomainError, invalidField } from "../../errors.js";
import { type InTurn, takeTurns } from "../../in-turn.js";
import { pause } from "../../pause.js";

/** Where a reader of a table with the column `changed_xid` is: it has seen what transactions before this one wrote. */
export type Horizon = bigint;

/** Rows of one statement, and how far it saw. */
export interface ResumableRead<T> {
  readonly rows: readonly T[];
  /** `pg_snapshot_xmin(pg_current_snapshot())` in the statement itself: whatever it did not see has this `changed_xid` or a later one. */
  readonly horizon: Horizon;
}

/** From where on to read: rows whose (`changed_xid`, id) come after it. */
export interface ReadFrom {
  readonly changedXid: Horizon;
  /** Rows of just that transaction with this id and smaller ones were read; empty for none. */
  readonly id: string;
}

export interface ResumableOptions<T> {
  readonly feed: ChangeFeed;
  readonly topic: string;
  /** Reads at most `limit` rows that match, ordered by `changed_xid` and id. */
  readonly read: (from: ReadFrom, limit: number) => Promise<ResumableRead<T>>;
  /** Whether changes in this scope, and of this key, concern the reader. */
  readonly concerns: (change: { readonly scope: string; readonly key: string }) => boolean;
  readonly idOf: (row: T) => string;
  readonly changedXidOf: (row: T) => Horizon;
  readonly revisionOf: (row: T) => number;
}

/** A row as it is now, and where to come back after it. */
export interface Resumable<T> {
  readonly row: T;
  readonly horizon: Horizon;
}

/** The largest number of a transaction that the database can compare. */
const mostHorizon = 2n ** 63n - 1n;
const pageSize = 200;
/** Reads of one reader are that far apart: what changes often is told together. */
const pauseMs = 50;
/** Without news it reads after that time all the same. */
const idleMs = 30_000;
/** Reads of all readers of a process. */
const turn: InTurn = takeTurns({ running: 4 });

/**
 * Yields the rows that match and were written in the transaction `since` or later, then every later state of them,
 * until the signal aborts. Rows come in the order of their transactions; coming back with the horizon of the last
 * one loses nothing, and may repeat some. A slow reader gets the newest state of what it missed. Throws "unavailable"
 * when the database stays away.
 */
export async function* followResumably<T>(
  options: ResumableOptions<T>,
  since: Horizon,
  signal: AbortSignal,
): AsyncGenerator<Resumable<T>, void, undefined> {
  const bell = createBell();
  const unsubscribe = options.feed.subscribe(options.topic, (batch) => {
    if (batch === "resync" || batch.some(options.concerns)) bell.ring();
  });
  try {
    let horizon = since;
    // What was told of transactions that the next round reads again.
    let told = new Map<string, number>();
    while (!signal.aborted) {
      const round = readRound(options, horizon, told, signal);
      for (let next = await round.next(); ; next = await round.next()) {
        if (next.done === true) {
          ({ horizon, told } = next.value);
          break;
        }
        yield next.value;
      }
      if (horizon > 0n) await bell.wait(idleMs, signal);
      await pause(pauseMs, signal);
    }
  } finally {
    unsubscribe();
  }
}

/** All that was written since a horizon, page after page; answers where the next round begins. */
async function* readRound<T>(
  { read, idOf, changedXidOf, revisionOf }: ResumableOptions<T>,
  since: Horizon,
  told: ReadonlyMap<string, number>,
  signal: AbortSignal,
): AsyncGenerator<Resumable<T>, { horizon: Horizon; told: Map<string, number> }, undefined> {
  const again = new Map<string, number>();
  let from: ReadFrom = { changedXid: since, id: "" };
  // That of the first page: what later pages did not see is not before it either.
  let horizon: Horizon | undefined;
  for (;;) {
    const start = from;
    const page = await turn(() => retried(() => read(start, pageSize))).catch((cause: unknown) => {
      throw new DomainError("unavailable", "changes cannot be followed now; come back", { cause, retryAfterMs: 1_000 });
    });
    // Of a later time of the database than it has now: it was restored, and everything is news.
    if (page.horizon < since) return { horizon: 0n, told: new Map() };
    horizon ??= page.horizon;
    for (const row of page.rows) {
      if (signal.aborted) return { horizon, told: again };
      const [id, changedXid] = [idOf(row), changedXidOf(row)];
      from = { changedXid, id };
      if (changedXid >= horizon) again.set(id, revisionOf(row));
      // Of what is running still, something may come that was written before this row.
      if (told.get(id) !== revisionOf(row)) yield { row, horizon: changedXid < horizon ? changedXid : horizon };
    }
    if (page.rows.length < pageSize) return { horizon, told: again };
  }
}

/** The token for a place; `line` counts what was told beside the rows. */
export function resumeToken(horizon: Horizon, line = 0): string {
  return Buffer.from(JSON.stringify([horizon.toString(36), line])).toString("base64url");
}

/** Where a token leads; the start for an empty one. Throws "invalid" for what is none. */
export function parseResumeToken(token: string): { readonly horizon: Horizon; readonly line: number } {
  if (token === "") return { horizon: 0n, line: 0 };
  const [, text, line] = /^\["([0-9a-z]{1,13})",(\d{1,15})\]$/.exec(Buffer.from(token, "base64url").toString()) ?? [];
  const digits = [...(text ?? "")].map((digit) => BigInt(Number.parseInt(digit, 36)));
  const horizon = digits.reduce((sum, digit) => sum * 36n + digit, 0n);
  if (text === undefined || horizon > mostHorizon) {
    throw invalidField("resume_token", "is not one that an answer had: leave it empty");
  }
  return { horizon, line: Number(line) };
}
