import { createHash } from "node:crypto";
import { nodeConditions, uuidOf } from "../gardener/nodes.js";
import { timestamp } from "../lifecycle.js";
import type { KubeObject, NewObject, ObjectStore, ResourceName } from "../types.js";
import { type ClusterApiSimulatorOptions, clusterApiSimulatorSettings } from "./settings.js";
import { type Cluster, keys, machineDeployments, machines, sizeOf, type Workers } from "./types.js";

const nodes: ResourceName = { group: "", resource: "nodes" };

/** Where the machines of one Cluster are written: as Machines, and as nodes inside of it. */
export interface MachinePark {
  readonly store: ObjectStore;
  /** The objects of the virtual cluster; undefined as long as there is none. */
  readonly inside: ObjectStore | undefined;
  readonly machineTypes: ClusterApiSimulatorOptions["machineTypes"];
  readonly now: Date;
}

/** One machine as it is wanted. */
interface Wanted {
  readonly name: string;
  readonly digest: string;
  readonly machineType: string;
  readonly machineLabels: Record<string, string>;
  readonly nodeLabels: Record<string, string>;
}

/** Makes the control plane's machines so many, of the topology's version. */
export async function syncControlPlane(park: MachinePark, cluster: Cluster, count: number): Promise<void> {
  const wanted = Array.from({ length: count }, (_, index) =>
    machineOf(cluster, "control-plane", index, {
      machineType: "control-plane",
      machineLabels: { [keys.controlPlane]: "" },
      nodeLabels: { "node-role.kubernetes.io/control-plane": "" },
    }),
  );
  await syncMachines(park, cluster, keys.controlPlane, wanted);
}

/** Makes the workers those of the given groups, with their MachineDeployments. */
export async function syncWorkers(park: MachinePark, cluster: Cluster, groups: readonly Workers[]): Promise<void> {
  const wanted = groups.flatMap((group) =>
    Array.from({ length: sizeOf(group) }, (_, index) =>
      machineOf(cluster, group.name, index, {
        machineType: machineTypeOf(group),
        machineLabels: { [keys.deploymentName]: group.name },
        nodeLabels: group.metadata?.labels ?? {},
      }),
    ),
  );
  await syncMachines(park, cluster, keys.deploymentName, wanted);
  const deployments = groups.map((group) => deploymentOf(cluster, group));
  await put(park.store, machineDeployments, deployments, belongsTo(cluster, `,${keys.deploymentName}`));
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
  kind: Pick<Wanted, "machineType" | "machineLabels" | "nodeLabels">,
): Wanted {
  const digest = createHash("sha256").update(`${metadata.uid}/${group}/${index}`).digest("hex");
  const name = `${metadata.name.slice(0, 20)}-${group.slice(0, 25)}-${digest.slice(0, 5)}`;
  return { ...kind, name, digest };
}

/** The Machines of a Cluster that carry a label, and their nodes. */
async function syncMachines(park: MachinePark, cluster: Cluster, label: string, wanted: readonly Wanted[]) {
  const { store, inside } = park;
  const before = store.list(machines, belongsTo(cluster, `,${label}`));
  await put(
    store,
    machines,
    wanted.map((one) => machineObject(cluster, one)),
    belongsTo(cluster, `,${label}`),
  );
  if (inside === undefined) return;
  const names = new Set(wanted.map(({ name }) => name));
  for (const { metadata } of before) {
    if (!names.has(metadata.name)) await inside.delete({ ...nodes, name: metadata.name });
  }
  for (const one of wanted) await putNode(inside, nodeObject(park, cluster, one));
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

/** What the data plane has noted at a node stays. */
async function putNode(store: ObjectStore, node: NewObject & { metadata: { name: string } }): Promise<void> {
  const found = await store.modify({ ...nodes, name: node.metadata.name }, (draft) => {
    draft.metadata.labels = { ...draft.metadata.labels, ...node.metadata.labels };
    draft.status = { ...draft.status, nodeInfo: node.status?.nodeInfo, capacity: node.status?.capacity };
  });
  if (found === undefined) await store.create(nodes, node);
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

function machineObject(cluster: Cluster, { name, digest, machineLabels }: Wanted): NewObject {
  return {
    metadata: metadataOf(cluster, name, machineLabels),
    spec: {
      clusterName: cluster.metadata.name,
      version: cluster.spec.topology.version,
      providerID: `simulator://${digest.slice(0, 16)}`,
    },
    status: { phase: "Running", nodeRef: { name } },
  };
}

function deploymentOf(cluster: Cluster, group: Workers): NewObject {
  const size = sizeOf(group);
  const name = `${cluster.metadata.name}-${group.name}`;
  const { version } = cluster.spec.topology;
  return {
    metadata: metadataOf(cluster, name, { [keys.deploymentName]: group.name }),
    spec: { clusterName: cluster.metadata.name, replicas: size, template: { spec: { version } } },
    status: { replicas: size, readyReplicas: size, availableReplicas: size, upToDateReplicas: size },
  };
}

function nodeObject(park: MachinePark, cluster: Cluster, wanted: Wanted) {
  const { name, digest, machineType, nodeLabels } = wanted;
  const type = park.machineTypes.find((one) => one.name === machineType);
  const memory = type === undefined ? "4Gi" : `${BigInt(type.memory) / 1024n}Ki`;
  const capacity = { cpu: String(type?.cpus ?? 2), memory, pods: "110" };
  const { version } = cluster.spec.topology;
  return {
    metadata: {
      name,
      labels: {
        "kubernetes.io/hostname": name,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": machineType,
        ...nodeLabels,
      },
    },
    spec: { providerID: `simulator://${digest.slice(0, 16)}` },
    status: {
      capacity,
      allocatable: capacity,
      addresses: [
        { type: "Hostname", address: name },
        { type: "InternalIP", address: `10.251.${Number.parseInt(digest.slice(0, 2), 16)}.2` },
      ],
      conditions: nodeConditions(timestamp(park.now)),
      nodeInfo: {
        architecture: "amd64",
        operatingSystem: "linux",
        osImage: "debian 13.0.0",
        kubeletVersion: version,
        kubeProxyVersion: version,
        containerRuntimeVersion: "containerd://2.1.0",
        systemUUID: uuidOf(digest),
      },
    },
  };
}

/** How many Machines of a Cluster do not run the version of its topology. */
export function outdated(store: ObjectStore, cluster: Cluster): readonly KubeObject[] {
  const { version } = cluster.spec.topology;
  return store.list(machines, belongsTo(cluster)).filter(({ spec }) => spec?.version !== version);
}
