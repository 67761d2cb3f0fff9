import { randomUUID } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { KubeObject } from "../../../../../src/kube/objects.js";
import { pause } from "../../../../../src/pause.js";
import { clusterBackends } from "../../../../../src/resources/api/cluster/backends.js";
import { type FollowLimits, followPartition } from "../../../../../src/resources/api/cluster/inside/background.js";
import { collectionOf } from "../../../../../src/resources/api/cluster/inside/collection.js";
import type { InsideObjects, InsideReader } from "../../../../../src/resources/api/cluster/inside/reader.js";
import type { ClusterBackend } from "../../../../../src/resources/api/cluster/kube.js";
import { volumeReader } from "../../../../../src/resources/api/volume/reader.js";
import { eventually, openStorageWorld, type StorageWorld } from "../../../support/storage.js";

const configMaps = { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap" };
const limits: FollowLimits = { budget: { items: 100, bytes: 1_000_000 }, startsAtOnce: 16, startMs: 30_000 };

let world: StorageWorld;
let backend: ClusterBackend;
const open: (() => Promise<void>)[] = [];
beforeAll(async () => {
  world = await openStorageWorld();
  backend = clusterBackends(world.platform.platform).of(world.cluster.partition);
}, 120_000);
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});
afterAll(() => world.close());

/** Follows a partition beside the platform, which does so too. */
function following(
  readers: readonly InsideReader[],
  more: Partial<FollowLimits> = {},
  of = backend,
  partition?: string,
) {
  const stop = new AbortController();
  const { platform } = world.platform;
  const place = partition ?? world.cluster.partition;
  const done = followPartition(platform, place, of, readers, stop.signal, { ...limits, ...more });
  open.push(() => {
    stop.abort();
    return done;
  });
}

/** Reads ConfigMaps of the namespace "default", and writes down what it was told and when. */
function probe() {
  const told: { readonly at: number; readonly names: string[]; readonly isComplete: boolean }[] = [];
  let forgot = 0;
  let last: readonly KubeObject[] = [];
  const reader: InsideReader = {
    name: "probe",
    types: [
      {
        type: configMaps,
        pick: ({ metadata: { name, uid, namespace } }) =>
          namespace === "default" && uid !== undefined ? { metadata: { name, uid } } : undefined,
      },
    ],
    async settle(_, objects: InsideObjects) {
      last = objects.of(configMaps);
      const names = last.map(({ metadata }) => metadata.name).sort();
      told.push({ at: performance.now(), names, isComplete: objects.isComplete(configMaps) });
    },
    async forgetDeleted() {
      forgot += 1;
    },
  };
  return { reader, told, forgot: () => forgot, last: () => last };
}
const put = (name: string, data: object = {}) =>
  world.write(configMaps, { metadata: { name, namespace: "default" }, data });
const removed = (name: string) => world.inside.delete(configMaps, { name, namespace: "default" });

describe("what is kept of one cluster", () => {
  it("are the fields that are picked, of the objects that are picked", async () => {
    await put("picked", { secret: "x".repeat(1_000) });
    const { reader, last } = probe();
    following([reader]);
    await eventually(() => expect(last()).toContainEqual({ metadata: { name: "picked", uid: expect.any(String) } }));
    expect(JSON.stringify(last())).not.toContain("xxx");
    await removed("picked");
  });

  it("is no more than the budget; the rest is said once, and nothing that was kept is put out by it", async () => {
    await put("m1");
    await put("m2");
    const { reader, told } = probe();
    following([reader], { budget: { items: 3, bytes: 1_000_000 } });
    await eventually(() => expect(told.at(-1)).toMatchObject({ names: ["m1", "m2"], isComplete: true }));
    for (const name of ["m3", "a0", "a1", "z9"]) await put(name);
    await eventually(() => expect(told.at(-1)).toMatchObject({ names: ["m1", "m2", "m3"], isComplete: false }));
    await removed("m2");
    await eventually(() => expect(told.at(-1)?.names).toEqual(["m1", "m3"]));
    const said = world.platform.lines.filter(({ msg }) => msg.startsWith("a cluster has more objects than are kept"));
    expect(said).toHaveLength(1);
    expect(said[0]).toMatchObject({ cluster: world.cluster.uuid, resource: "configmaps", items: 3 });
    for (const name of ["m1", "m3", "a0", "a1", "z9"]) await removed(name);
  });

  it("leaves volumes listed that are beyond the budget", async () => {
    const names = Array.from({ length: 6 }, (_, i) => `kept-${i}`);
    for (const name of names) await world.claim(name);
    for (const name of names) await world.volume(name);
    const own = volumeReader(world.platform.platform);
    let settled = 0;
    const counted: InsideReader = {
      ...own,
      async settle(...args) {
        await own.settle(...args);
        settled += 1;
      },
    };
    following([counted], { budget: { items: 2, bytes: 1_000_000 } });
    await eventually(() => expect(settled).toBeGreaterThan(0));
    const before = settled;
    await world.claim("kept-6");
    await world.volume("kept-6");
    await eventually(() => expect(settled).toBeGreaterThan(before));
    const listed = (await world.list()).map(({ name }) => name).filter((name) => name.startsWith("kept-"));
    expect(listed.sort()).toEqual([...names, "kept-6"]);
  });

  it("holds bytes too, and takes what grows beyond them as it was", () => {
    let left = 0;
    const pick = (object: KubeObject) => object;
    const kept = collectionOf({ type: configMaps, pick }, { items: 10, bytes: 200 }, () => {
      left += 1;
    });
    const one = (name: string, size: number) => ({ metadata: { name, uid: name, labels: { x: "x".repeat(size) } } });
    const take = kept.intake();
    kept.replace([one("a", 20), one("b", 20), one("c", 200)].map(take).filter((object) => object !== undefined));
    expect(kept.values()).toEqual([one("a", 20), one("b", 20)]);
    expect([left, kept.isComplete()]).toEqual([1, false]);
    kept.put(one("a", 150));
    expect(kept.values()).toEqual([one("a", 20), one("b", 20)]);
    kept.remove(one("b", 0));
    kept.put(one("a", 100));
    expect(kept.values()).toEqual([one("a", 100)]);
    kept.intake();
    kept.replace([one("a", 100)]);
    expect(kept.isComplete()).toBe(true);
  });

  it("are lists with an end, also where the cluster repeats itself", () => {
    const one = (name: string) => ({ metadata: { name, uid: name } });
    const kept = collectionOf({ type: configMaps, pick: (object) => object }, { items: 2, bytes: 1_000 }, () => {});
    const list = () => {
      const take = kept.intake();
      const taken = [];
      for (let i = 0; i < 100; i++) for (const name of ["a", "b", "c"]) taken.push(take(one(name)));
      const items = taken.filter((object) => object !== undefined);
      kept.replace(items);
      return items;
    };
    expect(list()).toEqual([one("a"), one("b")]);
    // They are known by now, and have room whatever comes.
    expect(list()).toEqual([one("a"), one("b")]);
    expect(kept.values()).toEqual([one("a"), one("b")]);
  });

  it("takes no more memory than its bytes, however long the texts are of which it keeps a piece", () => {
    const pick = ({ metadata: { name, uid } }: KubeObject) => ({
      metadata: { name: name.slice(0, 1_000), ...(uid === undefined ? {} : { uid }) },
    });
    const kept = collectionOf({ type: configMaps, pick }, { items: 1_000, bytes: 1_000_000 }, () => {});
    const before = usedAfterCollection();
    for (let i = 0; i < 100; i++) {
      kept.put(JSON.parse(JSON.stringify({ metadata: { name: `${i}-${"x".repeat(1_000_000)}`, uid: `u${i}` } })));
    }
    expect(kept.values()).toHaveLength(100);
    expect(usedAfterCollection() - before).toBeLessThan(30_000_000);
    expect(kept.values()).toHaveLength(100);
  });
});

/** Bytes on the heap that are still in use. */
function usedAfterCollection(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed;
}

describe("the pace", () => {
  it("of a reader is one look a second, however often a cluster changes, and the last change is seen", async () => {
    await put("busy");
    const { reader, told } = probe();
    following([reader]);
    await eventually(() => expect(told.length).toBeGreaterThan(0));
    for (let i = 0; i < 150 || told.length < 3; i++) {
      const patch = { metadata: { labels: { turn: String(i) } } };
      await world.inside.mergePatch(configMaps, { name: "busy", namespace: "default" }, patch);
      await pause(10);
    }
    await put("afterwards");
    await eventually(() => expect(told.at(-1)?.names).toContain("afterwards"));
    const gaps = told.slice(1).map(({ at }, i) => at - (told[i]?.at ?? 0));
    // Timers may be early by a millisecond.
    expect(Math.min(...gaps)).toBeGreaterThan(990);
    await removed("busy");
    await removed("afterwards");
  });

  it("of looks for what is left of deleted clusters is not that of changes, but a cluster that goes is looked after", async () => {
    const { reader, told, forgot } = probe();
    following([reader]);
    await eventually(() => expect([told.length > 0, forgot()]).toEqual([true, 1]));
    const before = told.length;
    const short = await world.clusters.ready();
    await eventually(() => expect(told.length).toBeGreaterThan(before));
    expect(forgot()).toBe(1);
    await world.clusters.remove(short.uuid);
    await eventually(() => expect(forgot()).toBe(2));
  });

  it("of starts is a few clusters at a time, and a slow one does not hold back the others", async () => {
    const partition = "elsewhere";
    const { db } = world.platform.platform;
    const ids = Array.from({ length: 7 }, () => randomUUID());
    for (const id of ids) {
      await db.execute(sql`
        insert into clusters (id, project, name, partition, kubernetes_version, workers, kubernetes_autoupdate,
          machineimage_autoupdate, maintenance_begin, maintenance_seconds, created_at, updated_at, status_type,
          status_state, status_progress, api_server_ready, deleted_at)
        select ${id}::uuid, project, ${id.slice(0, 12)}, ${partition}, kubernetes_version, workers,
          kubernetes_autoupdate, machineimage_autoupdate, maintenance_begin, maintenance_seconds, created_at,
          updated_at, status_type, status_state, status_progress, 'True', null
        from clusters where id = ${world.cluster.uuid}::uuid`);
    }
    const asked = new Set<string>();
    let now = 0;
    let atOnce = 0;
    const silent: ClusterBackend = {
      ...backend,
      async kubeconfig({ id }, _, signal) {
        asked.add(id);
        atOnce = Math.max(atOnce, ++now);
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        now -= 1;
        throw new Error("it took too long");
      },
    };
    following([probe().reader], { startsAtOnce: 2, startMs: 100 }, silent, partition);
    await eventually(() => expect([...asked].sort()).toEqual([...ids].sort()));
    expect(atOnce).toBe(2);
    await db.execute(sql`delete from clusters where partition = ${partition}`);
  });
});
