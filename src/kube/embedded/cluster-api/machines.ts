import {
  capacityOf,
  type JoinedMachine,
  type MachineType,
  machineDigest,
  nodeOf,
  nodes,
  providerIdOf,
  putNode,
} from "../machine-nodes.js";
import type { KubeObject, NewObject, ObjectStore, ResourceName } from "../types.js";
import { clusterApiSimulatorSettings } from "./settings.js";
import { type Cluster, keys, machineDeployments, machines, sizeOf, type Workers } from "./types.js";

/** Where the machines of one Cluster are written: as Machines, and as nodes inside of it. */
export interface MachinePark {
  readonly store: ObjectStore;
  /** The objects of the virtual cluster; undefined as long as there is none. */
  readonly inside: ObjectStore | undefined;
  readonly machineTypes: readonly MachineType[];
  readonly now: Date;
}

/** One machine as it is wanted. */
interface Wanted {
  readonly name: string;
  readonly digest: string;
  readonly machineType: string;
  readonly machineLabels: Record<string, string>;
  readonly nodeLabels: Record<string, string>;
  /** Kind of the object that makes such machines. */
  readonly owner: string;
}

/** Makes the control plane's machines so many, of the topology's version. */
export async function syncControlPlane(park: MachinePark, cluster: Cluster, count: number): Promise<void> {
  const wanted = Array.from({ length: count }, (_, index) =>
    machineOf(cluster, "control-plane", index, {
      machineType: "control-plane",
      machineLabels: { [keys.controlPlane]: "" },
      nodeLabels: { "node-role.kubernetes.io/control-plane": "" },
      owner: "KubeadmControlPlane",
    }),
  );
  await syncMachines(park, cluster, keys.controlPlane, wanted);
  await syncNodes(park, cluster, keys.controlPlane, wanted);
}

/** Makes the machines that the groups miss, and their MachineDeployments; nothing joins or goes yet. */
export async function addWorkers(park: MachinePark, cluster: Cluster, groups: readonly Workers[]): Promise<void> {
  const { store } = park;
  for (const one of workersOf(cluster, groups)) {
    const machine = machineObject(cluster, one, "Provisioning");
    if (store.get({ ...machines, ...placeOf(machine.metadata) }) === undefined) await store.create(machines, machine);
  }
  await putDeployments(store, cluster, groups, false);
}

/** Makes the workers those of the given groups: all others go, and the nodes of these have joined. */
export async function syncWorkers(park: MachinePark, cluster: Cluster, groups: readonly Workers[]): Promise<void> {
  const wanted = workersOf(cluster, groups);
  await syncNodes(park, cluster, keys.deploymentName, wanted);
  await syncMachines(park, cluster, keys.deploymentName, wanted);
  await putDeployments(park.store, cluster, groups, true);
}

/** Takes the workers down: their machines and nodes go, the MachineDeployments stay for a while. */
export async function removeWorkers(park: MachinePark, cluster: Cluster): Promise<void> {
  await syncNodes(park, cluster, keys.deploymentName, []);
  await syncMachines(park, cluster, keys.deploymentName, []);
}

function workersOf(cluster: Cluster, groups: readonly Workers[]): Wanted[] {
  return groups.flatMap((group) =>
    Array.from({ length: sizeOf(group) }, (_, index) =>
      machineOf(cluster, group.name, index, {
        machineType: machineTypeOf(group),
        machineLabels: { [keys.deploymentName]: group.name, [keys.machineType]: machineTypeOf(group) },
        nodeLabels: nodeLabelsOf(group),
        owner: "MachineSet",
      }),
    ),
  );
}

const passedOn =
  /^(node-role\.kubernetes\.io\/|([^/]+\.)?(node-restriction\.kubernetes\.io|node\.cluster\.x-k8s\.io)\/)/;

/** Cluster API copies labels of these domains to the nodes, and no others. */
function nodeLabelsOf({ metadata }: Workers): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata?.labels ?? {}).filter(([key]) => passedOn.test(key)));
}

function machineTypeOf({ variables }: Workers): string {
  const { machineTypeVariable } = clusterApiSimulatorSettings;
  const value = variables?.overrides?.find(({ name }) => name === machineTypeVariable)?.value;
  return typeof value === "string" ? value : "";
}

function machineOf(
  { metadata }: Cluster,
  group: string,
  index: number,
  kind: Pick<Wanted, "machineType" | "machineLabels" | "nodeLabels" | "owner">,
): Wanted {
  // A machine cannot become one of another type: it is replaced.
  const digest = machineDigest(metadata.uid, group, kind.machineType, index);
  const name = `${metadata.name.slice(0, 20)}-${group.slice(0, 25)}-${digest.slice(0, 5)}`;
  return { ...kind, name, digest };
}

/** Makes the Machines of a Cluster that carry a label the wanted ones, all running. */
async function syncMachines(park: MachinePark, cluster: Cluster, label: string, wanted: readonly Wanted[]) {
  const objects = wanted.map((one) => machineObject(cluster, one, "Running"));
  await put(park.store, machines, objects, belongsTo(cluster, `,${label}`));
}

/** Lets the wanted machines join, and takes the nodes of the other Machines with the label away. */
async function syncNodes(park: MachinePark, cluster: Cluster, label: string, wanted: readonly Wanted[]) {
  const { store, inside, now } = park;
  if (inside === undefined) return;
  const names = new Set(wanted.map(({ name }) => name));
  for (const { metadata } of store.list(machines, belongsTo(cluster, `,${label}`))) {
    if (!names.has(metadata.name)) await inside.delete({ ...nodes, name: metadata.name });
  }
  for (const one of wanted) await putNode(inside, nodeOf(joined(park, cluster, one), now));
}

function belongsTo({ metadata }: Cluster, more = "") {
  return { namespace: metadata.namespace, labelSelector: `${keys.clusterName}=${metadata.name}${more}` };
}

/** Creates or changes the wanted objects, and deletes the others of the selection. */
async function put(
  store: ObjectStore,
  resource: ResourceName,
  wanted: readonly NewObject[],
  selection: { namespace: string | undefined; labelSelector: string },
): Promise<void> {
  const names = new Set(wanted.map(({ metadata }) => metadata.name));
  for (const { metadata } of store.list(resource, selection)) {
    if (!names.has(metadata.name)) await store.delete({ ...resource, ...placeOf(metadata) });
  }
  for (const object of wanted) {
    const found = await store.modify({ ...resource, ...placeOf(object.metadata) }, (draft) => {
      Object.assign(draft, { spec: object.spec, status: object.status });
    });
    if (found === undefined) await store.create(resource, object);
  }
}

function placeOf({ name = "", namespace }: NewObject["metadata"]) {
  return { name, namespace };
}

function metadataOf(cluster: Cluster, name: string, labels: Record<string, string>): NewObject["metadata"] {
  const { apiVersion, kind, metadata } = cluster;
  return {
    name,
    ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
    labels: { [keys.clusterName]: metadata.name, ...labels },
    ownerReferences: [{ apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true }],
  };
}

function machineObject(
  cluster: Cluster,
  { name, digest, machineLabels }: Wanted,
  phase: "Provisioning" | "Running",
): NewObject {
  return {
    metadata: metadataOf(cluster, name, machineLabels),
    spec: {
      clusterName: cluster.metadata.name,
      version: cluster.spec.topology.version,
      ...(phase === "Running" ? { providerID: providerIdOf(digest) } : {}),
    },
    status: { phase, ...(phase === "Running" ? { nodeRef: { name } } : {}) },
  };
}

/** Makes the MachineDeployments those of the groups; `ready` says whether all of their machines have joined. */
async function putDeployments(store: ObjectStore, cluster: Cluster, groups: readonly Workers[], ready: boolean) {
  const selection = belongsTo(cluster, `,${keys.deploymentName}`);
  const joinedOf = (name: string) =>
    store
      .list(machines, belongsTo(cluster, `,${keys.deploymentName}=${name}`))
      .filter(({ status }) => status?.phase === "Running").length;
  const objects = groups.map((group) =>
    deploymentOf(cluster, group, ready ? sizeOf(group) : Math.min(sizeOf(group), joinedOf(group.name))),
  );
  await put(store, machineDeployments, objects, selection);
}

function deploymentOf(cluster: Cluster, group: Workers, ready: number): NewObject {
  const size = sizeOf(group);
  const name = `${cluster.metadata.name}-${group.name}`;
  const { version } = cluster.spec.topology;
  return {
    metadata: metadataOf(cluster, name, { [keys.deploymentName]: group.name }),
    spec: { clusterName: cluster.metadata.name, replicas: size, template: { spec: { version } } },
    status: { replicas: size, readyReplicas: ready, availableReplicas: ready, upToDateReplicas: size },
  };
}

function joined({ machineTypes }: MachinePark, { metadata, spec }: Cluster, wanted: Wanted): JoinedMachine {
  const { name, digest, machineType, nodeLabels, owner } = wanted;
  const type = machineTypes.find((one) => one.name === machineType);
  return {
    name,
    digest,
    machineType,
    capacity: type && capacityOf(type),
    labels: nodeLabels,
    annotations: {
      [keys.clusterName]: metadata.name,
      "cluster.x-k8s.io/cluster-namespace": metadata.namespace ?? "",
      "cluster.x-k8s.io/machine": name,
      "cluster.x-k8s.io/owner-kind": owner,
    },
    osImage: "debian 13.0.0",
    kubernetesVersion: spec.topology.version,
  };
}

/** The Machines of a Cluster that are not of its version, or not of the type that their group has now. */
export function outdated(store: ObjectStore, cluster: Cluster): readonly KubeObject[] {
  const { version, workers } = cluster.spec.topology;
  const types = new Map(workers?.machineDeployments?.map((group) => [group.name, machineTypeOf(group)]));
  return store.list(machines, belongsTo(cluster)).filter(({ spec, metadata: { labels = {} } }) => {
    const type = types.get(labels[keys.deploymentName] ?? "");
    return spec?.version !== version || (type !== undefined && type !== labels[keys.machineType]);
  });
}
