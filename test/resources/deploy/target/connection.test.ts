import { timestampDate } from "@bufbuild/protobuf/wkt";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ConnectionState, TargetHealth } from "../../../../gen/ts/deploy/v1/target_pb.js";
import type { KubeClient } from "../../../../src/kube/client.js";
import { nodes } from "../../../../src/kube/objects.js";
import { targets as targetRows } from "../../../../src/resources/deploy/target/table.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";
import { refusal } from "../../support/refusals.js";
import { openTargetProxy, type TargetProxy } from "./target-proxy.js";
import { directly, putNode, startObserver, targetsOf } from "./targets.js";

let platform: TestPlatform;
let proxy: TargetProxy;
let kube: KubeClient;
let targets: ReturnType<typeof targetsOf>;
let stop: () => Promise<void>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  proxy = await openTargetProxy(platform.kube.kubeconfig);
  kube = directly(platform);
});
beforeEach(async () => {
  targets = targetsOf(platform, await platform.newTenant());
  stop = startObserver(platform);
});
afterEach(async () => {
  await stop();
  proxy.leave();
  // Those of one test are none of the next one's business.
  await platform.platform.db.delete(targetRows);
});
afterAll(async () => {
  kube.close();
  await proxy.close();
  await platform.close();
});

const { CONNECTED, DISCONNECTED, PENDING } = ConnectionState;
const { HEALTHY, DEGRADED, UNHEALTHY, UNKNOWN } = TargetHealth;

describe("a foreign target", () => {
  it("is connected, with its version, what it can do and its nodes [tsuru.node-list, tsuru.node-list.alias]", async () => {
    await putNode(kube, "node-b");
    await putNode(kube, "node-a", true, { spec: { unschedulable: true } });
    const made = await targets.foreign(proxy.kubeconfig());
    expect(made).toMatchObject({ connection: PENDING, health: UNKNOWN, server: "", cluster: "", version: 1n });
    expect(made.lastSeenAt).toBeUndefined();
    const target = await targets.connected(made.uuid);
    expect(target).toMatchObject({
      connectionMessage: "",
      health: HEALTHY,
      healthMessage: "",
      server: proxy.url,
      kubernetesVersion: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      capabilities: { kubernetes: target.kubernetesVersion, "core.gardener.cloud": "v1beta1" },
      // Only callers' changes count.
      version: 1n,
      updatedAt: made.updatedAt,
    });
    expect(Object.keys(target.capabilities)).not.toContain("apps");
    expect(target.lastSeenAt && timestampDate(target.lastSeenAt).getTime()).toBeGreaterThan(0);
    const { nodes: list } = await targets.client.listNodes(
      { project: targets.project, uuid: made.uuid },
      targets.owner,
    );
    expect(list.map(({ name, ready, schedulable }) => [name, ready, schedulable])).toEqual([
      ["node-a", true, false],
      ["node-b", true, true],
    ]);
  });

  it("shows each node with its facts [tsuru.node-info]", async () => {
    await putNode(kube, "node-a");
    const { uuid } = await targets.foreign(proxy.kubeconfig());
    await targets.connected(uuid);
    const list = await targets.client.listNodes({ project: targets.project, uuid }, targets.owner);
    const node = list.nodes.find(({ name }) => name === "node-a");
    expect(node).toMatchObject({
      addresses: ["10.0.0.7"],
      kubeletVersion: "v1.33.5",
      allocatable: { cpu: "8", memory: "32Gi", pods: "110" },
      labels: { "example.org/pool": "one" },
    });
    expect(node?.createdAt && timestampDate(node.createdAt).getTime()).toBeGreaterThan(0);
  });

  it("has no nodes to list before it was reached", async () => {
    proxy.meddle((_, response) => Boolean(response.destroy()));
    const { uuid } = await targets.foreign(proxy.kubeconfig());
    expect(await refusal(targets.client.listNodes({ project: targets.project, uuid }, targets.owner))).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("never reached"),
    });
  });

  it("is as healthy as its nodes", async () => {
    await Promise.all(["node-a", "node-b"].map((name) => putNode(kube, name)));
    const { uuid } = await targets.foreign(proxy.kubeconfig());
    await targets.until(uuid, { health: HEALTHY, healthMessage: "" });
    await putNode(kube, "node-b", false);
    await targets.until(uuid, { health: DEGRADED, healthMessage: "1 of 2 nodes not ready: node-b" });
    await putNode(kube, "node-a", false);
    await targets.until(uuid, { health: UNHEALTHY, healthMessage: "no node is ready" });
    await kube.delete(nodes, { name: "node-a" });
    await kube.delete(nodes, { name: "node-b" });
    await targets.until(uuid, { health: UNHEALTHY, healthMessage: "it has no nodes" });
    await putNode(kube, "node-a");
    await targets.until(uuid, { health: HEALTHY, connection: CONNECTED });
  });

  it("is told to have no known health once it is gone, and comes back", async () => {
    await putNode(kube, "node-a");
    const { uuid } = await targets.foreign(proxy.kubeconfig());
    const before = await targets.connected(uuid);
    proxy.meddle((_, response) => Boolean(response.destroy()));
    const away = await targets.until(uuid, { connection: DISCONNECTED, health: UNKNOWN, healthMessage: "" });
    expect(away.connectionMessage).toContain("breaks connections off");
    // What was known of it stays to be read.
    expect(away).toMatchObject({ server: before.server, capabilities: before.capabilities });
    const list = await targets.client.listNodes({ project: targets.project, uuid }, targets.owner);
    expect(list.nodes.length).toBeGreaterThan(0);
    proxy.leave();
    await targets.until(uuid, { connection: CONNECTED, health: HEALTHY, connectionMessage: "" });
  });
});
