import { and, asc, eq, getTableColumns, inArray, ne, or, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { constraintOf } from "../../../db/errors.js";
import { DomainError } from "../../../errors.js";
import { deployments } from "../deployment/table.js";
import type { RouterSettings } from "../target/table.js";
import { targets } from "../target/table.js";
import { routes } from "./table.js";

export type RouteRow = typeof routes.$inferSelect;

/** A route with what it takes to show it. */
export interface RouteView extends RouteRow {
  /** Routers of the target of its deployment. */
  readonly routers: readonly RouterSettings[];
  /** Number of the active release of its deployment; 0 for none. */
  readonly activeRelease: number;
}

/** What a caller reaches: the routes of a project, and of the environment and the deployment that are named. */
export interface RouteScope {
  readonly project: string;
  /** Empty for those of all. */
  readonly environment: string;
  readonly deployment: string;
}

/** Which route, within what the caller reaches. */
export interface RouteKey extends RouteScope {
  readonly id: string;
}

/** What a caller changes; what is left out stays. */
export type RouteChanges = Partial<Pick<RouteRow, "router" | "process" | "port" | "tls" | "traffic" | "annotations">>;

const shown = { ...getTableColumns(routes), routers: targets.routers, activeRelease: deployments.activeRelease };

/** Routes. Whoever adds or changes one holds the row of its deployment. */
export const routeStore = {
  async get(db: Database, key: RouteKey): Promise<RouteView | undefined> {
    const [row] = await views(db, and(eq(routes.id, key.id), inScope(key)));
    return row;
  },

  /** The routes that match, by hostname. */
  list: (db: Database, scope: RouteScope, hostname?: string): Promise<RouteView[]> =>
    views(db, and(inScope(scope), hostname === undefined ? undefined : eq(routes.hostname, hostname))),

  /** Those of these ids that are there, whatever project they are in. */
  byIds: (db: Database, ids: readonly string[]): Promise<RouteView[]> =>
    views(db, sql`${routes.id} = any(${sql.param(ids)}::uuid[])`),

  /** The route, locked until the transaction ends; undefined when it is another deployment's by now. */
  async lock(tx: Database, { deployment, id }: Pick<RouteRow, "deployment" | "id">): Promise<RouteRow | undefined> {
    const [row] = await tx
      .select()
      .from(routes)
      .where(and(eq(routes.deployment, deployment), eq(routes.id, id)))
      .for("update");
    return row;
  },

  /** The routes of a deployment, by hostname. */
  ofDeployment: (db: Database, deployment: string): Promise<RouteRow[]> =>
    db.select().from(routes).where(eq(routes.deployment, deployment)).orderBy(asc(routes.hostname)),

  count: (db: Database, deployment: string): Promise<number> => db.$count(routes, eq(routes.deployment, deployment)),

  /** Adds a route; throws "exists" when the tenant has one of that hostname. */
  async insert(tx: Database, row: typeof routes.$inferInsert): Promise<RouteRow> {
    const [added] = await tx
      .insert(routes)
      .values(row)
      .returning()
      .catch((error: unknown) => {
        throw translated(error, row.hostname);
      });
    if (added === undefined) throw new Error("the write answered no row");
    return added;
  },

  /** Changes what is wanted of a route, which has to be made again then. */
  async want(tx: Database, id: string, changes: RouteChanges, now: Date): Promise<void> {
    await tx
      .update(routes)
      .set({ ...changes, ...changed(now), state: "pending", message: "it is being changed" })
      .where(eq(routes.id, id));
  },

  /** Wants a route gone: its hostname stays taken until it is. */
  async requestDelete(tx: Database, id: string, now: Date): Promise<void> {
    await tx
      .update(routes)
      .set({ ...changed(now), state: "deleting", message: "it is being deleted" })
      .where(eq(routes.id, id));
  },

  /** Exchanges the routes of two deployments in one statement; those that are going stay. Shares of releases end. */
  async swap(tx: Database, first: string, second: string, now: Date): Promise<void> {
    const other = sql`case when ${routes.deployment} = ${first}::uuid then ${second}::uuid else ${first}::uuid end`;
    await tx
      .update(routes)
      .set({ ...changed(now), deployment: other, traffic: [], state: "pending", message: "it is being swapped" })
      .where(and(inArray(routes.deployment, [first, second]), ne(routes.state, "deleting")));
  },

  /** How far a route is, unless somebody wants it otherwise by now, or it is so already. */
  async mark(
    tx: Database,
    { id, deployment, version }: RouteRow,
    { state, message }: Pick<RouteRow, "state" | "message">,
  ): Promise<void> {
    await tx
      .update(routes)
      .set({ state, message })
      .where(
        and(
          eq(routes.id, id),
          eq(routes.deployment, deployment),
          eq(routes.version, version),
          or(ne(routes.state, state), ne(routes.message, message)),
        ),
      );
  },

  /** Forgets those of a deployment of which nothing is left. */
  async remove(tx: Database, deployment: string, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await tx
      .delete(routes)
      .where(and(eq(routes.deployment, deployment), sql`${routes.id} = any(${sql.param(ids)}::uuid[])`));
  },

  /** Hostnames of routes on a target whose router is one of these: the first of them, and how many there are. */
  async ofRouters(
    db: Database,
    target: string,
    names: readonly string[],
    most: number,
  ): Promise<{ readonly hostnames: readonly string[]; readonly count: number }> {
    const rows = await db
      .select({ hostname: routes.hostname, count: sql<number>`(count(*) over ())::int` })
      .from(routes)
      .innerJoin(deployments, eq(deployments.id, routes.deployment))
      .where(and(eq(deployments.liveTarget, target), sql`${routes.router} = any(${sql.param(names)}::text[])`))
      .orderBy(routes.hostname)
      .limit(most);
    return { hostnames: rows.map(({ hostname }) => hostname), count: rows[0]?.count ?? 0 };
  },

  /** The deployments with routes that are encrypted with a secret, whatever project they are in. */
  async deploymentsOfSecret(db: Database, secret: string): Promise<string[]> {
    const rows = await db
      .selectDistinct({ id: routes.deployment })
      .from(routes)
      .where(sql`${routes.tls} @> ${JSON.stringify({ type: "secret", secret })}::jsonb`)
      .orderBy(routes.deployment);
    return rows.map(({ id }) => id);
  },

  /** The routes that are encrypted with a secret, by hostname. */
  ofSecret: (db: Database, project: string, secret: string): Promise<RouteRow[]> =>
    db
      .select()
      .from(routes)
      .where(
        and(eq(routes.project, project), sql`${routes.tls} @> ${JSON.stringify({ type: "secret", secret })}::jsonb`),
      )
      .orderBy(asc(routes.hostname)),
};

function views(db: Database, where: SQL | undefined): Promise<RouteView[]> {
  return db
    .select(shown)
    .from(routes)
    .innerJoin(deployments, eq(deployments.id, routes.deployment))
    .innerJoin(targets, eq(targets.id, deployments.target))
    .where(where)
    .orderBy(asc(routes.hostname), asc(routes.id));
}

// Every question carries the project, and the environment and deployment whenever they are named.
const inScope = ({ project, environment, deployment }: RouteScope): SQL | undefined =>
  and(
    eq(routes.project, project),
    environment === "" ? undefined : eq(deployments.environment, environment),
    deployment === "" ? undefined : eq(routes.deployment, deployment),
  );

const changed = (now: Date) => ({ version: sql`${routes.version} + 1`, updatedAt: now });

function translated(error: unknown, hostname: string): unknown {
  // Whose it is may be beyond what the caller reaches.
  if (constraintOf(error) !== "routes_hostname") return error;
  return new DomainError("exists", `the tenant has a route of hostname ${hostname} already`, { cause: error });
}
