import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { IPService, IPType } from "../../../../gen/ts/api/v1/ip_pb.js";
import { ProjectService } from "../../../../gen/ts/api/v1/project_pb.js";
import { addJob } from "../../../../src/jobs/jobs.js";
import type { KubeObject } from "../../../../src/kube/objects.js";
import { clusterStore } from "../../../../src/resources/api/cluster/store.js";
import { claims, persistentVolumes, volumeSnapshots } from "../../../../src/resources/api/volume/kube-types.js";
import { meterTask } from "../../../../src/resources/billing/usage/background.js";
import { hourOf, meter } from "../../../../src/resources/billing/usage/meter.js";
import { usageStore } from "../../../../src/resources/billing/usage/store.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { clustersOf } from "../../support/clusters.js";
import { addFacts, hourMs, integrate, recordedHours, stateOf, uuid } from "./book.js";
import { factsIn } from "./facts.js";

const GiB = 1024n ** 3n;

let platform: TestPlatform;
let facts: ReturnType<typeof factsIn>;
beforeAll(async () => {
  platform = await startPlatform();
  facts = factsIn(platform);
});
afterAll(() => platform.close());

const database = () => platform.database.server.db;
const owner = () => as(platform.tokens.owner);
const eventually = <R>(check: () => Promise<R>) => vi.waitFor(check, { timeout: 30_000, interval: 50 });

describe("what is metered of storage and addresses", () => {
  it("is the size of volumes and snapshots by storage class, until they are gone", async () => {
    const { uuid } = await clustersOf(platform).ready();
    const inside = await facts.insideOf(uuid);
    const place = { name: "data", namespace: "default" };
    await inside.create<KubeObject>(claims, {
      metadata: place,
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "3Gi" } } },
    } as KubeObject);
    const volume = () =>
      eventually(async () => {
        const { rows } = await platform.database.server.pool.query<{ id: string; persistent_volume: string }>(
          "select id, persistent_volume from volumes where cluster = $1 and name = 'data'",
          [uuid],
        );
        if (rows[0] === undefined) throw new Error("no volume yet");
        return rows[0];
      });
    const { id, persistent_volume: name } = await volume();
    expect((await facts.of(id)).at(-1)).toBe(`volume standard ${3n * GiB}`);
    await inside.mergePatch(persistentVolumes, { name }, { spec: { capacity: { storage: "5Gi" } } });
    await eventually(async () => expect((await facts.of(id)).at(-1)).toBe(`volume standard ${5n * GiB}`));
    await inside.create<KubeObject>(volumeSnapshots, {
      metadata: { name: "kept", namespace: "default" },
      spec: { source: { persistentVolumeClaimName: "data" } },
    } as KubeObject);
    const snapshots = async () =>
      (
        await database().execute<{ id: string; size: string }>(
          sql`select id, size::text as size from snapshots where cluster = ${uuid}`,
        )
      ).rows;
    await eventually(async () => expect((await snapshots())[0]?.size).toBe(String(5n * GiB)));
    const [snapshot] = await snapshots();
    expect((await facts.of(snapshot?.id ?? "")).at(-1)).toMatch(new RegExp(`^snapshot .+ ${5n * GiB}$`));
    await facts.expectWhatRuns();
    await inside.delete(claims, place);
    await eventually(async () => expect((await facts.of(id)).at(-1)).toBe("volume standard 0"));
    expect((await facts.rows(id)).at(-1)?.resource_name).toBe("data");
    inside.close();
    // The snapshot goes with its cluster, and in time even if its cluster is heard of later.
    await clustersOf(platform).remove(uuid);
    await eventually(async () => expect((await facts.of(snapshot?.id ?? "")).at(-1)).toMatch(/ 0$/));
    await facts.expectWhatRuns();
  }, 60_000);

  it("begins not before its cluster, and ends even where clocks disagree", async () => {
    const { id } = await facts.quietCluster([]);
    const volume = platform.platform.newId();
    const insert = (created: string) => sql`
      insert into volumes (id, project, cluster, partition, persistent_volume, name, storage_class, size, state,
        volume_handle, created_at, updated_at)
      values (${volume}, ${platform.project}, ${id}, 'nowhere', 'pv', 'pv', 'fast', 100, 'Bound', '', ${created}, now())`;
    await database().execute(insert("1970-01-01T00:00:00Z"));
    const [first] = await facts.rows(volume);
    expect(first?.at).toEqual((await clusterStore.byIds(database(), [id]))[0]?.createdAt);
    // Deleted at a time before its last change: from then on it costs nothing.
    const end = new Date((first?.at.getTime() ?? 0) + 5_000);
    await database().execute(
      sql`update volumes set size = 200, updated_at = now() + interval '1 day' where id = ${volume}`,
    );
    await database().execute(
      sql`update volumes set deleted_at = ${end.toISOString()}, updated_at = ${end.toISOString()} where id = ${volume}`,
    );
    const book = await stateOf(database());
    const hours = integrate(
      book.facts.filter(({ resource }) => resource === volume),
      new Date(Math.ceil(Date.now() / hourMs) * hourMs + 48 * hourMs),
    );
    const seconds = BigInt(Math.floor(end.getTime() / 1000) - Math.floor((first?.at.getTime() ?? 0) / 1000));
    expect([...hours.values()].reduce((all, one) => all + one, 0n)).toBe(100n * seconds);
    // It is there again, under another name and class.
    await database().execute(
      sql`update volumes set deleted_at = null, name = 'new', storage_class = 'slow', updated_at = now() where id = ${volume}`,
    );
    expect((await facts.of(volume)).at(-1)).toBe("volume slow 200");
    await facts.expectWhatRuns();
  });

  it("is an address while a project has it, by its type", async () => {
    const client = platform.client(IPService);
    const { ip } = await client.allocate({ name: "web", project: platform.project }, owner());
    if (ip === undefined) throw new Error("the answer has no address");
    await client.update({ project: platform.project, ip: { ...ip, name: "site" } }, owner());
    await client.update(
      { project: platform.project, ip: { ...ip, name: "site", type: IPType.IP_TYPE_STATIC } },
      owner(),
    );
    await client.update(
      { project: platform.project, ip: { ...ip, name: "site", type: IPType.IP_TYPE_STATIC, description: "x" } },
      owner(),
    );
    await facts.expectWhatRuns();
    await client.delete({ project: platform.project, uuid: ip.uuid }, owner());
    expect(await facts.of(ip.uuid)).toEqual([
      "address ephemeral 1",
      "address ephemeral 1",
      "address ephemeral 0",
      "address static 1",
      "address static 0",
    ]);
    expect((await facts.rows(ip.uuid)).at(-1)?.resource_name).toBe("site");
    await facts.expectWhatRuns();
  });

  it("ends with its project, and outlives it in the book", async () => {
    const projects = platform.client(ProjectService);
    const { project } = await projects.create(
      { login: platform.tenant, name: "brief", description: "for a test" },
      owner(),
    );
    const uuid = project?.uuid ?? "";
    const clusters = clustersOf(platform, { ...platform, project: uuid });
    const cluster = await clusters.ready();
    await clusters.remove(cluster.uuid);
    await eventually(async () => {
      await projects.delete({ project: uuid }, owner());
    });
    expect((await facts.of(cluster.uuid)).at(-1)).toMatch(/ 0$/);
    await facts.expectWhatRuns();
  }, 60_000);
});

describe("all that happened here", () => {
  it("is metered by a job up to the last full hour", async () => {
    const { db } = platform.platform;
    const thing = { tenant: "acme", project: uuid(1), resource: uuid(2), meter: "volume", variant: "standard" };
    await addFacts(db, [{ ...thing, quantity: 1n, at: new Date(Date.now() - 3 * hourMs) }]);
    const over = hourOf(new Date());
    await addJob(db, meterTask, {});
    await eventually(async () => {
      const until = await usageStore.meteredUntil(db);
      expect(until?.getTime()).toBeGreaterThanOrEqual(over.getTime());
      const { facts } = await stateOf(db);
      expect(await recordedHours(db)).toEqual(integrate(facts, until ?? new Date()));
    });
  });

  it("is metered as it was, and what runs goes on", async () => {
    const { db } = platform.platform;
    const until = new Date(Math.floor(Date.now() / hourMs) * hourMs + 3 * hourMs);
    await meter({ db, clock: () => until }, until);
    const book = await stateOf(db);
    expect(await usageStore.meteredUntil(db)).toEqual(until);
    expect(await recordedHours(db)).toEqual(integrate(book.facts, until));
    const running = await usageStore.running(db, platform.tenant);
    expect(running).toContainEqual(
      expect.objectContaining({ meter: "volume", variant: "slow", quantity: 200n, project: platform.project }),
    );
    expect(await usageStore.running(db, "nobody")).toEqual([]);
  });
});
