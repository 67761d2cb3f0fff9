import { and, eq, getTableColumns, isNull, type SQL, sql } from "drizzle-orm";
import { inBatches } from "../../../db/batches.js";
import type { Database } from "../../../db/database.js";
import { timestampOfText } from "../../../db/decode.js";
import { remembered } from "../../../db/remembered.js";
import { columnsOf, decoded, optional, queries, type RowOf, statement } from "../../../db/statement.js";
import { insertGiven, updateGiven } from "../../../db/write.js";
import { addJobCall } from "../../../jobs/jobs.js";
import { projects } from "../project/table.js";
import { isUuid } from "../uuid.js";
import { conditionMessages, errorMessages, workerMessages } from "./message-parts.js";
import { clusters, type WantedCluster } from "./table.js";

/** What is read of a cluster: its row, and the tenant of its project. */
export const clusterFields = { ...getTableColumns(clusters), tenant: projects.tenant };

/** A cluster with the tenant of its project. */
export type ClusterRow = RowOf<typeof clusterFields>;
export type ClusterOperation = NonNullable<ClusterRow["pendingOperation"]>;

/** The name of the job that makes one cluster what its row says. */
export const reconcileTask = "cluster.reconcile";

const { deletedAt, revision, generation, appliedGeneration, pendingOperation, observedVersion, ...seen } =
  clusterFields;
const { seed, labels, monitoringSealed, ...listed } = seen;
/** What a list shows of a cluster, in the form of messages where that costs: lists read the same JSON again and again. */
const listFields = {
  ...listed,
  workers: decoded(
    clusters.workers,
    remembered((json) => workerMessages(JSON.parse(json))),
  ),
  conditions: decoded(
    clusters.conditions,
    remembered((json) => conditionMessages(JSON.parse(json))),
  ),
  lastErrors: decoded(
    clusters.lastErrors,
    remembered((json) => errorMessages(JSON.parse(json))),
  ),
  maintenanceBegin: decoded(clusters.maintenanceBegin, timestampOfText),
  createdAt: decoded(clusters.createdAt, timestampOfText),
  updatedAt: decoded(clusters.updatedAt, timestampOfText),
  deleteRequestedAt: optional(clusters.deleteRequestedAt, timestampOfText),
};
/** A cluster in a list. Its messages are shared with other lists: nobody changes them. */
export type ListedCluster = RowOf<typeof listFields>;

const given = sql.placeholder;
const shown = columnsOf(clusterFields);
const alive = isNull(clusters.deletedAt);

const ofProjects = (where: SQL | undefined) =>
  queries.select(clusterFields).from(clusters).innerJoin(projects, eq(projects.id, clusters.project)).where(where);

/** Names one cluster; callers name its project too, which is their scope. */
export interface ClusterKey {
  readonly project?: string;
  readonly id: string;
}

/** The same as placeholders have it. */
interface ClusterId {
  readonly id: string;
  readonly project: string | null;
}

/** Undefined for texts that are no uuids, which the database would not compare. */
function idOf({ id, project }: ClusterKey): ClusterId | undefined {
  if (!isUuid(id) || (project !== undefined && !isUuid(project))) return undefined;
  return { id, project: project ?? null };
}

const inScope = sql`(wanted.project is null or ${clusters.project} = wanted.project)`;

const getMany = statement(
  "cluster_get",
  { ...clusterFields, asked: sql<string | null>`wanted.project`.as("asked") },
  () => sql`
    select ${shown}, wanted.project
    from unnest(${given("ids")}::uuid[], ${given("projects")}::uuid[]) as wanted (id, project)
    join ${clusters} on ${clusters.id} = wanted.id and ${inScope}
    join ${projects} on ${projects.id} = ${clusters.project}
    where ${alive}`,
);

const nameOf = (id: string, project: string | null): string => `${id} ${project}`.toLowerCase();

const get = inBatches<ClusterId, RowOf<typeof clusterFields> & { readonly asked: string | null }>({
  read: (db, keys) => getMany(db, { ids: keys.map(({ id }) => id), projects: keys.map(({ project }) => project) }),
  nameOf: ({ id, project }) => nameOf(id, project),
  nameOfRow: ({ id, asked }) => nameOf(id, asked),
});

const list = statement(
  "cluster_list",
  listFields,
  () => sql`
    select ${columnsOf(listFields)} from ${clusters} join ${projects} on ${projects.id} = ${clusters.project}
    where ${clusters.project} = ${given("project")} and ${alive} order by ${clusters.name}`,
);

const byIds = statement("cluster_ids", clusterFields, () =>
  ofProjects(sql`${clusters.id} = any(${given("ids")}::uuid[])`),
);

const scoped = and(
  eq(clusters.id, given("id")),
  sql`(${given("project")}::uuid is null or ${clusters.project} = ${given("project")})`,
  alive,
);

const lock = statement("cluster_lock", clusterFields, () => ofProjects(scoped).for("update", { of: clusters }));

/** What the CTE `written` made of a cluster, and the job that brings it to the backend: in one statement. */
const withJob = (written: SQL, before = sql``): SQL => {
  const job = addJobCall({
    task: sql`${reconcileTask}::text`,
    payload: sql`json_build_object('id', clusters.id)`,
    key: sql`${`${reconcileTask}:`}::text || clusters.id::text`,
    // One queue per cluster: two jobs of the same cluster never run at once.
    queue: sql`'cluster:' || clusters.id::text`,
  });
  return sql`
    with ${before} written as (${written} returning *)
    select ${shown} from written as clusters join ${projects} on ${projects.id} = clusters.project cross join ${job}`;
};

const { id, project, name, createdAt, updatedAt, statusType, statusState, statusProgress } = clusters;
const { partition, kubernetesVersion, workers, kubernetesAutoupdate, machineimageAutoupdate } = clusters;
const { maintenanceBegin, maintenanceSeconds } = clusters;
const wantedColumns = {
  ...{ partition, kubernetesVersion, workers, kubernetesAutoupdate, machineimageAutoupdate },
  ...{ maintenanceBegin, maintenanceSeconds },
};
const createdColumns = {
  ...wantedColumns,
  ...{ id, project, name, createdAt, updatedAt, statusType, statusState, statusProgress },
};

const create = statement("cluster_create", clusterFields, () =>
  withJob(
    insertGiven(clusters, createdColumns, sql`from home`),
    sql`home as (select from ${projects} where ${projects.id} = ${given("project")}), `,
  ),
);

/** The row as it was seen, unless something changed it since. */
const asSeen = and(eq(clusters.id, given("id")), eq(revision, given("revision")), alive);
const nextRevision = [revision, sql`${revision} + 1`] as const;
const becomesPending = [
  [clusters.statusState, sql`'Pending'`],
  [clusters.statusProgress, sql`0`],
] as const;
/** A cluster that was never ready is still being created. */
export const typeOfWish = sql`case when ${clusters.statusType} = 'Create' and ${clusters.statusState} <> 'Succeeded'
  then 'Create' else 'Reconcile' end`;

const change = statement("cluster_change", clusterFields, () =>
  withJob(
    updateGiven(
      clusters,
      { ...wantedColumns, updatedAt },
      [[generation, sql`${generation} + 1`], nextRevision, [statusType, typeOfWish], ...becomesPending],
      asSeen,
    ),
  ),
);

const operate = statement("cluster_operate", clusterFields, () =>
  withJob(updateGiven(clusters, { pendingOperation, updatedAt }, [nextRevision], asSeen)),
);

const remove = statement("cluster_delete", clusterFields, () =>
  withJob(
    updateGiven(
      clusters,
      { deleteRequestedAt: clusters.deleteRequestedAt, updatedAt },
      [nextRevision, [pendingOperation, sql`null`], [statusType, sql`'Delete'`], ...becomesPending],
      and(scoped, isNull(clusters.deleteRequestedAt)),
    ),
  ),
);

/** What a caller names of a cluster, with all that is wanted of it. */
export interface NewCluster extends WantedCluster {
  readonly id: string;
  readonly project: string;
  readonly name: string;
}

/** Reads and writes of clusters in one round trip each; what is written is committed with its job, or not at all. */
export const clusterStatements = {
  /** A cluster that is not deleted, of that project, or for operators of any. */
  async get(db: Database, cluster: ClusterKey): Promise<ClusterRow | undefined> {
    const key = idOf(cluster);
    return key && (await get(db, key));
  },

  /** The same, locked until the transaction ends. */
  async lock(tx: Database, cluster: ClusterKey): Promise<ClusterRow | undefined> {
    const key = idOf(cluster);
    return key && (await lock(tx, { ...key }))[0];
  },

  /** The clusters of a project, by name, with what a list shows. */
  list(db: Database, project: string): Promise<ListedCluster[]> {
    return isUuid(project) ? list(db, { project }) : Promise.resolve([]);
  },

  /** Clusters by id, the deleted ones too: what watchers and jobs read. */
  byIds(db: Database, ids: readonly string[]): Promise<ClusterRow[]> {
    return ids.length === 0 ? Promise.resolve([]) : byIds(db, { ids });
  },

  /** Adds a cluster and queues its job; undefined when there is no such project. */
  async create(db: Database, cluster: NewCluster, now: Date): Promise<ClusterRow | undefined> {
    if (!isUuid(cluster.project)) return undefined;
    const status = { statusType: "Create", statusState: "Pending", statusProgress: 0 };
    return (await create(db, { ...cluster, ...status, createdAt: now, updatedAt: now }))[0];
  },

  /** Writes what is wanted now and queues the job; undefined, with nothing done, when the row is not as it was seen. */
  async change(db: Database, seen: ClusterRow, wanted: WantedCluster, now: Date): Promise<ClusterRow | undefined> {
    const { id, revision } = seen;
    return (await change(db, { ...wanted, id, revision, updatedAt: now }))[0];
  },

  /** The same for an operation that is to be passed on. */
  async operate(
    db: Database,
    { id, revision }: ClusterRow,
    pendingOperation: ClusterOperation,
    now: Date,
  ): Promise<ClusterRow | undefined> {
    return (await operate(db, { id, revision, pendingOperation, updatedAt: now }))[0];
  },

  /** Asks for the end of a cluster and queues the job; undefined when there is none, or its end was asked for already. */
  async remove(db: Database, cluster: ClusterKey, now: Date): Promise<ClusterRow | undefined> {
    const key = idOf(cluster);
    return key && (await remove(db, { ...key, deleteRequestedAt: now, updatedAt: now }))[0];
  },
};
