import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { namespaces } from "../../../src/kube/objects.js";
import { gardenerProjectName } from "../../../src/resources/api/cluster/gardener-shoot.js";
import { gardenerProjects, type Shoot, shoots } from "../../../src/resources/api/cluster/gardener-types.js";
import {
  clusterSpec,
  type Garden,
  getShoot,
  healthy,
  namespace,
  observed,
  project,
  recorded,
  signal,
  startGarden,
  until,
} from "./garden.js";

let garden: Garden;

beforeAll(async () => {
  garden = await startGarden({ timeScale: 100 });
});

afterAll(async () => {
  await garden.close();
});

function coreApi(kubeconfig: string) {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  return config.makeApiClient(CoreV1Api);
}

test("a cluster is created, changed and deleted, and every step of it is observed", async () => {
  const spec = clusterSpec("life");
  const { seen, health } = await recorded(garden, async (seen) => {
    await garden.backend.apply(spec, signal);
    await observed(garden, spec, healthy);
    await garden.backend.apply({ ...spec, kubernetesVersion: "1.33.2" }, signal);
    await observed(garden, spec, (one) => one.type === "Reconcile" && healthy(one));
    expect(await garden.backend.remove(spec, signal)).toBe("removing");
    expect(await garden.backend.remove(spec, signal)).toBe("removing");
    await until(() => expect(seen.at(-1)?.gone).toBe(true));
    expect(await garden.backend.remove(spec, signal)).toBe("gone");
  });
  expect(await garden.backend.observe(spec, signal)).toBeUndefined();
  expect(health).toEqual(["up"]);
  expect(new Set(seen.map(({ id }) => id))).toEqual(new Set([spec.id]));

  const states = [...new Set(seen.map(({ type, state }) => `${type} ${state}`))];
  expect(states[0]).toBe("Create Pending");
  expect(states).toContain("Create Processing");
  expect(states).toContain("Create Succeeded");
  expect(states).toContain("Reconcile Processing");
  expect(states).toContain("Reconcile Succeeded");
  expect(states).toContain("Delete Processing");
  expect(states.at(-1)).toBe("Delete Succeeded");
  expect(states.some((state) => /Error|Failed|Aborted/.test(state))).toBe(false);

  const created = seen.filter(({ type, state }) => type === "Create" && state === "Processing");
  expect(created.length).toBeGreaterThan(3);
  const progress = created.map((one) => one.progress);
  expect(progress).toEqual([...progress].sort((a, b) => a - b));
  const versions = seen.map(({ version }) => BigInt(version));
  expect(versions.every((version, index) => index === 0 || version > (versions[index - 1] ?? 0n))).toBe(true);

  const success = seen.findIndex(({ state }) => state === "Succeeded");
  expect(seen[success]).toMatchObject({ progress: 100, apiServerReady: "Progressing", nodesReady: "Progressing" });
  const ready = {
    apiServerReady: "True",
    controlPlaneReady: "True",
    nodesReady: "True",
    systemComponentsReady: "True",
  };
  expect(seen.slice(success).find((one) => healthy(one))).toMatchObject({
    ...ready,
    state: "Succeeded",
    lastErrors: [],
  });
  expect(seen.findLast(({ type }) => type === "Reconcile")?.kubernetesVersion).toBe("1.33.2");
  // The virtual cluster has gone with it.
  expect(garden.embedded.cluster(`shoot--${gardenerProjectName(project)}--life`)).toBeUndefined();
});

test("applying twice, also at once, makes one Shoot in one project", async () => {
  const spec = clusterSpec("twice");
  await Promise.all([garden.backend.apply(spec, signal), garden.backend.apply(spec, signal)]);
  const first = await getShoot(garden.client, "twice");
  await garden.backend.apply(spec, signal);
  const second = await getShoot(garden.client, "twice");
  expect(second.metadata.uid).toBe(first.metadata.uid);
  expect(second.metadata.generation).toBe(1);
  const all = await garden.client.list<Shoot>(shoots, { labelSelector: `slipway.dev/cluster=${spec.id}` });
  expect(all.items).toHaveLength(1);
  const found = await garden.client.list(gardenerProjects);
  expect(found.items.filter(({ metadata }) => metadata.labels?.["slipway.dev/project"] === project)).toHaveLength(1);
  expect((await garden.client.get(namespaces, { name: namespace })).metadata.labels).toMatchObject({
    "gardener.cloud/role": "project",
  });
});

test("credentials, dashboards and machines are there when the cluster is", async () => {
  const spec = clusterSpec("access");
  expect(await garden.backend.monitoring(spec, signal)).toBeUndefined();
  expect(await garden.backend.machines(spec, signal)).toEqual([]);
  await expect(garden.backend.kubeconfig(spec, 600, signal)).rejects.toMatchObject({ kind: "precondition" });
  await garden.backend.apply(spec, signal);
  await expect(garden.backend.kubeconfig(spec, 600, signal)).rejects.toMatchObject({ kind: "precondition" });
  await observed(garden, spec, healthy);

  const name = `${gardenerProjectName(project)}--access-external`;
  const kubeconfig = await garden.backend.kubeconfig(spec, 600, signal);
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  expect(config.currentContext).toBe(name);
  expect(config.users).toMatchObject([{ name, certData: expect.any(String), keyData: expect.any(String) }]);
  expect(config.users[0]?.token).toBeUndefined();
  expect(config.clusters).toMatchObject([{ name: `shoot--${name}` }]);
  expect(config.contexts).toMatchObject([{ name, cluster: `shoot--${name}`, user: name }]);

  const core = coreApi(kubeconfig);
  const nodes = await core.listNode();
  expect(nodes.items.map((node) => node.status?.nodeInfo?.kubeletVersion)).toEqual(["v1.32.4", "v1.32.4"]);
  const spaces = await core.listNamespace();
  expect(spaces.items.map((one) => one.metadata?.name)).toEqual(expect.arrayContaining(["default", "kube-system"]));

  const machines = await garden.backend.machines(spec, signal);
  expect(machines).toHaveLength(2);
  expect(machines[0]).toMatchObject({
    uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
    project,
    partition: "eqx-mu4",
    size: "n1-medium-x86",
    role: "default",
    state: "Ready",
    liveliness: "Alive",
  });
  expect(new Set(machines.map(({ uuid }) => uuid)).size).toBe(2);

  const monitoring = await garden.backend.monitoring(spec, signal);
  expect(monitoring).toEqual({
    username: "admin",
    password: expect.stringMatching(/^.{16,}$/),
    endpoint: expect.stringMatching(/^https:/),
  });
});

test("workers follow the spec, and hibernation takes the nodes away and brings them back", async () => {
  const spec = clusterSpec("nodes");
  const id = `shoot--${gardenerProjectName(project)}--nodes`;
  const count = () => garden.embedded.cluster(id)?.store.list({ group: "", resource: "nodes" }).length;
  await garden.backend.apply(spec, signal);
  await observed(garden, spec, healthy);
  expect(count()).toBe(2);
  const workers = spec.workers.map((worker) => ({ ...worker, minSize: 3 }));
  await garden.backend.apply({ ...spec, workers: [...workers, { ...workers[0]!, name: "more" }] }, signal);
  await observed(garden, spec, (one) => one.type === "Reconcile" && healthy(one));
  expect(count()).toBe(6);

  const hibernate = (enabled: boolean) =>
    garden.client.mergePatch(shoots, { name: "nodes", namespace }, { spec: { hibernation: { enabled } } });
  const settled = async (hibernated: boolean) => {
    await observed(garden, spec, healthy);
    expect((await getShoot(garden.client, "nodes")).status).toMatchObject({ hibernated });
  };
  await hibernate(true);
  await settled(true);
  expect(count()).toBe(0);
  // What Slipway does not set stays as it is.
  await garden.backend.apply(spec, signal);
  await settled(true);
  await hibernate(false);
  await settled(false);
  expect(count()).toBe(2);
});

test("reconcile and maintain run an operation; maintain raises the patch version, and it is not taken back", async () => {
  const spec = clusterSpec("operate");
  await garden.backend.apply(spec, signal);
  await observed(garden, spec, healthy);
  await garden.backend.operate(spec, "reconcile", signal);
  expect((await getShoot(garden.client, "operate")).metadata.annotations).not.toHaveProperty(
    "gardener.cloud/operation",
  );
  await observed(garden, spec, (one) => one.type === "Reconcile" && healthy(one));
  await expect(garden.backend.operate(spec, "retry", signal)).rejects.toMatchObject({ kind: "precondition" });

  await garden.backend.operate(spec, "maintain", signal);
  await observed(garden, spec, (one) => one.kubernetesVersion === "1.32.6" && healthy(one));
  await garden.backend.apply(spec, signal);
  expect((await garden.backend.observe(spec, signal))?.kubernetesVersion).toBe("1.32.6");
});

test("a project name that belongs to another project is refused", async () => {
  const other = "6f0c2f0e-7f0b-4f0e-9b39-00000000aaaa";
  const metadata = { name: gardenerProjectName(other), labels: { "slipway.dev/project": project } };
  await garden.client.create(gardenerProjects, { metadata });
  const spec = { ...clusterSpec("other"), project: other };
  await expect(garden.backend.apply(spec, signal)).rejects.toMatchObject({ kind: "precondition" });
  await expect(garden.backend.remove(spec, signal)).rejects.toMatchObject({ kind: "precondition" });
});
