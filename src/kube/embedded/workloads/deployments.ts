import { asFields, asNumber, asText } from "../fields.js";
import type { KubeObject, ObjectStore } from "../types.js";
import { type Controller, whenOwned } from "./controller.js";
import { reportDeployment } from "./deployment-status.js";
import { deployments, pods, replicaSets } from "./names.js";
import { podKeys } from "./object-index.js";
import { controllerOf, hashOf, isDying, ownedBy, refTo } from "./objects.js";
import { isAvailable, podsOfSet } from "./replica-sets.js";
import { boundsOf, nextNew, nextOld, proportional, type Share } from "./rollout.js";
import type { World } from "./world.js";

const component = "deployment-controller";
const notCopied = ["kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision"];

/** Annotations by which Deployments and their ReplicaSets tell of each other. */
const notes = {
  revision: "deployment.kubernetes.io/revision",
  history: "deployment.kubernetes.io/revision-history",
  desired: "deployment.kubernetes.io/desired-replicas",
  most: "deployment.kubernetes.io/max-replicas",
} as const;

/** Leads Deployments from one ReplicaSet to the next. */
export const deploymentController: Controller = {
  resource: deployments,
  triggers: [
    whenOwned(replicaSets, "Deployment"),
    // Who recreates waits for the last of the old pods, which no ReplicaSet counts any more.
    { resource: pods, keys: ({ type, object }, { store }) => (type === "DELETED" ? deploymentOf(store, object) : []) },
  ],
  gone: ({ metadata }, { waits }) => waits.forget(metadata.uid),
  async reconcile(deployment, world) {
    if (isDying(deployment)) return undefined;
    await advance(deployment, world);
    const sets = setsOf(world, deployment);
    return await reportDeployment(world, deployment, { sets, fresh: freshOf(deployment, sets) });
  },
};

function deploymentOf(store: ObjectStore, pod: KubeObject): string[] {
  const { namespace } = pod.metadata;
  const owner = controllerOf(pod);
  const set = owner?.kind === "ReplicaSet" ? store.get({ ...replicaSets, namespace, name: owner.name }) : undefined;
  const deployment = set && controllerOf(set);
  return deployment?.kind === "Deployment" ? [`${namespace}/${deployment.name}`] : [];
}

/** The ReplicaSets of a Deployment, the oldest first. */
function setsOf({ owned }: World, { metadata }: KubeObject): KubeObject[] {
  const mine = owned.get(podKeys.owner(metadata.uid)).filter((set) => set.kind === "ReplicaSet" && !isDying(set));
  return mine.sort((a, b) => revisionOf(a) - revisionOf(b));
}

/** The ReplicaSet of the template as it is. */
function freshOf({ spec }: KubeObject, sets: readonly KubeObject[]): KubeObject | undefined {
  const hash = hashOf(spec?.template);
  return sets.find(({ metadata }) => metadata.labels?.["pod-template-hash"] === hash);
}

function revisionOf({ metadata }: KubeObject): number {
  return Number(metadata.annotations?.[notes.revision] ?? 0);
}

async function advance(deployment: KubeObject, world: World): Promise<void> {
  const sets = setsOf(world, deployment);
  const fresh = freshOf(deployment, sets);
  const old = sets.filter((set) => set !== fresh);
  if (deployment.spec?.paused === true) return await rescale(world, deployment, sets);
  const isRecreate = asFields(deployment.spec?.strategy).type === "Recreate";
  if (isRecreate && !(await emptied(world, deployment, old))) return;
  const current = await putFresh(world, deployment, fresh, sets);
  if (isRecreate) await scale(world, deployment, current, asNumber(deployment.spec?.replicas ?? 1));
  else if (isResized(deployment, sets)) await rescale(world, deployment, setsOf(world, deployment));
  else await roll(world, deployment, current, old);
  await forgetOld(world, deployment, old);
}

/** Scales the old ReplicaSets to nothing; answers whether the last of their pods is gone. */
async function emptied(world: World, deployment: KubeObject, old: readonly KubeObject[]): Promise<boolean> {
  for (const set of old) await scale(world, deployment, set, 0);
  return old.every((set) => world.pods.count(podKeys.owner(set.metadata.uid)) === 0);
}

/** Makes the ReplicaSet of the template, or brings it up to date, and notes its revision at both. */
async function putFresh(
  world: World,
  deployment: KubeObject,
  fresh: KubeObject | undefined,
  sets: readonly KubeObject[],
): Promise<KubeObject> {
  const newest = Math.max(0, ...sets.filter((set) => set !== fresh).map(revisionOf));
  const before = fresh === undefined ? 0 : revisionOf(fresh);
  const revision = String(Math.max(before, newest + 1));
  const set =
    fresh === undefined ? await bearSet(world, deployment, revision) : await renew(world, fresh, deployment, revision);
  await world.store.modify(refTo(deployments, deployment), (draft) => {
    draft.metadata.annotations = { ...draft.metadata.annotations, [notes.revision]: revision };
  });
  return set;
}

async function bearSet(world: World, deployment: KubeObject, revision: string): Promise<KubeObject> {
  const { metadata, spec = {} } = deployment;
  const hash = hashOf(spec.template);
  const template = structuredClone(asFields(spec.template));
  const hashed = { "pod-template-hash": hash };
  const inside = asFields(template.metadata);
  template.metadata = { ...inside, labels: { ...asFields(inside.labels), ...hashed } };
  const selector = asFields(spec.selector);
  return await world.store.create(replicaSets, {
    metadata: {
      name: `${metadata.name}-${hash}`,
      namespace: metadata.namespace ?? "default",
      labels: { ...(asFields(inside.labels) as Record<string, string>), ...hashed },
      annotations: { ...annotationsFor(deployment), [notes.revision]: revision },
      ownerReferences: ownedBy(deployment),
    },
    spec: {
      replicas: 0,
      ...(spec.minReadySeconds === undefined ? {} : { minReadySeconds: spec.minReadySeconds }),
      selector: { ...selector, matchLabels: { ...asFields(selector.matchLabels), ...hashed } },
      template,
    },
  });
}

async function renew(world: World, set: KubeObject, deployment: KubeObject, revision: string): Promise<KubeObject> {
  const renewed = await world.store.modify(refTo(replicaSets, set), (draft) => {
    const before = draft.metadata.annotations ?? {};
    const history = [before[notes.history], before[notes.revision]].filter(Boolean).join(",");
    const risen = before[notes.revision] === revision ? {} : { [notes.revision]: revision, [notes.history]: history };
    draft.metadata.annotations = { ...before, ...annotationsFor(deployment), ...risen };
    const { minReadySeconds } = deployment.spec ?? {};
    if (minReadySeconds !== undefined) draft.spec = { ...draft.spec, minReadySeconds };
  });
  return renewed ?? set;
}

function annotationsFor({ metadata }: KubeObject): Record<string, string> {
  const all = Object.entries(metadata.annotations ?? {}).filter(([name]) => !notCopied.includes(name));
  return Object.fromEntries(all);
}

/** Whether somebody has changed the size since the ReplicaSets were scaled last. */
function isResized({ spec }: KubeObject, sets: readonly KubeObject[]): boolean {
  const wanted = String(asNumber(spec?.replicas ?? 1));
  return sets.some(({ metadata, spec: own }) => {
    const noted = metadata.annotations?.[notes.desired];
    return asNumber(own?.replicas) > 0 && noted !== undefined && noted !== wanted;
  });
}

/** Gives all ReplicaSets their part of a new size. */
async function rescale(world: World, deployment: KubeObject, sets: readonly KubeObject[]): Promise<void> {
  const active = sets.filter(({ spec }) => asNumber(spec?.replicas) > 0);
  if (active.length === 0) return;
  const { desired, maxSurge } = limitsOf(deployment);
  const sizes = active.map(({ spec }) => asNumber(spec?.replicas));
  const isOne = active.length === 1;
  if (!isOne && !isResized(deployment, active)) return;
  const shares = isOne ? [desired] : proportional(sizes, desired === 0 ? 0 : desired + maxSurge);
  for (const [index, set] of active.entries()) await scale(world, deployment, set, shares[index] ?? 0);
}

async function roll(
  world: World,
  deployment: KubeObject,
  fresh: KubeObject,
  old: readonly KubeObject[],
): Promise<void> {
  const bounds = limitsOf(deployment);
  const share = (set: KubeObject): Share => {
    const replicas = asNumber(set.spec?.replicas);
    const { minReadySeconds } = deployment.spec ?? {};
    const available = podsOfSet(world, set).filter((pod) => isAvailable(world, pod, minReadySeconds)).length;
    return { replicas, available: Math.min(replicas, available) };
  };
  // Pods that are still to be deleted take room as well.
  const held = (set: KubeObject): Share => ({
    ...share(set),
    replicas: Math.max(asNumber(set.spec?.replicas), podsOfSet(world, set).length),
  });
  const grown = nextNew(bounds, share(fresh), old.map(held));
  if (await scale(world, deployment, fresh, grown)) return;
  const shrunk = nextOld(bounds, share(fresh), old.map(share));
  for (const [index, set] of old.entries()) await scale(world, deployment, set, shrunk[index] ?? 0);
}

/** What a rollout of a Deployment may do. */
function limitsOf({ spec }: KubeObject) {
  const desired = asNumber(spec?.replicas ?? 1);
  const { type, rollingUpdate } = asFields(spec?.strategy);
  return type === "Recreate" ? { desired, maxSurge: 0, maxUnavailable: 0 } : boundsOf(desired, asFields(rollingUpdate));
}

/** Sets the size of a ReplicaSet; answers whether that changed it. */
async function scale(world: World, deployment: KubeObject, set: KubeObject, replicas: number): Promise<boolean> {
  const { desired, maxSurge } = limitsOf(deployment);
  let before = replicas;
  await world.store.modify(refTo(replicaSets, set), (draft) => {
    before = asNumber(draft.spec?.replicas);
    draft.spec = { ...draft.spec, replicas };
    const sizes = { [notes.desired]: String(desired), [notes.most]: String(desired + maxSurge) };
    if (replicas > 0) draft.metadata.annotations = { ...draft.metadata.annotations, ...sizes };
  });
  if (before === replicas) return false;
  const way = replicas > before ? "up" : "down";
  const message = `Scaled ${way} replica set ${set.metadata.name} from ${before} to ${replicas}`;
  world.events.record(deployment, { type: "Normal", reason: "ScalingReplicaSet", message, component });
  return true;
}

/** Deletes the oldest empty ReplicaSets beyond those that are kept to go back to. */
async function forgetOld(world: World, { spec }: KubeObject, old: readonly KubeObject[]): Promise<void> {
  const kept = asText(spec?.revisionHistoryLimit) === "" ? 10 : asNumber(spec?.revisionHistoryLimit);
  const empty = old.filter((set) => asNumber(set.spec?.replicas) === 0 && podsOfSet(world, set).length === 0);
  for (const set of empty.slice(0, Math.max(0, empty.length - kept))) {
    await world.store.delete(refTo(replicaSets, set), { uid: set.metadata.uid });
  }
}
