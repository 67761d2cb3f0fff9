import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { needsPostgres, postgresUrl } from "../support/database.js";
import { as } from "../support/platform.js";
import { logLines, type TestProcess } from "../support/process.js";
import { openSite, type Site, type TestServer } from "./support/site.js";

if (postgresUrl === undefined) console.warn(`the test of two workers ${needsPostgres}`);

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 25_000, interval: 25 });

describe.skipIf(postgresUrl === undefined)(`two workers on one database (${needsPostgres})`, () => {
  let site: Site;
  let server: TestServer;
  let workers: TestProcess[];

  beforeAll(async () => {
    site = await openSite({ timeScale: 10 });
    server = await site.serve();
    const env = { SLIPWAY_LOG_LEVEL: "debug" };
    workers = await Promise.all([site.work(env), site.work(env)]);
  });
  afterAll(() => site?.close());

  const create = async (name: string): Promise<string> => {
    const { cluster } = await server.clusters.create({ project: site.project, name }, as(site.tokens.editor));
    return cluster?.uuid ?? "";
  };
  const followers = () => workers.filter((worker) => logLines(worker.stderr).some(followsClusters));

  test("one follows the partition, and each job is done once", async () => {
    const names = Array.from({ length: 12 }, (_, index) => `w${index}`);
    const ids = await Promise.all(names.map(create));
    await until(async () => {
      for (const id of ids) expect(await site.row(id)).toMatchObject({ statusState: "Succeeded" });
    });
    expect(followers()).toHaveLength(1);
    for (const id of ids) expect(site.shootsOf(id)).toHaveLength(1);
    const done = workers.flatMap(completed);
    expect(done.length).toBeGreaterThanOrEqual(ids.length);
    expect(new Set(done).size).toBe(done.length);
  });

  test("when the one that follows is killed, the other takes over", async () => {
    const [follower] = followers();
    const id = await create("orphan");
    await until(async () => expect(await site.row(id)).toMatchObject({ statusState: "Processing" }));
    await follower!.kill();
    await until(async () => expect(await site.row(id)).toMatchObject({ statusState: "Succeeded" }));
    expect(site.shootsOf(id)).toHaveLength(1);
    expect(followers()).toHaveLength(2);
  });
});

const followsClusters = ({ msg, work }: Record<string, unknown>): boolean =>
  msg === "exclusive work begins here" && String(work).startsWith("clusters of");

/** The ids of the jobs that a worker has finished, as graphile-worker logs them. */
function completed(worker: TestProcess): string[] {
  return [...worker.stderr.matchAll(/Completed task (\d+) \(cluster\.reconcile,/g)].map(([, id]) => id ?? "");
}
