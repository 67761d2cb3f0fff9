import { describe, expect, test } from "vitest";
import { capiClusterOf, capiNamespace } from "../../../src/resources/api/cluster/cluster-api-cluster.js";
import { capiObservationOf } from "../../../src/resources/api/cluster/cluster-api-observation.js";
import type { ClusterApiSettings } from "../../../src/resources/api/cluster/cluster-api-settings.js";
import type {
  CapiCluster,
  CapiClusterStatus,
  CapiReplicas,
} from "../../../src/resources/api/cluster/cluster-api-types.js";
import { clusterSpec, partition, project } from "../gardener/garden.js";

/** A placeholder of the settings. */
const slot = (name: string) => `$\{${name}}`;

const settings: ClusterApiSettings = {
  clusterClass: { name: "metal", namespace: "classes" },
  controlPlaneReplicas: 3,
  workerClass: "default-worker",
  workerClasses: { "c1-large-x86": "large-worker" },
  machineTypeVariable: "machineType",
  clusterNetwork: { pods: { cidrBlocks: ["10.0.0.0/16"] } },
  variables: { tags: [slot("project"), slot("name"), slot("other")], count: 2 },
};

const spec = clusterSpec("demo", {
  workers: [
    { name: "default", machineType: "n1-medium-x86", minSize: 1, maxSize: 3, maxSurge: 0, maxUnavailable: 0 },
    { name: "large", machineType: "c1-large-x86", minSize: 2, maxSize: 2, maxSurge: 0, maxUnavailable: 1 },
  ],
});

describe("the Cluster of a cluster", () => {
  test("carries what was asked for, and what the partition says", () => {
    expect(capiClusterOf(spec, settings, undefined, false)).toEqual({
      metadata: {
        name: "demo",
        namespace: capiNamespace(project, settings),
        labels: { "slipway.dev/cluster": spec.id, "slipway.dev/project": project, "slipway.dev/partition": partition },
        annotations: { "slipway.dev/tenant": "alice" },
      },
      spec: {
        clusterNetwork: { pods: { cidrBlocks: ["10.0.0.0/16"] } },
        topology: {
          classRef: { name: "metal", namespace: "classes" },
          version: "v1.32.4",
          controlPlane: { replicas: 3 },
          workers: {
            machineDeployments: [
              {
                class: "default-worker",
                name: "default",
                metadata: {
                  labels: { "node.cluster.x-k8s.io/pool": "default" },
                  annotations: {
                    "cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size": "1",
                    "cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size": "3",
                  },
                },
                variables: { overrides: [{ name: "machineType", value: "n1-medium-x86" }] },
              },
              {
                class: "large-worker",
                name: "large",
                replicas: 2,
                metadata: { labels: { "node.cluster.x-k8s.io/pool": "large" } },
                rollout: {
                  strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
                },
                variables: { overrides: [{ name: "machineType", value: "c1-large-x86" }] },
              },
            ],
          },
          variables: [
            { name: "tags", value: [project, "demo", slot("other")] },
            { name: "count", value: 2 },
          ],
        },
      },
    });
  });

  test.each([
    ["1.32.4", "v1.32.11", "v1.32.11"],
    ["1.33.0", "v1.32.11", "v1.33.0"],
  ])("asked for %s where %s runs, gets %s", (kubernetesVersion, running, result) => {
    const current = capiClusterOf(spec, settings, undefined, false);
    current.spec.topology.version = running;
    current.metadata.uid = "u1";
    const made = capiClusterOf({ ...spec, kubernetesVersion }, settings, current, true);
    expect(made.spec.topology.version).toBe(result);
    expect(made.metadata).toMatchObject({ uid: "u1", annotations: { "slipway.dev/created": "true" } });
  });

  test("is in a namespace of its project, with the prefix of the settings", () => {
    expect(capiNamespace(project, settings)).toMatch(/^slipway-p[0-9a-z]{8}$/);
    expect(capiNamespace(project, { ...settings, namespacePrefix: "x-" })).toMatch(/^x-p[0-9a-z]{8}$/);
    expect(capiNamespace(spec.id, settings)).not.toBe(capiNamespace(project, settings));
  });
});

describe("the observation of a Cluster", () => {
  const full = { desiredReplicas: 2, replicas: 2, readyReplicas: 2, upToDateReplicas: 2 };
  const condition = (type: string, status: string, reason = "", message = "") => ({ type, status, reason, message });
  const well: CapiClusterStatus = {
    observedGeneration: 2,
    controlPlane: full,
    workers: full,
    conditions: [
      "Available",
      "TopologyReconciled",
      "InfrastructureReady",
      "ControlPlaneInitialized",
      "ControlPlaneAvailable",
    ].map((type) => condition(type, "True")),
  };
  const broken = (...changed: ReturnType<typeof condition>[]): CapiClusterStatus => ({
    ...well,
    conditions: [
      ...(well.conditions ?? []).filter(({ type }) => !changed.some((one) => one.type === type)),
      ...changed,
    ],
  });
  const seen = (status?: CapiClusterStatus, metadata: Partial<CapiCluster["metadata"]> = {}, created = false) => {
    const made = capiClusterOf(spec, settings, undefined, created);
    const object = { ...made, metadata: { ...made.metadata, resourceVersion: "7", generation: 2, ...metadata } };
    return capiObservationOf({ ...object, ...(status && { status }) });
  };

  type Row = [what: string, status: CapiClusterStatus | undefined, created: boolean, expected: string];
  test.each<Row>([
    ["without a status", undefined, false, "Create Pending 0"],
    ["of an older spec", { ...well, observedGeneration: 1 }, true, "Reconcile Pending 0"],
    ["with no infrastructure yet", { conditions: [condition("Available", "False")] }, false, "Create Processing 0"],
    [
      "half-way",
      { ...broken(condition("Available", "False")), workers: { ...full, readyReplicas: 1 } },
      false,
      "Create Processing 82",
    ],
    ["for the first time", well, false, "Create Succeeded 100"],
    ["later", well, true, "Reconcile Succeeded 100"],
    ["rolling out", { ...well, workers: { ...full, upToDateReplicas: 0 } }, true, "Reconcile Processing 74"],
    ["still removing old machines", { ...well, workers: { ...full, replicas: 3 } }, true, "Reconcile Processing 99"],
    ...["RemoteConnectionProbe", "InfrastructureReady", "ControlPlaneAvailable"].flatMap((type): Row[] => {
      const lost = [condition("Available", "False", "NotAvailable"), condition(type, "False", "", "lost")];
      const rolling = condition("RollingOut", "True", "", "rolling");
      const excused = type === "ControlPlaneAvailable" ? "Processing" : "Error";
      return [
        [`that has lost ${type}`, broken(...lost), true, "Reconcile Error 99"],
        [
          `without ${type} yet`,
          broken(...lost),
          false,
          `Create Processing ${type === "InfrastructureReady" ? 79 : 99}`,
        ],
        [`without ${type} in a rollout`, broken(...lost, rolling), true, `Reconcile ${excused} 99`],
      ];
    }),
    [
      "whose new machines have not joined",
      {
        ...broken(condition("Available", "False"), condition("WorkersAvailable", "False", "NotAvailable", "1 of 2")),
        workers: { ...full, readyReplicas: 1 },
      },
      true,
      "Reconcile Processing 86",
    ],
    [
      "not available during a rollout",
      broken(condition("Available", "False"), condition("RollingOut", "True", "", "rolling")),
      true,
      "Reconcile Processing 99",
    ],
    [
      "whose topology fails",
      broken(condition("TopologyReconciled", "False", "ReconcileFailed", "no such template")),
      false,
      "Create Error 99",
    ],
    [
      "whose class is not ready",
      broken(condition("TopologyReconciled", "False", "ClusterClassNotReconciled", "class")),
      false,
      "Create Error 99",
    ],
    [
      "whose upgrade waits",
      broken(condition("TopologyReconciled", "False", "ControlPlaneUpgradePending", "waits")),
      true,
      "Reconcile Processing 99",
    ],
  ])("%s", (_, status, created, expected) => {
    const one = seen(status, {}, created);
    expect(`${one?.type} ${one?.state} ${one?.progress}`).toBe(expected);
    expect(one?.lastErrors.length).toBe(one?.state === "Error" ? 1 : 0);
    expect(one?.description).not.toBe("");
  });

  test("in deletion counts the machines that are left of those that the spec wants", () => {
    const deletionTimestamp = "2026-01-01T00:00:00Z";
    const deleting = condition("Deleting", "True", "Deleting", "waiting for machines");
    const left = (controlPlane: CapiReplicas | undefined, workers: CapiReplicas | undefined): CapiClusterStatus => ({
      observedGeneration: 2,
      conditions: [deleting],
      ...(controlPlane && { controlPlane }),
      ...(workers && { workers }),
    });
    // The spec wants three for the control plane, one and two for the groups.
    const states: [CapiClusterStatus, number][] = [
      [left({ desiredReplicas: 3, replicas: 3 }, { desiredReplicas: 3, replicas: 3 }), 0],
      [left({ desiredReplicas: 3, replicas: 3 }, { desiredReplicas: 3, replicas: 1 }), 30],
      [left({ desiredReplicas: 3, replicas: 3 }, {}), 45],
      [left({ desiredReplicas: 3, replicas: 1 }, {}), 75],
      [left(undefined, undefined), 90],
    ];
    for (const [status, progress] of states) {
      expect(seen(status, { deletionTimestamp }, true)).toMatchObject({
        type: "Delete",
        state: "Processing",
        progress,
        description: "waiting for machines",
      });
    }
    const pending = { ...states[0]?.[0], conditions: [] };
    expect(seen(pending, { deletionTimestamp }, true)).toMatchObject({ type: "Delete", state: "Pending", progress: 0 });
    // The autoscaler may have made more.
    const many = left({ replicas: 3 }, { replicas: 9 });
    expect(seen(many, { deletionTimestamp }, true)).toMatchObject({ progress: 0 });
  });

  test("passes health on, but not what merely goes on; a fault comes with its message", () => {
    const probe = {
      ...condition("RemoteConnectionProbe", "False", "ProbeFailed", "lost"),
      lastTransitionTime: "2026-01-02T00:00:00Z",
    };
    const one = seen(
      broken(condition("Available", "False", "NotAvailable", "* summary"), condition("Paused", "False"), probe),
      {},
      true,
    );
    expect(one).toMatchObject({
      apiServerReady: "False",
      controlPlaneReady: "True",
      nodesReady: "Unknown",
      systemComponentsReady: "Unknown",
      seed: undefined,
      lastUpdateTime: "2026-01-02T00:00:00Z",
      lastErrors: [{ description: "lost", taskId: "RemoteConnectionProbe", codes: [] }],
    });
    expect(one?.conditions.map(({ type }) => type)).toContain("RemoteConnectionProbe");
    expect(one?.conditions.map(({ type }) => type)).not.toContain("Paused");
  });

  test("of a Cluster that is gone ends the deletion; of a foreign one is nothing", () => {
    const made = capiClusterOf(spec, settings, undefined, true);
    expect(capiObservationOf({ ...made, status: well }, true)).toMatchObject({
      gone: true,
      type: "Delete",
      state: "Succeeded",
      conditions: [],
    });
    expect(seen(well, { labels: {} })).toBeUndefined();
  });
});
