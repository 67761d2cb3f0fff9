import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { IPService, IPType } from "../../../../gen/ts/api/v1/ip_pb.js";
import { ProjectService } from "../../../../gen/ts/api/v1/project_pb.js";
import { type KubeClient, openKube } from "../../../../src/kube/client.js";
import { type KubeObject, nodes } from "../../../../src/kube/objects.js";
import { clusterStore } from "../../../../src/resources/api/cluster/store.js";
import { claims, persistentVolumes, volumeSnapshots } from "../../../../src/resources/api/volume/kube-types.js";
import { meter } from "../../../../src/resources/billing/usage/meter.js";
import { usageStore } from "../../../../src/resources/billing/usage/store.js";
import { type SeenNodes, workerStore } from "../../../../src/resources/billing/usage/worker-store.js";
import { needsPostgres, postgresUrl } from "../../../support/database.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { clustersOf } from "../../support/clusters.js";
import { hourMs, integrate, recordedHours, stateOf } from "./book.js";

const GiB = 1024n ** 3n;
const medium = "n1-medium-x86";
const large = "c1-large-x86";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
});
afterAll(() => platform.close());

const database = () => platform.database.server.db;
const owner = () => as(platform.tokens.owner);
const eventually = <R>(check: () => Promise<R>) => vi.waitFor(check, { timeout: 30_000, interval: 50 });

interface FactRow extends Record<string, unknown> {
  readonly meter: string;
  readonly variant: string;
  readonly quantity: string;
  readonly at: Date;
}

/** The facts of a resource, in the order in which they were written. */
async function factRows(resource: string): Promise<FactRow[]> {
  const { rows } = await platform.database.server.pool.query<FactRow>(
    `select tenant, project, resource_name, meter, variant, quantity::text, at from usage_facts
     where resource = $1 order by id`,
    [resource],
  );
  return rows;
}

const factsOf = async (resource: string): Promise<string[]> =>
  (await factRows(resource)).map(({ meter, variant, quantity }) => `${meter} ${variant} ${quantity}`);

/** The last fact of every thing that runs says what runs. */
async function expectFactsOfWhatRuns(): Promise<void> {
  const { rows } = await database().execute(sql`
    with last as (
      select distinct on (resource, meter, variant) project, resource, resource_name, meter, variant, quantity
      from usage_facts order by resource, meter, variant, id desc
    )
    select * from (select * from last where quantity > 0) l
    full join (select * from running_use where quantity > 0) r
      using (project, resource, resource_name, meter, variant, quantity)
    where l.* is null or r.* is null`);
  expect(rows).toEqual([]);
}

async function insideOf(uuid: string): Promise<KubeClient> {
  const { client } = clustersOf(platform);
  const { kubeconfig } = await client.getCredentials({ project: platform.project, uuid }, owner());
  return openKube({ kubeconfig, log: platform.platform.log });
}

const worker = (name: string, machineType: string, minsize: number, maxsize: number) => ({
  name,
  machineType,
  minsize,
  maxsize,
});

describe("what is metered of a cluster", () => {
  it("is its control plane from the order to the request to delete it, and its workers by machine type", async () => {
    const clusters = clustersOf(platform);
    const cluster = await clusters.ready({ workers: [worker("one", medium, 1, 3), worker("two", large, 1, 2)] });
    const { uuid } = cluster;
    await eventually(async () =>
      expect((await factsOf(uuid)).sort()).toEqual(["control_plane  1", `worker ${large} 1`, `worker ${medium} 1`]),
    );
    expect((await factRows(uuid))[0]).toMatchObject({
      tenant: platform.tenant,
      project: platform.project,
      resource_name: cluster.name,
      at: new Date(Number(cluster.createdAt?.seconds) * 1000 + Number(cluster.createdAt?.nanos) / 1_000_000),
    });
    await clusters.client.update(
      { project: platform.project, uuid, workers: [{ name: "one", minsize: 3 }, worker("two", large, 1, 2)] },
      owner(),
    );
    await eventually(async () => expect(await factsOf(uuid)).toContain(`worker ${medium} 3`));
    await expectFactsOfWhatRuns();
    await clusters.client.delete({ project: platform.project, uuid }, owner());
    const ends = (await factRows(uuid)).slice(-3);
    expect(ends.map(({ quantity }) => quantity)).toEqual(["0", "0", "0"]);
    const row = (await clusterStore.byIds(database(), [uuid]))[0];
    expect(ends.map(({ at }) => at)).toEqual(Array(3).fill(row?.deleteRequestedAt));
    const all = await factsOf(uuid);
    await clusters.until(uuid, ({ type, state }) => type === "Delete" && state === "Succeeded");
    expect(await factsOf(uuid)).toEqual(all);
    await expectFactsOfWhatRuns();
  }, 60_000);

  it("is no more and no fewer machines than were ordered, whatever nodes say", async () => {
    const { uuid } = await clustersOf(platform).ready({ workers: [worker("one", medium, 1, 3)] });
    const inside = await insideOf(uuid);
    const last = async () => (await factsOf(uuid)).filter((fact) => fact.startsWith("worker")).at(-1);
    await eventually(async () => expect(await last()).toBe(`worker ${medium} 1`));
    const add = (name: string, labels: Record<string, string>) =>
      inside.create<KubeObject>(nodes, { metadata: { name, labels } });
    const typed = { "node.kubernetes.io/instance-type": medium };
    await add("plane", { ...typed, "node-role.kubernetes.io/control-plane": "" });
    await add("foreign", { "node.kubernetes.io/instance-type": large });
    await add("bare", {});
    await add("second", typed);
    await eventually(async () => expect(await last()).toBe(`worker ${medium} 2`));
    for (const name of ["third", "fourth", "fifth"]) await add(name, typed);
    await eventually(async () => expect(await last()).toBe(`worker ${medium} 3`));
    for (const name of ["second", "third", "fourth", "fifth"]) await inside.delete(nodes, { name });
    for (const { metadata } of (await inside.list<KubeObject>(nodes)).items) {
      const labels = { "node.kubernetes.io/instance-type": "mine" };
      await inside.mergePatch(nodes, { name: metadata.name }, { metadata: { labels } });
    }
    await eventually(async () => expect(await last()).toBe(`worker ${medium} 1`));
    expect((await factsOf(uuid)).filter((fact) => fact.includes("large") || fact.includes("mine"))).toEqual([]);
    await expectFactsOfWhatRuns();
    inside.close();
  }, 60_000);
});

/** A cluster in the database alone, so that nothing but the test counts its nodes. */
async function quietCluster(workers: readonly { machineType: string; minSize: number; maxSize: number }[]) {
  const { newId, clock } = platform.platform;
  const id = newId();
  const now = clock();
  await clusterStore.insert(database(), {
    id,
    project: platform.project,
    name: `q${id.slice(-8)}`,
    partition: "nowhere",
    kubernetesVersion: "1.30.0",
    workers: workers.map((one, index) => ({ name: `w${index}`, maxSurge: 1, maxUnavailable: 0, ...one })),
    kubernetesAutoupdate: false,
    machineimageAutoupdate: false,
    maintenanceBegin: now,
    maintenanceSeconds: 3600,
    createdAt: now,
    updatedAt: now,
    statusType: "Create",
    statusState: "Pending",
    statusProgress: 0,
  });
  const put = (machines: Record<string, number>, all = true) =>
    workerStore.put(database(), id, { machines: new Map(Object.entries(machines)), all } satisfies SeenNodes, clock());
  return { id, put };
}

describe("the workers of a cluster", () => {
  it("are counted over all groups of a type, and at most what was ordered where nobody can count", async () => {
    const type = (machineType: string, minSize: number, maxSize: number) => ({ machineType, minSize, maxSize });
    const { id, put } = await quietCluster([type("a", 1, 2), type("a", 2, 4), type("b", 0, 5)]);
    await put({ a: 5, b: 1 });
    await put({ a: 5, b: 1 });
    await put({ a: 9, b: 0, c: 7, "x'\"\\\u00e9": 1 });
    await put({ a: 1 });
    await put({ a: 1, b: 1 }, false);
    await clusterStore.requestDelete(database(), id, platform.platform.clock());
    await put({ a: 5, b: 5 });
    const facts = await factsOf(id);
    const of = (variant: string) =>
      facts.filter((fact) => fact.startsWith(`worker ${variant}`)).map((fact) => fact.at(-1));
    expect(of("a")).toEqual(["5", "6", "3", "6", "0"]);
    expect(of("b")).toEqual(["1", "0", "5", "0"]);
    expect(facts).toHaveLength(1 + 5 + 4 + 1);
    // What was known of it goes, and with it nothing more comes.
    await database().execute(sql`delete from clusters where id = ${id}`);
    expect(await factsOf(id)).toEqual(facts);
  });

  it("end with a cluster whose row goes without a request", async () => {
    const { id, put } = await quietCluster([{ machineType: "a", minSize: 1, maxSize: 2 }]);
    await put({ a: 2 });
    await database().execute(sql`delete from clusters where id = ${id}`);
    expect((await factsOf(id)).sort()).toEqual(["control_plane  0", "control_plane  1", "worker a 0", "worker a 2"]);
  });

  it.skipIf(postgresUrl === undefined)(
    `are not counted after a request to delete that was made at the same moment (${needsPostgres})`,
    async () => {
      const { id, put } = await quietCluster([{ machineType: "a", minSize: 1, maxSize: 2 }]);
      let counting: Promise<void> | undefined;
      await database().transaction(async (tx) => {
        await clusterStore.requestDelete(tx, id, platform.platform.clock());
        counting = put({ a: 2 });
        await eventually(async () => {
          const { rows } = await database().execute(
            sql`select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()
              and query like '%cluster_workers%'`,
          );
          expect(rows).toHaveLength(1);
        });
      });
      await counting;
      expect((await factsOf(id)).filter((fact) => fact.startsWith("worker"))).toEqual([]);
    },
  );
});

describe("what is metered of storage and addresses", () => {
  it("is the size of volumes and snapshots by storage class, until they are gone", async () => {
    const { uuid } = await clustersOf(platform).ready();
    const inside = await insideOf(uuid);
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
    expect((await factsOf(id)).at(-1)).toBe(`volume standard ${3n * GiB}`);
    await inside.mergePatch(persistentVolumes, { name }, { spec: { capacity: { storage: "5Gi" } } });
    await eventually(async () => expect((await factsOf(id)).at(-1)).toBe(`volume standard ${5n * GiB}`));
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
    expect((await factsOf(snapshot?.id ?? "")).at(-1)).toMatch(new RegExp(`^snapshot .+ ${5n * GiB}$`));
    await expectFactsOfWhatRuns();
    await inside.delete(claims, place);
    await eventually(async () => expect((await factsOf(id)).at(-1)).toBe("volume standard 0"));
    expect((await factRows(id)).at(-1)?.resource_name).toBe("data");
    inside.close();
    // The snapshot goes with its cluster, and in time even if its cluster is heard of later.
    await clustersOf(platform).remove(uuid);
    await eventually(async () => expect((await factsOf(snapshot?.id ?? "")).at(-1)).toMatch(/ 0$/));
    await expectFactsOfWhatRuns();
  }, 60_000);

  it("begins not before its cluster, and ends even where clocks disagree", async () => {
    const { id } = await quietCluster([]);
    const volume = platform.platform.newId();
    const insert = (created: string) => sql`
      insert into volumes (id, project, cluster, partition, persistent_volume, name, storage_class, size, state,
        volume_handle, created_at, updated_at)
      values (${volume}, ${platform.project}, ${id}, 'nowhere', 'pv', 'pv', 'fast', 100, 'Bound', '', ${created}, now())`;
    await database().execute(insert("1970-01-01T00:00:00Z"));
    const [first] = await factRows(volume);
    expect(first?.at).toEqual((await clusterStore.byIds(database(), [id]))[0]?.createdAt);
    // Deleted at a time before its last change: from then on it costs nothing.
    const end = new Date((first?.at.getTime() ?? 0) + 5_000);
    await database().execute(
      sql`update volumes set size = 200, updated_at = now() + interval '1 day' where id = ${volume}`,
    );
    await database().execute(
      sql`update volumes set deleted_at = ${end.toISOString()}, updated_at = ${end.toISOString()} where id = ${volume}`,
    );
    const { facts } = await stateOf(database());
    const hours = integrate(
      facts.filter(({ resource }) => resource === volume),
      new Date(Math.ceil(Date.now() / hourMs) * hourMs + 48 * hourMs),
    );
    const seconds = BigInt(Math.floor(end.getTime() / 1000) - Math.floor((first?.at.getTime() ?? 0) / 1000));
    expect([...hours.values()].reduce((all, one) => all + one, 0n)).toBe(100n * seconds);
    // It is there again, under another name and class.
    await database().execute(
      sql`update volumes set deleted_at = null, name = 'new', storage_class = 'slow', updated_at = now() where id = ${volume}`,
    );
    expect((await factsOf(volume)).at(-1)).toBe("volume slow 200");
    await expectFactsOfWhatRuns();
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
    await expectFactsOfWhatRuns();
    await client.delete({ project: platform.project, uuid: ip.uuid }, owner());
    expect(await factsOf(ip.uuid)).toEqual([
      "address ephemeral 1",
      "address ephemeral 1",
      "address ephemeral 0",
      "address static 1",
      "address static 0",
    ]);
    expect((await factRows(ip.uuid)).at(-1)?.resource_name).toBe("site");
    await expectFactsOfWhatRuns();
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
    expect((await factsOf(cluster.uuid)).at(-1)).toMatch(/ 0$/);
    await expectFactsOfWhatRuns();
  }, 60_000);
});

describe("all that happened here", () => {
  it("is metered as it was, and what runs goes on", async () => {
    const { db } = platform.platform;
    const until = new Date(Math.floor(Date.now() / hourMs) * hourMs + 3 * hourMs);
    await meter({ db, clock: () => until }, until);
    const { facts } = await stateOf(db);
    expect(await usageStore.meteredUntil(db)).toEqual(until);
    expect(await recordedHours(db)).toEqual(integrate(facts, until));
    const running = await usageStore.running(db, platform.tenant);
    expect(running).toContainEqual(expect.objectContaining({ meter: "worker", variant: medium, quantity: 1n }));
    expect(await usageStore.running(db, "nobody")).toEqual([]);
  });
});
