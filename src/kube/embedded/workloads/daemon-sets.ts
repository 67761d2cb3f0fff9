import { asFields, asList, asText } from "../fields.js";
import type { Fields, KubeObject } from "../types.js";
import { type Controller, keyOf, whenOwned } from "./controller.js";
import { daemonSets, nodes, pods } from "./names.js";
import { podKeys } from "./object-index.js";
import { isDying, refTo, shareOf } from "./objects.js";
import { isActive, isOver, isReady } from "./pod-state.js";
import { bearPod, dropPod, podOf } from "./pod-templates.js";
import { isAvailable, nextAvailable } from "./replica-sets.js";
import { noteRevision, revisionLabel, revisionName } from "./revisions.js";
import { unsuitable } from "./scheduler.js";
import type { World } from "./world.js";

const component = "daemonset-controller";
const retryMs = 5000;

/** What the pods of DaemonSets put up with: they stay where others have to go. */
const tolerations: readonly Fields[] = [
  { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule" },
];

/** Keeps one pod on each node that suits. */
export const daemonSetController: Controller = {
  resource: daemonSets,
  triggers: [
    whenOwned(pods, "DaemonSet"),
    { resource: nodes, keys: (_, { store }) => store.list(daemonSets).map(keyOf) },
  ],
  async reconcile(set, world) {
    if (isDying(set)) return undefined;
    const revision = revisionName(set);
    await noteRevision(world, set, new Set(podsOf(world, set).map(revisionOf)));
    const wanted = nodesFor(set, world);
    const failure = await settle(set, world, wanted, revision);
    if (failure === undefined) await replaceOld(set, world, wanted, revision);
    // Before they are counted: who becomes available in between is looked at again.
    const next = nextAvailable(world, podsOf(world, set), set.spec?.minReadySeconds);
    await report(set, world, wanted, revision);
    return failure === undefined ? next : retryMs;
  },
};

function podsOf(world: World, { metadata }: KubeObject): KubeObject[] {
  return world.pods.get(podKeys.owner(metadata.uid));
}

function nodeOf({ spec }: KubeObject): string {
  return asText(spec?.nodeName);
}

function revisionOf({ metadata }: KubeObject): string {
  return metadata.labels?.[revisionLabel] ?? "";
}

/** The nodes that are to have a pod; one that is not ready keeps the pod that it has. */
function nodesFor(set: KubeObject, world: World): ReadonlySet<string> {
  const pod = podOf(set, set.spec?.template) as KubeObject;
  const tolerant = { ...pod, spec: withTolerations(pod.spec) };
  const placed = new Set(podsOf(world, set).map(nodeOf));
  const suited = world.store.list(nodes).filter((node) => {
    const reason = unsuitable(tolerant, node);
    return reason === undefined || (!isReady(node) && placed.has(node.metadata.name));
  });
  return new Set(suited.map(({ metadata }) => metadata.name));
}

function withTolerations(spec: Fields = {}): Fields {
  return { ...spec, tolerations: [...asList(spec.tolerations), ...tolerations] };
}

/** Makes the pods that are missing and deletes those that are too many; answers why one could not be made. */
async function settle(set: KubeObject, world: World, wanted: ReadonlySet<string>, revision: string) {
  const kept = new Set<string>();
  for (const pod of podsOf(world, set)) {
    const node = nodeOf(pod);
    if (isOver(pod) || !wanted.has(node) || (kept.has(node) && !isDying(pod))) {
      if (!isDying(pod)) await dropPod(world, set, pod, component);
    }
    // A pod in deletion holds its place until it is gone.
    kept.add(node);
  }
  for (const node of wanted) {
    if (kept.has(node)) continue;
    const pod = podOf(set, set.spec?.template);
    pod.metadata.labels = { ...pod.metadata.labels, [revisionLabel]: revision };
    pod.spec = { ...withTolerations(pod.spec), nodeName: node };
    const failure = await bearPod(world, set, pod, component);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

/** Deletes pods of an old revision: those that do not work, and as many others as may be unavailable. */
async function replaceOld(set: KubeObject, world: World, wanted: ReadonlySet<string>, revision: string): Promise<void> {
  const { type, rollingUpdate } = asFields(set.spec?.updateStrategy);
  if (type === "OnDelete") return;
  const most = Math.max(1, shareOf(asFields(rollingUpdate).maxUnavailable, wanted.size, "up", 1));
  const works = (pod: KubeObject): boolean => isActive(pod) && isAvailable(world, pod, set.spec?.minReadySeconds);
  const all = podsOf(world, set);
  const old = all.filter((pod) => revisionOf(pod) !== revision && !isDying(pod));
  for (const pod of old.filter((one) => !works(one))) await dropPod(world, set, pod, component);
  const room = most - (wanted.size - all.filter(works).length);
  for (const pod of old.filter(works).slice(0, Math.max(0, room))) await dropPod(world, set, pod, component);
}

async function report(set: KubeObject, world: World, wanted: ReadonlySet<string>, revision: string): Promise<void> {
  const all = podsOf(world, set).filter(isActive);
  const placed = all.filter((pod) => wanted.has(nodeOf(pod)));
  const available = placed.filter((pod) => isAvailable(world, pod, set.spec?.minReadySeconds)).length;
  const missing = wanted.size - available;
  await world.store.patchStatus(refTo(daemonSets, set), (draft) => {
    draft.status = {
      observedGeneration: set.metadata.generation,
      desiredNumberScheduled: wanted.size,
      currentNumberScheduled: placed.length,
      numberMisscheduled: all.length - placed.length,
      numberReady: placed.filter(isReady).length,
      updatedNumberScheduled: placed.filter((pod) => revisionOf(pod) === revision).length,
      numberAvailable: available,
      ...(missing > 0 ? { numberUnavailable: missing } : {}),
    };
  });
}
