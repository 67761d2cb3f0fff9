import type { KubeClient } from "../../../kube/client.js";
import { type KubeObject, nodes } from "../../../kube/objects.js";
import type { ClusterRef, MachineInfo } from "./kube.js";

interface Node extends KubeObject {
  status?: {
    nodeInfo?: { systemUUID?: string; osImage?: string };
    addresses?: { type: string; address: string }[];
    conditions?: { type: string; status: string }[];
  };
}

const pageSize = 500;

/**
 * The machines of a cluster, from its nodes; more than a page of them cannot be. `roleOf` reads the group of machines
 * from the labels of a node.
 */
export async function machinesOf(
  client: KubeClient,
  ref: ClusterRef,
  partition: string,
  signal: AbortSignal,
  roleOf = poolOf,
): Promise<MachineInfo[]> {
  const { items } = await client.list<Node>(nodes, { signal, limit: pageSize });
  return items.map((node) => machineOf(node, ref, partition, roleOf));
}

function poolOf(labels: Readonly<Record<string, string>>): string {
  return labels["worker.gardener.cloud/pool"] ?? "";
}

function machineOf(
  { metadata, status = {} }: Node,
  ref: ClusterRef,
  partition: string,
  roleOf: typeof poolOf,
): MachineInfo {
  const label = (name: string) => metadata.labels?.[name] ?? "";
  const ready = status.conditions?.find(({ type }) => type === "Ready")?.status;
  return {
    uuid: status.nodeInfo?.systemUUID ?? metadata.uid ?? "",
    name: metadata.name,
    hostname: status.addresses?.find(({ type }) => type === "Hostname")?.address ?? metadata.name,
    project: ref.project,
    partition,
    image: status.nodeInfo?.osImage ?? "",
    size: label("node.kubernetes.io/instance-type"),
    role: roleOf(metadata.labels ?? {}),
    state: ready === "True" ? "Ready" : "NotReady",
    liveliness: ready === "True" ? "Alive" : ready === "False" ? "Dead" : "Unknown",
  };
}
