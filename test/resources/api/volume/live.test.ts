import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KubeObject } from "../../../../src/kube/objects.js";
import { claims, persistentVolumes, snapshotContents } from "../../../../src/resources/api/volume/kube-types.js";
import { sendJson } from "../../../kube/stub-server.js";
import { type InsideProxy, openInsideProxy } from "../../support/inside-proxy.js";
import { refusal } from "../../support/refusals.js";
import { openStorageWorld, type StorageWorld } from "../../support/storage.js";

const driver = "csi.simulator.slipway.dev";
type Volume = KubeObject & { spec?: { claimRef?: { name?: string } } };

let world: StorageWorld;
let proxy: InsideProxy;
const volumes = new Map<string, { uuid: string; handle: string; name: string }>();
beforeAll(async () => {
  proxy = await openInsideProxy();
  world = await openStorageWorld({ reroute: proxy.reroute });
  for (const name of ["labelled", "renamed", "odd", "attached", "photographed", "cloned"]) {
    await world.claim(name);
    const { uuid, volumeHandle: handle } = await world.volume(name);
    const { items } = await world.inside.list<Volume>(persistentVolumes);
    const found = items.find(({ spec }) => spec?.claimRef?.name === name);
    volumes.set(name, { uuid, handle, name: found?.metadata.name ?? "" });
  }
  // From here on nothing that happens in the cluster is read.
  await world.platform.stopBackground();
}, 120_000);
afterAll(async () => {
  await world.close();
  await proxy.close();
});

const known = (name: string) => {
  const volume = volumes.get(name);
  if (volume === undefined) throw new Error(`there is no volume ${name}`);
  return volume;
};
const update = (name: string, value: string) =>
  world.volumes.update({ ...world.place(known(name).uuid), labels: { update: [{ key: "team", value }] } }, world.owner);
const labels = async (name: string) =>
  (await world.inside.get<KubeObject>(persistentVolumes, { name })).metadata.labels ?? {};
const remove = (name: string) => refusal(world.volumes.delete(world.place(known(name).uuid), world.owner));

describe("while no worker reads a cluster", () => {
  it("an update is answered with the labels that the cluster has then", async () => {
    const { volume } = await update("labelled", "shop");
    expect(volume?.labels).toMatchObject([{ key: "team", value: "shop" }]);
    expect(await labels(known("labelled").name)).toEqual({ team: "shop" });
  });

  it("a volume that came under the name of one that is gone is not taken for it", async () => {
    const { name, handle } = known("renamed");
    await world.inside.mergePatch(persistentVolumes, { name }, { metadata: { finalizers: null } });
    await world.inside.delete(persistentVolumes, { name });
    const csi = { driver: "example.com", volumeHandle: "another" };
    await world.write(persistentVolumes, { metadata: { name }, spec: { capacity: { storage: "1Gi" }, csi } });
    expect(handle).not.toBe("another");
    expect(await refusal(update("renamed", "shop"))).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("does not have it any more"),
    });
    expect(await labels(name)).toEqual({});
    expect(await remove("renamed")).toMatchObject({ code: "OK" });
    expect((await world.inside.get<KubeObject>(persistentVolumes, { name })).metadata.name).toBe(name);
  });

  it.each([
    ["an object without metadata", {}, "Unavailable"],
    ["no object", [], "Unavailable"],
    ["metadata of its own kind", { metadata: { name: 7, labels: { a: 5, b: "c" } } }, "FailedPrecondition"],
  ])("%s in an answer of the cluster is no fault of the platform", async (_, body, code) => {
    proxy.meddle(({ path }, response) => {
      if (!path.includes("/persistentvolumes/")) return false;
      sendJson(response, 200, body);
      return true;
    });
    expect(await refusal(update("odd", "shop"))).toMatchObject({ code });
    proxy.leave();
  });

  it("labels that are none are left out of the answer", async () => {
    proxy.meddle(({ method, path }, response) => {
      if (method !== "PATCH" || !path.includes("/persistentvolumes/")) return false;
      sendJson(response, 200, { metadata: { labels: { team: "shop", size: 5, nothing: null } } });
      return true;
    });
    expect((await update("odd", "shop")).volume?.labels).toMatchObject([{ key: "team", value: "shop" }]);
    proxy.leave();
  });

  it("a volume is not deleted that has just been attached [metalstack.api.v1.VolumeService.Delete]", async () => {
    // The simulator takes away what it did not attach itself.
    const spec = { attacher: driver, nodeName: "n", source: { persistentVolumeName: known("attached").name } };
    const items = [{ metadata: { name: "csi-attached" }, spec, status: { attached: false } }];
    proxy.meddle(({ path }, response) => {
      if (!path.endsWith("/volumeattachments")) return false;
      sendJson(response, 200, { items, metadata: { resourceVersion: "1" } });
      return true;
    });
    expect(await remove("attached")).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("is attached to a node"),
    });
    proxy.leave();
  });

  it("a volume is not deleted of which a snapshot has just been begun [metalstack.api.v1.VolumeService.Delete]", async () => {
    const source = { volumeHandle: known("photographed").handle };
    await world.write(snapshotContents, { metadata: { name: "just-begun" }, spec: { driver, source } });
    expect(await remove("photographed")).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("a snapshot is being taken"),
    });
  });

  it("a volume is not deleted while another one is made from it [metalstack.api.v1.VolumeService.Delete]", async () => {
    const clone = (storageClassName: string) => ({
      metadata: { name: "clone", namespace: "default" },
      spec: {
        storageClassName,
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: "3Gi" } },
        dataSource: { kind: "PersistentVolumeClaim", name: "cloned" },
      },
    });
    // A class of others: nobody makes this volume meanwhile.
    await world.write(claims, clone("elsewhere"));
    expect(await remove("cloned")).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("is being made from"),
    });
    await world.inside.delete(claims, { name: "clone", namespace: "default" });
    await expect.poll(async () => (await remove("cloned")).code, { timeout: 20_000 }).toBe("OK");
  });
});
