import { and, eq, ne, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { constraintOf } from "../../../db/errors.js";
import { DomainError } from "../../../errors.js";
import { deployments } from "../deployment/table.js";
import { secrets } from "../secret/table.js";
import { targets } from "../target/table.js";
import { volumeClaims } from "../volume-claim/table.js";
import { environments } from "./table.js";

export type EnvironmentRow = typeof environments.$inferSelect;

/** Which environment: one of that project. */
export interface EnvironmentKey {
  readonly project: string;
  readonly id: string;
}

/** What a caller changes; what is left out stays. */
export type EnvironmentChanges = Partial<
  Pick<EnvironmentRow, "name" | "description" | "isDefault" | "nodeSelector" | "tolerations" | "constraints" | "labels">
>;

/** Environments of projects. Whoever adds or changes one holds the project, so that they come one by one. */
export const environmentStore = {
  async get(db: Database, key: EnvironmentKey): Promise<EnvironmentRow | undefined> {
    const [row] = await db.select().from(environments).where(is(key));
    return row;
  },

  /** The same, locked until the transaction ends: nothing new comes into it, and no role in it. */
  async lock(tx: Database, key: EnvironmentKey): Promise<EnvironmentRow | undefined> {
    const [row] = await tx.select().from(environments).where(is(key)).for("update");
    return row;
  },

  /** Keeps these environments, as far as they are there, from being deleted until the transaction ends. */
  async hold(tx: Database, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await tx
      .select({ id: environments.id })
      .from(environments)
      .where(sql`${environments.id} = any(${sql.param(ids)}::uuid[])`)
      .orderBy(environments.id)
      .for("key share");
  },

  /** The environments of a project that match, by name. */
  list(
    db: Database,
    project: string,
    { name, labels }: { readonly name: string | undefined; readonly labels: Readonly<Record<string, string>> },
  ): Promise<EnvironmentRow[]> {
    return db
      .select()
      .from(environments)
      .where(
        and(
          eq(environments.project, project),
          name === undefined ? undefined : eq(environments.name, name),
          sql`${environments.labels} @> ${JSON.stringify(labels)}::jsonb`,
        ),
      )
      .orderBy(environments.name);
  },

  count(db: Database, project: string): Promise<number> {
    return db.$count(environments, eq(environments.project, project));
  },

  /** Adds an environment; throws "exists" when the project has one of that name. */
  async insert(tx: Database, row: typeof environments.$inferInsert): Promise<EnvironmentRow> {
    const [added] = await tx
      .insert(environments)
      .values(row)
      .returning()
      .catch((error: unknown) => {
        throw translated(error, row.name);
      });
    if (added === undefined) throw new Error("the write answered no row");
    return added;
  },

  /** Makes none of a project's environments the default, but for that one. */
  async leaveDefault(tx: Database, { project, id }: EnvironmentKey, now: Date): Promise<void> {
    await tx
      .update(environments)
      .set({ isDefault: false, version: nextVersion, updatedAt: now })
      .where(and(eq(environments.project, project), eq(environments.isDefault, true), ne(environments.id, id)));
  },

  /** Changes what is given; throws "exists" when the name is taken in the project. */
  async update(
    tx: Database,
    key: EnvironmentKey,
    changes: EnvironmentChanges,
    now: Date,
  ): Promise<EnvironmentRow | undefined> {
    const [row] = await tx
      .update(environments)
      .set({ ...changes, version: nextVersion, updatedAt: now })
      .where(is(key))
      .returning()
      .catch((error: unknown) => {
        throw translated(error, changes.name);
      });
    return row;
  },

  async delete(tx: Database, key: EnvironmentKey): Promise<void> {
    await tx.delete(environments).where(is(key));
  },

  /** What is in an environment, such as "deployment web" or "secret db": the first of it, and how much there is. */
  async contents(
    db: Database,
    { project, id }: EnvironmentKey,
    most: number,
  ): Promise<{ readonly named: string[]; readonly count: number }> {
    const { rows } = await db.execute<{ thing: string; count: number }>(sql`
      select thing, (count(*) over ())::int as count from (
        select 1 as kind, 'deployment ' || name as thing from ${deployments}
          where project = ${project} and live_environment = ${id}
        union all select 2, 'volume claim ' || name from ${volumeClaims}
          where project = ${project} and environment = ${id}
        union all select 3, 'secret ' || name from ${secrets} where project = ${project} and environment = ${id}
      ) as things order by kind, thing limit ${most}`);
    return { named: rows.map(({ thing }) => thing), count: rows[0]?.count ?? 0 };
  },

  /** The first of these targets that the project has not; the others stay until the transaction ends. */
  async unknownTarget(tx: Database, project: string, ids: readonly string[]): Promise<string | undefined> {
    if (ids.length === 0) return undefined;
    const rows = await tx
      .select({ id: targets.id })
      .from(targets)
      .where(and(eq(targets.project, project), sql`${targets.id} = any(${sql.param(ids)}::uuid[])`))
      .orderBy(targets.id)
      .for("key share");
    const known = new Set(rows.map(({ id }) => id));
    return ids.find((id) => !known.has(id));
  },
};

const nextVersion = sql`${environments.version} + 1`;

// The project is always part of the question: nobody reaches that of another one.
const is = ({ project, id }: EnvironmentKey): SQL | undefined =>
  and(eq(environments.project, project), eq(environments.id, id));

function translated(error: unknown, name: string | undefined): unknown {
  if (constraintOf(error) !== "environments_name") return error;
  return new DomainError("exists", `the project has an environment ${name} already`, { cause: error });
}
