import { createHash } from "node:crypto";
import { timestamp } from "./lifecycle.js";
import type { NewObject, ObjectStore, ResourceName } from "./types.js";

/** Nodes, inside of a simulated cluster. */
export const nodes: ResourceName = { group: "", resource: "nodes" };

/** A kind of machine that the simulators offer; memory in bytes. */
export interface MachineType {
  readonly name: string;
  readonly cpus: number;
  readonly memory: number | bigint;
}

/** A simulated machine that has joined its cluster. */
export interface JoinedMachine {
  readonly name: string;
  /** Of `machineDigest`; its ids and its address come from it. */
  readonly digest: string;
  readonly machineType: string;
  /** Quantities; what is not known of a machine type counts as a small machine. */
  readonly capacity: { readonly cpu: string; readonly memory: string } | undefined;
  /** Beside those that every node has. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Names and version of the operating system. */
  readonly osImage: string;
  /** With a leading "v". */
  readonly kubernetesVersion: string;
}

/** A node as it is to be. */
export type NewNode = NewObject & { metadata: { name: string } };

const smallMachine = { cpu: "2", memory: "4Gi" };

/** Tells machines apart: always the same for the same parts, in hex. */
export function machineDigest(...parts: readonly (string | number)[]): string {
  return createHash("sha256").update(parts.join("/")).digest("hex");
}

/** What a machine of a type brings, as Kubernetes writes it. */
export function capacityOf({ cpus, memory }: MachineType): { cpu: string; memory: string } {
  return { cpu: String(cpus), memory: `${BigInt(memory) / 1024n}Ki` };
}

/** How the provider calls a machine. */
export function providerIdOf(digest: string): string {
  return `simulator://${digest.slice(0, 16)}`;
}

/** The node of a machine, ready for pods. */
export function nodeOf(machine: JoinedMachine, now: Date): NewNode {
  const { name, digest, machineType, labels, annotations } = machine;
  const capacity = { ...(machine.capacity ?? smallMachine), pods: "110" };
  const octet = (from: number) => Number.parseInt(digest.slice(from, from + 2), 16);
  return {
    metadata: {
      name,
      labels: {
        "kubernetes.io/hostname": name,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": machineType,
        ...labels,
      },
      ...(annotations && { annotations: { ...annotations } }),
    },
    spec: { providerID: providerIdOf(digest) },
    status: {
      capacity,
      allocatable: capacity,
      addresses: [
        { type: "Hostname", address: name },
        { type: "InternalIP", address: `10.250.${octet(0)}.${(octet(2) % 250) + 2}` },
      ],
      conditions: readyConditions(timestamp(now)),
      nodeInfo: nodeInfoOf(machine),
    },
  };
}

function nodeInfoOf({ digest, osImage, kubernetesVersion }: JoinedMachine) {
  return {
    architecture: "amd64",
    operatingSystem: "linux",
    osImage,
    kernelVersion: "6.12.0",
    containerRuntimeVersion: "containerd://2.1.0",
    kubeletVersion: kubernetesVersion,
    kubeProxyVersion: kubernetesVersion,
    machineID: digest.slice(0, 32),
    systemUUID: uuidOf(digest),
    bootID: uuidOf(digest.slice(32)),
  };
}

/** Lets a machine join, or brings its node up to date; what the data plane has noted at the node stays. */
export async function putNode(store: ObjectStore, node: NewNode): Promise<void> {
  const { name, labels, annotations } = node.metadata;
  const { nodeInfo, capacity, allocatable } = node.status ?? {};
  const found = await store.modify({ ...nodes, name }, (draft) => {
    draft.metadata.labels = { ...draft.metadata.labels, ...labels };
    draft.metadata.annotations = { ...draft.metadata.annotations, ...annotations };
    draft.status = { ...draft.status, nodeInfo, capacity, allocatable };
  });
  if (found === undefined) await store.create(nodes, node);
}

/** The conditions of a node that is ready; `at` is RFC 3339. */
function readyConditions(at: string) {
  const one = (type: string, status: string, reason: string) => ({
    type,
    status,
    reason,
    message: "",
    lastHeartbeatTime: at,
    lastTransitionTime: at,
  });
  return [
    one("MemoryPressure", "False", "KubeletHasSufficientMemory"),
    one("DiskPressure", "False", "KubeletHasNoDiskPressure"),
    one("PIDPressure", "False", "KubeletHasSufficientPID"),
    one("Ready", "True", "KubeletReady"),
  ];
}

/** A uuid that is always the same for a digest in hex. */
function uuidOf(digest: string): string {
  const part = (from: number, to: number) => digest.slice(from, to);
  return `${part(0, 8)}-${part(8, 12)}-4${part(13, 16)}-8${part(17, 20)}-${part(20, 32)}`;
}
