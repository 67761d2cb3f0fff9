import { and, asc, desc, eq, gt, inArray, lt, lte, ne, or, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import { deployments } from "../deployment/table.js";
import type { ReadFrom, ResumableRead } from "../resume.js";
import { deploymentTasks } from "./table.js";
import type { TaskRow } from "./work.js";

/** What a caller reaches: the tasks of a project, or of the environment or deployment that is named. */
export interface TaskScope {
  readonly project: string;
  /** Empty for all. */
  readonly environment: string;
  /** Empty for all. */
  readonly deployment: string;
}

/** Which task, within what the caller reaches. */
export interface TaskKey extends TaskScope {
  readonly id: string;
}

/** Which tasks to list. */
export interface TaskFilter extends TaskScope {
  /** Uuid of the target of their deployments; empty for all. */
  readonly target: string;
  /** Empty for all. */
  readonly states: readonly TaskRow["state"][];
}

/** A task that is asked for. */
export type NewTask = Pick<TaskRow, "id" | "project" | "deployment" | "kind" | "actor" | "executeAt" | "createdAt"> &
  Partial<
    Pick<
      TaskRow,
      "release" | "params" | "reason" | "idempotencyKey" | "requestHash" | "retryOf" | "unitsAfter" | "steps"
    >
  >;

/** Most tasks of a deployment that have not ended. */
export const mostOpenTasks = 100;

const openStates = ["queued", "scheduled", "running", "canceling"] as const;

/** Tasks of deployments. Whoever adds one, or changes the state of one, holds the deployment's row. */
export const taskStore = {
  async get(db: Database, key: TaskKey): Promise<TaskRow | undefined> {
    const [row] = await db.select().from(deploymentTasks).where(is(key));
    return row;
  },

  /** The same, locked until the transaction ends. */
  async lock(tx: Database, key: TaskKey): Promise<TaskRow | undefined> {
    const [row] = await tx.select().from(deploymentTasks).where(is(key)).for("update");
    return row;
  },

  /** Tasks that match, newest first: those before that id. */
  list(db: Database, filter: TaskFilter, page: { limit: number; before?: string | undefined }): Promise<TaskRow[]> {
    return db
      .select()
      .from(deploymentTasks)
      .where(
        and(
          inTaskScope(filter),
          filter.target === "" ? undefined : ofDeployment(eq(deployments.target, filter.target)),
          filter.states.length === 0 ? undefined : inArray(deploymentTasks.state, [...filter.states]),
          page.before === undefined ? undefined : lt(deploymentTasks.id, page.before),
        ),
      )
      .orderBy(desc(deploymentTasks.id))
      .limit(page.limit);
  },

  /** Tasks that match, in the order of the transactions that wrote them last, from a place on; and how far it saw. */
  async changedSince(
    db: Database,
    scope: TaskScope & { readonly id: string },
    { changedXid, id }: ReadFrom,
    limit: number,
  ): Promise<ResumableRead<TaskRow>> {
    const seen = db
      .select({ horizon: sql<string>`pg_snapshot_xmin(pg_current_snapshot())::text`.as("horizon") })
      .from(sql`(values (1)) one`)
      .as("seen");
    const place = sql`(${deploymentTasks.changedXid}, ${deploymentTasks.id})`;
    const isAfter =
      id === ""
        ? sql`${deploymentTasks.changedXid} >= ${changedXid.toString()}::bigint`
        : sql`${place} > (${changedXid.toString()}::bigint, ${id}::uuid)`;
    const isOne = scope.id === "" ? undefined : eq(deploymentTasks.id, scope.id);
    const found = await db
      .select({ horizon: seen.horizon, task: deploymentTasks })
      .from(seen)
      .leftJoin(deploymentTasks, and(inTaskScope(scope), isOne, isAfter))
      .orderBy(asc(deploymentTasks.changedXid), asc(deploymentTasks.id))
      .limit(limit);
    const rows = found.flatMap(({ task }) => (task === null ? [] : [task]));
    return { rows, horizon: BigInt(found[0]?.horizon ?? 0) };
  },

  /** The task that came with an idempotency key; compare its `requestHash`. */
  async earlierByKey(db: Database, project: string, idempotencyKey: string): Promise<TaskRow | undefined> {
    if (idempotencyKey === "") return undefined;
    const [row] = await db
      .select()
      .from(deploymentTasks)
      .where(and(eq(deploymentTasks.project, project), eq(deploymentTasks.idempotencyKey, idempotencyKey)));
    return row;
  },

  /** The tasks of a deployment that have not ended, in the order in which they run. */
  openTasks(db: Database, deployment: string): Promise<TaskRow[]> {
    return db
      .select()
      .from(deploymentTasks)
      .where(and(eq(deploymentTasks.deployment, deployment), inArray(deploymentTasks.state, [...openStates])))
      .orderBy(...inOrder);
  },

  /**
   * Adds a task: SCHEDULED when its time is yet to come, QUEUED otherwise. Throws "exhausted" when the deployment has
   * too many already. Queue the job and settle the phase in the same transaction.
   */
  async insert(tx: Database, task: NewTask): Promise<TaskRow> {
    const isOpen = and(
      eq(deploymentTasks.deployment, task.deployment),
      inArray(deploymentTasks.state, [...openStates]),
    );
    if ((await tx.$count(deploymentTasks, isOpen)) >= mostOpenTasks) {
      throw new DomainError("exhausted", `the deployment has ${mostOpenTasks} tasks that wait: cancel some`);
    }
    const state = task.executeAt > task.createdAt ? "scheduled" : "queued";
    const [row] = await tx
      .insert(deploymentTasks)
      .values({ ...task, state })
      .returning();
    if (row === undefined) throw new Error("the write answered no row");
    return row;
  },

  /** The task of a deployment that runs, locked. */
  async lockRunning(tx: Database, deployment: string): Promise<TaskRow | undefined> {
    const isRunning = inArray(deploymentTasks.state, ["running", "canceling"]);
    const [row] = await tx
      .select()
      .from(deploymentTasks)
      .where(and(eq(deploymentTasks.deployment, deployment), isRunning))
      .for("update");
    return row;
  },

  /** The tasks of a deployment whose time has come wait for their turn from now on. */
  async queueDue(tx: Database, deployment: string, now: Date): Promise<void> {
    await tx
      .update(deploymentTasks)
      .set({ state: "queued" })
      .where(
        and(
          eq(deploymentTasks.deployment, deployment),
          eq(deploymentTasks.state, "scheduled"),
          lte(deploymentTasks.executeAt, now),
        ),
      );
  },

  /** The task of a deployment whose turn it is, locked. */
  async lockNext(tx: Database, deployment: string): Promise<TaskRow | undefined> {
    const [row] = await tx
      .select()
      .from(deploymentTasks)
      .where(and(eq(deploymentTasks.deployment, deployment), eq(deploymentTasks.state, "queued")))
      .orderBy(...inOrder)
      .limit(1)
      .for("update");
    return row;
  },

  /** A task that was accepted for the same deployment later, and not canceled before it began. */
  async newerThan(db: Database, { id, deployment }: TaskRow): Promise<TaskRow | undefined> {
    const [row] = await db
      .select()
      .from(deploymentTasks)
      .where(
        and(
          eq(deploymentTasks.deployment, deployment),
          gt(deploymentTasks.id, id),
          or(ne(deploymentTasks.state, "canceled"), sql`${deploymentTasks.startedAt} is not null`),
        ),
      )
      .orderBy(desc(deploymentTasks.id))
      .limit(1);
    return row;
  },
};

/** Throws "missing" unless the deployment that a scope names, if it names one, is there. */
export async function foundDeployment(db: Database, { project, environment, deployment }: TaskScope): Promise<void> {
  if (deployment === "") return;
  const inEnvironment = environment === "" ? undefined : eq(deployments.environment, environment);
  const isNamed = and(eq(deployments.project, project), eq(deployments.id, deployment), inEnvironment);
  if ((await db.$count(deployments, isNamed)) > 0) return;
  throw new DomainError("missing", `deployment ${deployment} does not exist`);
}

const inOrder = [asc(deploymentTasks.executeAt), asc(deploymentTasks.id)] as const;

/** What a caller reaches, as part of a query. The project is always part of the question. */
export const inTaskScope = ({ project, environment, deployment }: TaskScope): SQL | undefined =>
  and(
    eq(deploymentTasks.project, project),
    deployment === "" ? undefined : eq(deploymentTasks.deployment, deployment),
    environment === "" ? undefined : ofDeployment(eq(deployments.environment, environment)),
  );

const is = (key: TaskKey): SQL | undefined => and(inTaskScope(key), eq(deploymentTasks.id, key.id));

const ofDeployment = (fits: SQL): SQL =>
  sql`exists (select from ${deployments} where ${deployments.id} = ${deploymentTasks.deployment} and ${fits})`;
