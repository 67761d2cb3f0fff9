import { type KubeObject, nodes } from "../../../kube/objects.js";
import type { Platform } from "../../../platform.js";
import { isRecord } from "../../../record.js";
import type { InsideReader } from "../../api/cluster/inside/reader.js";
import { workerStore } from "./worker-store.js";

const machineTypeLabel = "node.kubernetes.io/instance-type";
const controlPlaneLabel = "node-role.kubernetes.io/control-plane";
/** Kubernetes allows no longer values of labels. */
const longestLabel = 63;

/** What is read of a node: the type of its machine, unless it is one of the control plane. */
function pickNode({ metadata }: KubeObject): KubeObject | undefined {
  const labels: unknown = metadata.labels;
  if (!isRecord(labels) || controlPlaneLabel in labels) return undefined;
  const machineType = labels[machineTypeLabel];
  if (typeof machineType !== "string") return undefined;
  // PostgreSQL's text cannot hold U+0000.
  const label = machineType.replaceAll("\u0000", "").slice(0, longestLabel);
  // By its uid a node is found again when it goes.
  const uid = typeof metadata.uid === "string" ? { uid: metadata.uid } : {};
  return { metadata: { ...uid, name: String(metadata.name), labels: { [machineTypeLabel]: label } } };
}

/** Counts the nodes of clusters by their machine types: what their workers cost. */
export function workerReader({ db, clock }: Pick<Platform, "db" | "clock">): InsideReader {
  return {
    name: "workers",
    types: [{ type: nodes, pick: pickNode }],
    async settle(cluster, objects) {
      const machines = new Map<string, number>();
      for (const { metadata } of objects.of(nodes)) {
        const machineType = metadata.labels?.[machineTypeLabel] ?? "";
        machines.set(machineType, (machines.get(machineType) ?? 0) + 1);
      }
      await workerStore.put(db, cluster.id, { machines, all: objects.isComplete(nodes) }, clock());
    },
    // With the request to delete a cluster its workers have ended; the database sees to it.
    forgetDeleted: () => Promise.resolve(),
  };
}
