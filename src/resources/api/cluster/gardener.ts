import type { Logger } from "pino";
import { DomainError } from "../../../errors.js";
import { type KubeClient, openKube } from "../../../kube/client.js";
import { unprocessable } from "../../../kube/errors.js";
import { type Secret, secrets } from "../../../kube/objects.js";
import {
  annotateObject,
  applyObject,
  getObject,
  grantedSeconds,
  isOf,
  removeObject,
  requireUsable,
} from "./backend-objects.js";
import { followObjects } from "./follow-objects.js";
import { translated } from "./gardener-errors.js";
import { singleUserKubeconfig } from "./gardener-kubeconfig.js";
import { machinesOf } from "./gardener-machines.js";
import { applyCredentials, ensureNamespace, namespaceOf } from "./gardener-project.js";
import type { GardenerSettings } from "./gardener-settings.js";
import { gardenerProjectName, observationOf, shootOf } from "./gardener-shoot.js";
import { keys, type Shoot, shoots } from "./gardener-types.js";
import type { ClusterBackend, ClusterMonitoring, ClusterOperation, ClusterRef, ClusterSpec } from "./kube.js";

/** What the adapter works with. */
export interface GardenerOptions {
  /** A client for the API server of the virtual garden. */
  readonly client: KubeClient;
  readonly partition: string;
  readonly settings: GardenerSettings;
  readonly log: Logger;
  /** How long to wait for the namespace of a new project, in milliseconds; 10 000 unless given. */
  readonly projectWaitMs?: number;
  /** See FollowOptions; for tests. */
  readonly watchdogMs?: number;
}

type KubeconfigKind = "AdminKubeconfigRequest" | "ViewerKubeconfigRequest";

/** Makes the clusters of one partition as Gardener Shoots. */
export function gardenerBackend(options: GardenerOptions): ClusterBackend {
  const { client, partition, log, watchdogMs } = options;
  return {
    apply: (spec, signal) => translated(() => apply(options, spec, signal)),
    operate: (ref, operation, signal) => translated(() => operate(client, ref, operation, signal)),
    remove: (ref, signal) => translated(() => remove(client, ref, signal)),
    observe: (ref, signal) =>
      translated(async () => {
        const shoot = await find(client, ref, signal);
        return shoot && observationOf(shoot);
      }),
    kubeconfig: (ref, seconds, signal) =>
      translated(() => kubeconfig(client, ref, "AdminKubeconfigRequest", seconds, signal)),
    monitoring: (ref, signal) => translated(() => monitoring(client, ref, signal)),
    machines: (ref, signal) => translated(() => machines(options, ref, signal)),
    follow: (handlers, signal) =>
      followObjects({ client, partition, type: shoots, observationOf, log, watchdogMs }, handlers, signal),
  };
}

async function operate(client: KubeClient, ref: ClusterRef, operation: ClusterOperation, signal: AbortSignal) {
  const shoot = await required(client, ref, signal);
  // Gardener would drop the annotation without a word.
  if (operation === "retry" && shoot.status?.lastOperation?.state !== "Failed") {
    throw new DomainError("precondition", "only a cluster whose last operation has failed can be retried");
  }
  await annotateObject(client, shoots, shoot, [keys.operation, operation], signal);
}

async function apply(options: GardenerOptions, spec: ClusterSpec, signal: AbortSignal): Promise<string> {
  const { client, settings, projectWaitMs = 10_000 } = options;
  const namespace = await ensureNamespace(client, spec, projectWaitMs, signal);
  await applyCredentials(client, namespace, settings, signal);
  const current = await getObject<Shoot>(client, shoots, { namespace, name: spec.name }, signal);
  requireUsable(current, spec);
  return await applyObject(client, shoots, shootOf(spec, namespace, settings, current), signal);
}

function remove(client: KubeClient, ref: ClusterRef, signal: AbortSignal): Promise<"removing" | "gone"> {
  const confirm = (shoot: Shoot) => annotateObject(client, shoots, shoot, [keys.confirmDeletion, "true"], signal);
  return removeObject(client, shoots, () => find(client, ref, signal), signal, confirm);
}

/** The Shoot of this very cluster; undefined when there is none, or only one of the same name. */
async function find(client: KubeClient, ref: ClusterRef, signal: AbortSignal): Promise<Shoot | undefined> {
  const namespace = await namespaceOf(client, ref.project, signal);
  if (namespace === undefined) return undefined;
  const shoot = await getObject<Shoot>(client, shoots, { namespace, name: ref.name }, signal);
  return shoot !== undefined && isOf(shoot, ref) ? shoot : undefined;
}

async function required(client: KubeClient, ref: ClusterRef, signal: AbortSignal): Promise<Shoot> {
  const shoot = await find(client, ref, signal);
  if (shoot === undefined) throw new DomainError("missing", `cluster ${ref.name} does not exist at its backend yet`);
  return shoot;
}

async function kubeconfig(
  client: KubeClient,
  ref: ClusterRef,
  kind: KubeconfigKind,
  expirationSeconds: number,
  signal: AbortSignal,
): Promise<string> {
  const shoot = await find(client, ref, signal);
  if (shoot === undefined) throw new DomainError("precondition", `cluster ${ref.name} is not created yet`);
  const body = {
    apiVersion: "authentication.gardener.cloud/v1alpha1",
    kind,
    spec: { expirationSeconds: grantedSeconds(expirationSeconds) },
  };
  const path = kind === "AdminKubeconfigRequest" ? "adminkubeconfig" : "viewerkubeconfig";
  try {
    const answer = await client.createSubresource<{ status?: { kubeconfig?: string } }>(
      shoots,
      shoot.metadata,
      path,
      body,
      { signal },
    );
    const text = Buffer.from(answer.status?.kubeconfig ?? "", "base64").toString("utf8");
    return singleUserKubeconfig(text, gardenerProjectName(ref.project), ref.name);
  } catch (error) {
    if (!unprocessable(error)) throw error;
    throw new DomainError("precondition", `cluster ${ref.name} has no API server yet`, { cause: error });
  }
}

async function monitoring(
  client: KubeClient,
  ref: ClusterRef,
  signal: AbortSignal,
): Promise<ClusterMonitoring | undefined> {
  const shoot = await find(client, ref, signal);
  if (shoot === undefined) return undefined;
  const place = { name: `${ref.name}.monitoring`, namespace: shoot.metadata.namespace };
  const secret = await getObject<Secret>(client, secrets, place, signal);
  const endpoint = secret?.metadata.annotations?.["plutono-url"];
  const read = (key: string) => Buffer.from(secret?.data?.[key] ?? "", "base64").toString("utf8");
  return endpoint === undefined ? undefined : { username: read("username"), password: read("password"), endpoint };
}

async function machines({ client, partition, log }: GardenerOptions, ref: ClusterRef, signal: AbortSignal) {
  const shoot = await find(client, ref, signal);
  if (!shoot?.status?.advertisedAddresses?.length) return [];
  const inside = openKube({ kubeconfig: await kubeconfig(client, ref, "ViewerKubeconfigRequest", 600, signal), log });
  try {
    return await machinesOf(inside, ref, partition, signal);
  } finally {
    inside.close();
  }
}
