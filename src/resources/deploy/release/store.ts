import { and, desc, eq, getTableColumns, isNull, lt, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import type { DeploymentScope } from "../deployment/store.js";
import { deployments } from "../deployment/table.js";
import type { ReleaseContent } from "../spec/content.js";
import { deploymentTasks } from "../task/table.js";
import { releases } from "./table.js";

export type ReleaseRow = typeof releases.$inferSelect;

/** What a release is once its task has begun. */
export interface SettledContent {
  readonly content: ReleaseContent;
  readonly configSealed: string;
  readonly usesSecrets: readonly string[];
  readonly followsSecrets: readonly string[];
  readonly usesVolumeClaims: readonly string[];
  readonly summary: string;
}

const { changeSealed, configSealed, ...shown } = getTableColumns(releases);

/** A release without what is sealed of it. */
export type ReleaseView = Omit<ReleaseRow, "changeSealed" | "configSealed">;

/** Releases of deployments. Whoever writes one has locked the deployment. */
export const releaseStore = {
  async get(db: Database, deployment: string, number: number): Promise<ReleaseRow | undefined> {
    const [row] = await db.select().from(releases).where(is(deployment, number));
    return row;
  },

  /** The one that runs; undefined before there is one. */
  async active(db: Database, deployment: string): Promise<ReleaseRow | undefined> {
    const [row] = await db
      .select()
      .from(releases)
      .where(and(eq(releases.deployment, deployment), eq(releases.status, "active")));
    return row;
  },

  /** What runs of these deployments, by the deployment's id; those that no release runs of are left out. */
  async activeOf(db: Database, ids: readonly string[]): Promise<Map<string, ReleaseView>> {
    const rows = await db
      .select(shown)
      .from(releases)
      .where(and(sql`${releases.deployment} = any(${sql.param(ids)}::uuid[])`, eq(releases.status, "active")));
    return new Map(rows.map((row) => [row.deployment, row]));
  },

  /** The one that ran before the active one, and can be gone back to or not. */
  async previous(db: Database, deployment: string): Promise<ReleaseRow | undefined> {
    const [row] = await db
      .select()
      .from(releases)
      .where(and(eq(releases.deployment, deployment), eq(releases.status, "superseded")))
      .orderBy(desc(releases.activatedAt), desc(releases.number))
      .limit(1);
    return row;
  },

  /** Those whose task has not ended, by number. */
  pending(db: Database, deployment: string): Promise<ReleaseRow[]> {
    return db
      .select()
      .from(releases)
      .where(and(eq(releases.deployment, deployment), eq(releases.status, "pending")))
      .orderBy(releases.number);
  },

  /** Those of a deployment before that number, newest first, and one more than `limit` when there are more. */
  ofDeployment(db: Database, deployment: string, before: number | undefined, limit: number): Promise<ReleaseView[]> {
    return db
      .select(shown)
      .from(releases)
      .where(and(eq(releases.deployment, deployment), before === undefined ? undefined : lt(releases.number, before)))
      .orderBy(desc(releases.number))
      .limit(limit + 1);
  },

  /** Those of all deployments of the scope before that id, newest first, and one more than `limit` when there are more. */
  inScope(db: Database, scope: DeploymentScope, before: string | undefined, limit: number): Promise<ReleaseView[]> {
    const { project, environment } = scope;
    return db
      .select(shown)
      .from(releases)
      .innerJoin(deployments, eq(deployments.id, releases.deployment))
      .where(
        and(
          eq(deployments.project, project),
          environment === "" ? undefined : eq(deployments.environment, environment),
          isNull(deployments.deletedAt),
          before === undefined ? undefined : lt(releases.id, before),
        ),
      )
      .orderBy(desc(releases.id))
      .limit(limit + 1);
  },

  /** The newest task of each of these releases, by `DEPLOYMENT/NUMBER`. */
  async tasksOf(
    db: Database,
    keys: readonly Pick<ReleaseRow, "deployment" | "number">[],
  ): Promise<Map<string, string>> {
    const { id, deployment, release } = deploymentTasks;
    const rows = await db
      .selectDistinctOn([deployment, release], { id, deployment, release })
      .from(deploymentTasks)
      .where(
        sql`(${deployment}, ${release}) in (select * from unnest(
          ${sql.param(keys.map((key) => key.deployment))}::uuid[], ${sql.param(keys.map((key) => key.number))}::int[]))`,
      )
      .orderBy(deployment, release, desc(id));
    return new Map(rows.map((row) => [`${row.deployment}/${row.release}`, row.id]));
  },

  /** The first release of these deployments, by the deployment's id. */
  async firstOf(db: Database, ids: readonly string[]): Promise<Map<string, ReleaseRow>> {
    const rows = await db
      .selectDistinctOn([releases.deployment])
      .from(releases)
      .where(sql`${releases.deployment} = any(${sql.param(ids)}::uuid[])`)
      .orderBy(releases.deployment, releases.number);
    return new Map(rows.map((row) => [row.deployment, row]));
  },

  async insert(tx: Database, row: typeof releases.$inferInsert): Promise<ReleaseRow> {
    return written(await tx.insert(releases).values(row).returning());
  },

  /** Writes what it is, once: a trigger forbids to change it. */
  async settle(tx: Database, id: string, settled: SettledContent): Promise<ReleaseRow> {
    const changes = {
      ...settled,
      usesSecrets: [...settled.usesSecrets],
      followsSecrets: [...settled.followsSecrets],
      usesVolumeClaims: [...settled.usesVolumeClaims],
    };
    return written(await tx.update(releases).set(changes).where(eq(releases.id, id)).returning());
  },

  /** It runs now, and what ran before is superseded. The deployment's `activeRelease` is the caller's to write. */
  async activate(tx: Database, deployment: string, number: number, now: Date): Promise<void> {
    await tx
      .update(releases)
      .set({ status: "superseded" })
      .where(
        and(eq(releases.deployment, deployment), eq(releases.status, "active"), sql`${releases.number} <> ${number}`),
      );
    await tx
      .update(releases)
      .set({ status: "active", activatedAt: now, message: "" })
      .where(and(is(deployment, number), eq(releases.status, "pending")));
  },

  /** It never ran, and why; one that has been active stays what it is. */
  async fail(tx: Database, deployment: string, number: number, message: string): Promise<void> {
    await tx
      .update(releases)
      .set({ status: "failed", message })
      .where(and(is(deployment, number), eq(releases.status, "pending")));
  },

  /** Allows or forbids to go back to it. */
  async setRollback(
    tx: Database,
    id: string,
    changes: Pick<ReleaseRow, "rollbackDisabled" | "rollbackDisabledReason">,
  ): Promise<ReleaseRow> {
    return written(await tx.update(releases).set(changes).where(eq(releases.id, id)).returning());
  },

  async delete(tx: Database, id: string): Promise<void> {
    await tx.delete(releases).where(eq(releases.id, id));
  },

  /** Forgets all releases of a deployment. */
  async deleteAll(tx: Database, deployment: string): Promise<void> {
    await tx.delete(releases).where(eq(releases.deployment, deployment));
  },
};

const is = (deployment: string, number: number): SQL | undefined =>
  and(eq(releases.deployment, deployment), eq(releases.number, number));

function written(rows: readonly ReleaseRow[]): ReleaseRow {
  const [row] = rows;
  if (row === undefined) throw new Error("the write answered no row");
  return row;
}
