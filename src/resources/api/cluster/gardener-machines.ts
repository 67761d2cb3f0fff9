import type { KubeClient } from "../../../kube/client.js";
import { type KubeObject, nodes } from "../../../kube/objects.js";
import { isRecord } from "../../../record.js";
import type { ClusterRef, MachineInfo } from "./kube.js";

const pageSize = 500;
const maxBytes = 16 * 1024 * 1024;
/** Texts are shown up to here. */
const longestText = 1024;

/**
 * The machines of a cluster, from its nodes; more than a page of them cannot be. A cluster is its tenant's: what is
 * not as it should be is left out. `roleOf` reads the group of machines
 * from the labels of a node.
 */
export async function machinesOf(
  client: KubeClient,
  ref: ClusterRef,
  partition: string,
  signal: AbortSignal,
  roleOf = poolOf,
): Promise<MachineInfo[]> {
  const { items } = await client.list<KubeObject>(nodes, { signal, limit: pageSize, maxBytes });
  return items.slice(0, pageSize).map((node) => machineOf(fields(node), ref, partition, roleOf));
}

function poolOf(labels: Readonly<Record<string, string>>): string {
  return labels["worker.gardener.cloud/pool"] ?? "";
}

function machineOf(
  node: Readonly<Record<string, unknown>>,
  { project }: ClusterRef,
  partition: string,
  roleOf: typeof poolOf,
): MachineInfo {
  const [metadata, status] = [fields(node.metadata), fields(node.status)];
  const given = Object.entries(fields(metadata.labels)).map(([key, value]) => [key, text(value)] as const);
  const labels: Readonly<Record<string, string>> = Object.fromEntries(given);
  const info = fields(status.nodeInfo);
  const name = text(metadata.name);
  const ready = listOf(status.conditions).find(({ type }) => type === "Ready")?.status;
  return {
    uuid: text(info.systemUUID) || text(metadata.uid),
    name,
    hostname: text(listOf(status.addresses).find(({ type }) => type === "Hostname")?.address) || name,
    project,
    partition,
    image: text(info.osImage),
    size: labels["node.kubernetes.io/instance-type"] ?? "",
    role: roleOf(labels),
    state: ready === "True" ? "Ready" : "NotReady",
    liveliness: ready === "True" ? "Alive" : ready === "False" ? "Dead" : "Unknown",
  };
}

const fields = (value: unknown): Readonly<Record<string, unknown>> => (isRecord(value) ? value : {});
const listOf = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter(isRecord) : []);
const text = (value: unknown): string => (typeof value === "string" ? value.slice(0, longestText) : "");
