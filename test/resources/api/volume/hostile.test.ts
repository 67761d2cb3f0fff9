import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addJob } from "../../../../src/jobs/jobs.js";
import type { KubeObject, ResourceType } from "../../../../src/kube/objects.js";
import { claims, persistentVolumes, snapshotContents } from "../../../../src/resources/api/volume/kube-types.js";
import { snapshotsOf, volumesOf } from "../../../../src/resources/api/volume/observe.js";
import { volumeTypes } from "../../../../src/resources/api/volume/picks.js";
import { measureTask } from "../../../../src/resources/api/volume/statistics-background.js";
import { eventually, openStorageWorld, type StorageWorld } from "../../support/storage.js";

const driver = "csi.simulator.slipway.dev";
/** Sizes that are none, or none that can be counted. */
const odd: readonly unknown[] = [
  -5,
  1.5,
  1e30,
  "1e999",
  "-1Gi",
  "garbage",
  "1.0000001Gi",
  2 ** 63,
  { toString: 1 },
  null,
];
const most = 2n ** 63n - 1n;

describe("objects of a hostile tenant", () => {
  let world: StorageWorld;
  beforeAll(async () => {
    world = await openStorageWorld();
  }, 120_000);
  afterAll(() => world.close());

  /** The status has a path of its own. */
  const withStatus = async (
    type: ResourceType,
    object: { readonly metadata: object; readonly status: object; readonly spec: object },
  ) => {
    const made = await world.write(type, object);
    await world.inside.replaceSubresource(
      type,
      { ...made, ...object, metadata: made.metadata } as KubeObject,
      "status",
    );
  };

  it("with odd sizes are listed with sizes that can be, and hold back neither others nor their figures", async () => {
    for (const [i, size] of odd.entries()) {
      await world.write(persistentVolumes, {
        metadata: { name: `odd-${i}` },
        spec: { capacity: { storage: size }, csi: { driver, volumeHandle: `handle-${i}` } },
      });
      await withStatus(snapshotContents, {
        metadata: { name: `odd-${i}` },
        spec: { driver, volumeSnapshotRef: { namespace: "default", name: `odd-${i}` } },
        status: { restoreSize: size, readyToUse: true, creationTime: i % 2 === 0 ? 8.64e24 : -1e18 },
      });
    }
    await world.claim("good");
    await world.volume("good");
    const [project, filter] = [world.platform.project, { project: world.platform.project }];
    expect(project).not.toBe("");
    const sizes = async () => {
      const { snapshots } = await world.snapshots.list(filter, world.owner);
      const listed = [...(await world.list()), ...snapshots].filter(({ name }) => name.startsWith("odd-"));
      expect(listed).toHaveLength(2 * odd.length);
      return listed;
    };
    for (const { size } of await eventually(sizes)) expect(size >= 0n && size <= most).toBe(true);
    await addJob(world.platform.platform.db, measureTask, {});
    await world.volume("good", ({ usage }) => usage > 0n);
    for (const { usage, size } of await sizes()) expect(usage >= 0n && usage <= size).toBe(true);
  });

  it("with odd snapshots do not hold back the restores and claims of others", async () => {
    await withStatus(
      { group: "snapshot.storage.k8s.io", version: "v1", plural: "volumesnapshots", kind: "VolumeSnapshot" },
      {
        metadata: { name: "fraction", namespace: "default" },
        spec: { source: { volumeSnapshotContentName: "odd-1" } },
        status: { boundVolumeSnapshotContentName: "odd-1", readyToUse: true },
      },
    );
    await world.write(claims, {
      metadata: { name: "from-fraction", namespace: "default" },
      spec: {
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: "1Gi" } },
        dataSource: { kind: "VolumeSnapshot", name: "fraction" },
      },
    });
    await world.claim("after-fraction");
    await world.volume("after-fraction");
    await world.volume("from-fraction");
  });
});

describe("whatever a cluster reports", () => {
  /** Objects whose fields have the names that are read, and any value. */
  const names = [
    "metadata",
    "spec",
    "status",
    "name",
    "namespace",
    "uid",
    "labels",
    "annotations",
    "capacity",
    "storage",
  ];
  const more = [
    "claimRef",
    "csi",
    "volumeHandle",
    "addresses",
    "source",
    "restoreSize",
    "creationTime",
    "volumeSnapshotRef",
  ];
  const value = fc.letrec((tie) => ({
    any: fc.oneof({ maxDepth: 4 }, fc.jsonValue({ maxDepth: 1 }), tie("record")),
    record: fc.dictionary(fc.constantFrom(...names, ...more, "toString", "__proto__"), tie("any"), { maxKeys: 5 }),
  })).record;
  const objects = fc.array(
    fc.record({ metadata: value, spec: value, status: value }).map((one) => one as unknown as KubeObject),
    { maxLength: 4 },
  );

  it("is picked and read without fail, and makes records that the database and the API can hold", () => {
    const path = ({ plural }: ResourceType) => plural;
    fc.assert(
      fc.property(fc.array(objects, { minLength: 6, maxLength: 6 }), (all) => {
        const picked = new Map(
          volumeTypes.map(({ type, pick }, i) => [
            path(type),
            (all[i] ?? []).map(pick).filter((one) => one !== undefined),
          ]),
        );
        const seen = { of: (type: ResourceType) => (picked.get(path(type)) ?? []) as never[], isComplete: () => true };
        for (const { id, size, created_at, name } of [...volumesOf(seen), ...snapshotsOf(seen)]) {
          expect(id).toMatch(/^([0-9a-f-]{36})?$/);
          expect(BigInt(size) >= 0n && BigInt(size) <= most).toBe(true);
          expect(created_at).toMatch(/^\d{4}-/);
          expect(typeof name).toBe("string");
        }
      }),
      { numRuns: 100 },
    );
  });
});
