import { eq, getTableColumns, sql } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { VolumeService } from "../../../../gen/ts/api/v1/volume_pb.js";
import { volumeMessage } from "../../../../src/resources/api/volume/messages.js";
import { type VolumeRow, volumeStore } from "../../../../src/resources/api/volume/store.js";
import { volumes } from "../../../../src/resources/api/volume/table.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";

let platform: TestPlatform;
let cluster: string;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  const made = await platform
    .client(ClusterService)
    .create({ project: platform.project, name: "rows" }, as(platform.tokens.owner));
  cluster = made.cluster?.uuid ?? "";
});
afterAll(() => platform.close());

// PostgreSQL takes no U+0000, and UTF-8 no half of a surrogate pair.
const odd = fc.constantFrom("", "{}", "[]", "null", 'a"b', "a,b", "c\\d", "{x,NULL}", "é", "😀", " \n\t", "__proto__");
const text = fc.oneof(odd, fc.string({ unit: "grapheme-ascii" }));
const count = fc.integer({ min: 0, max: 2 ** 40 });
const plain = { noNullPrototype: true } as const;
const figures = {
  ...{ logicalUsedStorage: count, physicalUsedStorage: count, physicalCapacity: count, physicalOwnedCapacity: count },
  ...{ physicalOwnedMemory: count, physicalMemory: count, userWritten: count },
  compressionRatio: fc.constantFrom(0, 1, 1.5, 0.1, 1e-7),
  totalCompressionRatio: fc.constantFrom(0, 2.25),
  unrecoverableDataIntegrityErrors: fc.nat(9),
  recoverableDataIntegrityErrors: fc.nat(9),
};
const volume = fc.record({
  ...{ partition: text, persistentVolume: text, name: text, storageClass: text, state: text, volumeHandle: text },
  size: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  attachedTo: fc.array(text, { maxLength: 3 }),
  nodeIps: fc.array(text, { maxLength: 3 }),
  sourceSnapshot: fc.option(fc.uuid()),
  sourceSnapshotName: fc.option(text),
  labels: fc.dictionary(text, text, { maxKeys: 4, noNullPrototype: true }),
  replicaCount: fc.nat(5),
  statistics: fc.option(
    fc.record({ usedBytes: count, statistics: fc.record(figures, plain) }, { ...plain, requiredKeys: ["usedBytes"] }),
  ),
});

it("volumes are read as the tables say, whatever is in them, and shown so", async () => {
  const { db, newId } = platform.platform;
  const stamps = { createdAt: new Date(), updatedAt: new Date() };
  await fc.assert(
    fc.asyncProperty(fc.array(volume, { minLength: 1, maxLength: 6 }), async (facts) => {
      await db.delete(volumes);
      const place = { project: platform.project, cluster };
      await db.insert(volumes).values(facts.map((one) => ({ id: newId(), ...place, ...stamps, ...one })));
      const columns = { ...getTableColumns(volumes), clusterName: sql<string>`'rows'` };
      const wanted = await db.select(columns).from(volumes).where(eq(volumes.cluster, cluster)).orderBy(volumes.id);
      const rows = await volumeStore.list(db, { project: platform.project });
      const shown = (row: VolumeRow) =>
        Object.fromEntries(Object.keys(rows[0] ?? {}).map((key) => [key, row[key as keyof VolumeRow]]));
      expect(Object.keys(rows[0] ?? {})).toHaveLength(18);
      expect(rows).toEqual(wanted.map(shown));
      expect(rows.map(volumeMessage)).toEqual(wanted.map(volumeMessage));
      const call = platform.client(VolumeService).list({ project: platform.project }, as(platform.tokens.owner));
      expect((await call).volumes).toMatchObject(wanted.map(volumeMessage));
    }),
    { numRuns: 30 },
  );
});
