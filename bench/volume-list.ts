import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import pg from "pg";
import { VolumeService } from "../gen/ts/api/v1/volume_pb.js";
import { type BenchRun, figure, median } from "./measure.js";
import { residentMb, scratchDatabase, scratchFolder, startSlipway } from "./processes.js";
import { createCluster } from "./status-to-reader.js";

const goalMs = 150;

interface Size {
  readonly volumes: number;
  readonly warmUp: number;
  readonly calls: number;
}

const fullSize: Size = { volumes: 10_000, warmUp: 10, calls: 20 };
const shortSize: Size = { volumes: 100, warmUp: 1, calls: 3 };

/** VolumeService.List of a project with 10,000 volumes, answered and decoded, and whether the server's memory stays as it is; PostgreSQL only. */
export async function volumeList(run: BenchRun): Promise<void> {
  if (run.databaseUrl === undefined) return;
  const { volumes, warmUp, calls } = run.short ? shortSize : fullSize;
  const databaseUrl = await scratchDatabase(run, run.databaseUrl);
  const dataDir = join(await scratchFolder(run), "data");
  const slipway = await startSlipway(run, { dataDir, databaseUrl, timeScale: 100 });
  const { url, project, tokens } = slipway.info;
  const cluster = await createCluster(url, project, tokens.owner);
  await insertVolumes(databaseUrl, cluster, volumes);
  const client = createClient(VolumeService, createGrpcTransport({ baseUrl: url }));
  const list = () => timeList(client, project, tokens.owner, volumes);
  for (let i = 0; i < warmUp; i++) await list();
  const before = await memoryAtRest(run, slipway.pid);
  const times: number[] = [];
  const answered: number[] = [];
  for (let i = 0; i < calls; i++) {
    times.push(await list());
    answered.push(await timeAnswer(url, project, tokens.owner));
  }
  const after = await memoryAtRest(run, slipway.pid);
  run.report(figure("volume-list.answered", "ms", median(answered), { below: goalMs }));
  run.report(figure("volume-list.decoded", "ms", median(times)));
  run.report(figure("volume-list.decoded-max", "ms", Math.max(...times)));
  run.report(figure("volume-list.memory-before", "MB", before));
  run.report(figure("volume-list.memory-after", "MB", after));
  await slipway.stop();
}

/** Until the last byte of the answer has come, which nobody decodes. */
async function timeAnswer(url: string, project: string, token: string): Promise<number> {
  const began = performance.now();
  const answer = await fetch(`${url}/${VolumeService.typeName}/${VolumeService.method.list.name}`, {
    method: "POST",
    headers: { "content-type": "application/proto", authorization: `Bearer ${token}`, "accept-encoding": "identity" },
    body: toBinary(VolumeService.method.list.input, create(VolumeService.method.list.input, { project })),
  });
  const { byteLength } = await answer.arrayBuffer();
  if (!answer.ok || byteLength === 0) throw new Error(`the list was answered with ${answer.status}`);
  return performance.now() - began;
}

/** Until a client has decoded it. */
async function timeList(client: Client<typeof VolumeService>, project: string, token: string, wanted: number) {
  const began = performance.now();
  const { volumes } = await client.list({ project }, { headers: { authorization: `Bearer ${token}` } });
  if (volumes.length !== wanted) throw new Error(`there are ${volumes.length} volumes, not ${wanted}`);
  return performance.now() - began;
}

async function memoryAtRest(run: BenchRun, pid: number): Promise<number> {
  await sleep(run.short ? 100 : 5_000);
  return residentMb(pid);
}

/** Volumes as a cluster would have reported and measured them; those of a cluster that nobody follows stay. */
async function insertVolumes(databaseUrl: string, cluster: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  // A cluster of its own: what no cluster reports would soon be taken for deleted.
  const silent = "00000000-0000-4000-8000-000000000001";
  try {
    await client.query("create temp table copied as select * from clusters where id = $1", [cluster]);
    await client.query("update copied set id = $1, name = 'silent', api_server_ready = 'False', partition = 'silent'", [
      silent,
    ]);
    await client.query("insert into clusters select * from copied");
    await client.query(
      `insert into volumes (id, project, cluster, partition, persistent_volume, name, claim_namespace, claim_name,
         storage_class, size, state, volume_handle, attached_to, node_ips, labels, statistics, statistics_at,
         created_at, updated_at)
       select v.id, c.project, c.id, c.partition, 'pvc-' || v.id, 'data-' || v.i, 'default', 'data-' || v.i, 'standard',
         10737418240, 'Bound', v.id::text, array['csi:host:node-' || v.i % 20 || '.node'],
         array['10.250.0.' || v.i % 20], jsonb_build_object('app', 'shop', 'tier', 'data-' || v.i % 7),
         jsonb_build_object('usedBytes', 1073741824 + v.i), now(), now(), now()
       from clusters c, (select i, gen_random_uuid() as id from generate_series(1, $2::int) as i) v where c.id = $1`,
      [silent, count],
    );
    await client.query("analyze volumes");
  } finally {
    await client.end();
  }
}
