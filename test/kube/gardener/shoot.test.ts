import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { DomainError } from "../../../src/errors.js";
import { KubeError, statusError } from "../../../src/kube/errors.js";
import { domainError } from "../../../src/resources/api/cluster/gardener-errors.js";
import { singleUserKubeconfig } from "../../../src/resources/api/cluster/gardener-kubeconfig.js";
import { type GardenerSettings, readGardenerSettings } from "../../../src/resources/api/cluster/gardener-settings.js";
import { gardenerProjectName, observationOf, shootOf } from "../../../src/resources/api/cluster/gardener-shoot.js";
import type { Shoot, ShootStatus } from "../../../src/resources/api/cluster/gardener-types.js";
import type { ClusterSpec } from "../../../src/resources/api/cluster/kube.js";

const spec: ClusterSpec = {
  id: "6f0c2f0e-7f0b-4f0e-9b39-0c8d2f1a0001",
  name: "demo",
  project: "6f0c2f0e-7f0b-4f0e-9b39-0c8d2f1a0002",
  tenant: "alice@github",
  partition: "eqx-mu4",
  kubernetesVersion: "1.32.4",
  workers: [
    { name: "default", machineType: "n1-medium-x86", minSize: 1, maxSize: 3, maxSurge: 0, maxUnavailable: 0 },
    { name: "large", machineType: "c1-large-x86", minSize: 2, maxSize: 2, maxSurge: 0, maxUnavailable: 1 },
  ],
  maintenance: {
    kubernetesAutoupdate: false,
    machineImageAutoupdate: true,
    begin: new Date("2024-02-29T23:30:15Z"),
    durationSeconds: 2 * 3600,
  },
};

/** A placeholder of the settings. */
const slot = (name: string) => `$\{${name}}`;

const settings: GardenerSettings = {
  region: "muc",
  cloudProfile: { name: "metal" },
  credentialsBinding: { name: "metal" },
  provider: {
    type: "metal",
    infrastructureConfig: {
      projectID: slot("project"),
      partitionID: slot("partition"),
      tags: [slot("name"), slot("other")],
      size: 3,
    },
  },
  networking: { type: "calico" },
  machineImage: { name: "debian" },
};

const shoot = (status?: ShootStatus, metadata: Partial<Shoot["metadata"]> = {}): Shoot => {
  const made = shootOf(spec, "garden-x", settings, undefined);
  return { ...made, metadata: { ...made.metadata, resourceVersion: "7", ...metadata }, ...(status && { status }) };
};

describe("the Shoot of a cluster", () => {
  test("carries what was asked for, and what the partition says", () => {
    expect(shootOf(spec, "garden-x", settings, undefined)).toEqual({
      metadata: {
        name: "demo",
        namespace: "garden-x",
        labels: {
          "slipway.dev/cluster": spec.id,
          "slipway.dev/project": spec.project,
          "slipway.dev/partition": "eqx-mu4",
        },
        annotations: { "slipway.dev/tenant": "alice@github" },
      },
      spec: {
        cloudProfile: { kind: "CloudProfile", name: "metal" },
        credentialsBindingName: "metal",
        region: "muc",
        kubernetes: { version: "1.32.4" },
        networking: { type: "calico" },
        maintenance: {
          autoUpdate: { kubernetesVersion: false, machineImageVersion: true },
          timeWindow: { begin: "233015+0000", end: "013015+0000" },
        },
        provider: {
          type: "metal",
          infrastructureConfig: {
            projectID: spec.project,
            partitionID: "eqx-mu4",
            tags: ["demo", slot("other")],
            size: 3,
          },
          workers: [
            { name: "default", machine: { type: "n1-medium-x86", image: { name: "debian" } }, minimum: 1, maximum: 3 },
            {
              name: "large",
              machine: { type: "c1-large-x86", image: { name: "debian" } },
              minimum: 2,
              maximum: 2,
              maxSurge: 0,
              maxUnavailable: 1,
            },
          ],
        },
      },
    });
  });

  test.each([
    ["1.32.4", "1.32.4", "1.32.4"],
    ["1.32.4", "1.32.11", "1.32.11"],
    ["1.33.0", "1.32.11", "1.33.0"],
    ["1.9.9", "1.10.0", "1.10.0"],
  ])("asked for %s where %s runs, gets %s", (wanted, running, result) => {
    const current = shootOf({ ...spec, kubernetesVersion: running }, "garden-x", settings, undefined);
    current.metadata.uid = "u1";
    const made = shootOf({ ...spec, kubernetesVersion: wanted }, "garden-x", settings, current);
    expect(made.spec.kubernetes.version).toBe(result);
    expect(made.metadata.uid).toBe("u1");
  });

  test("has a project name that leaves room for 12 characters, always the same and never that of another", () => {
    const names = new Map<string, string>();
    fc.assert(
      fc.property(fc.uuid(), (project) => {
        const name = gardenerProjectName(project);
        expect(name).toMatch(/^p[0-9a-z]{8}$/);
        expect(gardenerProjectName(project)).toBe(name);
        expect(names.get(name) ?? project).toBe(project);
        names.set(name, project);
      }),
    );
  });
});

describe("the observation of a Shoot", () => {
  const last = (type: string, state: string, progress = 50) => ({ type, state, progress, description: "text" });

  test("without a status is a pending creation", () => {
    expect(observationOf(shoot())).toMatchObject({
      id: spec.id,
      gone: false,
      version: "7",
      type: "Create",
      state: "Pending",
      progress: 0,
      apiServerReady: "Unknown",
      conditions: [],
      lastErrors: [],
    });
  });

  test.each([
    ["Create", "Processing", {}, "Create", "Processing"],
    ["Migrate", "Processing", {}, "Reconcile", "Processing"],
    ["Restore", "Error", {}, "Reconcile", "Error"],
    ["Delete", "Processing", { deletionTimestamp: "x" }, "Delete", "Processing"],
    ["Create", "Succeeded", { deletionTimestamp: "x" }, "Delete", "Pending"],
    // Work may remain until the last finalizer has gone.
    ["Delete", "Succeeded", { deletionTimestamp: "x" }, "Delete", "Processing"],
    // What the status says is about an older spec.
    ["Create", "Succeeded", { generation: 3 }, "Reconcile", "Pending"],
    ["Create", "Failed", { generation: 3 }, "Create", "Pending"],
    ["Reconcile", "Succeeded", { generation: 3 }, "Reconcile", "Pending"],
    ["Reconcile", "Processing", { generation: 3 }, "Reconcile", "Processing"],
    ["Reconcile", "Succeeded", { generation: 2 }, "Reconcile", "Succeeded"],
  ])("%s %s with %j is %s %s", (type, state, metadata, expectedType, expectedState) => {
    const seen = observationOf(shoot({ observedGeneration: 2, lastOperation: last(type, state) }, metadata));
    expect([seen?.type, seen?.state]).toEqual([expectedType, expectedState]);
  });

  test("carries errors and conditions", () => {
    const seen = observationOf(
      shoot({
        lastOperation: { ...last("Create", "Error", 42.6), lastUpdateTime: "2026-01-01T00:00:00Z" },
        lastErrors: [{ description: "no machines", taskID: "workers", codes: ["ERR_INFRA_RESOURCES_DEPLETED"] }, {}],
        conditions: [{ type: "APIServerAvailable", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }],
      }),
    );
    expect(seen).toMatchObject({
      progress: 43,
      lastUpdateTime: "2026-01-01T00:00:00Z",
      apiServerReady: "True",
      nodesReady: "Unknown",
      lastErrors: [
        { description: "no machines", taskId: "workers", codes: ["ERR_INFRA_RESOURCES_DEPLETED"] },
        { description: "", codes: [] },
      ],
      conditions: [{ type: "APIServerAvailable", status: "True", reason: "", message: "" }],
    });
  });

  test("of a Shoot that is gone ends the deletion; of a foreign one is nothing", () => {
    const seen = observationOf(shoot({ lastOperation: last("Delete", "Processing") }), true);
    expect(seen).toMatchObject({ gone: true, type: "Delete", state: "Succeeded", progress: 100 });
    expect(observationOf(shoot(undefined, { labels: {} }))).toBeUndefined();
  });
});

describe("the kubeconfig", () => {
  const entry = (name: string) => ({
    cluster: { name, cluster: { server: `https://${name}` } },
    user: { name, user: { "client-certificate-data": `cert-${name}`, "client-key-data": `key-${name}`, token: "no" } },
    context: { name, context: { cluster: name, user: name } },
  });
  const config = (current: string, ...names: string[]) =>
    stringify({
      clusters: names.map((name) => entry(name).cluster),
      users: names.map((name) => entry(name).user),
      contexts: names.map((name) => entry(name).context),
      "current-context": current,
    });

  test.each([
    ["the external one of several", config("x-internal", "x-internal", "x-external"), "x-external"],
    ["the current one", config("b", "a", "b"), "b"],
  ])("has one entry of each kind: %s", (_, text, chosen) => {
    const result = singleUserKubeconfig(text, "pabc", "demo");
    expect(result).toBe(
      stringify({
        apiVersion: "v1",
        kind: "Config",
        "current-context": "pabc--demo-external",
        clusters: [{ name: "shoot--pabc--demo-external", cluster: { server: `https://${chosen}` } }],
        contexts: [
          {
            name: "pabc--demo-external",
            context: { cluster: "shoot--pabc--demo-external", user: "pabc--demo-external" },
          },
        ],
        users: [
          {
            name: "pabc--demo-external",
            user: { "client-certificate-data": `cert-${chosen}`, "client-key-data": `key-${chosen}` },
          },
        ],
      }),
    );
  });

  test.each(["", "{", "users: []", "a: [s3cret", config("none", "a")])("that is of no use is refused: %j", (text) => {
    expect(() => singleUserKubeconfig(text, "p", "n")).toThrow(DomainError);
    expect(() => singleUserKubeconfig(text, "p", "n")).not.toThrow(/s3cret/);
  });
});

describe("settings", () => {
  test("that are right are taken as they are", () => {
    expect(readGardenerSettings(settings, "x")).toBe(settings);
  });

  test("that are wrong are told all at once", () => {
    const wrong = {
      region: 7,
      cloudProfile: {},
      credentialsBinding: { name: "a", credentials: { name: "b" } },
      provider: { type: "metal", infrastructureConfig: "text" },
      machineImage: { name: "debian", version: 13 },
      zones: ["a", 1],
      colour: "blue",
    };
    expect(() => readGardenerSettings(wrong, "partitions.muc")).toThrow(
      [
        "partitions.muc.colour is not known",
        "partitions.muc.region must be a text",
        "partitions.muc.cloudProfile.name must be a text",
        "partitions.muc.provider.infrastructureConfig must be an object",
        "partitions.muc.machineImage.version must be a text, in quotes",
        "partitions.muc.zones must be a list of texts",
        "partitions.muc.credentialsBinding.credentials.namespace must be a text",
      ].join("; "),
    );
    expect(() => readGardenerSettings(undefined, "partitions.muc")).toThrow("partitions.muc must be an object");
  });
});

describe("errors of Gardener", () => {
  const status = (code: number, body: unknown = {}) => statusError(code, JSON.stringify(body), 2000);
  const forbidden = (message: string) => status(403, { kind: "Status", reason: "Forbidden", message });

  test.each([
    [new KubeError("unreachable", "x"), "unavailable"],
    [new KubeError("timeout", "x"), "unavailable"],
    [status(429), "unavailable"],
    [status(500), "unavailable"],
    [status(401), "unavailable"],
    [status(403), "unavailable"],
    [forbidden('shoots "x" is forbidden: User "slipway" cannot create resource "shoots"'), "unavailable"],
    [forbidden('shoots "x" is forbidden: the quota of the project is used up'), "precondition"],
    [status(404), "missing"],
    [status(409), "conflict"],
    [status(422), "precondition"],
  ])("%s is %s", (error, kind) => {
    expect(domainError(error)).toMatchObject({ kind, cause: error });
  });

  test("say which field is wrong, how long to wait, and leave others alone", () => {
    const body = { kind: "Status", details: { causes: [{ field: "spec.region", message: "is immutable" }] } };
    expect(domainError(status(422, body))).toMatchObject({
      message: "the cluster backend refuses this: spec.region: is immutable",
    });
    expect(domainError(status(429))).toMatchObject({ retryAfterMs: 2000 });
    const other = new Error("other");
    expect(domainError(other)).toBe(other);
  });
});
