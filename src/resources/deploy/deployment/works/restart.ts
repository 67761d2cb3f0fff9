import { DomainError } from "../../../../errors.js";
import type { KubeClient } from "../../../../kube/client.js";
import { notFound } from "../../../../kube/errors.js";
import type { KubeObject, ResourceType } from "../../../../kube/objects.js";
import { labels } from "../../engine/labels.js";
import { namespaceStore } from "../../namespace/store.js";
import { isMeant, restartableTypes } from "../../runtime/kinds.js";
import type { Step, StepContext, StepOutcome } from "../../task/work.js";
import { planOf } from "./plan.js";
import { type Kit, observed, untilHealthy } from "./wait.js";

const mostWorkloads = 500;
const annotation = "kubectl.kubernetes.io/restartedAt";

interface Workload {
  readonly type: ResourceType;
  readonly object: KubeObject;
}

/** Starts all pods anew, or those of some processes, and waits until they are healthy. */
export function restartSteps(kit: Kit): readonly Step[] {
  return [
    { name: "restart", run: (context) => observed(kit, context, "restart", () => restartAll(kit, context)) },
    { name: "wait", run: (context) => waitForAll(kit, context) },
  ];
}

/** Starts the pods of one workload anew. */
export function restartObjectSteps(kit: Kit): readonly Step[] {
  return [
    { name: "restart", run: (context) => observed(kit, context, "restart", () => restartOne(kit, context)) },
    { name: "wait", run: (context) => waitForAll(kit, context) },
  ];
}

async function restartAll(kit: Kit, context: StepContext): Promise<StepOutcome> {
  if (context.deployment.stopped !== "") return { type: "skipped", message: "the deployment is stopped" };
  const { processes = [] } = context.task.params;
  const isMeant = ({ object }: Workload) =>
    processes.length === 0 || processes.includes(object.metadata.labels?.[labels.process] ?? "");
  return await atHome(kit, context, async (client, namespace) => {
    const found = (await workloadsOf(client, context, namespace)).filter(isMeant);
    for (const workload of found) await restart(client, context, workload);
    if (found.length === 0) return { type: "skipped", message: "nothing of it can be started anew" };
    return { type: "done", message: `started ${found.length} workloads anew` };
  });
}

async function restartOne(kit: Kit, context: StepContext): Promise<StepOutcome> {
  const { object } = context.task.params;
  return await atHome(kit, context, async (client, namespace) => {
    const type = restartableTypes.find((each) => object !== undefined && isMeant(object, each));
    const live = type && (await workload(client, context, type, { name: object?.name ?? "", namespace }));
    if (live === undefined) {
      const message = `it has no ${object?.kind} ${object?.name} whose pods can be started anew`;
      throw new DomainError("precondition", message);
    }
    await restart(client, context, live);
    return { type: "done", message: `started ${object?.kind} ${object?.name} anew` };
  });
}

/** Does something where the deployment runs. */
async function atHome<T>(
  { platform, targets }: Kit,
  { deployment }: StepContext,
  work: (client: KubeClient, namespace: string) => Promise<T>,
): Promise<T> {
  const { project, target } = deployment;
  const namespace = await namespaceStore.get(platform.db, { project, id: deployment.namespace });
  if (namespace === undefined) throw new DomainError("missing", "the namespace of the deployment is gone");
  return await targets.use({ project, id: target }, (client) => work(client, namespace.name));
}

/** What has pods of a deployment, made by Slipway or by a chart. */
async function workloadsOf(
  client: KubeClient,
  { deployment, signal }: StepContext,
  namespace: string,
): Promise<Workload[]> {
  const labelSelector = `${labels.instance}=${deployment.objectName}`;
  const found: Workload[] = [];
  for (const type of restartableTypes) {
    const { items } = await client.list<KubeObject>(type, { namespace, labelSelector, limit: mostWorkloads, signal });
    found.push(...items.map((object) => ({ type, object })));
  }
  return found.filter(({ object }) => isOf(object, deployment.id));
}

/** A workload of a deployment; undefined when it has none of that name. */
async function workload(
  client: KubeClient,
  { deployment, signal }: StepContext,
  type: ResourceType,
  place: { readonly name: string; readonly namespace: string },
): Promise<Workload | undefined> {
  try {
    const object = await client.get<KubeObject>(type, place, { signal });
    const isNamed = object.metadata.labels?.[labels.instance] === deployment.objectName;
    return isNamed && isOf(object, deployment.id) ? { type, object } : undefined;
  } catch (error) {
    if (notFound(error)) return undefined;
    throw error;
  }
}

/** Charts do not label what they make with a deployment. */
function isOf({ metadata }: KubeObject, deployment: string): boolean {
  const owner = metadata.labels?.[labels.deployment];
  return owner === undefined || owner === deployment;
}

/** The same task writes the same time: what was done is not done again. */
async function restart(client: KubeClient, { task, signal }: StepContext, { type, object }: Workload): Promise<void> {
  const at = (task.startedAt ?? task.createdAt).toISOString();
  const patch = { spec: { template: { metadata: { annotations: { [annotation]: at } } } } };
  await client.mergePatch(type, object.metadata, patch, { signal });
}

async function waitForAll(kit: Kit, context: StepContext): Promise<StepOutcome> {
  const { deployment } = context;
  if (deployment.activeRelease === 0 || deployment.stopped !== "") {
    return { type: "skipped", message: "nothing of it runs" };
  }
  const plan = await planOf(kit.platform, deployment, deployment.activeRelease);
  const waited = { plan, manifests: plan.rendered.workloads, step: "wait" };
  const patience = { seconds: deployment.rolloutSeconds, isShort: false };
  return await observed(kit, context, "wait", () => untilHealthy(kit, context, waited, patience));
}
