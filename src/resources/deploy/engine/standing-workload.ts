import {
  because,
  conditionOf,
  fieldsOf,
  isObserved,
  type LiveObject,
  listOf,
  notSeen,
  numberOf,
  type Standing,
  standing,
  textOf,
} from "./standing-facts.js";

/** How many of a workload there are. */
interface Counts {
  readonly desired: number;
  readonly current: number;
  readonly updated: number;
  readonly ready: number;
  readonly available: number;
}

/** How objects of Kubernetes' own kinds are, by group and kind. */
export const plainStandings: Readonly<Record<string, (object: LiveObject) => Standing>> = {
  "apps/Deployment": deploymentStanding,
  "apps/StatefulSet": statefulSetStanding,
  "apps/DaemonSet": daemonSetStanding,
  "batch/Job": jobStanding,
  "batch/CronJob": ({ spec }) =>
    fieldsOf(spec).suspend === true ? standing("stopped", "", { runs: true }) : standing("healthy", "", { runs: true }),
  "autoscaling/HorizontalPodAutoscaler": autoscalerStanding,
  "/PersistentVolumeClaim": claimStanding,
  "/Service": serviceStanding,
  "/Secret": () => standing("healthy"),
  "/ConfigMap": () => standing("healthy"),
  "networking.k8s.io/Ingress": () => standing("healthy"),
};

function deploymentStanding(object: LiveObject): Standing {
  const { replicas } = fieldsOf(object.spec);
  const status = fieldsOf(object.status);
  const counts: Counts = {
    desired: numberOf(replicas, 1),
    current: numberOf(status.replicas),
    updated: numberOf(status.updatedReplicas),
    ready: numberOf(status.readyReplicas),
    available: numberOf(status.availableReplicas),
  };
  const progress = conditionOf(object, "Progressing");
  const late = progress?.status === "False" && progress.reason === "ProgressDeadlineExceeded";
  // A rollout that was complete once and lacks replicas now has lost them.
  const settled = progress?.reason === "NewReplicaSetAvailable" && counts.current === counts.updated;
  const failure = conditionOf(object, "ReplicaFailure");
  const refused = failure?.status === "True" ? because(failure) : "";
  const found = workloadStanding(object, counts, late || settled);
  if (found.health === "healthy" || found.health === "stopped" || isObserved(object) !== true) return found;
  const told = late ? `${because(progress)} ` : "";
  return { ...found, message: `${told}${refused}`.trim() || found.message, failed: late };
}

function statefulSetStanding(object: LiveObject): Standing {
  const { replicas } = fieldsOf(object.spec);
  const status = fieldsOf(object.status);
  const ready = numberOf(status.readyReplicas);
  const desired = numberOf(replicas, 1);
  const isUpdated = status.updateRevision === status.currentRevision;
  return workloadStanding(
    object,
    {
      desired,
      current: numberOf(status.replicas),
      updated: isUpdated ? numberOf(status.replicas) : numberOf(status.updatedReplicas),
      ready,
      available: numberOf(status.availableReplicas, ready),
    },
    false,
  );
}

function daemonSetStanding(object: LiveObject): Standing {
  const status = fieldsOf(object.status);
  const desired = numberOf(status.desiredNumberScheduled);
  const counts = {
    desired,
    current: numberOf(status.currentNumberScheduled),
    updated: numberOf(status.updatedNumberScheduled),
    ready: numberOf(status.numberReady),
    available: numberOf(status.numberAvailable),
  };
  // One without a node to run on is as it is wanted.
  if (isObserved(object) === true && desired === 0)
    return standing("healthy", "", { runs: true, current: 0, ready: 0 });
  return workloadStanding(object, counts, false);
}

/** With `settled` nothing is on its way any more: what lacks is a fault. */
function workloadStanding(object: LiveObject, counts: Counts, settled: boolean): Standing {
  const { desired, current, updated, ready, available } = counts;
  const facts = { runs: true, current, ready };
  if (isObserved(object) !== true) return standing("progressing", notSeen, facts);
  if (desired === 0) {
    return current === 0 ? standing("stopped", "", facts) : standing("progressing", `${current} still end`, facts);
  }
  if (updated >= desired && current === updated && available >= desired) return standing("healthy", "", facts);
  const message =
    updated < desired || current !== updated
      ? `${Math.min(updated, desired)} of ${desired} replicas are updated, ${available} available`
      : `${available} of ${desired} replicas are available`;
  if (!settled) return standing("progressing", message, facts);
  return standing(ready > 0 ? "degraded" : "unhealthy", message, facts);
}

function jobStanding(object: LiveObject): Standing {
  if (conditionOf(object, "Complete")?.status === "True") return standing("healthy");
  const failed = conditionOf(object, "Failed");
  if (failed?.status === "True") return standing("unhealthy", because(failed), { failed: true });
  if (fieldsOf(object.spec).suspend === true) return standing("stopped");
  return standing("progressing", "the job runs");
}

/** Without metrics it leaves the size as it is, so nothing is broken by that. */
function autoscalerStanding(object: LiveObject): Standing {
  const able = conditionOf(object, "AbleToScale");
  return able?.status === "False" ? standing("degraded", because(able)) : standing("healthy");
}

function claimStanding({ status }: LiveObject): Standing {
  const { phase } = fieldsOf(status);
  if (phase === "Bound") return standing("healthy");
  if (phase === "Lost") return standing("unhealthy", "its volume is lost");
  return standing("progressing", "it has no volume yet");
}

function serviceStanding({ spec, status }: LiveObject): Standing {
  const isWaiting =
    textOf(fieldsOf(spec).type) === "LoadBalancer" &&
    listOf(fieldsOf(fieldsOf(status).loadBalancer).ingress).length === 0;
  return isWaiting ? standing("progressing", "it has no address yet") : standing("healthy");
}
