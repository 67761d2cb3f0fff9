import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KubeObject } from "../../../../src/kube/objects.js";
import { claims, persistentVolumes, snapshotContents } from "../../../../src/resources/api/volume/kube-types.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { eventually, openStorageWorld, type StorageWorld } from "../../support/storage.js";

describe("volumes", () => {
  let world: StorageWorld;
  beforeAll(async () => {
    world = await openStorageWorld();
  }, 120_000);
  afterAll(() => world.close());

  it("are not deleted while a snapshot of them is being taken, and are listed until their finalizers are gone", async () => {
    await world.claim("photographed");
    const { uuid, volumeHandle } = await world.volume("photographed");
    await world.write(snapshotContents, {
      metadata: { name: "in-the-making" },
      spec: { driver: "csi.simulator.slipway.dev", source: { volumeHandle } },
    });
    await eventually(async () => {
      const { snapshots: found } = await world.snapshots.list(
        { project: world.platform.project, name: "in-the-making" },
        world.owner,
      );
      expect(found).toMatchObject([{ state: "Pending", sourceVolumeUuid: uuid }]);
    });
    expect(await refusal(world.volumes.delete(world.place(uuid), world.owner))).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("a snapshot is being taken"),
    });
    await world.inside.mergePatch(snapshotContents, { name: "in-the-making" }, { metadata: { finalizers: null } });
    await world.inside.delete(snapshotContents, { name: "in-the-making" });
    const { items } = await world.inside.list<KubeObject & { spec?: { claimRef?: { name?: string } } }>(
      persistentVolumes,
    );
    const held = { name: items.find(({ spec }) => spec?.claimRef?.name === "photographed")?.metadata.name ?? "" };
    await world.inside.mergePatch(persistentVolumes, held, { metadata: { finalizers: ["example.com/archive"] } });
    await eventually(async () => expect(await codeOf(world.volumes.delete(world.place(uuid), world.owner))).toBe("OK"));
    // The claim goes; the volume waits for its finalizer.
    await eventually(async () => {
      const claimed = await world.inside.list<KubeObject>(claims);
      expect(claimed.items.map(({ metadata }) => metadata.name)).not.toContain("photographed");
    });
    expect((await world.list({ uuid })).map(({ name }) => name)).toEqual(["photographed"]);
    await world.inside.mergePatch(persistentVolumes, held, { metadata: { finalizers: null } });
    await eventually(async () => expect(await world.list({ uuid })).toEqual([]));
  });
});
