import type { Database } from "../../../db/database.js";
import { databaseError, withoutValues } from "../../../db/errors.js";
import { pause } from "../../../pause.js";
import { createAuditQueue, type Waiting } from "./queue.js";
import { type AuditRow, auditStore } from "./store.js";

const betweenInsertsMs = 5;
/** Longest pause after an insert that took long, for it is the calls' own commits that it had to wait for. */
const longestPauseMs = 25;
const maxRetryMs = 5_000;
const maxKnownProjects = 10_000;

/** Takes audit entries and writes them in batches. */
export interface AuditWriter {
  /**
   * Resolves once the entry is committed. Rejects when it is lost: too many wait
   * already, the database refuses it, or is away. An entry that a call waits for
   * (`ahead`) goes before others, and is lost by the first attempt that finds the
   * database away; others are kept until it is back.
   */
  write(entry: AuditRow, options?: { readonly ahead?: boolean }): Promise<void>;
  /** Writes what waits, or gives it up if the database is away. */
  close(): Promise<void>;
}

/**
 * One insert at a time, and at most one every 5 ms: the first of an idle moment
 * begins at once, what comes while it runs goes together with the next one. After
 * an insert that took long the next one waits twice as long, at most 25 ms: each
 * commit of records holds up those of the calls, and larger batches need fewer.
 * `onWritten` is told of entries that were committed.
 */
export function createAuditWriter(
  db: Database,
  onWritten: (rows: readonly AuditRow[]) => void = () => {},
): AuditWriter {
  const insert = inserter(db, onWritten);
  const queue = createAuditQueue();
  let nextInsertAt = 0;
  let beganAt = 0;
  /** How often in a row the database was away. */
  let failures = 0;
  let patience = new AbortController();
  let isClosing = false;
  let running: Promise<void> | undefined;

  /** Waits until the next insert may begin. Nobody is kept waiting because of earlier failures. */
  const turn = async (): Promise<void> => {
    patience = new AbortController();
    if (failures > 0 && !queue.hasAhead && !isClosing) {
      await pause(Math.min(maxRetryMs, 100 * 2 ** failures), patience.signal);
    }
    const early = nextInsertAt - performance.now();
    if (early > 0) await pause(Math.ceil(early));
    beganAt = performance.now();
    nextInsertAt = beganAt + betweenInsertsMs;
  };
  const drain = async (): Promise<void> => {
    while (!queue.isEmpty) {
      await turn();
      const batch = queue.take(failures > 0 && queue.hasAhead);
      const { left, error } = await insert(batch);
      const tookMs = performance.now() - beganAt;
      if (tookMs > betweenInsertsMs) nextInsertAt += Math.min(2 * tookMs, longestPauseMs);
      failures = error === undefined ? 0 : failures + 1;
      const isKept = new Set(left);
      queue.free(batch.filter((each) => !isKept.has(each)));
      queue.putBack(left);
      if (isClosing && error !== undefined) giveUp(error);
    }
    running = undefined;
  };
  const giveUp = (error: unknown): void => {
    while (!queue.isEmpty) {
      const lost = queue.take(false);
      queue.free(lost);
      for (const { reject } of lost) reject(error);
    }
  };

  return {
    write(entry, { ahead = false } = {}) {
      const written = queue.add(entry, ahead);
      if (ahead) patience.abort();
      running ??= drain();
      return written;
    },
    async close() {
      isClosing = true;
      patience.abort();
      while (running !== undefined) await running;
    },
  };
}

/** What became of a batch: entries that are to be tried again, because the database is away. */
interface Outcome {
  readonly left: readonly Waiting[];
  readonly error: unknown;
}

const passing = new Set(["unavailable", "timeout", "conflict"]);

/** Writes batches and settles their entries; never fails itself. */
function inserter(db: Database, onWritten: (rows: readonly AuditRow[]) => void) {
  const withOwners = ownersKnown();

  async function insert(batch: readonly Waiting[]): Promise<Outcome> {
    const failure = await attempt(batch);
    if (failure === undefined) return { left: [], error: undefined };
    const known = databaseError(failure);
    const error = known ?? withoutValues(failure);
    const isAway = known !== undefined && passing.has(known.kind);
    // One that the database refuses: it must cost only itself.
    if (!isAway && batch.length > 1) return insertHalves(batch);
    for (const each of batch) if (each.ahead || !isAway) each.reject(error);
    return isAway ? { left: batch.filter(({ ahead }) => !ahead), error } : { left: [], error: undefined };
  }

  async function insertHalves(batch: readonly Waiting[]): Promise<Outcome> {
    const half = Math.ceil(batch.length / 2);
    const first = await insert(batch.slice(0, half));
    const second = await insert(batch.slice(half));
    return { left: [...first.left, ...second.left], error: first.error ?? second.error };
  }

  async function attempt(batch: readonly Waiting[]): Promise<unknown> {
    try {
      const entries = batch.map(({ entry }) => entry);
      const written = await withOwners(entries, (rows) => auditStore.insert(db, rows));
      for (const { resolve } of batch) resolve();
      onWritten(written);
      return undefined;
    } catch (error) {
      return error;
    }
  }
  return insert;
}

type Insert = (rows: readonly AuditRow[]) => ReturnType<typeof auditStore.insert>;

/**
 * Remembers the tenants of projects: the record of a project's end is written
 * when the project is gone. Answers the rows with their tenants.
 */
function ownersKnown() {
  const owners = new Map<string, string>();
  const withOwner = (row: AuditRow): AuditRow => {
    const tenant = row.project === null ? undefined : owners.get(row.project);
    return tenant === undefined ? row : { ...row, tenant };
  };
  return async (rows: readonly AuditRow[], insert: Insert): Promise<AuditRow[]> => {
    for (const { project, tenant } of await insert(rows.map(withOwner))) {
      if (owners.size >= maxKnownProjects) owners.clear();
      owners.set(project, tenant);
    }
    return rows.map(withOwner);
  };
}
