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

/** The machines of a cluster, from its nodes; more than a page of them cannot be. */
export async function machinesOf(
  client: KubeClient,
  ref: ClusterRef,
  partition: string,
  signal: AbortSignal,
): Promise<MachineInfo[]> {
  const { items } = await client.list<Node>(nodes, { signal, limit: pageSize });
  return items.map((node) => machineOf(node, ref, partition));
}

function machineOf({ metadata, status = {} }: Node, ref: ClusterRef, partition: string): MachineInfo {
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
    role: label("worker.gardener.cloud/pool"),
    state: ready === "True" ? "Ready" : "NotReady",
    liveliness: ready === "True" ? "Alive" : ready === "False" ? "Dead" : "Unknown",
  };
}
