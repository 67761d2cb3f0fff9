import { and, eq, isNull, ne, or, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { constraintOf } from "../../../db/errors.js";
import { DomainError } from "../../../errors.js";
import { deployments } from "../deployment/table.js";
import { deploymentTasks } from "../task/table.js";
import { volumeClaims } from "../volume-claim/table.js";
import { targetNamespaces } from "./table.js";

export type NamespaceRow = typeof targetNamespaces.$inferSelect;

/** Which namespace: one of that project. */
export interface NamespaceKey {
  readonly project: string;
  readonly id: string;
}

/** What a caller changes; what is left out stays. */
export type NamespaceChanges = Partial<Pick<NamespaceRow, "adopt" | "labels" | "state" | "message">>;

/** Namespaces of targets. */
export const namespaceStore = {
  async get(db: Database, key: NamespaceKey): Promise<NamespaceRow | undefined> {
    const [row] = await db.select().from(targetNamespaces).where(is(key));
    return row;
  },

  /** The same, locked until the transaction ends. */
  async lock(tx: Database, key: NamespaceKey): Promise<NamespaceRow | undefined> {
    const [row] = await tx.select().from(targetNamespaces).where(is(key)).for("update");
    return row;
  },

  /** The same, kept from being deleted until the transaction ends. */
  async hold(tx: Database, key: NamespaceKey): Promise<NamespaceRow | undefined> {
    const [row] = await tx.select().from(targetNamespaces).where(is(key)).for("key share");
    return row;
  },

  /** Whatever project it is in: what jobs read. */
  async byId(db: Database, id: string): Promise<NamespaceRow | undefined> {
    const [row] = await db.select().from(targetNamespaces).where(eq(targetNamespaces.id, id));
    return row;
  },

  /** The namespaces of a project, or of one of its targets, by target and name. */
  list(db: Database, project: string, target: string | undefined): Promise<NamespaceRow[]> {
    return db
      .select()
      .from(targetNamespaces)
      .where(
        and(
          eq(targetNamespaces.project, project),
          target === undefined ? undefined : eq(targetNamespaces.target, target),
        ),
      )
      .orderBy(targetNamespaces.target, targetNamespaces.name);
  },

  ofTarget(db: Database, target: string): Promise<NamespaceRow[]> {
    return db.select().from(targetNamespaces).where(eq(targetNamespaces.target, target));
  },

  count(db: Database, target: string): Promise<number> {
    return db.$count(targetNamespaces, eq(targetNamespaces.target, target));
  },

  /** Adds a namespace; throws "exists" when the target has one of that name. */
  async insert(tx: Database, row: typeof targetNamespaces.$inferInsert): Promise<NamespaceRow> {
    const [added] = await tx
      .insert(targetNamespaces)
      .values(row)
      .returning()
      .catch((error: unknown) => {
        throw translated(error, row.name);
      });
    if (added === undefined) throw new Error("the write answered no row");
    return added;
  },

  /**
   * What is in a namespace, or is about to be moved there, such as "deployment web": the first of it, and how much there
   * is.
   */
  async contents(
    db: Database,
    { project, id }: NamespaceKey,
    most: number,
  ): Promise<{ named: string[]; count: number }> {
    const { rows } = await db.execute<{ thing: string; count: number }>(sql`
      select thing, (count(*) over ())::int as count from (
        select 1 as kind, 'deployment ' || name as thing from ${deployments}
          where project = ${project} and live_namespace = ${id}
        union select 1, 'deployment ' || deployments.name from ${deployments}
          join ${deploymentTasks} tasks on tasks.deployment = deployments.id
          where deployments.project = ${project} and tasks.kind = 'move' and tasks.finished_at is null
            and tasks.params -> 'placement' ->> 'namespace' = ${id}
        union all select 2, 'volume claim ' || name from ${volumeClaims} where project = ${project} and namespace = ${id}
      ) as things order by kind, thing limit ${most}`);
    return { named: rows.map(({ thing }) => thing), count: rows[0]?.count ?? 0 };
  },

  /** Changes what is wanted. */
  async want(tx: Database, key: NamespaceKey, changes: NamespaceChanges, now: Date): Promise<NamespaceRow | undefined> {
    const [row] = await tx
      .update(targetNamespaces)
      .set({ ...changes, generation: sql`${targetNamespaces.generation} + 1`, updatedAt: now })
      .where(is(key))
      .returning();
    return row;
  },

  /** Wants it gone. */
  async requestDelete(tx: Database, key: NamespaceKey, now: Date): Promise<NamespaceRow | undefined> {
    const [row] = await tx
      .update(targetNamespaces)
      .set({ deleteRequestedAt: now, state: "terminating", message: "it is being deleted", updatedAt: now })
      .where(is(key))
      .returning();
    return row;
  },

  /** The target has what is wanted. */
  async markActive(db: Database, { id, generation }: NamespaceRow, adopted: boolean): Promise<void> {
    await db
      .update(targetNamespaces)
      .set({ state: "active", message: "", adopted, appliedGeneration: generation })
      .where(
        and(
          isWanted(id, generation),
          differs({ state: "active", message: "", adopted, appliedGeneration: generation }),
        ),
      );
  },

  /** Why the target has not what is wanted. */
  async markState(
    db: Database,
    { id, generation }: NamespaceRow,
    state: "pending" | "refused",
    message: string,
  ): Promise<void> {
    await db
      .update(targetNamespaces)
      .set({ state, message })
      .where(and(isWanted(id, generation), differs({ state, message })));
  },

  /** Why it is not gone yet. */
  async markTerminating(db: Database, id: string, message: string): Promise<void> {
    await db
      .update(targetNamespaces)
      .set({ message })
      .where(
        and(eq(targetNamespaces.id, id), sql`${targetNamespaces.deleteRequestedAt} is not null`, differs({ message })),
      );
  },

  /** Why nothing can be done for the namespaces of a target that wait for it. */
  async markAway(db: Database, target: string, message: string): Promise<void> {
    await db
      .update(targetNamespaces)
      .set({ message })
      .where(
        and(
          eq(targetNamespaces.target, target),
          or(eq(targetNamespaces.state, "pending"), eq(targetNamespaces.state, "terminating")),
          differs({ message }),
        ),
      );
  },

  /** Forgets one that is gone, as was asked for. */
  async remove(db: Database, id: string): Promise<void> {
    await db
      .delete(targetNamespaces)
      .where(and(eq(targetNamespaces.id, id), sql`${targetNamespaces.deleteRequestedAt} is not null`));
  },
};

// The project is always part of the question: nobody reaches that of another one.
const is = ({ project, id }: NamespaceKey): SQL | undefined =>
  and(eq(targetNamespaces.project, project), eq(targetNamespaces.id, id));

/** Nothing else was wanted meanwhile. */
const isWanted = (id: string, generation: number): SQL | undefined =>
  and(
    eq(targetNamespaces.id, id),
    eq(targetNamespaces.generation, generation),
    isNull(targetNamespaces.deleteRequestedAt),
  );

type Shown = Partial<Pick<NamespaceRow, "state" | "message" | "adopted" | "appliedGeneration">>;

/** What is so already is not written again: watchers would hear of it. */
const differs = ({ state, message, adopted, appliedGeneration }: Shown): SQL | undefined =>
  or(
    state === undefined ? undefined : ne(targetNamespaces.state, state),
    message === undefined ? undefined : ne(targetNamespaces.message, message),
    adopted === undefined ? undefined : ne(targetNamespaces.adopted, adopted),
    appliedGeneration === undefined ? undefined : ne(targetNamespaces.appliedGeneration, appliedGeneration),
  );

function translated(error: unknown, name: string): unknown {
  if (constraintOf(error) !== "target_namespaces_name") return error;
  return new DomainError("exists", `the target has a namespace ${name} already`, { cause: error });
}
