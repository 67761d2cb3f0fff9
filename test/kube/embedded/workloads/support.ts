import { PassThrough } from "node:stream";
import { Exec, KubeConfig, type V1Status } from "@kubernetes/client-node";
import { expect, vi } from "vitest";
import type { EmbeddedKubeOptions } from "../../../../src/kube/embedded/embedded-kube.js";
import type { Engine } from "../../../../src/kube/embedded/workloads/engines/definitions.js";
import {
  startWorkloads,
  type Workloads,
  workloadExtension,
} from "../../../../src/kube/embedded/workloads/workloads.js";
import { startKube, type TestKube } from "../support.js";

// biome-ignore lint/suspicious/noExplicitAny: tests look into objects of any kind.
export type Json = any;

/** Where the objects of a kind are, in the namespace "default". */
export const paths = {
  nodes: "/api/v1/nodes",
  pods: "/api/v1/namespaces/default/pods",
  events: "/api/v1/namespaces/default/events",
  configMaps: "/api/v1/namespaces/default/configmaps",
  secrets: "/api/v1/namespaces/default/secrets",
  services: "/api/v1/namespaces/default/services",
  claims: "/api/v1/namespaces/default/persistentvolumeclaims",
  quotas: "/api/v1/namespaces/default/resourcequotas",
  deployments: "/apis/apps/v1/namespaces/default/deployments",
  replicaSets: "/apis/apps/v1/namespaces/default/replicasets",
  statefulSets: "/apis/apps/v1/namespaces/default/statefulsets",
  daemonSets: "/apis/apps/v1/namespaces/default/daemonsets",
  jobs: "/apis/batch/v1/namespaces/default/jobs",
  cronJobs: "/apis/batch/v1/namespaces/default/cronjobs",
  autoscalers: "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
  budgets: "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
  slices: "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
  ingresses: "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
} as const;

/** A server whose management cluster has nodes, and workloads that are played. */
export interface Stage extends Pick<TestKube, "send" | "open" | "store" | "url" | "adminKubeconfig"> {
  readonly workloads: Workloads;
  create(path: string, body: object): Promise<Json>;
  get(path: string): Promise<Json>;
  list(path: string): Promise<Json[]>;
  patch(path: string, body: object): Promise<Json>;
  remove(path: string): Promise<number>;
  /** The answer to a command in a pod. */
  run(pod: string, command: string[], input?: string): Promise<{ code: number; out: string; err: string }>;
  close(): Promise<void>;
}

/** Starts a stage; 200 times faster than by default, with 3 nodes. */
export async function startStage(
  options: {
    nodes?: number;
    timeScale?: number;
    clock?: () => Date;
    engines?: readonly Engine[];
  } & EmbeddedKubeOptions = {},
): Promise<Stage> {
  const { nodes = 3, timeScale = 200, clock = () => new Date(), engines, ...server } = options;
  const kube = await startKube({ extensions: [workloadExtension], ...server });
  const log = { error: (fields: object) => console.error(fields), warn: () => undefined };
  for (let index = 0; index < nodes; index += 1) {
    const name = `node-${index}`;
    if (kube.store.get({ group: "", resource: "nodes", name }) === undefined) await putNode(kube, name);
  }
  const workloads = startWorkloads(kube.store, { clock, timeScale, log, ...(engines && { engines }) });
  const expectCode = async (method: string, path: string, body: object | undefined, codes: number[], type?: string) => {
    const answer = await kube.send(method, path, { body, ...(type === undefined ? {} : { type }) });
    expect(codes, answer.text).toContain(answer.code);
    return answer.json;
  };
  return {
    ...kube,
    workloads,
    create: (path, body) => expectCode("POST", path, body, [201]),
    get: (path) => expectCode("GET", path, undefined, [200]),
    list: async (path) => (await expectCode("GET", path, undefined, [200])).items,
    patch: (path, body) => expectCode("PATCH", path, body, [200], "application/merge-patch+json"),
    remove: async (path) => (await kube.send("DELETE", path)).code,
    run: (pod, command, input) => run(kube.adminKubeconfig, pod, command, input),
    async close() {
      await workloads.stop();
      await kube.close();
    },
  };
}

export async function putNode(kube: Pick<TestKube, "store">, name: string, allocatable: object = {}): Promise<void> {
  const room = { cpu: "64", memory: "256Gi", pods: "250", ...allocatable };
  await kube.store.create(
    { group: "", resource: "nodes" },
    {
      metadata: { name, labels: { "kubernetes.io/hostname": name } },
      status: { allocatable: room, capacity: room, conditions: [{ type: "Ready", status: "True" }] },
    },
  );
}

async function run(kubeconfig: string, pod: string, command: string[], input?: string) {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const stdin = input === undefined ? null : new PassThrough().end(input);
  const status = await new Promise<V1Status>((resolve, reject) => {
    new Exec(config).exec("default", pod, "", command, stdout, stderr, stdin, false, resolve).catch(reject);
  });
  const cause = status.details?.causes?.find(({ reason }) => reason === "ExitCode");
  const code = status.status === "Success" ? 0 : Number(cause?.message ?? Number.NaN);
  return { code, out: String(stdout.read() ?? ""), err: String(stderr.read() ?? "") };
}

/** Waits until a check no longer throws. */
export const eventually = <R>(check: () => Promise<R>) => vi.waitFor(check, { timeout: 30_000, interval: 20 });

/** A Deployment of a template with one container. */
export function deployment(name: string, spec: Json = {}, template: Json = {}): object {
  const { annotations, image = "registry.example/web:1", container = {}, ...podSpec } = template;
  return {
    metadata: { name },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: name } },
      ...spec,
      template: {
        metadata: { labels: { app: name }, ...(annotations && { annotations }) },
        spec: { containers: [{ name: "web", image, ...container }], ...podSpec },
      },
    },
  };
}

/** The condition of a type. */
export function conditionOf(object: Json, type: string): Json {
  return object.status?.conditions?.find((one: Json) => one.type === type);
}

/** The pods that carry a label app. */
export async function podsOf(stage: Stage, app: string): Promise<Json[]> {
  return await stage.list(`${paths.pods}?labelSelector=app%3D${app}`);
}
