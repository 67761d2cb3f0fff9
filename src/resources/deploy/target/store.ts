import { and, eq, getTableColumns, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { constraintOf } from "../../../db/errors.js";
import { storableJson } from "../../../db/storable-json.js";
import { DomainError } from "../../../errors.js";
import { clusters } from "../../api/cluster/table.js";
import { projects } from "../../api/project/table.js";
import { deployments } from "../deployment/table.js";
import { environments } from "../environment/table.js";
import { targetNamespaces } from "../namespace/table.js";
import { type NodeFacts, targets } from "./table.js";

const { kubeconfigSealed, nodes, ...shown } = getTableColumns(targets);

/** A target without its kubeconfig and its nodes. */
export type TargetRow = Omit<typeof targets.$inferSelect, "kubeconfigSealed" | "nodes">;

/** Which target: one of that project. */
export interface TargetKey {
  readonly project: string;
  readonly id: string;
}

/** What a caller changes; what is left out stays. */
export type TargetChanges = Partial<
  Pick<typeof targets.$inferSelect, "name" | "description" | "kubeconfigSealed" | "routers" | "labels">
>;

/** Which targets of a project or tenant. */
export interface TargetFilter {
  readonly labels: Readonly<Record<string, string>>;
  readonly cluster: string | undefined;
}

/** What is seen of a target; nodes that are left out are as they were. */
export interface TargetSight
  extends Pick<
    TargetRow,
    "connection" | "connectionMessage" | "health" | "healthMessage" | "server" | "kubernetesVersion" | "capabilities"
  > {
  /** Set when it answered. */
  readonly lastSeenAt: Date | null;
  readonly nodes?: readonly NodeFacts[];
}

/** What the observer wants to know of a target to tell whether it must look at it again. */
export interface TargetMark {
  readonly id: string;
  readonly project: string;
  /** Changes whenever it is to be looked at at once. */
  readonly mark: string;
}

/** Targets of projects. Whoever adds or changes one holds the project, so that they come one by one. */
export const targetStore = {
  async get(db: Database, key: TargetKey): Promise<TargetRow | undefined> {
    const [row] = await db.select(shown).from(targets).where(is(key));
    return row;
  },

  /** The same, locked until the transaction ends: nothing new comes onto it. */
  async lock(tx: Database, key: TargetKey): Promise<TargetRow | undefined> {
    const [row] = await tx.select(shown).from(targets).where(is(key)).for("update");
    return row;
  },

  /** The same, kept from being deleted until the transaction ends. */
  async hold(tx: Database, key: TargetKey): Promise<TargetRow | undefined> {
    const [row] = await tx.select(shown).from(targets).where(is(key)).for("key share");
    return row;
  },

  /** How to get at a target: the cluster of the platform, or the sealed kubeconfig. */
  async access(db: Database, key: TargetKey) {
    const [row] = await db.select({ cluster: targets.cluster, kubeconfigSealed }).from(targets).where(is(key));
    return row;
  },

  /** The nodes that were seen last; null when it was never reached. */
  async nodes(db: Database, key: TargetKey) {
    const [row] = await db.select({ name: targets.name, nodes }).from(targets).where(is(key));
    return row;
  },

  /** The targets of a project that match, by name. */
  list(db: Database, project: string, filter: TargetFilter): Promise<TargetRow[]> {
    return db
      .select(shown)
      .from(targets)
      .where(and(eq(targets.project, project), matches(filter)))
      .orderBy(targets.name);
  },

  /** The targets of all projects of a tenant that match, by name. */
  ofTenant(db: Database, tenant: string, filter: TargetFilter): Promise<TargetRow[]> {
    return db
      .select(shown)
      .from(targets)
      .innerJoin(projects, eq(projects.id, targets.project))
      .where(and(eq(projects.tenant, tenant), matches(filter)))
      .orderBy(targets.name, targets.id);
  },

  count(db: Database, project: string): Promise<number> {
    return db.$count(targets, eq(targets.project, project));
  },

  /** Adds a target; throws "exists" when the project has one of that name, or for that cluster. */
  async insert(tx: Database, row: typeof targets.$inferInsert): Promise<TargetRow> {
    const [added] = await tx
      .insert(targets)
      .values(row)
      .returning(shown)
      .catch((error: unknown) => {
        throw translated(error, row.name);
      });
    if (added === undefined) throw new Error("the write answered no row");
    return added;
  },

  /** Changes what is given; throws "exists" when the name is taken in the project. A new kubeconfig voids what was seen. */
  async update(tx: Database, key: TargetKey, changes: TargetChanges, now: Date): Promise<TargetRow | undefined> {
    const isNew = changes.kubeconfigSealed !== undefined;
    const [row] = await tx
      .update(targets)
      .set({ ...changes, ...(isNew ? unseen : {}), version: sql`${targets.version} + 1`, updatedAt: now })
      .where(is(key))
      .returning(shown)
      .catch((error: unknown) => {
        throw translated(error, changes.name);
      });
    return row;
  },

  async delete(tx: Database, key: TargetKey): Promise<void> {
    await tx.delete(targets).where(is(key));
  },

  /** What needs a target, such as "deployment web" or "namespace web": the first of it, and how much there is. */
  async uses(db: Database, { project, id }: TargetKey, most: number): Promise<{ named: string[]; count: number }> {
    const about = JSON.stringify([{ field: "target", values: [id] }]);
    const { rows } = await db.execute<{ thing: string; count: number }>(sql`
      select thing, (count(*) over ())::int as count from (
        select 1 as kind, 'deployment ' || name as thing from ${deployments} where live_target = ${id}
        union all select 2, 'namespace ' || name from ${targetNamespaces} where target = ${id}
        union all select 3, 'a constraint of environment ' || name from ${environments}
          where project = ${project} and constraints @> ${about}::jsonb
      ) as things order by kind, thing limit ${most}`);
    return { named: rows.map(({ thing }) => thing), count: rows[0]?.count ?? 0 };
  },

  /** All targets, as far as it takes to tell which to look at. */
  marks(db: Database): Promise<TargetMark[]> {
    return db
      .select({
        id: targets.id,
        project: targets.project,
        mark: sql<string>`concat_ws(' ', ${targets.version}, ${clusters.apiServerReady}, ${clusters.deleteRequestedAt}, ${clusters.deletedAt})`,
      })
      .from(targets)
      .leftJoin(clusters, eq(clusters.id, targets.cluster));
  },

  /** Writes what was seen of that version, unless the target has another one by now. */
  async observe(
    db: Database,
    { project, id, version }: TargetKey & { version: number },
    seen: TargetSight,
  ): Promise<void> {
    const { nodes: seenNodes, lastSeenAt, capabilities, ...rest } = seen;
    await db
      .update(targets)
      .set({
        ...rest,
        capabilities: sql`${storableJson(capabilities)}::jsonb`,
        observedVersion: version,
        ...(lastSeenAt === null ? {} : { lastSeenAt }),
        ...(seenNodes === undefined ? {} : { nodes: sql`${storableJson(seenNodes)}::jsonb` }),
      })
      .where(and(is({ project, id }), eq(targets.version, version)));
  },
};

/** What is known of a target whose kubeconfig was never tried. */
const unseen = {
  connection: "pending",
  connectionMessage: "",
  lastSeenAt: null,
  health: "unknown",
  healthMessage: "",
  server: "",
  kubernetesVersion: "",
  capabilities: {},
  nodes: null,
} as const;

// The project is always part of the question: nobody reaches that of another one.
const is = ({ project, id }: TargetKey): SQL | undefined => and(eq(targets.project, project), eq(targets.id, id));

const matches = ({ labels, cluster }: TargetFilter): SQL | undefined =>
  and(
    sql`${targets.labels} @> ${JSON.stringify(labels)}::jsonb`,
    cluster === undefined ? undefined : eq(targets.cluster, cluster),
  );

function translated(error: unknown, name: string | undefined): unknown {
  const cause = { cause: error };
  const constraint = constraintOf(error);
  if (constraint === "targets_name") {
    return new DomainError("exists", `the project has a target ${name} already`, cause);
  }
  if (constraint === "targets_cluster") {
    return new DomainError("exists", "the project has a target for this cluster already", cause);
  }
  return error;
}
