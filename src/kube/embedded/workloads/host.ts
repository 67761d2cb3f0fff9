import { machineDigest, nodeOf, putNode } from "../machine-nodes.js";
import type { ObjectStore } from "../types.js";
import { startWorkloads, type WorkloadOptions, type Workloads } from "./workloads.js";

const machines = 3;

/** Gives the management cluster nodes and plays its workloads, so that things can be deployed to it as to any other. */
export async function startHostWorkloads(store: ObjectStore, options: WorkloadOptions): Promise<Workloads> {
  for (let index = 0; index < machines; index += 1) {
    const name = `host-${index}`;
    const machine = {
      name,
      digest: machineDigest("host", index),
      machineType: "host",
      capacity: { cpu: "16", memory: "64Gi" },
      labels: { "node.kubernetes.io/role": "node" },
      osImage: "Debian GNU/Linux 12",
      kubernetesVersion: "v1.32.0",
    };
    await putNode(store, nodeOf(machine, options.clock()));
  }
  return startWorkloads(store, options);
}
