import type { ProcessContent, ScaleEntry } from "../../spec/content.js";
import type { Manifest } from "../engine.js";
import { autoscalers, services, statefulSets, workloadDeployments } from "../kinds.js";
import { fitted, longestStatefulSet, replicasServiceName, workloadName } from "../names.js";
import { storageVolume } from "./config.js";
import { manifest, type Part, processLabels, selectorOf } from "./part.js";
import { podTemplate } from "./pod.js";

/** Old ReplicaSets and revisions that are kept; what their Pods need is pruned, so there is no way back to them. */
const keptRevisions = 2;

/** How long a replica that tells nothing of itself has to run to count: one that crashes at its start shall not. */
const provenSeconds = 5;

/** How many replicas a process begins with; 0 when it is stopped. */
export function replicasOf({ replicas, autoscale, stopped }: ScaleEntry): number {
  if (stopped === true) return 0;
  return autoscale === undefined ? replicas : Math.min(autoscale.max, Math.max(autoscale.min, replicas));
}

/** The objects of a process that runs all the time: its Services first. */
export function serviceManifests(part: Part, process: ProcessContent, scale: ScaleEntry): Manifest[] {
  const workload = process.kind === "stateful" ? statefulSet(part, process, scale) : deployment(part, process, scale);
  return [
    ...(process.ports.length > 0 ? [service(part, process)] : []),
    ...(process.kind === "stateful" ? [replicasService(part, process)] : []),
    workload,
    ...(part.variant === undefined ? autoscaler(part, process, scale, workload) : []),
  ];
}

function deployment(part: Part, process: ProcessContent, scale: ScaleEntry): Manifest {
  const name = workloadName(part.owner.objectName, process.name, part.variant);
  const content = {
    spec: {
      replicas: replicasOf(scale),
      selector: { matchLabels: selectorOf(part, process.name) },
      strategy: strategyOf(part, process),
      progressDeadlineSeconds: Math.max(part.rolloutSeconds, provenSeconds + 1),
      ...provenBy(process),
      revisionHistoryLimit: keptRevisions,
      template: podTemplate(part, process, "Always"),
    },
  };
  const metadata = { name, labels: processLabels(part, process.name) };
  return sized(manifest(workloadDeployments, part.owner, metadata, content), scale);
}

/** A volume that one node has at a time cannot come to a new Pod elsewhere before the old ones are gone. */
function strategyOf({ claims }: Part, { mounts }: ProcessContent) {
  const isHeld = mounts.some(({ volumeClaim }) => claims.get(volumeClaim)?.accessMode === "ReadWriteOnce");
  if (isHeld) return { type: "Recreate" };
  return { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: "25%" } };
}

function statefulSet(part: Part, process: ProcessContent, scale: ScaleEntry): Manifest {
  const { objectName } = part.owner;
  const { storage } = process;
  const own = processLabels(part, process.name);
  const content = {
    spec: {
      replicas: replicasOf(scale),
      serviceName: replicasServiceName(objectName, process.name),
      selector: { matchLabels: selectorOf(part, process.name) },
      // One by one, a replica that never becomes ready would hold up its own repair.
      podManagementPolicy: "Parallel",
      updateStrategy: { type: "RollingUpdate" },
      ...provenBy(process),
      revisionHistoryLimit: keptRevisions,
      template: podTemplate(part, process, "Always"),
      ...(storage === undefined ? {} : { volumeClaimTemplates: [claimTemplate(storage, own)] }),
    },
  };
  const name = fitted(workloadName(objectName, process.name), longestStatefulSet);
  return sized(manifest(statefulSets, part.owner, { name, labels: own }, content), scale);
}

const provenBy = ({ readiness }: ProcessContent) => (readiness === undefined ? { minReadySeconds: provenSeconds } : {});

/** It cannot be changed once it is there, so nothing of the release is in it. */
function claimTemplate({ size, storageClass }: NonNullable<ProcessContent["storage"]>, own: Record<string, string>) {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: storageVolume, labels: own },
    spec: {
      accessModes: ["ReadWriteOnce"],
      ...(storageClass === "" ? {} : { storageClassName: storageClass }),
      resources: { requests: { storage: size } },
    },
  };
}

function sized(workload: Manifest, { autoscale, stopped }: ScaleEntry): Manifest {
  if (autoscale === undefined || stopped === true) return workload;
  return { ...workload, autoscaled: { min: autoscale.min, max: autoscale.max } };
}

function service(part: Part, process: ProcessContent): Manifest {
  const name = workloadName(part.owner.objectName, process.name, part.variant);
  return manifest(
    services,
    part.owner,
    { name, labels: processLabels(part, process.name) },
    {
      spec: { selector: selectorOf(part, process.name), ports: portsOf(process) },
    },
  );
}

/** Gives each replica a name, also before it is ready: replicas find each other by it. */
function replicasService(part: Part, process: ProcessContent): Manifest {
  const name = replicasServiceName(part.owner.objectName, process.name);
  const ports = process.ports.length > 0 ? { ports: portsOf(process) } : {};
  return manifest(
    services,
    part.owner,
    { name, labels: processLabels(part, process.name) },
    {
      spec: {
        clusterIP: "None",
        publishNotReadyAddresses: true,
        selector: selectorOf(part, process.name),
        ...ports,
      },
    },
  );
}

const portsOf = ({ ports }: ProcessContent) =>
  ports.map(({ name, port, protocol }) => ({ name, port, protocol, targetPort: name }));

/** Stays when the process is stopped: it leaves workloads without replicas alone. */
function autoscaler(part: Part, process: ProcessContent, { autoscale }: ScaleEntry, workload: Manifest): Manifest[] {
  if (autoscale === undefined) return [];
  const metrics = Object.entries({ cpu: autoscale.cpu, memory: autoscale.memory })
    .filter(([, percent]) => percent > 0)
    .map(([name, percent]) => ({
      type: "Resource",
      resource: { name, target: { type: "Utilization", averageUtilization: percent } },
    }));
  const { name } = workload.object.metadata;
  const content = {
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: workload.type.kind, name },
      minReplicas: autoscale.min,
      maxReplicas: autoscale.max,
      metrics,
    },
  };
  return [manifest(autoscalers, part.owner, { name, labels: processLabels(part, process.name) }, content)];
}
