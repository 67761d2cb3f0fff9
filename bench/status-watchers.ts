import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import pg from "pg";
import { StatusService, StatusServiceWatchRequestSchema } from "../gen/ts/status/v1/status_pb.js";
import { type BenchRun, compare, figure } from "./measure.js";
import { databasesOf, residentMb, scratchFolder, startSlipway } from "./processes.js";
import { openReaders, type Readers, roundOf } from "./readers.js";

interface Size {
  readonly connections: number;
  readonly streamsPerConnection: number;
  readonly changes: number;
  /** How long probes and transactions are counted, with one watcher and with all. */
  readonly countMs: number;
}

const fullSize: Size = { connections: 50, streamsPerConnection: 100, changes: 5, countMs: 10_000 };
const shortSize: Size = { connections: 2, streamsPerConnection: 5, changes: 1, countMs: 1_000 };

/** What runs only after a start is over by then, and so is what opening streams costs. */
const settleMs = 2_000;

/**
 * What anonymous watchers of the status page cost beside a single one, and the way of a change to all of them; on
 * PostgreSQL where there is one, for nobody else can look into the embedded database.
 */
export async function statusWatchers(run: BenchRun): Promise<void> {
  const size = run.short ? shortSize : fullSize;
  const database = databasesOf(run).at(-1);
  const databaseUrl = await database?.open();
  const name = `status-watchers.${database?.name}`;
  const dataDir = join(await scratchFolder(run), "data");
  const { pid, info } = await startSlipway(run, { dataDir, databaseUrl });
  const watch = {
    url: info.url,
    path: `/${StatusService.typeName}/Watch`,
    request: toBinary(StatusServiceWatchRequestSchema, create(StatusServiceWatchRequestSchema)),
  };
  await openReaders(run, { ...watch, connections: 1, streamsPerConnection: 1 });
  const client = databaseUrl === undefined ? undefined : await openClient(run, databaseUrl);
  await sleep(settleMs);
  const one = client && (await countWork(client, size.countMs));
  const openedAt = performance.now();
  const readers = await openReaders(run, { ...watch, ...size });
  run.report(figure(`${name}.open`, "ms", performance.now() - openedAt));
  run.report(figure(`${name}.memory`, "MB", residentMb(pid)));
  if (client === undefined || one === undefined) return;
  await sleep(settleMs);
  const all = await countWork(client, size.countMs);
  run.report(compare(`${name}.heartbeats`, "/min", all.heartbeats, one.heartbeats));
  run.report(compare(`${name}.transactions`, "/min", all.transactions, one.transactions));
  reportDelivery(run, name, await timeChanges(client, readers, size.changes));
}

/** Changes what a probe says, and measures the time to each watcher. */
async function timeChanges(client: pg.Client, readers: Readers, changes: number): Promise<number[]> {
  const samples: number[] = [];
  for (let made = 0; made < changes; made++) {
    const text = `change-${made}`;
    const update = "update probe_states set status = 'degraded', message = $1 where probe = 'storage'";
    samples.push(...(await readers.timeChange(text, () => client.query(update, [text]))));
  }
  return samples;
}

function reportDelivery(run: BenchRun, name: string, samples: readonly number[]): void {
  const { p50, max } = roundOf(samples);
  run.report(figure(`${name}.change.p50`, "ms", p50));
  run.report(figure(`${name}.change.all`, "ms", max));
}

async function openClient(run: BenchRun, url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  run.onEnd(() => client.end());
  return client;
}

/** How much is done in the database, per minute: beats of the probes, and transactions of whatever runs. */
async function countWork(client: pg.Client, ms: number) {
  const read = async () => {
    const { rows } = await client.query<{ heartbeats: string; transactions: string }>(`
      select
        (select count(*) from changes where topic = 'probe' and key = 'heartbeat') as heartbeats,
        (select xact_commit + xact_rollback from pg_stat_database where datname = current_database()) as transactions`);
    return { heartbeats: Number(rows[0]?.heartbeats), transactions: Number(rows[0]?.transactions) };
  };
  const before = await read();
  await sleep(ms);
  const after = await read();
  const perMinute = (count: number) => (count * 60_000) / ms;
  return {
    heartbeats: perMinute(after.heartbeats - before.heartbeats),
    transactions: perMinute(after.transactions - before.transactions),
  };
}
