import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect, vi } from "vitest";
import { ConfigService } from "../../../../gen/ts/deploy/v1/config_pb.js";
import {
  type Deployment,
  DeploymentService,
  type DeploymentServiceCreateRequestSchema,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { NamespaceState } from "../../../../gen/ts/deploy/v1/namespace_pb.js";
import { ReleaseService } from "../../../../gen/ts/deploy/v1/release_pb.js";
import { type Task, TaskService, TaskState } from "../../../../gen/ts/deploy/v1/task_pb.js";
import type { KubeObject as StoredObject } from "../../../../src/kube/embedded/types.js";
import { startDemoRegistry } from "../../../../src/registry/demo/server.js";
import { deploymentStore } from "../../../../src/resources/deploy/deployment/store.js";
import type { DeploymentRow } from "../../../../src/resources/deploy/task/work.js";
import {
  as,
  startPlatform,
  type TestKube,
  type TestPlatform,
  type TestPlatformOptions,
  type TestTenant,
} from "../../../support/platform.js";
import { environmentsOf } from "../environment/environments.js";
import { namespacesOf, newNamespace } from "../namespace/namespaces.js";
import { targetsOf } from "../target/targets.js";

type Plain<Init> = Exclude<Init, { $typeName: string }>;
export type Order = Plain<MessageInitShape<typeof DeploymentServiceCreateRequestSchema>>;

/** A target with a namespace in which deployments can be made. */
export interface Home {
  readonly target: string;
  readonly namespace: string;
  /** Name of the Namespace. */
  readonly name: string;
}

const ended = new Set([TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELED, TaskState.EXPIRED]);
let made = 0;

/** A platform with a registry, whose own Kubernetes plays workloads and can be a target. */
export async function openSite(options: TestPlatformOptions = {}) {
  const registry = await startDemoRegistry();
  const env = { SLIPWAY_REGISTRY_MIRRORS: `*=${registry.url}`, ...options.env };
  const platform = await startPlatform({ hostWorkloads: true, ...options, env });
  const close = async (): Promise<void> => {
    await platform.close();
    await registry.close();
  };
  return { platform, close };
}

/** Deployments of a tenant's project, called for by its owner. */
export async function deploymentsOf(platform: TestPlatform, tenant: TestTenant) {
  const { project, tokens } = tenant;
  const owner = as(tokens.owner);
  const environment = (await environmentsOf(platform, tenant).create()).uuid;
  const client = platform.client(DeploymentService);
  const tasks = platform.client(TaskService);
  const get = async (deployment: string): Promise<Deployment> =>
    demand((await client.get({ project, deployment }, owner)).deployment);
  const end = async (task: Task | undefined): Promise<Task> => {
    const read = async () => demand((await tasks.get({ project, uuid: task?.uuid ?? "" }, owner)).task);
    await expect.poll(async () => ended.has((await read()).state), { timeout: 60_000, interval: 20 }).toBe(true);
    return await read();
  };
  return {
    project,
    owner,
    environment,
    client,
    tasks,
    releases: platform.client(ReleaseService),
    configs: platform.client(ConfigService),
    get,
    end,
    /** Waits for the end of a task that is to go well. */
    async done(task: Task | undefined): Promise<Task> {
      const result = await end(task);
      expect(
        result,
        `${result.message} ${JSON.stringify(result.steps.map(({ name, message }) => [name, message]))}`,
      ).toMatchObject({ state: TaskState.SUCCEEDED });
      return result;
    },
    /** Makes a deployment of an image that runs, and does not wait for it. */
    async create({ target, namespace }: Home, order: Partial<Order> = {}) {
      const { deployment, task } = await client.create(
        { project, environment, target, namespace, name: `app-${++made}`, source: image("shop:1"), ...order },
        owner,
      );
      return { ...demand(deployment), task };
    },
    row: async (id: string): Promise<DeploymentRow> =>
      demand((await deploymentStore.byIds(platform.platform.db, [id]))[0]),
    until: (uuid: string, fits: Partial<Deployment>) =>
      expect.poll(() => get(uuid), { timeout: 60_000, interval: 20 }).toMatchObject(fits),
    log: async (task: Task | undefined): Promise<string[]> =>
      (await tasks.get({ project, uuid: task?.uuid ?? "" }, owner)).log.map(({ text }) => text),
  };
}

/** Makes a foreign target of a kubeconfig, and a namespace there. */
export async function homeOn(platform: TestPlatform, tenant: TestTenant, kubeconfig: string): Promise<Home> {
  const target = (await targetsOf(platform, tenant).foreign(kubeconfig)).uuid;
  await targetsOf(platform, tenant).connected(target);
  const name = newNamespace();
  const namespaces = namespacesOf(platform, tenant);
  const { uuid } = await namespaces.create({ target, name });
  await vi.waitFor(async () => expect(await namespaces.get(uuid)).toMatchObject({ state: NamespaceState.ACTIVE }), {
    timeout: 30_000,
    interval: 20,
  });
  return { target, namespace: uuid, name };
}

/** An image of the registry. */
export const image = (reference: string) =>
  ({ source: { case: "image", value: { image: `registry.example/${reference}` } } }) as const;

/** A chart of the registry. */
export const chart = (name: string, more: object = {}) =>
  ({ source: { case: "chart", value: { repository: "https://charts.example", name, ...more } } }) as const;

const kinds = [
  { group: "apps", resource: "deployments" },
  { group: "apps", resource: "statefulsets" },
  { group: "", resource: "services" },
  { group: "", resource: "secrets" },
  { group: "", resource: "configmaps" },
  { group: "batch", resource: "jobs" },
  { group: "batch", resource: "cronjobs" },
  { group: "autoscaling", resource: "horizontalpodautoscalers" },
  { group: "networking.k8s.io", resource: "ingresses" },
  { group: "helm.toolkit.fluxcd.io", resource: "helmreleases" },
  { group: "source.toolkit.fluxcd.io", resource: "helmrepositories" },
  { group: "source.toolkit.fluxcd.io", resource: "ocirepositories" },
  { group: "argoproj.io", resource: "applications" },
] as const;

/** What a cluster has of a deployment that Slipway made, as "resource/name". */
export function objectsOf({ embedded }: Pick<TestKube, "embedded">, deployment: string): string[] {
  const labelSelector = `slipway.dev/deployment=${deployment},app.kubernetes.io/managed-by=slipway`;
  return kinds
    .flatMap((kind) =>
      embedded.store.list(kind, { labelSelector }).map(({ metadata }) => `${kind.resource}/${metadata.name}`),
    )
    .sort();
}

/** The Pods of a deployment. */
export function podsOf(
  { embedded }: Pick<TestKube, "embedded">,
  objectName: string,
  namespace: string,
): StoredObject[] {
  const labelSelector = `app.kubernetes.io/instance=${objectName}`;
  return embedded.store.list({ group: "", resource: "pods" }, { namespace, labelSelector });
}

/** The inventory of a deployment in the same words as `objectsOf`. */
export const inventoryOf = ({ inventory }: DeploymentRow): string[] =>
  inventory.map(({ plural, name }) => `${plural}/${name}`).sort();

export function demand<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("nothing was answered");
  return value;
}

const claims = { group: "", resource: "persistentvolumeclaims" } as const;

/** Gives each PersistentVolumeClaim of a cluster a volume, as a storage class would. */
export function bindClaims({ embedded: { store } }: Pick<TestKube, "embedded">): void {
  store.watch(claims, ({ type, object: { metadata } }) => {
    if (type !== "ADDED") return;
    void store.patchStatus({ ...claims, namespace: metadata.namespace, name: metadata.name }, (draft) => {
      draft.status = { phase: "Bound" };
    });
  });
}

/** The PersistentVolumeClaims of a deployment. */
export const claimsOf = ({ embedded }: Pick<TestKube, "embedded">, deployment: string): StoredObject[] =>
  embedded.store.list(claims, { labelSelector: `slipway.dev/deployment=${deployment}` });
