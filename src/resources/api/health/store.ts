import { sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import type { ProbeState } from "./hysteresis.js";
import { partitionHealth, probeStates } from "./table.js";

export type PartitionHealthRow = typeof partitionHealth.$inferSelect;
export type ProbeStateRow = typeof probeStates.$inferSelect;

export const partitionHealthStore = {
  /** Records what a worker sees of a partition's Kubernetes now. */
  async report(
    db: Database,
    seen: { readonly partition: string; readonly reachable: boolean; readonly message: string; readonly at: Date },
  ): Promise<void> {
    const { partition, reachable, message, at } = seen;
    await db
      .insert(partitionHealth)
      .values({ partition, reachable, message, changedAt: at, observedAt: at })
      .onConflictDoUpdate({
        target: partitionHealth.partition,
        // A report that was overtaken says nothing any more.
        setWhere: sql`excluded.observed_at >= ${partitionHealth.observedAt}`,
        set: {
          reachable,
          message,
          observedAt: at,
          changedAt: sql`case when ${partitionHealth.reachable} = ${reachable} then ${partitionHealth.changedAt} else excluded.changed_at end`,
        },
      });
  },

  list(db: Database): Promise<PartitionHealthRow[]> {
    return db.select().from(partitionHealth).orderBy(partitionHealth.partition);
  },
};

/** A state to write. */
export interface ProbeReport extends ProbeState {
  readonly probe: string;
  readonly partition: string;
  readonly observedAt: Date;
}

/** Of a row that says only that a worker lives: each time with another message, so that the change feed carries it. */
const heartbeat = { probe: "heartbeat", partition: "", status: "healthy", streak: 0 } as const;

/** By which key the change feed names the heartbeat. */
export const heartbeatKey = heartbeat.probe;

export const probeStore = {
  list(db: Database): Promise<ProbeStateRow[]> {
    return db.select().from(probeStates).orderBy(probeStates.probe, probeStates.partition);
  },

  /** Writes what the probes say now. */
  async put(db: Database, reports: readonly ProbeReport[]): Promise<void> {
    if (reports.length === 0) return;
    await db
      .insert(probeStates)
      .values(reports.map((report) => ({ ...report, changedAt: report.observedAt })))
      .onConflictDoUpdate({
        target: [probeStates.probe, probeStates.partition],
        set: {
          status: sql`excluded.status`,
          message: sql`excluded.message`,
          streak: sql`excluded.streak`,
          observedAt: sql`excluded.observed_at`,
          changedAt: sql`case when ${probeStates.status} = excluded.status then ${probeStates.changedAt} else excluded.changed_at end`,
        },
      });
  },

  /** Writes that a worker lives, and reads it again; `id` is another one each time. */
  async beat(db: Database, id: string, at: Date): Promise<boolean> {
    await probeStore.put(db, [{ ...heartbeat, message: id, observedAt: at }]);
    const rows = await db
      .select({ message: probeStates.message })
      .from(probeStates)
      .where(sql`
      ${probeStates.probe} = ${heartbeat.probe} and ${probeStates.partition} = ${heartbeat.partition}`);
    return rows[0]?.message === id;
  },
};
