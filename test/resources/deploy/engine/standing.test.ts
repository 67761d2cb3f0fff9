import { describe, expect, it } from "vitest";
import { standingOf } from "../../../../src/resources/deploy/engine/standing.js";
import type { Json } from "./releases.js";

const live = (apiVersion: string, kind: string, content: Json) => {
  const { metadata, ...rest } = content;
  return { apiVersion, kind, metadata: { name: "it", generation: 2, ...metadata }, ...rest };
};
const deployment = (replicas: number, status: Json, metadata: Json = {}) =>
  live("apps/v1", "Deployment", { metadata, spec: { replicas }, status: { observedGeneration: 2, ...status } });
const condition = (type: string, status: string, reason = "", message = "", more: Json = {}) => ({
  type,
  status,
  reason,
  message,
  ...more,
});
const all = (count: number) => ({
  replicas: count,
  updatedReplicas: count,
  readyReplicas: count,
  availableReplicas: count,
});
const late = condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out");
const settled = condition("Progressing", "True", "NewReplicaSetAvailable");

describe("a Deployment", () => {
  const table: [string, Json, Json][] = [
    ["all there", deployment(2, all(2)), { health: "healthy", message: "", current: 2, ready: 2 }],
    ["not seen", deployment(2, { ...all(2), observedGeneration: 1 }), { health: "progressing" }],
    ["without a status", live("apps/v1", "Deployment", { spec: {} }), { health: "progressing" }],
    ["stopped", deployment(0, all(0)), { health: "stopped" }],
    ["about to stop", deployment(0, all(1)), { health: "progressing", message: "1 still end" }],
    [
      "rolling",
      deployment(2, { ...all(2), replicas: 3, updatedReplicas: 1 }),
      { health: "progressing", message: "1 of 2 replicas are updated, 2 available", failed: false },
    ],
    [
      "out of time with the old ones running",
      deployment(2, { ...all(2), replicas: 3, updatedReplicas: 1, conditions: [late] }),
      { health: "degraded", failed: true, message: "ProgressDeadlineExceeded: timed out" },
    ],
    [
      "out of time with none running",
      deployment(2, { replicas: 2, updatedReplicas: 2, conditions: [late] }),
      { health: "unhealthy", failed: true },
    ],
    [
      "complete once, with one lost",
      deployment(2, { ...all(2), readyReplicas: 1, availableReplicas: 1, conditions: [settled] }),
      { health: "degraded", failed: false, message: "1 of 2 replicas are available" },
    ],
    [
      "beyond a quota",
      deployment(2, {
        ...all(1),
        conditions: [condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota")],
      }),
      { health: "progressing", message: "FailedCreate: exceeded quota" },
    ],
    ["going", deployment(2, all(2), { deletionTimestamp: "now" }), { health: "progressing" }],
  ];
  it.each(table)("%s", (_, object, expected) => expect(standingOf(object)).toMatchObject(expected));
});

describe("other kinds of Kubernetes", () => {
  const pod = (status: Json) => live("v1", "Pod", { status });
  const waiting = (reason: string, more: Json = {}) =>
    pod({ containerStatuses: [{ name: "web", state: { waiting: { reason, message: "why" } }, ...more }] });
  const ended = { lastState: { terminated: { exitCode: 3, reason: "Error" } } };
  const set = (status: Json) =>
    live("apps/v1", "StatefulSet", { spec: { replicas: 2 }, status: { observedGeneration: 2, ...status } });
  const daemons = (status: Json) => live("apps/v1", "DaemonSet", { status: { observedGeneration: 2, ...status } });
  const some = { desiredNumberScheduled: 2, currentNumberScheduled: 2, updatedNumberScheduled: 2 };
  const job = (...conditions: Json[]) => live("batch/v1", "Job", { status: { conditions } });
  const claim = (phase: string) => live("v1", "PersistentVolumeClaim", { status: { phase } });
  const service = (type: string, ingress: Json[]) =>
    live("v1", "Service", { spec: { type }, status: { loadBalancer: { ingress } } });
  const scaler = (status: string) =>
    live("autoscaling/v2", "HorizontalPodAutoscaler", { status: { conditions: [condition("AbleToScale", status)] } });
  const table: [string, Json, Json][] = [
    [
      "a Pod that crashes",
      waiting("CrashLoopBackOff", ended),
      { health: "unhealthy", message: "CrashLoopBackOff: container web ended with 3 (Error)" },
    ],
    [
      "a Pod without its image",
      waiting("ImagePullBackOff"),
      { health: "unhealthy", message: "ImagePullBackOff: container web why" },
    ],
    ["a Pod that starts", waiting("ContainerCreating"), { health: "progressing" }],
    ["a Pod that is ready", pod({ conditions: [condition("Ready", "True")] }), { health: "healthy" }],
    [
      "a Pod without a node",
      pod({ conditions: [condition("PodScheduled", "False", "Unschedulable", "no room")] }),
      { health: "progressing", message: "Unschedulable: no room" },
    ],
    [
      "a Pod that was evicted",
      pod({ phase: "Failed", reason: "Evicted", message: "low on disk" }),
      { health: "unhealthy", message: "Evicted: low on disk" },
    ],
    [
      "a StatefulSet",
      set({ replicas: 2, readyReplicas: 2, updatedReplicas: 2, currentRevision: "a", updateRevision: "a" }),
      { health: "healthy", ready: 2 },
    ],
    [
      "a StatefulSet that rolls",
      set({ replicas: 2, readyReplicas: 2, updatedReplicas: 1, currentRevision: "a", updateRevision: "b" }),
      { health: "progressing" },
    ],
    ["a DaemonSet", daemons({ ...some, numberReady: 2, numberAvailable: 2 }), { health: "healthy" }],
    ["a DaemonSet that waits", daemons({ ...some, numberReady: 1, numberAvailable: 1 }), { health: "progressing" }],
    ["a DaemonSet without nodes", daemons({ desiredNumberScheduled: 0 }), { health: "healthy" }],
    ["a Job that runs", job(), { health: "progressing", failed: false }],
    ["a Job that has ended", job(condition("Complete", "True")), { health: "healthy" }],
    [
      "a Job that has failed",
      job(condition("Failed", "True", "BackoffLimitExceeded", "x")),
      { health: "unhealthy", failed: true, message: "BackoffLimitExceeded: x" },
    ],
    ["a CronJob", live("batch/v1", "CronJob", { spec: { suspend: false } }), { health: "healthy", runs: true }],
    ["a CronJob that is suspended", live("batch/v1", "CronJob", { spec: { suspend: true } }), { health: "stopped" }],
    ["a claim", claim("Bound"), { health: "healthy" }],
    ["a claim that waits", claim("Pending"), { health: "progressing" }],
    ["a claim whose volume is lost", claim("Lost"), { health: "unhealthy" }],
    ["a Service", service("ClusterIP", []), { health: "healthy" }],
    ["a balancer without an address", service("LoadBalancer", []), { health: "progressing" }],
    ["a balancer", service("LoadBalancer", [{ ip: "192.0.2.1" }]), { health: "healthy" }],
    ["an autoscaler", scaler("True"), { health: "healthy" }],
    ["an autoscaler of nothing", scaler("False"), { health: "degraded" }],
    ["an Ingress", live("networking.k8s.io/v1", "Ingress", {}), { health: "healthy" }],
    ["a Secret", live("v1", "Secret", {}), { health: "healthy" }],
  ];
  it.each(table)("%s", (_, object, expected) => expect(standingOf(object)).toMatchObject(expected));
});

describe("charts and custom resources", () => {
  const helm = (status: Json) => live("helm.toolkit.fluxcd.io/v2", "HelmRelease", { status });
  const seen = { observedGeneration: 2 };
  const failed = condition("Ready", "False", "InstallFailed", "context deadline exceeded");
  const source = { repoURL: "a", chart: "b" };
  const argo = (status: Json) => live("argoproj.io/v1alpha1", "Application", { spec: { source }, status });
  const synced = { sync: { status: "Synced", comparedTo: { source } } };
  const custom = (status: Json) => live("example.org/v1", "Widget", { status });
  const certificate = (...conditions: Json[]) => live("cert-manager.io/v1", "Certificate", { status: { conditions } });
  const now = { observedGeneration: 2 };
  const table: [string, Json, Json][] = [
    ["a HelmRelease that nobody has seen", helm({}), { health: "progressing" }],
    [
      "a HelmRelease of before",
      helm({ observedGeneration: 1, conditions: [condition("Ready", "True")] }),
      { health: "progressing" },
    ],
    ["a HelmRelease", helm({ ...seen, conditions: [condition("Ready", "True")] }), { health: "healthy", runs: true }],
    [
      "one whose condition is of before",
      helm({ ...seen, conditions: [condition("Ready", "True", "", "", { observedGeneration: 1 })] }),
      { health: "progressing" },
    ],
    [
      "one that installs",
      helm({ ...seen, conditions: [condition("Ready", "Unknown", "Progressing", "Running")] }),
      { health: "progressing", message: "Progressing: Running" },
    ],
    [
      "one that failed",
      helm({ ...seen, conditions: [failed, condition("Released", "False", "InstallFailed")] }),
      { health: "unhealthy", failed: true, message: "InstallFailed: context deadline exceeded" },
    ],
    [
      "one that is stalled after it ran",
      helm({
        ...seen,
        history: [{ status: "superseded" }],
        conditions: [failed, condition("Stalled", "True", "RetriesExceeded")],
      }),
      { health: "degraded", failed: true },
    ],
    [
      "one whose source is about to be looked at",
      helm({
        ...seen,
        conditions: [
          condition("Ready", "False", "SourceNotReady", "x: latest generation of object has not been reconciled"),
        ],
      }),
      { health: "progressing" },
    ],
    [
      "one without its source",
      helm({ ...seen, conditions: [condition("Ready", "False", "SourceNotReady", "no chart")] }),
      { health: "unhealthy", failed: false, message: "SourceNotReady: no chart" },
    ],
    ["an Application that nobody has seen", argo({}), { health: "progressing" }],
    ["an Application", argo({ ...synced, health: { status: "Healthy" } }), { health: "healthy", runs: true }],
    [
      "an Application of before",
      argo({ sync: { status: "Synced", comparedTo: { source: { chart: "c" } } }, health: { status: "Healthy" } }),
      { health: "progressing" },
    ],
    ["an Application that is degraded", argo({ ...synced, health: { status: "Degraded" } }), { health: "unhealthy" }],
    [
      "an Application that is out of sync",
      argo({ sync: { ...synced.sync, status: "OutOfSync" }, health: { status: "Healthy" } }),
      { health: "progressing", message: "it is OutOfSync" },
    ],
    [
      "an Application whose sync failed",
      argo({ ...synced, operationState: { phase: "Failed", message: "no", syncResult: { source } } }),
      { health: "unhealthy", failed: true, message: "the sync failed: no" },
    ],
    [
      "an Application that cannot be compared",
      argo({ conditions: [{ type: "ComparisonError", message: "no chart" }] }),
      { health: "unhealthy", message: "ComparisonError: no chart" },
    ],
    ["a Certificate", certificate(condition("Ready", "True")), { health: "healthy" }],
    [
      "a Certificate that is issued",
      certificate(condition("Ready", "False", "DoesNotExist"), condition("Issuing", "True")),
      { health: "progressing" },
    ],
    [
      "a Certificate that was refused",
      certificate(condition("Ready", "False"), condition("Issuing", "False", "Failed", "no")),
      { health: "unhealthy", message: "Failed: no" },
    ],
    ["a Certificate that nobody has seen", certificate(), { health: "progressing" }],
    ["a custom resource without a status", custom(undefined), { health: "healthy" }],
    [
      "a custom resource of before",
      custom({ observedGeneration: 1, conditions: [condition("Ready", "True")] }),
      { health: "progressing" },
    ],
    ["a custom resource", custom({ ...now, conditions: [condition("Available", "True")] }), { health: "healthy" }],
    [
      "a custom resource that is not ready",
      custom({ ...now, conditions: [condition("Ready", "False", "Broken", "x")] }),
      { health: "unhealthy", message: "Broken: x" },
    ],
    [
      "a custom resource that gave up",
      custom({ ...now, conditions: [condition("Stalled", "True", "Enough")] }),
      { health: "unhealthy", failed: true },
    ],
  ];
  it.each(table)("%s", (_, object, expected) => expect(standingOf(object)).toMatchObject(expected));
});
