import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { StorageService } from "../../../../gen/ts/admin/v1/storage_pb.js";
import { VolumeService } from "../../../../gen/ts/api/v1/volume_pb.js";
import { clusters } from "../../../../src/resources/api/cluster/table.js";
import { snapshots, volumes } from "../../../../src/resources/api/volume/table.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf } from "../../support/refusals.js";

let platform: TestPlatform;
let other: TestTenant;
const GiB = 1024n ** 3n;

beforeAll(async () => {
  platform = await startPlatform({ background: false });
  other = await platform.newTenant();
}, 120_000);
afterAll(() => platform.close());

const db = () => platform.platform.db;
const storage = () => platform.client(StorageService);
const admin = () => as(platform.adminToken);
const now = new Date();

async function newCluster(project: string, partition: string): Promise<string> {
  const id = randomUUID();
  const maintenance = { maintenanceBegin: now, maintenanceSeconds: 3_600 };
  const status = { statusType: "Create", statusState: "Succeeded", statusProgress: 100 } as const;
  const stamps = { createdAt: now, updatedAt: now };
  await db()
    .insert(clusters)
    .values({
      ...{ id, project, partition, name: id.slice(0, 8), kubernetesVersion: "1.33.1", workers: [] },
      ...{ kubernetesAutoupdate: false, machineimageAutoupdate: false, ...maintenance, ...status, ...stamps },
    });
  return id;
}

async function newVolume(
  place: { readonly project: string; readonly cluster: string; readonly partition: string },
  facts: Partial<typeof volumes.$inferInsert> & { readonly name: string },
): Promise<string> {
  const id = randomUUID();
  const stamps = { createdAt: now, updatedAt: now };
  const usual = { persistentVolume: `pv-${id}`, storageClass: "standard", size: GiB, state: "Bound", volumeHandle: id };
  await db()
    .insert(volumes)
    .values({ id, ...place, ...usual, ...stamps, ...facts });
  return id;
}

async function newSnapshot(
  place: { readonly project: string; readonly cluster: string; readonly partition: string },
  name: string,
): Promise<string> {
  const id = randomUUID();
  const usual = { content: `content-${id}`, namespace: "default", storageClass: "standard", size: GiB, state: "Ready" };
  await db()
    .insert(snapshots)
    .values({ id, ...place, name, ...usual, createdAt: now, updatedAt: now });
  return id;
}

const names = async (filter: object) =>
  (await storage().listVolumes(filter, admin())).volumes.map(({ name }) => name).sort();
const snapshotNames = async (filter: object) =>
  (await storage().listSnapshots(filter, admin())).snapshots.map(({ name }) => name).sort();

describe("admin.v1.StorageService", () => {
  it("describes the storage of each partition by what its volumes come to", async () => {
    const [before] = (await storage().clusterInfo({ partition: "eqx-mu4" }, admin())).infos;
    expect(before).toMatchObject({
      partition: "eqx-mu4",
      statistics: { logicalStorage: 0n, logicalUsedStorage: 0n },
      health: { state: "OK", numNotAvailableVolumes: 0, numInactiveNodes: 0 },
      servers: [],
    });
    const partition = "eqx-mu4";
    const place = { project: platform.project, cluster: await newCluster(platform.project, partition), partition };
    await newVolume(place, { name: "half", statistics: { usedBytes: Number(GiB / 2n) } });
    await newVolume(place, { name: "unmeasured", size: 3n * GiB });
    await newVolume(place, { name: "released", state: "Released", statistics: { usedBytes: 1 } });
    await newVolume(place, { name: "gone", state: "Failed", deletedAt: now });
    const info = async () =>
      (await storage().clusterInfo({}, admin())).infos.find((one) => one.partition === partition);
    expect(await info()).toMatchObject({
      uuid: before?.uuid,
      statistics: { logicalStorage: 5n * GiB, logicalUsedStorage: GiB / 2n + 1n },
      health: { state: "OK", numNotAvailableVolumes: 1 },
    });
    await newVolume(place, { name: "failed", state: "Failed" });
    expect(await info()).toMatchObject({ health: { state: "Degraded", numNotAvailableVolumes: 2 } });
  });

  it("tells the storage of partitions apart, also of one that is no longer configured, and knows no other", async () => {
    const partition = "former";
    const place = { project: platform.project, cluster: await newCluster(platform.project, partition), partition };
    // More than 64 bits: nothing keeps a tenant from reporting such sizes.
    for (const name of ["huge-a", "huge-b", "huge-c"]) await newVolume(place, { name, size: 2n ** 63n - 1n });
    const { infos } = await storage().clusterInfo({}, admin());
    expect(infos.map((one) => one.partition)).toEqual(["eqx-mu4", "former"]);
    expect(new Set(infos.map(({ uuid }) => uuid)).size).toBe(2);
    expect(infos[1]?.statistics?.logicalStorage).toBe(2n ** 64n - 1n);
    expect((await storage().clusterInfo({ partition: "nowhere" }, admin())).infos).toEqual([]);
    await db().execute(sql`delete from volumes where partition = 'former'`);
  });

  it("lists volumes and snapshots of all projects, narrowed by every filter", async () => {
    const partition = "filters";
    const ours = { project: platform.project, cluster: await newCluster(platform.project, partition), partition };
    const theirs = { project: other.project, cluster: await newCluster(other.project, partition), partition };
    const id = await newVolume(ours, { name: "ours" });
    await newVolume(theirs, { name: "theirs" });
    await newVolume(theirs, { name: "deleted", deletedAt: now });
    const snapshot = await newSnapshot(ours, "of-ours");
    await newSnapshot(theirs, "of-theirs");
    expect(await names({ partition })).toEqual(["ours", "theirs"]);
    expect(await names({ partition, tenant: other.tenant })).toEqual(["theirs"]);
    expect(await names({ partition, tenant: "nobody" })).toEqual([]);
    expect(await names({ partition, project: platform.project })).toEqual(["ours"]);
    expect(await names({ project: "no-uuid" })).toEqual([]);
    expect(await names({ uuid: id })).toEqual(["ours"]);
    expect(await names({ name: "theirs" })).toEqual(["theirs"]);
    expect(await names({ name: "theirs", tenant: platform.tenant })).toEqual([]);
    expect(await snapshotNames({ partition })).toEqual(["of-ours", "of-theirs"]);
    expect(await snapshotNames({ partition, tenant: other.tenant })).toEqual(["of-theirs"]);
    expect(await snapshotNames({ uuid: snapshot, project: platform.project })).toEqual(["of-ours"]);
    expect(await snapshotNames({ name: "of-ours", project: other.project })).toEqual([]);
    const [shown] = (await storage().listVolumes({ uuid: id }, admin())).volumes;
    const { volume } = await platform
      .client(VolumeService)
      .get({ uuid: id, project: platform.project }, as(platform.tokens.viewer));
    expect(shown).toEqual(volume);
  });

  it("answers operators only, and viewers among them too", async () => {
    const viewer = await platform.token({ owner: "root", projectRoles: {}, tenantRoles: {}, adminRole: "viewer" });
    expect((await storage().clusterInfo({}, as(viewer))).infos).not.toEqual([]);
    const owner = as(platform.tokens.owner);
    expect(await codeOf(storage().clusterInfo({}, owner))).toBe("PermissionDenied");
    expect(await codeOf(storage().listVolumes({ project: platform.project }, owner))).toBe("PermissionDenied");
    expect(await codeOf(storage().listSnapshots({ project: platform.project }, owner))).toBe("PermissionDenied");
    expect(await codeOf(storage().listVolumes({ uuid: "x" }, admin()))).toBe("InvalidArgument");
  });
});
