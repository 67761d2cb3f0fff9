import type { Change } from "../../../changes/change.js";
import type { Database } from "../../../db/database.js";
import type { Platform } from "../../../platform.js";
import { type RuntimeTarget, runtimeStore, type Subject } from "./store.js";

/** The deployments as they were read last, and the targets on which something of them is. */
export interface Roster {
  /** Reads what has changed since the last time, or everything when that is due; answers which deployments have changed. */
  refresh(): Promise<ReadonlySet<string>>;
  subject(id: string): Subject | undefined;
  /** The targets, as they are now, on which deployments are, or have objects. */
  targets(): Promise<readonly RuntimeTarget[]>;
  /** The deployments that are on a target, or have objects there. */
  on(target: string): readonly Subject[];
  close(): void;
}

/** However sure the feed is, so often everything is read again. */
const everythingMs = 10 * 60_000;
const mostAtOnce = 1_000;

/** Opens the roster; `onChange` is called whenever there is something to read. */
export function openRoster({ db, feed }: Platform, onChange: () => void): Roster {
  const subjects = new Map<string, Subject>();
  let byTarget = new Map<string, Subject[]>();
  let changed = new Set<string>();
  let everythingAt = 0;
  const unsubscribe = [
    feed.subscribe("deployment", (batch: readonly Change[] | "resync") => {
      if (batch === "resync") everythingAt = 0;
      else for (const { key } of batch) changed.add(key);
      onChange();
    }),
    feed.subscribe("target", onChange),
  ];
  return {
    async refresh() {
      const due = changed;
      changed = new Set();
      const isAllDue = performance.now() >= everythingAt;
      everythingAt = isAllDue ? performance.now() + everythingMs : everythingAt;
      try {
        const ids = isAllDue ? await readAll(db, subjects) : await readThese(db, subjects, [...due]);
        if (ids.size > 0) byTarget = spread(subjects.values());
        return ids;
      } catch (error) {
        for (const id of due) changed.add(id);
        if (isAllDue) everythingAt = 0;
        throw error;
      }
    },
    subject: (id) => subjects.get(id),
    targets: async () => (byTarget.size === 0 ? [] : await runtimeStore.targets(db, [...byTarget.keys()])),
    on: (target) => byTarget.get(target) ?? [],
    close() {
      for (const stop of unsubscribe) stop();
    },
  };
}

/** Reads all deployments anew; answers the ids of those that are there, and of those that were. */
async function readAll(db: Database, subjects: Map<string, Subject>): Promise<Set<string>> {
  const rows = await runtimeStore.subjects(db);
  const ids = new Set([...subjects.keys(), ...rows.map(({ id }) => id)]);
  subjects.clear();
  for (const row of rows) subjects.set(row.id, row);
  return ids;
}

/** Reads these deployments anew. */
async function readThese(db: Database, subjects: Map<string, Subject>, ids: readonly string[]): Promise<Set<string>> {
  for (let at = 0; at < ids.length; at += mostAtOnce) {
    const some = ids.slice(at, at + mostAtOnce);
    const rows = await runtimeStore.subjects(db, some);
    for (const id of some) subjects.delete(id);
    for (const row of rows) subjects.set(row.id, row);
  }
  return new Set(ids);
}

function spread(subjects: Iterable<Subject>): Map<string, Subject[]> {
  const byTarget = new Map<string, Subject[]>();
  for (const subject of subjects) {
    for (const target of new Set([subject.target, ...subject.inventory.map((entry) => entry.target)])) {
      const there = byTarget.get(target);
      if (there === undefined) byTarget.set(target, [subject]);
      else there.push(subject);
    }
  }
  return byTarget;
}
