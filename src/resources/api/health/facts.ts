import { sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { clusters } from "../cluster/table.js";
import { snapshots, volumes } from "../volume/table.js";

/** How far the job queue is behind. */
export interface JobFacts {
  /** How long the oldest job that is due has waited for a worker, in seconds; 0 when none is due. */
  readonly waitingSeconds: number;
  /** How many jobs were given up in the last hour. */
  readonly failed: number;
}

/** What the clusters of a partition say. */
export interface PartitionFacts {
  readonly partition: string;
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

/** What probes read in the database. */
export const healthFacts = {
  async jobs(db: Database): Promise<JobFacts> {
    // A running job that is replaced by a newer one loses its key, and its attempts: that it failed is no loss.
    const { rows } = await db.execute<{ waiting: number; failed: number }>(sql`
      select
        coalesce(extract(epoch from now() - min(run_at) filter (where attempts < max_attempts and run_at <= now())), 0)::float8
          as waiting,
        (count(*) filter (where attempts >= max_attempts and key is not null and updated_at > now() - interval '1 hour'))::int
          as failed
      from graphile_worker._private_jobs where locked_at is null`);
    return { waitingSeconds: rows[0]?.waiting ?? 0, failed: rows[0]?.failed ?? 0 };
  },

  /** The partitions that have clusters. */
  async partitions(db: Database): Promise<PartitionFacts[]> {
    const { rows } = await db.execute<PartitionFacts & Record<string, unknown>>(sql`
      with stored as (
        select partition, state from ${volumes} where deleted_at is null
        union all
        select partition, state from ${snapshots} where deleted_at is null
      ), storage as (
        select partition, count(*)::int as volumes, (count(*) filter (where state = 'Failed'))::int as failed
        from stored group by partition
      ), running as (
        select
          partition,
          count(*)::int as clusters,
          (count(*) filter (where api_server_ready <> 'True'))::int as unreachable,
          (count(*) filter (where nodes_ready = 'False'))::int as without_nodes
        from ${clusters}
        where deleted_at is null and delete_requested_at is null
          and (status_type <> 'Create' or status_state = 'Succeeded')
        group by partition
      )
      select
        partition,
        coalesce(clusters, 0) as clusters,
        coalesce(unreachable, 0) as unreachable,
        coalesce(without_nodes, 0) as "withoutNodes",
        coalesce(volumes, 0) as volumes,
        coalesce(failed, 0) as "failedVolumes"
      from running full join storage using (partition)`);
    return rows;
  },
};
