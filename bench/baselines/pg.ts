// pg alone, with named statements: the queries of ClusterService's Get, List and Create, from 32 callers in this process.
import { randomUUID } from "node:crypto";
import pg from "pg";
import { answer, given, ready } from "../servers/ipc.js";

interface Given {
  readonly databaseUrl: string;
  readonly connections: number;
  readonly tenant: string;
  readonly project: string;
  readonly uuid: string;
}

interface Round {
  readonly what: "get" | "list" | "create";
  readonly calls: number;
}

const callers = 32;
const { databaseUrl, connections, tenant, project, uuid } = given<Given>();
const pool = new pg.Pool({ connectionString: databaseUrl, max: connections });

const columns = "c.*, p.tenant from clusters c join projects p on p.id = c.project";
const get = {
  name: "get",
  text: `select ${columns} where c.id = $1 and c.project = $2 and c.deleted_at is null`,
  values: [uuid, project],
};
const list = {
  name: "list",
  text: `select ${columns} where c.project = $1 and c.deleted_at is null order by c.name`,
  values: [project],
};
const insertCluster = `
  insert into clusters
    (id, project, name, partition, kubernetes_version, workers, kubernetes_autoupdate, machineimage_autoupdate,
     maintenance_begin, maintenance_seconds, created_at, updated_at, status_type, status_state, status_progress)
  values ($1, $2, $3, 'eqx-mu4', '1.33.5', $4, true, true, $5, 7200, $5, $5, 'Create', 'Pending', 0) returning *`;
const addJob = `
  select 1 from graphile_worker.add_job('cluster.reconcile', $1::json, queue_name := $2, max_attempts := 25,
    job_key := $3, job_key_mode := 'replace')`;
const insertAudit = `
  insert into audit_entries
    (id, at, request_id, phase, method, "user", tenant, project, source_ip, user_agent, body, code)
  values ($1, $2, $3, 'request', $4, $5, $5, $6, '127.0.0.1', '', $7, null),
         ($1, $2, $3, 'response', $4, $5, $5, $6, '127.0.0.1', '', $8, 0)`;
const workers = JSON.stringify([
  { name: "group-0", machineType: "n1-medium-x86", minSize: 1, maxSize: 3, maxSurge: 1, maxUnavailable: 0 },
]);
let created = 0;

/** In the ordinary way: one transaction, a statement each for the cluster, its job and the two records of the call. */
async function create(): Promise<void> {
  created += 1;
  const [id, now, name] = [randomUUID(), new Date(), `b${String(created).padStart(9, "0")}`];
  const [queue, key] = [`cluster:${id}`, `cluster.reconcile:${id}`];
  const [method, body] = ["/api.v1.ClusterService/Create", JSON.stringify({ project, name })];
  const client = await pool.connect();
  try {
    await client.query("begin");
    const inserted = { name: "cluster", text: insertCluster, values: [id, project, name, workers, now] };
    const { rows } = await client.query(inserted);
    await client.query({ name: "job", text: addJob, values: [JSON.stringify({ id }), queue, key] });
    const values = [randomUUID(), now, id, method, tenant, project, body, JSON.stringify(rows[0])];
    await client.query({ name: "audit", text: insertAudit, values });
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}

async function read(query: pg.QueryConfig, rows: number): Promise<void> {
  const { rowCount } = await pool.query(query);
  if (rowCount !== rows) throw new Error(`${query.name} found ${rowCount} rows, not ${rows}`);
}

const work = { get: () => read(get, 1), list: () => read(list, 50), create };

answer(async ({ what, calls }: Round) => {
  const began = performance.now();
  let left = calls;
  const one = async () => {
    while (left > 0) {
      left -= 1;
      await work[what]();
    }
  };
  await Promise.all(Array.from({ length: callers }, one));
  return (performance.now() - began) / 1_000;
});
ready("ready");
