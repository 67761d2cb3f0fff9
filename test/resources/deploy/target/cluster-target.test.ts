import { afterAll, beforeAll, expect, it } from "vitest";
import { NamespaceState } from "../../../../gen/ts/deploy/v1/namespace_pb.js";
import { ConnectionState, TargetHealth } from "../../../../gen/ts/deploy/v1/target_pb.js";
import type { ClusterBackends } from "../../../../src/resources/api/cluster/backends.js";
import type { ClusterBackend } from "../../../../src/resources/api/cluster/kube.js";
import { targetAccess } from "../../../../src/resources/deploy/target/access.js";
import { startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { clustersOf } from "../../support/clusters.js";
import { namespacesOf } from "../namespace/namespaces.js";
import { openTargetProxy, type TargetProxy } from "./target-proxy.js";
import { targetsOf } from "./targets.js";

let platform: TestPlatform;
let proxy: TargetProxy;
let tenant: TestTenant;
beforeAll(async () => {
  platform = await startPlatform();
  proxy = await openTargetProxy(platform.kube.kubeconfig);
  tenant = await platform.newTenant();
});
afterAll(async () => {
  await proxy.close();
  await platform.close();
});

it("a cluster of the platform is a target from its creation to its deletion, without anybody's kubeconfig", async () => {
  const clusters = clustersOf(platform, tenant);
  const targets = targetsOf(platform, tenant);
  const cluster = await clusters.create();
  const target = await targets.of(cluster.uuid);
  expect(target).toMatchObject({ cluster: cluster.uuid, connection: ConnectionState.PENDING });
  await clusters.succeeded(cluster.uuid);
  const up = await targets.until(target.uuid, { connection: ConnectionState.CONNECTED, connectionMessage: "" });
  expect(up.server).toMatch(/^https:/);
  expect(up.kubernetesVersion).toMatch(/^\d+\.\d+\.\d+$/);
  // Nodes join some time after the API server answers; a change of the target is a reason to look.
  await expect
    .poll(
      async () => {
        await targets.update(target.uuid, { description: `${Date.now()}` });
        return (await targets.get(target.uuid)).health;
      },
      { timeout: 30_000, interval: 500 },
    )
    .toBe(TargetHealth.HEALTHY);
  const all = namespacesOf(platform, tenant);
  const { uuid } = await all.create({ target: target.uuid });
  await all.until(uuid, { state: NamespaceState.ACTIVE });
  await clusters.remove(cluster.uuid);
  const down = await targets.until(target.uuid, {
    connection: ConnectionState.DISCONNECTED,
    health: TargetHealth.UNKNOWN,
  });
  expect(down.connectionMessage).toMatch(/the cluster is (being )?deleted/);
  await targets.until(target.uuid, { connectionMessage: "the cluster is deleted" });
  // Nothing is left of what was in it: what waits for that is forgotten, and the target can go.
  await all.delete(uuid);
  await all.gone(uuid);
  await targets.delete(target.uuid);
}, 120_000);

/** A backend that gives out what it is told to. */
function issuing(next: () => string): { backends: ClusterBackends; issued: string[] } {
  const issued: string[] = [];
  const kubeconfig = async () => {
    const token = next();
    issued.push(token);
    proxy.tokens.add(token);
    return proxy.kubeconfig({ token });
  };
  const backend = { kubeconfig } as unknown as ClusterBackend;
  return { backends: { all: new Map(), of: () => backend }, issued };
}

const jwt = (seconds: number, n: number): string => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ exp: Math.floor(Date.now() / 1000) + seconds, n })}.x`;
};

it("access is renewed when it is not accepted any more, and before it ends", async () => {
  const cluster = await clustersOf(platform, tenant).ready();
  const target = await targetsOf(platform, tenant).of(cluster.uuid);
  const key = { project: tenant.project, id: target.uuid };
  let count = 0;
  const long = issuing(() => jwt(3_600, ++count));
  const client = targetAccess(platform.platform, key, long.backends);
  expect(client.server()).toBe("");
  expect(long.issued).toEqual([]);
  await Promise.all([1, 2, 3].map(() => client.getPath("/version")));
  expect(client.server()).toBe(proxy.url);
  expect(long.issued).toHaveLength(1);
  proxy.tokens.delete(long.issued[0] ?? "");
  expect(await client.getPath("/version")).toMatchObject({ gitVersion: expect.any(String) });
  expect(long.issued).toHaveLength(2);
  client.close();
  const short = issuing(() => jwt(2, ++count));
  const shortLived = targetAccess(platform.platform, key, short.backends);
  await expect
    .poll(
      async () => {
        await shortLived.getPath("/version");
        return short.issued.length;
      },
      { timeout: 20_000, interval: 100 },
    )
    .toBeGreaterThan(1);
  shortLived.close();
  // A backend that fails is asked again by the next call.
  let isDown = true;
  const shaky = issuing(() => {
    if (isDown) throw new Error("away");
    return jwt(3_600, ++count);
  });
  const again = targetAccess(platform.platform, key, shaky.backends);
  await expect(again.getPath("/version")).rejects.toThrow("away");
  isDown = false;
  expect(await again.getPath("/version")).toMatchObject({ gitVersion: expect.any(String) });
  again.close();
});
