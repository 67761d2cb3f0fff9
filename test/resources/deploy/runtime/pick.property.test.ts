import fc from "fast-check";
import { expect, test } from "vitest";
import { apiVersionOf, type KubeObject, type ResourceType } from "../../../../src/kube/objects.js";
import { judged } from "../../../../src/resources/deploy/engine/inspect.js";
import {
  applications,
  autoscalers,
  cronJobs,
  helmReleases,
  jobs,
  persistentVolumeClaims,
  pods,
  services,
  statefulSets,
  workloadDeployments,
} from "../../../../src/resources/deploy/engine/kinds.js";
import type { LiveObject } from "../../../../src/resources/deploy/engine/standing-facts.js";
import { picker } from "../../../../src/resources/deploy/runtime/pick.js";

const things: ResourceType = { group: "example.org", version: "v1", plural: "things", kind: "Thing" };
const type = fc.constantFrom(
  ...[applications, autoscalers, cronJobs, helmReleases, jobs, persistentVolumeClaims, services, statefulSets],
  ...[workloadDeployments, things],
);
const count = fc.integer({ min: 0, max: 3 });
const word = fc.constantFrom(
  "",
  "Failed",
  "Error",
  "Synced",
  "Healthy",
  "Degraded",
  "Bound",
  "Lost",
  "deployed",
  "a-1",
);
const truth = fc.constantFrom("True", "False", "Unknown");
const condition = fc.record(
  {
    type: fc.constantFrom(
      "Ready",
      "Progressing",
      "Stalled",
      "Released",
      "Complete",
      "Failed",
      "AbleToScale",
      "Available",
    ),
    status: truth,
    reason: fc.constantFrom("NewReplicaSetAvailable", "ProgressDeadlineExceeded", "InstallFailed", "x"),
    message: fc.string({ maxLength: 20 }),
    observedGeneration: count,
    lastTransitionTime: fc.constant("2026-01-01T00:00:00Z"),
  },
  { requiredKeys: ["type", "status"] },
);
const source = fc.record({ chart: word, helm: fc.record({ values: fc.string({ maxLength: 5 }) }) });
const template = fc.constantFrom({}, { metadata: { labels: { "slipway.dev/release": "2" } } });
const spec = fc.record(
  { replicas: count, suspend: fc.boolean(), type: fc.constantFrom("ClusterIP", "LoadBalancer"), source, template },
  { requiredKeys: [] },
);
const status = fc.record(
  {
    observedGeneration: count,
    replicas: count,
    updatedReplicas: count,
    readyReplicas: count,
    availableReplicas: count,
    updateRevision: word,
    currentRevision: word,
    phase: word,
    conditions: fc.array(condition, { maxLength: 3 }),
    history: fc.array(fc.record({ status: word, chartVersion: word }), { maxLength: 3 }),
    sync: fc.record({ status: word, comparedTo: fc.record({ source }) }),
    health: fc.record({ status: word, message: word }),
    operationState: fc.record({
      phase: word,
      message: word,
      syncResult: fc.record({ source, resources: fc.array(word) }),
    }),
    loadBalancer: fc.record({ ingress: fc.array(fc.record({ ip: word }), { maxLength: 1 }) }),
  },
  { requiredKeys: [] },
);
const metadata = fc.record(
  {
    name: fc.constant("web"),
    generation: count,
    deletionTimestamp: fc.constant("2026-01-01T00:00:00Z"),
    labels: fc.constantFrom({}, { "slipway.dev/process": "web", "slipway.dev/variant": "active", other: "label" }),
    managedFields: fc.constant([{ manager: "kubectl" }]),
  },
  { requiredKeys: ["name"] },
);
const container = fc.record({
  name: fc.constant("web"),
  image: word,
  ready: fc.boolean(),
  state: fc.constantFrom(
    { waiting: { reason: "CrashLoopBackOff", message: "back-off" } },
    { waiting: { reason: "ContainerCreating" } },
    { running: { startedAt: "2026-01-01T00:00:00Z" } },
    { terminated: { exitCode: 1, reason: "Error" } },
  ),
  lastState: fc.constantFrom({}, { terminated: { exitCode: 137, reason: "OOMKilled" } }),
});
const pod = fc.record({
  metadata: fc.record({
    name: fc.constant("web-1"),
    labels: fc.constantFrom(
      {},
      { "slipway.dev/process": "web", "slipway.dev/variant": "active", "slipway.dev/release": "2" },
    ),
  }),
  spec: fc.constant({ containers: [{ name: "web", image: "web" }] }),
  status: fc.record({
    phase: fc.constantFrom("Pending", "Running", "Succeeded", "Failed"),
    conditions: fc.array(condition, { maxLength: 2 }),
    containerStatuses: fc.array(container, { maxLength: 2 }),
  }),
});

const pick = (of: ResourceType, object: object): LiveObject => {
  const picked = picker(of)(object as KubeObject);
  if (picked === undefined) throw new Error("nothing was picked");
  return picked;
};

test("what is picked of objects tells as much of how they are as the whole of them", () => {
  fc.assert(
    fc.property(type, fc.record({ metadata, spec, status }), fc.array(pod, { maxLength: 2 }), (of, object, some) => {
      const whole = { ...object, apiVersion: apiVersionOf(of), kind: of.kind } as LiveObject;
      const seen = (one: LiveObject) => [{ type: of, name: "web", object: one }];
      const told = judged(seen(whole), some as LiveObject[]);
      expect(
        judged(
          seen(pick(of, object)),
          some.map((one) => pick(pods, one)),
        ),
      ).toEqual(told);
    }),
    { numRuns: 1_000 },
  );
});

test("whatever an object is, little of it is picked, and nothing fails", () => {
  const wild = fc.oneof(
    fc.anything(),
    fc.record({ metadata: fc.anything(), spec: fc.anything(), status: fc.anything() }),
  );
  fc.assert(
    fc.property(type, wild, (of, object) => {
      picker(of)(object as KubeObject);
    }),
  );
  const large = Object.fromEntries(Array.from({ length: 1_000 }, (_, key) => [`key-${key}`, "x".repeat(10_000)]));
  const picked = pick(things, {
    metadata: { name: "a", labels: large, annotations: large },
    spec: large,
    status: large,
  });
  expect(JSON.stringify(picked).length).toBeLessThan(100_000);
});
