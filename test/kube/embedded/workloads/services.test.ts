import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasKubectl } from "../../../support/kubectl.js";
import { conditionOf, deployment, eventually, type Json, paths, podsOf, type Stage, startStage } from "./support.js";

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.close());

const deploy = (name: string, spec: Json = {}, template: Json = {}) =>
  stage.create(paths.deployments, deployment(name, spec, template));
const available = (name: string, replicas = 3) =>
  eventually(async () => {
    const { status } = await stage.get(`${paths.deployments}/${name}`);
    expect(status).toMatchObject({ availableReplicas: replicas, replicas });
  });

describe("a Service", () => {
  it("lists the pods that are ready", async () => {
    const ports = [{ name: "http", containerPort: 8080 }];
    await deploy("web", {}, { container: { ports } });
    const spec = { selector: { app: "web" }, ports: [{ name: "main", port: 80, targetPort: "http" }] };
    await stage.create(paths.services, { metadata: { name: "web" }, spec });
    const addresses = async () => {
      const slices = await stage.list(`${paths.slices}?labelSelector=kubernetes.io%2Fservice-name%3Dweb`);
      const endpoints = slices.flatMap((slice) => slice.endpoints);
      return endpoints.filter((one) => one.conditions.ready).map((one) => one.addresses[0]);
    };
    await available("web");
    const podIps = async () => (await podsOf(stage, "web")).map(({ status }) => status.podIP).sort();
    await eventually(async () => expect((await addresses()).sort()).toEqual(await podIps()));
    const [slice] = await stage.list(`${paths.slices}?labelSelector=kubernetes.io%2Fservice-name%3Dweb`);
    expect(slice.ports).toEqual([{ name: "main", port: 8080, protocol: "TCP" }]);
    expect((await stage.get(`${paths.services}/web`)).spec.clusterIP).toMatch(/^10\.97\./);
    await stage.patch(`${paths.deployments}/web/scale`, { spec: { replicas: 1 } });
    await eventually(async () => expect(await addresses()).toHaveLength(1));
    await stage.remove(`${paths.services}/web`);
    await eventually(async () => expect(await stage.list(paths.slices)).toEqual([]));
  });
});

describe("an Ingress", () => {
  it("has an address when its class is known", async () => {
    const ingress = (name: string, ingressClassName?: string) =>
      stage.create(paths.ingresses, {
        metadata: { name },
        spec: { ingressClassName, rules: [{ host: `${name}.example` }] },
      });
    await ingress("known", "nginx");
    await ingress("standard");
    await ingress("unknown", "traefik");
    const address = async (name: string) => (await stage.get(`${paths.ingresses}/${name}`)).status?.loadBalancer;
    await eventually(async () => {
      expect(await address("known")).toEqual({ ingress: [{ ip: expect.stringMatching(/^198\.51\.100\./) }] });
      expect(await address("standard")).toEqual(await address("known"));
    });
    expect(await address("unknown")).toBeUndefined();
  });
});

describe("a HorizontalPodAutoscaler", () => {
  it("follows the load between its bounds, down only after a while", async () => {
    await deploy("scaled", { replicas: 2 });
    await available("scaled", 2);
    const at = `${paths.autoscalers}/scaled`;
    const load = (percent: number) =>
      stage.patch(at, { metadata: { annotations: { "simulator.slipway.dev/load": String(percent) } } });
    await stage.create(paths.autoscalers, {
      metadata: { name: "scaled" },
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "scaled" },
        minReplicas: 2,
        maxReplicas: 6,
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } },
        ],
      },
    });
    await eventually(async () => {
      expect(conditionOf(await stage.get(at), "ScalingActive")).toMatchObject({ status: "False" });
    });
    await load(200);
    await available("scaled", 4);
    await eventually(async () => {
      expect((await stage.get(at)).status).toMatchObject({ currentReplicas: 4, desiredReplicas: 4 });
    });
    await load(5000);
    await available("scaled", 6);
    await eventually(async () => {
      expect(conditionOf(await stage.get(at), "ScalingLimited")).toMatchObject({
        status: "True",
        reason: "TooManyReplicas",
      });
    });
    await load(10);
    await eventually(async () => {
      expect(conditionOf(await stage.get(at), "AbleToScale")).toMatchObject({ reason: "ScaleDownStabilized" });
    });
    await available("scaled", 2);
  });
});

describe("a PodDisruptionBudget", () => {
  it("lets as many pods be evicted as it allows, and no more", async () => {
    await deploy("guarded", {}, { annotations: { "simulator.slipway.dev/ready-after": "60s" } });
    await available("guarded");
    const at = `${paths.budgets}/guarded`;
    const spec = { minAvailable: 2, selector: { matchLabels: { app: "guarded" } } };
    await stage.create(paths.budgets, { metadata: { name: "guarded" }, spec });
    await eventually(async () => {
      expect((await stage.get(at)).status).toMatchObject({
        currentHealthy: 3,
        desiredHealthy: 2,
        expectedPods: 3,
        disruptionsAllowed: 1,
      });
    });
    const names = (await podsOf(stage, "guarded")).map(({ metadata }) => metadata.name);
    const evict = (name: string) =>
      stage.send("POST", `${paths.pods}/${name}/eviction`, { body: { metadata: { name } } });
    const answers = await Promise.all(names.map(evict));
    expect(answers.map(({ code }) => code).sort()).toEqual([201, 429, 429]);
    expect(answers.find(({ code }) => code === 429)?.json).toMatchObject({
      reason: "TooManyRequests",
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: { causes: [{ reason: "DisruptionBudget" }] },
    });
    await available("guarded");
    await eventually(async () => expect((await stage.get(at)).status.disruptionsAllowed).toBe(1));
  });

  it.skipIf(!hasKubectl)("is respected by kubectl drain", async () => {
    const directory = await mkdtemp(join(tmpdir(), "drain-"));
    const kubeconfig = join(directory, "config");
    await writeFile(kubeconfig, stage.adminKubeconfig, { mode: 0o600 });
    await deploy("moved", { replicas: 6 });
    await available("moved", 6);
    const kubectl = (...args: string[]) => promisify(execFile)("kubectl", ["--kubeconfig", kubeconfig, ...args]);
    const { stdout } = await kubectl("drain", "node-1", "--ignore-daemonsets", "--force", "--timeout=60s");
    expect(stdout).toContain("node/node-1 drained");
    await available("moved", 6);
    const nodes = (await podsOf(stage, "moved")).map(({ spec }) => spec.nodeName);
    expect(nodes).not.toContain("node-1");
    const rollout = await kubectl("rollout", "status", "deployment/moved", "--timeout=60s");
    expect(rollout.stdout).toContain('deployment "moved" successfully rolled out');
    await rm(directory, { recursive: true });
  });
});
