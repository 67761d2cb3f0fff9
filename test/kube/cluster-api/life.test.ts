import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { namespaces } from "../../../src/kube/objects.js";
import { capiClusterOf, capiNamespace } from "../../../src/resources/api/cluster/cluster-api-cluster.js";
import { type CapiCluster, capiClusters } from "../../../src/resources/api/cluster/cluster-api-types.js";
import { clusterSpec, healthy, observed, recorded, signal, temporaryDirectory, until } from "../gardener/garden.js";
import { getCluster, type Management, namespace, settings, startManagement } from "./management.js";

const machines = { group: "cluster.x-k8s.io", version: "v1beta2", plural: "machines", kind: "Machine" };
const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

let management: Management;
beforeAll(async () => {
  management = await startManagement();
  // Makes the namespace.
  await management.backend.apply(clusterSpec("first"), signal);
});
afterAll(() => management.close());

const annotate = (name: string, annotations: Record<string, string>) =>
  management.client.mergePatch(capiClusters, { name, namespace }, { metadata: { annotations } });

describe("a step that fails", () => {
  test("is tried again, with its error in the status until the operation succeeds", async () => {
    const spec = clusterSpec("again");
    const { seen } = await recorded(management, async () => {
      const cluster = capiClusterOf(spec, settings, undefined, false);
      const fault = { "simulator.slipway.dev/fail": "nodes:ERR_INFRA_QUOTA_EXCEEDED:2" };
      const annotations = { ...cluster.metadata.annotations, ...fault };
      await management.client.create<CapiCluster>(capiClusters, {
        ...cluster,
        metadata: { ...cluster.metadata, annotations },
      });
      await observed(management, spec, healthy);
    });
    const errors = seen.filter(({ id, state }) => id === spec.id && state === "Error");
    expect(errors).toHaveLength(2);
    const lastErrors = [{ taskId: "TopologyReconciled", description: expect.stringContaining("QUOTA") }];
    expect(errors[0]).toMatchObject({ type: "Create", progress: 65, lastErrors });
    expect(await management.backend.observe(spec, signal)).toMatchObject({ state: "Succeeded", lastErrors: [] });
  });

  test("does not keep a cluster from being deleted", async () => {
    const spec = clusterSpec("stuck");
    await management.backend.apply(spec, signal);
    await annotate("stuck", { "simulator.slipway.dev/fail": "control-plane:ERR_INFRA_DEPENDENCIES:always" });
    await observed(management, spec, ({ state }) => state === "Error");
    await management.backend.remove(spec, signal);
    await annotate("stuck", { "simulator.slipway.dev/fail": "control-plane:ERR_INFRA_DEPENDENCIES:1" });
    await until(async () => expect(await management.backend.remove(spec, signal)).toBe("gone"));
    const left = await management.client.list(machines, { labelSelector: "cluster.x-k8s.io/cluster-name=stuck" });
    expect(left.items).toEqual([]);
  });
});

test("a follower notes that a creation is over, so that a breakdown later is no creation", async () => {
  const spec = clusterSpec("down");
  await recorded(management, async () => {
    await management.backend.apply(spec, signal);
    await observed(management, spec, ({ type, state }) => type === "Reconcile" && state === "Succeeded");
  });
  const cluster = await getCluster(management.client, "down");
  expect(cluster.metadata.annotations).toMatchObject({ "slipway.dev/created": "true" });
  const conditions = cluster.status?.conditions?.map((one) =>
    one.type === "RemoteConnectionProbe" ? { ...one, status: "False", message: "lost" } : one,
  );
  await management.client.replaceSubresource(
    capiClusters,
    { ...cluster, status: { ...cluster.status, conditions: conditions ?? [] } },
    "status",
  );
  expect(await management.backend.observe(spec, signal)).toMatchObject({
    type: "Reconcile",
    state: "Error",
    lastErrors: [{ taskId: "RemoteConnectionProbe", description: "lost" }],
  });
  // The mark is kept by what Slipway applies.
  await management.backend.apply(spec, signal);
  const { annotations } = (await getCluster(management.client, "down")).metadata;
  expect(annotations).toMatchObject({ "slipway.dev/created": "true" });
});

test("a paused Cluster waits, and says so", async () => {
  const spec = clusterSpec("paused");
  await management.backend.apply(spec, signal);
  await observed(management, spec, healthy);
  const pause = (paused: boolean) =>
    management.client.mergePatch(capiClusters, { name: "paused", namespace }, { spec: { paused } });
  await pause(true);
  await management.backend.apply({ ...spec, kubernetesVersion: "1.33.2" }, signal);
  const waiting = { state: "Pending", description: expect.stringContaining("paused") };
  expect(await management.backend.observe(spec, signal)).toMatchObject(waiting);
  await pause(false);
  await observed(management, spec, (seen) => seen.kubernetesVersion === "1.33.2" && healthy(seen));
});

test("a namespace that belongs to somebody else is refused", async () => {
  const other = "6f0c2f0e-7f0b-4f0e-9b39-00000000aaaa";
  await management.client.create(namespaces, { metadata: { name: capiNamespace(other, settings) } });
  const spec = { ...clusterSpec("other"), project: other };
  await expect(management.backend.apply(spec, signal)).rejects.toMatchObject({ kind: "precondition" });
});

test("reconcile touches the Cluster, so that its controllers look again", async () => {
  const spec = clusterSpec("touch");
  await management.backend.apply(spec, signal);
  await management.backend.operate(spec, "reconcile", signal);
  const { metadata } = await getCluster(management.client, "touch");
  expect(metadata.annotations?.["slipway.dev/reconcile-requested-at"]).toMatch(/^\d{4}-\d\d-\d\dT/);
});

test("a restart in the middle of a creation goes on with it, and ends with one Cluster that can be reached", async () => {
  const directory = await temporaryDirectory();
  open.push(directory);
  const spec = clusterSpec("restart");
  const first = await startManagement({ directory: directory.path, timeScale: 10 });
  await first.backend.apply(spec, signal);
  const before = await observed(first, spec, ({ progress }) => progress >= 40);
  expect(before).toMatchObject({ type: "Create", state: "Processing" });
  const { uid } = (await getCluster(first.client, "restart")).metadata;
  await first.close();

  const second = await startManagement({ directory: directory.path });
  open.push(second);
  await second.backend.apply(spec, signal);
  await observed(second, spec, healthy);
  const all = await second.client.list<CapiCluster>(capiClusters);
  expect(all.items.map(({ metadata }) => metadata.uid)).toEqual([uid]);
  // Also where the server is now.
  expect(await second.backend.machines(spec, signal)).toHaveLength(5);
  expect(await second.backend.kubeconfig(spec, 600, signal)).toContain(second.embedded.url);
});

test.each<[string, (cluster: CapiCluster) => void]>([
  ["spec.topology.classRef", (cluster) => (cluster.spec.topology.classRef.name = "other")],
  ["spec.topology.version", (cluster) => (cluster.spec.topology.version = "1.32.4")],
  ["spec.topology.controlPlane.replicas", (cluster) => (cluster.spec.topology.controlPlane.replicas = 0)],
  ["spec.topology.variables", (cluster) => (cluster.spec.topology.variables = [{ name: "x", value: 1 }])],
  [
    "spec.topology.workers.machineDeployments[0].class",
    (cluster) => {
      for (const group of cluster.spec.topology.workers.machineDeployments) group.class = "other";
    },
  ],
])("a Cluster with a wrong %s is refused", async (field, change) => {
  const cluster = capiClusterOf(clusterSpec("wrong"), settings, undefined, false);
  change(cluster);
  await expect(management.client.create(capiClusters, cluster)).rejects.toMatchObject({
    code: 422,
    details: [expect.objectContaining({ field })],
  });
});
