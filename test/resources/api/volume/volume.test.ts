import type { MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Cluster } from "../../../../gen/ts/api/v1/cluster_pb.js";
import {
  SnapshotService,
  type UpdateVolumeLabelsSchema,
  type Volume,
  VolumeService,
} from "../../../../gen/ts/api/v1/volume_pb.js";
import { type KubeClient, openKube } from "../../../../src/kube/client.js";
import type { KubeObject, ResourceType } from "../../../../src/kube/objects.js";
import { claims, persistentVolumes, volumeSnapshots } from "../../../../src/resources/api/volume/kube-types.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { clustersOf } from "../../support/clusters.js";
import { codeOf, refusal } from "../../support/refusals.js";

const pods: ResourceType = { group: "", version: "v1", plural: "pods", kind: "Pod" };

let platform: TestPlatform;
let other: TestTenant;
let cluster: Cluster;
let inside: KubeClient;
beforeAll(async () => {
  platform = await startPlatform();
  other = await platform.newTenant();
  const clusters = clustersOf(platform);
  cluster = await clusters.ready();
  const place = { project: platform.project, uuid: cluster.uuid };
  const { kubeconfig } = await clusters.client.getCredentials(place, owner());
  inside = openKube({ kubeconfig, log: platform.platform.log });
}, 120_000);
afterAll(async () => {
  inside.close();
  await platform.close();
});

const volumes = () => platform.client(VolumeService);
const snapshots = () => platform.client(SnapshotService);
const owner = () => as(platform.tokens.owner);
const eventually = <R>(check: () => Promise<R>) => vi.waitFor(check, { timeout: 20_000, interval: 50 });
const write = (type: ResourceType, object: object) => inside.create<KubeObject>(type, object as KubeObject);

const claim = (name: string, spec: object = {}) =>
  write(claims, {
    metadata: { name, namespace: "default" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "3Gi" } }, ...spec },
  });
const pod = (name: string, claimName: string) =>
  write(pods, {
    metadata: { name, namespace: "default" },
    spec: {
      containers: [{ name: "main", image: "busybox" }],
      volumes: [{ name: "data", persistentVolumeClaim: { claimName } }],
    },
  });
const list = async (filter: object = {}) =>
  (await volumes().list({ project: platform.project, ...filter }, owner())).volumes;
/** The volume of a claim, once it fits. */
const volumeOf = (name: string, fits: (volume: Volume) => boolean = () => true): Promise<Volume> =>
  eventually(async () => {
    const [found] = await list({ name });
    if (found === undefined || !fits(found)) throw new Error(`volume ${name} is not so yet`);
    return found;
  });
const place = (uuid: string) => ({ project: platform.project, uuid });

describe("volumes", () => {
  it("appear as claims are bound [metalstack.api.v1.VolumeService.List] [metalstack.api.v1.VolumeService.Get]", async () => {
    await claim("first");
    const volume = await volumeOf("first");
    expect(volume).toMatchObject({
      name: "first",
      project: platform.project,
      partition: cluster.partition,
      storageClass: "standard",
      size: 3n * 1024n ** 3n,
      state: "Bound",
      attachedTo: [],
      clusterName: cluster.name,
      clusterId: cluster.uuid,
      sourceSnapshotUuid: "",
    });
    expect(volume.volumeHandle).toBe(volume.uuid);
    expect((await volumes().get(place(volume.uuid), as(platform.tokens.viewer))).volume).toEqual(volume);
  });

  it("are found by every filter of a list", async () => {
    await claim("filtered");
    const { uuid } = await volumeOf("filtered");
    const ids = async (filter: object) => (await list(filter)).map((volume) => volume.uuid);
    expect(await ids({ uuid })).toEqual([uuid]);
    expect(await ids({ name: "filtered", partition: cluster.partition })).toEqual([uuid]);
    expect(await ids({ partition: "elsewhere" })).toEqual([]);
    expect(await ids({ name: "nothing" })).toEqual([]);
    expect(await ids({ uuid: platform.project })).toEqual([]);
  });

  it("are nobody else's", async () => {
    const [volume] = await list();
    const uuid = volume?.uuid ?? "";
    const foreign = { project: other.project, uuid };
    expect(await codeOf(volumes().get(foreign, as(other.tokens.owner)))).toBe("NotFound");
    expect(await codeOf(volumes().delete(foreign, as(other.tokens.owner)))).toBe("NotFound");
    const labels = { update: [{ key: "a", value: "b" }] };
    expect(await codeOf(volumes().update({ ...foreign, labels }, as(other.tokens.owner)))).toBe("NotFound");
    expect(await codeOf(volumes().get(place(uuid), as(other.tokens.owner)))).toBe("PermissionDenied");
    expect(await codeOf(volumes().get({ ...place(uuid), project: "nonsense" }, owner()))).toBe("PermissionDenied");
    expect(await codeOf(volumes().delete(place(uuid), as(platform.tokens.viewer)))).toBe("PermissionDenied");
    expect((await volumes().list({ project: other.project }, as(other.tokens.owner))).volumes).toEqual([]);
  });

  it("say where they are attached, and are not deleted meanwhile [metalstack.api.v1.VolumeService.Delete]", async () => {
    await claim("used");
    await pod("user", "used");
    const attached = await volumeOf("used", ({ attachedTo }) => attachedTo.length > 0);
    expect(attached.attachedTo).toEqual([expect.stringMatching(/^csi:host:[a-z0-9-]+\.node$/)]);
    expect(attached.nodeIps).toEqual([expect.stringMatching(/^10\.250\./)]);
    expect(await refusal(volumes().delete(place(attached.uuid), owner()))).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("attached"),
    });
    await inside.delete(pods, { name: "user", namespace: "default" });
    await volumeOf("used", ({ attachedTo }) => attachedTo.length === 0);
    const { volume: last } = await volumes().delete(place(attached.uuid), owner());
    expect(last).toMatchObject({ uuid: attached.uuid, name: "used" });
    await eventually(async () => expect(await list({ name: "used" })).toEqual([]));
    expect(await codeOf(volumes().get(place(attached.uuid), owner()))).toBe("NotFound");
    expect(await codeOf(volumes().delete(place(attached.uuid), owner()))).toBe("NotFound");
    const left = await inside.list<KubeObject>(persistentVolumes);
    expect(
      left.items.map(
        ({ spec }: KubeObject & { spec?: { csi?: { volumeHandle?: string } } }) => spec?.csi?.volumeHandle,
      ),
    ).not.toContain(attached.uuid);
  });

  it("are deleted with what they store, even if their class retains it", async () => {
    await claim("retained", { storageClassName: "retained" });
    const { uuid } = await volumeOf("retained");
    await volumes().delete(place(uuid), owner());
    await eventually(async () => expect(await list({ name: "retained" })).toEqual([]));
  });

  it("keep labels that callers set, and refuse the wrong and the reserved ones", async () => {
    await claim("labelled");
    const { uuid } = await volumeOf("labelled");
    const update = (labels: MessageInitShape<typeof UpdateVolumeLabelsSchema>) =>
      volumes().update({ ...place(uuid), labels }, owner());
    const set = await update({
      update: [
        { key: "team", value: "shop" },
        { key: "example.com/tier", value: "gold" },
      ],
    });
    expect(set.volume?.labels).toEqual(
      expect.arrayContaining([expect.objectContaining({ key: "team", value: "shop" })]),
    );
    const removed = await update({ update: [{ key: "team", value: "press" }], remove: ["example.com/tier", "absent"] });
    expect(removed.volume?.labels.map(({ key, value }) => [key, value])).toEqual([["team", "press"]]);
    const found = await volumeOf("labelled", ({ labels }) => labels.length === 1);
    expect(found.labels).toMatchObject([{ key: "team", value: "press" }]);
    for (const [key, value] of [
      ["kubernetes.io/arch", "x"],
      ["slipway.dev/project", "x"],
      ["-bad", "x"],
      ["a/b/c", "x"],
      ["good", "bad value"],
      ["good", "x".repeat(64)],
      ["good", ""],
    ] as const) {
      expect(await codeOf(update({ update: [{ key, value }] })), `${key}=${value}`).toBe("InvalidArgument");
    }
    expect(await codeOf(update({ remove: ["topology.kubernetes.io/zone"] }))).toBe("InvalidArgument");
    expect(
      await codeOf(
        update({
          update: [
            { key: "a", value: "b" },
            { key: "a", value: "c" },
          ],
        }),
      ),
    ).toBe("InvalidArgument");
    expect(await codeOf(volumes().update(place(uuid), owner()))).toBe("InvalidArgument");
    expect((await volumeOf("labelled")).labels).toHaveLength(1);
  });
});

describe("snapshots", () => {
  const take = (name: string, source: string, annotations = {}) =>
    write(volumeSnapshots, {
      metadata: { name, namespace: "default", annotations },
      spec: { source: { persistentVolumeClaimName: source } },
    });
  const snapshotOf = (name: string) =>
    eventually(async () => {
      const [found] = (await snapshots().list({ project: platform.project, name }, owner())).snapshots;
      if (found?.state !== "Ready") throw new Error(`snapshot ${name} is not ready yet`);
      return found;
    });

  it("appear with their source, and are nobody else's [metalstack.api.v1.SnapshotService.List] [metalstack.api.v1.SnapshotService.Get]", async () => {
    await claim("source");
    const volume = await volumeOf("source");
    const notes = { "slipway.dev/description": "before the upgrade", "slipway.dev/retention-seconds": "3600" };
    await take("nightly", "source", notes);
    const snapshot = await snapshotOf("nightly");
    expect(snapshot).toMatchObject({
      name: "nightly",
      description: "before the upgrade",
      project: platform.project,
      partition: cluster.partition,
      size: 3n * 1024n ** 3n,
      sourceVolumeUuid: volume.uuid,
      sourceVolumeName: "source",
      retention: { seconds: 3600n },
    });
    expect((await snapshots().get(place(snapshot.uuid), as(platform.tokens.viewer))).snapshot).toEqual(snapshot);
    const foreign = { project: other.project, uuid: snapshot.uuid };
    expect(await codeOf(snapshots().get(foreign, as(other.tokens.owner)))).toBe("NotFound");
    expect(await codeOf(snapshots().delete(foreign, as(other.tokens.owner)))).toBe("NotFound");
    const listed = (filter: object) => snapshots().list({ project: platform.project, ...filter }, owner());
    expect((await listed({ partition: "elsewhere" })).snapshots).toEqual([]);
    expect((await listed({ uuid: snapshot.uuid })).snapshots).toHaveLength(1);
  });

  it("are not deleted while a volume is restored from them [metalstack.api.v1.SnapshotService.Delete]", async () => {
    await claim("original");
    await volumeOf("original");
    await take("weekly", "original");
    const snapshot = await snapshotOf("weekly");
    const dataSource = { apiGroup: "snapshot.storage.k8s.io", kind: "VolumeSnapshot", name: "weekly" };
    // Too small for what is in the snapshot: the claim waits.
    await claim("waiting", { dataSource, resources: { requests: { storage: "1Gi" } } });
    expect(await refusal(snapshots().delete(place(snapshot.uuid), owner()))).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("restored"),
    });
    await inside.delete(claims, { name: "waiting", namespace: "default" });
    await claim("restored", { dataSource });
    const restored = await volumeOf("restored", ({ sourceSnapshotUuid }) => sourceSnapshotUuid !== "");
    expect(restored).toMatchObject({ sourceSnapshotUuid: snapshot.uuid, sourceSnapshotName: "weekly" });
    await eventually(async () =>
      expect((await snapshots().delete(place(snapshot.uuid), owner())).snapshot?.uuid).toBe(snapshot.uuid),
    );
    await eventually(async () => expect(await codeOf(snapshots().get(place(snapshot.uuid), owner()))).toBe("NotFound"));
  });
});

describe("a cluster that goes", () => {
  it("takes its volumes and snapshots with it", async () => {
    const clusters = clustersOf(platform);
    const short = await clusters.ready();
    const { kubeconfig } = await clusters.client.getCredentials(place(short.uuid), owner());
    const client = openKube({ kubeconfig, log: platform.platform.log });
    const object = {
      metadata: { name: "short-lived", namespace: "default" },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    };
    await client.create(claims, object as KubeObject);
    client.close();
    await volumeOf("short-lived");
    await clusters.remove(short.uuid);
    await eventually(async () => expect(await list({ name: "short-lived" })).toEqual([]));
  });
});
