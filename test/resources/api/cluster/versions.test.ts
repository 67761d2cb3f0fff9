import { afterAll, beforeAll, expect, it } from "vitest";
import { clusterBackends } from "../../../../src/resources/api/cluster/backends.js";
import { clusterSpec } from "../../../../src/resources/api/cluster/messages.js";
import { clusterStore } from "../../../../src/resources/api/cluster/store.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";
import { clustersOf, shootOf } from "../../support/clusters.js";

let platform: TestPlatform;
let clusters: ReturnType<typeof clustersOf>;
beforeAll(async () => {
  platform = await startPlatform();
  clusters = clustersOf(platform);
});
afterAll(() => platform.close());

/** As the backend's own maintenance does. */
async function raise(uuid: string, version: string): Promise<void> {
  const { metadata } = await shootOf(platform, uuid);
  const place = { group: "core.gardener.cloud", resource: "shoots", namespace: metadata.namespace };
  await platform.kube.embedded.store.modify({ ...place, name: metadata.name }, (draft) => {
    (draft.spec as { kubernetes: { version: string } }).kubernetes.version = version;
  });
}

const versionOf = async (uuid: string) => (await clusters.get(uuid)).kubernetes?.version;

it("a version that maintenance has raised is shown, and kept by updates of other things", async () => {
  const { uuid } = await clusters.ready({ kubernetes: { version: "1.32.9" } });
  expect(await versionOf(uuid)).toBe("1.32.9");
  await raise(uuid, "1.33.5");
  await expect.poll(() => versionOf(uuid), { timeout: 10_000 }).toBe("1.33.5");
  const { project } = platform;
  await clusters.succeeded(uuid);
  const workers = [{ name: "group-0", maxsize: 4 }];
  const { cluster } = await clusters.client.update({ project, uuid, workers }, clusters.owner);
  expect(cluster?.kubernetes?.version).toBe("1.33.5");
  await clusters.succeeded(uuid);
  expect((await shootOf(platform, uuid)).spec).toMatchObject({
    kubernetes: { version: "1.33.5" },
    provider: { workers: [{ maximum: 4 }] },
  });
  expect(await versionOf(uuid)).toBe("1.33.5");
  const listed = await clusters.client.list({ project }, clusters.owner);
  expect(listed.clusters.find((one) => one.uuid === uuid)?.kubernetes?.version).toBe("1.33.5");
});

it("an order from before maintenance raised the version does not lower it", async () => {
  const { uuid } = await clusters.ready({ kubernetes: { version: "1.32.9" } });
  const [before] = await clusterStore.byIds(platform.platform.db, [uuid]);
  await raise(uuid, "1.33.5");
  const order = { ...clusterSpec(before!), workers: before!.workers.map((worker) => ({ ...worker, maxSize: 5 })) };
  await clusterBackends(platform.platform).of("eqx-mu4").apply(order, AbortSignal.timeout(10_000));
  expect((await shootOf(platform, uuid)).spec).toMatchObject({
    kubernetes: { version: "1.33.5" },
    provider: { workers: [{ maximum: 5 }] },
  });
});

it("a version that is asked for later than maintenance raised it is taken", async () => {
  const { uuid } = await clusters.ready({ kubernetes: { version: "1.32.9" } });
  await raise(uuid, "1.33.5");
  await expect.poll(() => versionOf(uuid), { timeout: 10_000 }).toBe("1.33.5");
  const kubernetes = { version: "1.34.1" };
  await clusters.client.update({ project: platform.project, uuid, kubernetes }, clusters.owner);
  await clusters.succeeded(uuid);
  expect((await shootOf(platform, uuid)).spec.kubernetes.version).toBe("1.34.1");
  expect(await versionOf(uuid)).toBe("1.34.1");
});
