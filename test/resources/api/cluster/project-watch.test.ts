import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { clusterStore } from "../../../../src/resources/api/cluster/store.js";
import { startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { clustersOf } from "../../support/clusters.js";

// Without workers: clusters are deleted when the test says so.
let platform: TestPlatform;
let tenant: TestTenant;
let clusters: ReturnType<typeof clustersOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());
beforeEach(async () => {
  tenant = await platform.newTenant();
  clusters = clustersOf(platform, tenant);
});

/** Deletes clusters; with `flood` among so many changes that the feed says no more than that there were many. */
async function deleted(ids: readonly string[], flood = false): Promise<void> {
  await platform.platform.db.transaction(async (tx) => {
    for (const id of ids) {
      await clusterStore.requestDelete(tx, id, new Date());
      await clusterStore.markDeleted(tx, id, new Date());
    }
    if (!flood) return;
    await tx.execute(sql`
      insert into changes (topic, scope, key) select 'cluster', 'elsewhere', 'c' || n from generate_series(1, 1001) n`);
  });
}

/** A reader of the whole project, who has been told of these clusters already. */
async function reader(known: readonly string[]) {
  const stop = new AbortController();
  const told: string[] = [];
  const ended = (async () => {
    const options = { ...clusters.owner, signal: stop.signal };
    for await (const { status } of clusters.client.watchStatus({ project: tenant.project }, options)) {
      told.push(`${status?.uuid} ${status?.type} ${status?.state}`);
    }
  })().catch(() => {});
  const hears = (word: string) => expect.poll(() => told, { timeout: 10_000 }).toContain(word);
  for (const id of known) await hears(`${id} Create Pending`);
  return {
    told,
    hears,
    async stop() {
      stop.abort();
      await ended;
    },
  };
}

const isResyncedBy = async (act: () => Promise<void>) => {
  const heard: (string | number)[] = [];
  const end = platform.platform.feed.subscribe("cluster", (batch) =>
    heard.push(batch === "resync" ? batch : batch.length),
  );
  await act();
  await expect.poll(() => heard.length).toBeGreaterThan(0);
  end();
  return heard;
};

describe("who follows a project", () => {
  it("hears the last word of a cluster, though the feed said only that much has changed", async () => {
    const [one, other] = [await clusters.create(), await clusters.create()];
    const watch = await reader([one.uuid, other.uuid]);
    expect(await isResyncedBy(() => deleted([one.uuid], true))).toEqual(["resync"]);
    await watch.hears(`${one.uuid} Delete Succeeded`);
    // Once: neither a second resync nor the end of another brings it again.
    expect(await isResyncedBy(() => deleted([other.uuid], true))).toEqual(["resync"]);
    await watch.hears(`${other.uuid} Delete Succeeded`);
    expect(watch.told.filter((word) => word === `${one.uuid} Delete Succeeded`)).toHaveLength(1);
    await watch.stop();
  });

  it("hears nothing of what was deleted before, not even after a resync", async () => {
    const [past, one] = [await clusters.create(), await clusters.create()];
    await deleted([past.uuid]);
    const watch = await reader([one.uuid]);
    await deleted([one.uuid], true);
    await watch.hears(`${one.uuid} Delete Succeeded`);
    const later = await clusters.create();
    await watch.hears(`${later.uuid} Create Pending`);
    expect(watch.told.filter((word) => word.startsWith(past.uuid))).toEqual([]);
    await watch.stop();
  });

  it("hears the last word of a cluster in a small change, too, and goes on", async () => {
    const { uuid } = await clusters.create();
    const watch = await reader([uuid]);
    await deleted([uuid]);
    await watch.hears(`${uuid} Delete Succeeded`);
    const later = await clusters.create();
    await watch.hears(`${later.uuid} Create Pending`);
    await watch.stop();
  });
});
