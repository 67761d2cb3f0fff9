import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type KubeObject, nodes } from "../../../../src/kube/objects.js";
import { collectionOf } from "../../../../src/resources/api/cluster/inside/collection.js";
import { clusterStore } from "../../../../src/resources/api/cluster/store.js";
import { workerReader } from "../../../../src/resources/billing/usage/worker-reader.js";
import { needsPostgres, postgresUrl } from "../../../support/database.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { clustersOf } from "../../support/clusters.js";
import { factsIn } from "./facts.js";

const medium = "n1-medium-x86";
const large = "c1-large-x86";

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
      expect((await facts.of(uuid)).sort()).toEqual(["control_plane  1", `worker ${large} 1`, `worker ${medium} 1`]),
    );
    expect((await facts.rows(uuid))[0]).toMatchObject({
      tenant: platform.tenant,
      project: platform.project,
      resource_name: cluster.name,
      at: new Date(Number(cluster.createdAt?.seconds) * 1000 + Number(cluster.createdAt?.nanos) / 1_000_000),
    });
    await clusters.client.update(
      { project: platform.project, uuid, workers: [{ name: "one", minsize: 3 }, worker("two", large, 1, 2)] },
      owner(),
    );
    await eventually(async () => expect(await facts.of(uuid)).toContain(`worker ${medium} 3`));
    await facts.expectWhatRuns();
    await clusters.client.delete({ project: platform.project, uuid }, owner());
    const ends = (await facts.rows(uuid)).slice(-3);
    expect(ends.map(({ quantity }) => quantity)).toEqual(["0", "0", "0"]);
    const row = (await clusterStore.byIds(database(), [uuid]))[0];
    expect(ends.map(({ at }) => at)).toEqual(Array(3).fill(row?.deleteRequestedAt));
    const all = await facts.of(uuid);
    await clusters.until(uuid, ({ type, state }) => type === "Delete" && state === "Succeeded");
    expect(await facts.of(uuid)).toEqual(all);
    await facts.expectWhatRuns();
  }, 60_000);

  it("is no more and no fewer machines than were ordered, whatever nodes say", async () => {
    const { uuid } = await clustersOf(platform).ready({ workers: [worker("one", medium, 1, 3)] });
    const inside = await facts.insideOf(uuid);
    const last = async () => (await facts.of(uuid)).filter((fact) => fact.startsWith("worker")).at(-1);
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
    expect((await facts.of(uuid)).filter((fact) => fact.includes("large") || fact.includes("mine"))).toEqual([]);
    await facts.expectWhatRuns();
    inside.close();
  }, 60_000);
});

describe("the workers of a cluster", () => {
  it("are counted over all groups of a type, and at most what was ordered where nobody can count", async () => {
    const type = (machineType: string, minSize: number, maxSize: number) => ({ machineType, minSize, maxSize });
    const { id, put } = await facts.quietCluster([type("a", 1, 2), type("a", 2, 4), type("b", 0, 5)]);
    await put({ a: 5, b: 1 });
    await put({ a: 5, b: 1 });
    await put({ a: 9, b: 0, c: 7, "x'\"\\\u00e9": 1 });
    await put({ a: 1 });
    await put({ a: 1, b: 1 }, false);
    await clusterStore.requestDelete(database(), id, platform.platform.clock());
    await put({ a: 5, b: 5 });
    const written = await facts.of(id);
    const of = (variant: string) =>
      written.filter((fact) => fact.startsWith(`worker ${variant}`)).map((fact) => fact.at(-1));
    expect(of("a")).toEqual(["5", "6", "3", "6", "0"]);
    expect(of("b")).toEqual(["1", "0", "5", "0"]);
    expect(written).toHaveLength(1 + 5 + 4 + 1);
    // What was known of it goes, and with it nothing more comes.
    await database().execute(sql`delete from clusters where id = ${id}`);
    expect(await facts.of(id)).toEqual(written);
  });

  it("end with a cluster whose row goes without a request", async () => {
    const { id, put } = await facts.quietCluster([{ machineType: "a", minSize: 1, maxSize: 2 }]);
    await put({ a: 2 });
    await database().execute(sql`delete from clusters where id = ${id}`);
    expect((await facts.of(id)).sort()).toEqual(["control_plane  0", "control_plane  1", "worker a 0", "worker a 2"]);
  });

  it.skipIf(postgresUrl === undefined)(
    `are not counted after a request to delete that was made at the same moment (${needsPostgres})`,
    async () => {
      const { id, put } = await facts.quietCluster([{ machineType: "a", minSize: 1, maxSize: 2 }]);
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
      expect((await facts.of(id)).filter((fact) => fact.startsWith("worker"))).toEqual([]);
    },
  );
});

describe("what is read of nodes", () => {
  const { types } = workerReader({ db: undefined as never, clock: () => new Date() });
  const [followed] = types;
  if (followed === undefined) throw new Error("nothing is followed");
  const typed = { "node.kubernetes.io/instance-type": medium };
  const node = (n: number, labels: unknown = typed) =>
    ({ kind: "Node", metadata: { name: `node-${n}`, uid: `uid-${n}`, labels } }) as KubeObject;

  it("is forgotten with the node, whether it was listed or came later", () => {
    const collection = collectionOf(followed, { items: 10, bytes: 10_000 }, () => {});
    const take = collection.intake();
    collection.replace([node(1), node(2)].map((one) => take(one)).filter((one) => one !== undefined));
    collection.put(node(3));
    collection.put(node(1));
    expect(
      collection
        .values()
        .map(({ metadata }) => metadata.name)
        .sort(),
    ).toEqual(["node-1", "node-2", "node-3"]);
    for (const n of [1, 2, 3]) collection.remove(node(n));
    expect(collection.values()).toEqual([]);
  });

  it("is the machine type, and nothing of what else may be in there", () => {
    const name = "node.kubernetes.io/instance-type";
    for (const labels of [null, "labels", 7, [], {}, { [name]: 5 }, { [name]: null }]) {
      expect(followed.pick(node(1, labels))).toBeUndefined();
    }
    expect(followed.pick(node(1, { ...typed, "node-role.kubernetes.io/control-plane": "" }))).toBeUndefined();
    const odd = followed.pick(node(1, { [name]: `a\u0000${"b".repeat(100)}`, other: "x".repeat(1000) }));
    expect(odd).toEqual({ metadata: { uid: "uid-1", name: "node-1", labels: { [name]: `a${"b".repeat(62)}` } } });
  });
});
