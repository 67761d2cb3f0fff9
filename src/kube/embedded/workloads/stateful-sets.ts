import { asFields, asList, asNumber, asText } from "../fields.js";
import type { Fields, KubeObject, NewObject } from "../types.js";
import { type Controller, whenOwned } from "./controller.js";
import { claims, pods, statefulSets } from "./names.js";
import { podKeys } from "./object-index.js";
import { isDying, refTo } from "./objects.js";
import { isActive, isOver, isReady } from "./pod-state.js";
import { bearPod, dropPod, podOf } from "./pod-templates.js";
import { isAvailable, nextAvailable } from "./replica-sets.js";
import { noteRevision, revisionLabel, revisionName, templateOf } from "./revisions.js";
import type { World } from "./world.js";

const component = "statefulset-controller";
const retryMs = 5000;

/** Keeps the numbered pods of StatefulSets, one after the other. */
export const statefulSetController: Controller = {
  resource: statefulSets,
  triggers: [whenOwned(pods, "StatefulSet")],
  async reconcile(set, world) {
    if (isDying(set)) return undefined;
    const revisions = revisionsOf(set);
    await noteRevision(world, set, new Set(Object.values(revisions)));
    const failure = await advance(set, world, revisions);
    // Before they are counted: who becomes available in between is looked at again.
    const next = nextAvailable(world, podsOf(world, set), set.spec?.minReadySeconds);
    await report(set, world, revisions);
    return failure === undefined ? next : retryMs;
  },
};

interface Revisions {
  readonly current: string;
  readonly update: string;
}

function revisionsOf(set: KubeObject): Revisions {
  const update = revisionName(set);
  return { current: asText(set.status?.currentRevision) || update, update };
}

function podsOf(world: World, { metadata }: KubeObject): KubeObject[] {
  return world.pods.get(podKeys.owner(metadata.uid)).sort((a, b) => ordinalOf(a) - ordinalOf(b));
}

function ordinalOf({ metadata }: KubeObject): number {
  return Number(/-(\d+)$/.exec(metadata.name)?.[1] ?? 0);
}

/** Takes the next step, if there is one that can be taken; answers why a pod could not be created. */
async function advance(set: KubeObject, world: World, revisions: Revisions): Promise<Error | undefined> {
  const { spec = {} } = set;
  const first = asNumber(asFields(spec.ordinals).start);
  const last = first + asNumber(spec.replicas ?? 1) - 1;
  const ordered = spec.podManagementPolicy !== "Parallel";
  const present = new Map(podsOf(world, set).map((pod) => [ordinalOf(pod), pod]));
  for (let ordinal = first; ordinal <= last; ordinal += 1) {
    const pod = present.get(ordinal);
    if (pod === undefined) {
      const failure = await bear(set, world, ordinal, revisions);
      if (failure !== undefined) return failure;
    } else if (isOver(pod) && !isDying(pod)) await dropPod(world, set, pod, component);
    if (ordered && (pod === undefined || !isHealthy(set, world, pod))) return undefined;
  }
  for (const pod of [...present.values()].filter((one) => !within(one, first, last)).reverse()) {
    if (!isDying(pod)) await dropPod(world, set, pod, component);
    if (ordered) return undefined;
  }
  await replaceNext(set, world, revisions);
  return undefined;
}

function within(pod: KubeObject, first: number, last: number): boolean {
  const ordinal = ordinalOf(pod);
  return ordinal >= first && ordinal <= last;
}

function isHealthy({ spec }: KubeObject, world: World, pod: KubeObject): boolean {
  return isActive(pod) && isAvailable(world, pod, spec?.minReadySeconds);
}

/** Deletes the highest pod of an old revision, so that it is made anew; waits while one is not healthy. */
async function replaceNext(set: KubeObject, world: World, { update }: Revisions): Promise<void> {
  const strategy = asFields(set.spec?.updateStrategy);
  if (strategy.type === "OnDelete") return;
  for (const pod of podsOf(world, set).toReversed()) {
    if (ordinalOf(pod) < partitionOf(set)) return;
    if (revisionOf(pod) !== update && !isDying(pod)) return await dropPod(world, set, pod, component);
    if (!isHealthy(set, world, pod)) return;
  }
}

function partitionOf({ spec }: KubeObject): number {
  return asNumber(asFields(asFields(spec?.updateStrategy).rollingUpdate).partition);
}

function revisionOf({ metadata }: KubeObject): string {
  return metadata.labels?.[revisionLabel] ?? "";
}

async function bear(set: KubeObject, world: World, ordinal: number, { current, update }: Revisions) {
  const revision = ordinal < partitionOf(set) ? current : update;
  const template = templateOf(world, set, revision) ?? asFields(set.spec?.template);
  const name = `${set.metadata.name}-${ordinal}`;
  const pod = podOf(set, template, name);
  pod.metadata.labels = {
    ...pod.metadata.labels,
    [revisionLabel]: revision,
    "statefulset.kubernetes.io/pod-name": name,
    "apps.kubernetes.io/pod-index": String(ordinal),
  };
  const templates = asList(set.spec?.volumeClaimTemplates);
  const own = templates.map(({ metadata }) => asText(asFields(metadata).name));
  const volumes = asList(pod.spec?.volumes).filter(({ name: volume }) => !own.includes(asText(volume)));
  pod.spec = {
    ...pod.spec,
    hostname: name,
    subdomain: asText(set.spec?.serviceName),
    volumes: [...volumes, ...own.map((one) => ({ name: one, persistentVolumeClaim: { claimName: `${one}-${name}` } }))],
  };
  for (const one of templates) await bearClaim(world, set, one, name);
  return await bearPod(world, set, pod, component);
}

/** Makes the claim of a pod, unless an earlier pod of that name has left it. */
async function bearClaim({ store, events }: World, set: KubeObject, template: Fields, pod: string): Promise<void> {
  const { name, labels, annotations } = asFields(template.metadata);
  const claim = `${asText(name)}-${pod}`;
  const { namespace = "default" } = set.metadata;
  if (store.get({ ...claims, namespace, name: claim }) !== undefined) return;
  const selected = asFields(asFields(set.spec?.selector).matchLabels);
  const object: NewObject = {
    metadata: {
      name: claim,
      namespace,
      labels: { ...(asFields(labels) as Record<string, string>), ...(selected as Record<string, string>) },
      annotations: asFields(annotations) as Record<string, string>,
    },
    spec: asFields(template.spec),
  };
  await store.create(claims, object);
  const message = `create Claim ${claim} Pod ${pod} in StatefulSet ${set.metadata.name} success`;
  events.record(set, { type: "Normal", reason: "SuccessfulCreate", message, component });
}

async function report(set: KubeObject, world: World, { current, update }: Revisions): Promise<void> {
  const all = podsOf(world, set).filter(isActive);
  const replicas = asNumber(set.spec?.replicas ?? 1);
  const of = (revision: string): number => all.filter((pod) => revisionOf(pod) === revision).length;
  const available = all.filter((pod) => isAvailable(world, pod, set.spec?.minReadySeconds)).length;
  const done = of(update) === replicas && all.length === replicas && available === replicas;
  await world.store.patchStatus(refTo(statefulSets, set), (draft) => {
    draft.status = {
      observedGeneration: set.metadata.generation,
      replicas: all.length,
      readyReplicas: all.filter(isReady).length,
      availableReplicas: available,
      currentReplicas: of(done ? update : current),
      updatedReplicas: of(update),
      currentRevision: done ? update : current,
      updateRevision: update,
      collisionCount: 0,
    };
  });
}
