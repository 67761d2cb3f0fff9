import { Code, ConnectError } from "@connectrpc/connect";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { needsPostgres, postgresUrl } from "../support/database.js";
import { as } from "../support/platform.js";
import type { TestProcess } from "../support/process.js";
import { openSite, type Site, type TestServer } from "./support/site.js";

if (postgresUrl === undefined) console.warn(`the kill-and-restart test ${needsPostgres}`);

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 25 });
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The same numbers from 0 to 1 in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const title = `processes that are killed and started again (${needsPostgres})`;
describe.skipIf(postgresUrl === undefined)(title, { timeout: 60_000 }, () => {
  let site: Site;
  let server: TestServer;
  let worker: TestProcess;
  let names = 0;

  beforeAll(async () => {
    // A cluster takes about a second, so that kills hit its operation, too.
    site = await openSite({ timeScale: 20 });
    server = await site.serve();
  });
  afterAll(() => site?.close());
  afterEach(() => worker?.kill());

  const editor = () => as(site.tokens.editor);
  const nextName = () => `k${++names}`;

  async function create(): Promise<string> {
    const { cluster } = await server.clusters.create({ project: site.project, name: nextName() }, editor());
    return cluster?.uuid ?? "";
  }
  const remove = (uuid: string) => server.clusters.delete({ project: site.project, uuid }, editor());

  async function expectSucceeded(id: string): Promise<void> {
    await until(async () => {
      expect(await site.row(id)).toMatchObject({ statusType: "Create", statusState: "Succeeded", statusProgress: 100 });
    });
    expect(site.shootsOf(id)).toHaveLength(1);
  }

  async function expectDeleted(id: string): Promise<void> {
    await until(async () => {
      expect(await site.row(id)).toMatchObject({
        statusType: "Delete",
        statusState: "Succeeded",
        deletedAt: expect.any(Date),
      });
    });
    expect(site.shootsOf(id)).toHaveLength(0);
  }

  /** Holds the row of a cluster, so that nobody can write it; the returned function ends the wait of those who try. */
  async function hold(id: string): Promise<() => Promise<void>> {
    const holder = new pg.Client({ connectionString: site.database.url });
    await holder.connect();
    await holder.query("begin");
    await holder.query("select 1 from clusters where id = $1 for update", [id]);
    return async () => {
      // What a killed process was waiting to write must not be written after its end.
      await holder.query(`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`);
      await holder.end();
    };
  }

  /** Whether somebody waits for a lock to be released. */
  async function someoneWaits(): Promise<boolean> {
    const { rows } = await site.database.server.pool.query(
      "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    return rows.length > 0;
  }

  test("killed before its job runs", async () => {
    const id = await create();
    expect(site.shootsOf(id)).toHaveLength(0);
    worker = await site.work();
    await expectSucceeded(id);
    await worker.kill();
    await remove(id);
    worker = await site.work();
    await expectDeleted(id);
  });

  test("killed between the write to Kubernetes and the note of it", async () => {
    worker = await site.work();
    const id = await create();
    const release = await hold(id);
    await until(async () => {
      expect(site.shootsOf(id)).toHaveLength(1);
      expect(await someoneWaits()).toBe(true);
    });
    await worker.kill();
    await release();
    expect(await site.row(id)).toMatchObject({ appliedGeneration: 0, statusState: "Pending" });
    worker = await site.work();
    await expectSucceeded(id);

    await remove(id);
    const releaseDelete = await hold(id);
    await until(() => expect(site.shootsOf(id)).toHaveLength(0));
    await worker.kill();
    await releaseDelete();
    expect(await site.row(id)).toMatchObject({ statusType: "Delete", deletedAt: null });
    worker = await site.work();
    await expectDeleted(id);
  });

  test("killed while the Shoot is processed, in creation and in deletion", async () => {
    worker = await site.work();
    const id = await create();
    await until(async () => expect(await site.row(id)).toMatchObject({ statusState: "Processing" }));
    await worker.kill();
    worker = await site.work();
    await expectSucceeded(id);
    await remove(id);
    await until(async () =>
      expect(await site.row(id)).toMatchObject({ statusType: "Delete", statusState: "Processing" }),
    );
    await worker.kill();
    // Kubernetes finishes while nobody follows: the new worker learns of it by what it does not find.
    await until(() => expect(site.shootsOf(id)).toHaveLength(0));
    worker = await site.work();
    await expectDeleted(id);
  });

  test("killed at any time, again and again", async () => {
    const random = seeded(20_260_401);
    const ids: string[] = [];
    const inRounds = async (rounds: number, act: (round: number) => Promise<unknown>): Promise<void> => {
      for (let round = 0; round < rounds; round += 1) {
        worker = await site.work();
        const acting = act(round);
        await sleep(900 * random());
        await worker.kill();
        await acting;
      }
    };
    await inRounds(5, async () => {
      for (let count = 0; count < 3; count += 1) {
        ids.push(await create());
        await sleep(200 * random());
      }
    });
    worker = await site.work();
    await Promise.all(ids.map(expectSucceeded));
    await worker.kill();

    const left = [...ids];
    await inRounds(5, async () => {
      for (const id of left.splice(0, 3)) {
        await remove(id);
        await sleep(200 * random());
      }
    });
    worker = await site.work();
    await Promise.all(ids.map(expectDeleted));
  }, 180_000);

  test("the API server killed while it creates, and right after its answer", async () => {
    const random = seeded(7);
    worker = await site.work();
    const made: string[] = [];
    for (const delay of [undefined, 5 * random(), 15 * random(), 40 * random()]) {
      const name = nextName();
      const creating = server.clusters.create({ project: site.project, name }, editor()).catch(ConnectError.from);
      await (delay === undefined ? creating : sleep(delay));
      await server.process.kill();
      const answer = await creating;
      server = await site.serve();
      const { clusters } = await server.clusters.list({ project: site.project }, editor());
      const found = clusters.filter((cluster) => cluster.name === name).map(({ uuid }) => uuid);
      // Whatever was answered is there; what was not may be.
      if (answer instanceof ConnectError) expect([Code.Unavailable, Code.Aborted]).toContain(answer.code);
      else expect(found).toEqual([answer.cluster?.uuid]);
      expect(found.length).toBeLessThanOrEqual(1);
      made.push(...found);
    }
    expect(made.length).toBeGreaterThan(0);
    await Promise.all(made.map(expectSucceeded));
  });
});
