import { sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { clusters } from "../cluster/table.js";
import { projects } from "../project/table.js";
import { snapshots, volumes } from "../volume/table.js";

/** How far jobs are behind. */
export interface JobFigures {
  /** How long the oldest job that is due has waited for a worker, in seconds; 0 when none is due. */
  readonly waitingSeconds: number;
  /** How many jobs were given up in the last hour. */
  readonly failed: number;
}

/** How far the job queue is behind. */
export interface JobFacts {
  /** Jobs of the platform itself, which are about nobody in particular. */
  readonly own: JobFigures;
  /** Jobs about something of a tenant: one entry for each tenant that has some. */
  readonly tenants: readonly JobFigures[];
}

/** What the clusters of a tenant in a partition say. */
export interface TenantFigures {
  /** Clusters that are neither being created nor deleted; of them: */
  readonly clusters: number;
  /** those whose API server does not answer, so that their volumes are not read, */
  readonly unreachable: number;
  /** and those whose nodes are not ready. */
  readonly withoutNodes: number;
  /** Volumes and snapshots. */
  readonly volumes: number;
  readonly failedVolumes: number;
}

/** Of how many tenants of a partition these figures are true. */
export interface PartitionFigures extends TenantFigures {
  readonly partition: string;
  readonly tenants: number;
}

/** What probes read in the database. */
export const healthFacts = {
  /** `insideTasks`: jobs that work inside of clusters, where whatever fails may be their owner's doing. */
  async jobs(db: Database, insideTasks: readonly string[]): Promise<JobFacts> {
    const { rows } = await db.execute<JobFigures & { own: boolean } & Record<string, unknown>>(jobsQuery(insideTasks));
    const own = rows.find((row) => row.own) ?? { waitingSeconds: 0, failed: 0 };
    return { own, tenants: rows.filter((row) => !row.own) };
  },

  /** The partitions that have clusters or volumes. */
  async partitions(db: Database): Promise<PartitionFigures[]> {
    return (await db.execute<PartitionFigures & Record<string, unknown>>(partitionsQuery())).rows;
  },
};

const uuid = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";
const uuidIn = (field: string) => sql`case when about ->> ${field} ~ ${uuid} then (about ->> ${field})::uuid end`;

/**
 * Whose the jobs are that wait or were given up, by what their payloads name: a `project`, a cluster (`cluster` or
 * `id`) or a `tenant`. One that names nothing is the platform's own; those that name something else are taken for
 * the jobs of one more tenant.
 */
export function jobsQuery(insideTasks: readonly string[]) {
  // Subqueries and no joins: each looks up one row, while a join may read all clusters, the deleted ones, too.
  const cluster = sql`coalesce(${uuidIn("cluster")}, ${uuidIn("id")})`;
  const project = sql`
    coalesce(${uuidIn("project")}, (select cluster.project from ${clusters} cluster where cluster.id = ${cluster}))`;
  const tenant = sql`select one.tenant from ${projects} one where one.id = ${project}`;
  // A running job that is replaced by a newer one loses its key, and its attempts: that it failed is no loss.
  return sql`
    with behind as (
      select
        task_id,
        payload::jsonb - '_cron' as about,
        case when attempts < max_attempts then extract(epoch from now() - run_at)::float8 else 0 end as waiting,
        attempts >= max_attempts as failed
      from graphile_worker._private_jobs
      where locked_at is null and (
        (attempts < max_attempts and run_at <= now())
        or (attempts >= max_attempts and key is not null and updated_at > now() - interval '1 hour')
      )
    ), owned as (
      select
        about = '{}'::jsonb as own,
        coalesce((${tenant}), about ->> 'tenant', '') as tenant,
        waiting,
        failed and task.identifier <> all (${sql.param([...insideTasks])}::text[]) as failed
      from behind join graphile_worker._private_tasks task on task.id = task_id
    )
    select own, max(waiting) as "waitingSeconds", (count(*) filter (where failed))::int as failed
    from owned group by own, tenant`;
}

/** What is stored, by partition and project. */
const storageFigures = () => sql`
  select partition, project, count(*) as volumes, count(*) filter (where state = 'Failed') as failed_volumes
  from (
    select partition, project, state from ${volumes} where deleted_at is null
    union all
    select partition, project, state from ${snapshots} where deleted_at is null
  ) stored
  group by partition, project`;

/** How the clusters are of which something is expected, by partition and project. */
const clusterFigures = () => sql`
  select
    partition,
    project,
    count(*) as clusters,
    count(*) filter (where api_server_ready <> 'True') as unreachable,
    count(*) filter (where nodes_ready = 'False') as without_nodes
  from ${clusters}
  where deleted_at is null and delete_requested_at is null
    and (status_type <> 'Create' or status_state = 'Succeeded')
  group by partition, project`;

/** Reads no more than what is there: rows of what was deleted are left out by the indexes. */
export function partitionsQuery() {
  return sql`
    with figures as (
      select
        partition,
        tenant,
        coalesce(sum(clusters), 0)::int as clusters,
        coalesce(sum(unreachable), 0)::int as unreachable,
        coalesce(sum(without_nodes), 0)::int as without_nodes,
        coalesce(sum(volumes), 0)::int as volumes,
        coalesce(sum(failed_volumes), 0)::int as failed_volumes
      from (${clusterFigures()}) running
      full join (${storageFigures()}) storage using (partition, project)
      join ${projects} on ${projects.id} = project
      group by partition, tenant
    )
    select
      partition,
      clusters,
      unreachable,
      without_nodes as "withoutNodes",
      volumes,
      failed_volumes as "failedVolumes",
      count(*)::int as tenants
    from figures
    group by partition, clusters, unreachable, without_nodes, volumes, failed_volumes`;
}
