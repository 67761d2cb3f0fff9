import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Cluster } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { SnapshotService, type Volume, VolumeService } from "../../../../gen/ts/api/v1/volume_pb.js";
import { addJob } from "../../../../src/jobs/jobs.js";
import { type KubeClient, openKube } from "../../../../src/kube/client.js";
import { simulatorSettings } from "../../../../src/kube/embedded/gardener/settings.js";
import { type KubeObject, nodes, type ResourceType } from "../../../../src/kube/objects.js";
import { claims, persistentVolumes, volumeSnapshots } from "../../../../src/resources/api/volume/kube-types.js";
import { measureTask } from "../../../../src/resources/api/volume/statistics-background.js";
import { as, startPlatform } from "../../../support/platform.js";
import { clustersOf } from "../../support/clusters.js";

const pods: ResourceType = { group: "", version: "v1", plural: "pods", kind: "Pod" };
const GiB = 1024n ** 3n;
const eventually = <R>(check: () => Promise<R>) => vi.waitFor(check, { timeout: 20_000, interval: 50 });

/** A platform with one ready cluster, and what the tests do inside of it. */
async function openWorld(env: Readonly<Record<string, string>> = {}) {
  const platform = await startPlatform({ env });
  const clusters = clustersOf(platform);
  const cluster: Cluster = await clusters.ready();
  const place = { project: platform.project, uuid: cluster.uuid };
  const { kubeconfig } = await clusters.client.getCredentials(place, as(platform.tokens.owner));
  const inside: KubeClient = openKube({ kubeconfig, log: platform.platform.log });
  const write = (type: ResourceType, object: object) => inside.create<KubeObject>(type, object as KubeObject);
  const inDefault = (name: string) => ({ name, namespace: "default" });
  const list = async (name: string) =>
    (await platform.client(VolumeService).list({ project: platform.project, name }, as(platform.tokens.viewer)))
      .volumes;
  return {
    platform,
    inside,
    claim: (name: string) =>
      write(claims, {
        metadata: inDefault(name),
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "3Gi" } } },
      }),
    pod: (name: string, claimName: string) =>
      write(pods, {
        metadata: inDefault(name),
        spec: {
          containers: [{ name: "main", image: "busybox" }],
          volumes: [{ name: "data", persistentVolumeClaim: { claimName } }],
        },
      }),
    snapshot: (name: string, source: string) =>
      write(volumeSnapshots, {
        metadata: inDefault(name),
        spec: { source: { persistentVolumeClaimName: source } },
      }),
    /** The volume of a claim, once it fits. */
    volume: (name: string, fits: (volume: Volume) => boolean = () => true): Promise<Volume> =>
      eventually(async () => {
        const [found] = await list(name);
        if (found === undefined || !fits(found)) throw new Error(`volume ${name} is not so yet`);
        return found;
      }),
    async fill(name: string, bytes: bigint): Promise<void> {
      const claimed = await inside.get<KubeObject & { spec?: { volumeName?: string } }>(claims, inDefault(name));
      const volume = { name: claimed.spec?.volumeName ?? "" };
      const annotations = { "simulator.slipway.dev/used-bytes": String(bytes) };
      await inside.mergePatch(persistentVolumes, volume, { metadata: { annotations } });
    },
    /** Has everything measured, as every five minutes. */
    measure: () => addJob(platform.platform.db, measureTask, {}),
    async close(): Promise<void> {
      inside.close();
      await platform.close();
    },
  };
}
type World = Awaited<ReturnType<typeof openWorld>>;

/** When the figures of a claim's volume were taken. */
async function measuredAt({ platform }: World, name: string): Promise<string> {
  const { rows } = await platform.platform.db.execute(
    sql`select statistics_at::text as at, updated_at::text from volumes where name = ${name}`,
  );
  return JSON.stringify(rows);
}

describe("with the simulated storage", () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
  }, 120_000);
  afterAll(() => world.close());

  it("volumes and snapshots show what is in use, and it alone", async () => {
    await world.claim("data");
    const unmeasured = await world.volume("data");
    expect(unmeasured).toMatchObject({ usage: 0n, logicalUsedStorage: 0n });
    expect(unmeasured.statistics).toBeUndefined();
    await world.fill("data", GiB);
    await world.snapshot("copy", "data");
    const snapshots = async () => {
      const { client, project, tokens } = world.platform;
      return (await client(SnapshotService).list({ project, name: "copy" }, as(tokens.viewer))).snapshots;
    };
    await eventually(async () => expect(await snapshots()).toHaveLength(1));
    const { db } = world.platform.platform;
    const changes = async () => (await db.execute(sql`select count(*) from changes where topic <> 'cluster'`)).rows;
    const before = await changes();
    await world.measure();
    const measured = await world.volume("data", ({ usage }) => usage === GiB);
    expect(measured).toEqual({
      ...unmeasured,
      usage: GiB,
      logicalUsedStorage: GiB,
      statistics: expect.objectContaining({
        logicalUsedStorage: GiB,
        physicalUsedStorage: GiB,
        compressionRatio: 1,
        totalCompressionRatio: 3,
        userWritten: GiB,
      }),
    });
    expect(await snapshots()).toMatchObject([{ usage: GiB, statistics: { userWritten: GiB } }]);
    expect(await changes()).toEqual(before);
  });

  it("later changes of the volume keep its figures", async () => {
    await world.claim("kept");
    await world.volume("kept");
    await world.measure();
    const { usage } = await world.volume("kept", (volume) => volume.usage > 0n);
    await world.pod("user-of-kept", "kept");
    expect(await world.volume("kept", ({ attachedTo }) => attachedTo.length > 0)).toMatchObject({ usage });
  });

  it("a cluster that cannot be measured keeps its figures and does not hold back the others", async () => {
    await world.claim("fine");
    await world.volume("fine");
    const { db } = world.platform.platform;
    // A cluster that Gardener has never heard of.
    await db.execute(sql`
      insert into clusters (id, project, name, partition, kubernetes_version, workers, kubernetes_autoupdate,
        machineimage_autoupdate, maintenance_begin, maintenance_seconds, created_at, updated_at, status_type,
        status_state, status_progress, api_server_ready, deleted_at)
      select gen_random_uuid(), project, 'ghost', partition, kubernetes_version, workers, kubernetes_autoupdate,
        machineimage_autoupdate, maintenance_begin, maintenance_seconds, created_at, updated_at, status_type,
        status_state, status_progress, 'True', null from clusters limit 1`);
    await db.execute(sql`
      insert into volumes (id, project, cluster, partition, persistent_volume, name, storage_class, size, state,
        volume_handle, statistics, statistics_at, created_at, updated_at)
      select gen_random_uuid(), project, id, partition, 'pv', 'haunted', 'standard', 1, 'Bound', 'x',
        '{"usedBytes": 7}', now(), now(), now() from clusters where name = 'ghost'`);
    await world.measure();
    expect(await world.volume("fine", ({ usage }) => usage > 0n)).toMatchObject({ usage: 24_576n });
    await eventually(async () =>
      expect(world.platform.lines.map(({ msg }) => msg)).toContain("a cluster does not say how full its volumes are"),
    );
    expect(await world.volume("haunted")).toMatchObject({ usage: 7n });
  });
});

describe("with kubelets", () => {
  let world: World;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "slipway-statistics-"));
    const file = join(folder, "partitions.json");
    const gardener = { ...simulatorSettings, region: "muc", zones: ["eqx-mu4"] };
    await writeFile(file, JSON.stringify({ "eqx-mu4": { gardener } }));
    world = await openWorld({ SLIPWAY_PARTITIONS_FILE: file });
  }, 120_000);
  afterAll(async () => {
    await world.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("volumes that are mounted show what is in use, and no more; those of silent nodes keep what they showed", async () => {
    for (const name of ["mounted", "idle"]) await world.claim(name);
    await world.pod("user", "mounted");
    await world.fill("mounted", GiB);
    await world.volume("mounted", ({ attachedTo }) => attachedTo.length > 0);
    await world.volume("idle");
    await world.measure();
    const mounted = await world.volume("mounted", ({ usage }) => usage > 0n);
    expect(mounted).toMatchObject({ usage: GiB, logicalUsedStorage: GiB });
    expect(mounted.statistics).toBeUndefined();
    expect(await world.volume("idle")).toMatchObject({ usage: 0n });

    const node = /^csi:host:(.*)\.node$/.exec(mounted.attachedTo[0] ?? "")?.[1] ?? "";
    const conditions = [{ type: "Ready", status: "Unknown" }];
    const silent = await world.inside.get<KubeObject & { status?: object }>(nodes, { name: node });
    await world.inside.replaceSubresource(nodes, { ...silent, status: { ...silent.status, conditions } }, "status");
    await world.fill("mounted", 2n * GiB);
    const at = await measuredAt(world, "mounted");
    await world.measure();
    await eventually(async () =>
      expect(world.platform.lines).toContainEqual(
        expect.objectContaining({ msg: "a node does not say how full its volumes are", node }),
      ),
    );
    expect(await world.volume("mounted")).toMatchObject({ usage: GiB });
    expect(await measuredAt(world, "mounted")).toBe(at);
  });
});
