import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openKube } from "../../../../src/kube/client.js";
import type { KubeObject } from "../../../../src/kube/objects.js";
import { claims, persistentVolumes, snapshotContents } from "../../../../src/resources/api/volume/kube-types.js";
import { clustersOf } from "../../support/clusters.js";
import { eventually, openStorageWorld, type StorageWorld } from "../../support/storage.js";

let world: StorageWorld;
beforeAll(async () => {
  world = await openStorageWorld();
}, 120_000);
afterAll(() => world.close());

const volume = (handle: string) =>
  ({
    metadata: { name: `static-${handle.slice(0, 8)}` },
    spec: { capacity: { storage: "1Gi" }, csi: { driver: "example.com", volumeHandle: handle } },
  }) as KubeObject;

it("a volume that goes from one cluster to another of its tenant is listed there, and one of others never is", async () => {
  const { platform, inside } = world;
  const [home, stranger] = [clustersOf(platform), clustersOf(platform, await platform.newTenant())];
  const [second, third] = await Promise.all([home.ready(), stranger.ready()]);
  const into = async ({ client, project, owner }: typeof home, uuid: string) => {
    const { kubeconfig } = await client.getCredentials({ project, uuid }, owner);
    return openKube({ kubeconfig, log: platform.platform.log });
  };
  const [other, foreign] = [await into(home, second.uuid), await into(stranger, third.uuid)];
  const [handle, sentinel] = [randomUUID(), randomUUID()];
  const cluster = async () => (await world.list({ uuid: handle })).map(({ clusterName }) => clusterName);
  const { project } = stranger;
  const theirs = async () => (await world.volumes.list({ project }, stranger.owner)).volumes.map(({ uuid }) => uuid);
  await world.write(persistentVolumes, volume(handle));
  await eventually(async () => expect(await cluster()).toEqual([world.cluster.name]));
  // As long as it is there, it is nobody else's.
  await other.create(persistentVolumes, volume(handle));
  await foreign.create(persistentVolumes, volume(handle));
  await foreign.create(persistentVolumes, volume(sentinel));
  await eventually(async () => expect(await theirs()).toEqual([sentinel]));
  expect(await cluster()).toEqual([world.cluster.name]);
  await inside.delete(persistentVolumes, { name: volume(handle).metadata.name });
  await eventually(async () => expect(await cluster()).toEqual([]));
  // Whatever happens next in the cluster to which it has gone.
  await other.create(persistentVolumes, volume(randomUUID()));
  await foreign.create(persistentVolumes, volume(randomUUID()));
  await eventually(async () => expect(await cluster()).toEqual([second.name]));
  await eventually(async () => expect(await theirs()).toHaveLength(2));
  expect(await theirs()).not.toContain(handle);
  other.close();
  foreign.close();
});

it("a description that is cut in the middle of a character holds back nothing", async () => {
  const description = `${"x".repeat(1023)}😀 and more`;
  const place = { name: "described", namespace: "default" };
  await world.claim("described");
  await world.volume("described");
  const snapshots = {
    group: "snapshot.storage.k8s.io",
    version: "v1",
    plural: "volumesnapshots",
    kind: "VolumeSnapshot",
  };
  await world.write(snapshots, {
    metadata: { ...place, annotations: { "slipway.dev/description": description } },
    spec: { source: { persistentVolumeClaimName: "described" } },
  });
  await eventually(async () => {
    const { snapshots: found } = await world.snapshots.list({ project: world.platform.project }, world.owner);
    expect(found).toMatchObject([{ name: "described", description: `${"x".repeat(1023)}\ufffd` }]);
  });
  expect((await world.inside.list(snapshotContents)).items).toHaveLength(1);
  expect((await world.inside.list(claims)).items).toHaveLength(1);
});
