import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Cluster, ClusterSchema } from "../gen/ts/api/v1/cluster_pb.js";

const at = timestampFromDate(new Date("2026-01-02T03:04:05.678Z"));

/** The parts of a cluster whose state Gardener tells. */
export const conditionTypes = [
  "APIServerAvailable",
  "ControlPlaneHealthy",
  "EveryNodeReady",
  "SystemComponentsHealthy",
];

/** A cluster as Get answers it, of about 700 bytes in the binary format. */
export function clusterOf(project: string, uuid: string): Cluster {
  return create(ClusterSchema, {
    uuid,
    project,
    name: "bench",
    partition: "eu-1",
    tenant: "bench",
    kubernetes: { version: "1.33.4" },
    workers: [
      { name: "group-0", machineType: "n1-medium", minsize: 1, maxsize: 3, maxsurge: 1, maxunavailable: 0 },
      { name: "group-1", machineType: "c1-xlarge", minsize: 2, maxsize: 8, maxsurge: 2, maxunavailable: 1 },
    ],
    maintenance: {
      kubernetesAutoupdate: true,
      machineimageAutoupdate: true,
      timeWindow: { begin: at, duration: { seconds: 7_200n } },
    },
    createdAt: at,
    updatedAt: at,
    status: {
      uuid,
      progress: 100,
      state: "Succeeded",
      type: "Reconcile",
      apiServerReady: "True",
      controlPlaneReady: "True",
      nodesReady: "True",
      systemComponentsReady: "True",
      conditions: conditionTypes.map((type) => ({
        type,
        status: "True",
        reason: "CheckSucceeded",
        statusMessage: "The last check found nothing wrong.",
        lastTransitionTime: at,
        lastUpdateTime: at,
      })),
    },
  });
}
