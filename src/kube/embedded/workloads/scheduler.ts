import { bytesOf } from "../../quantity.js";
import { asFields, asList, asText } from "../fields.js";
import type { Fields, KubeObject, StoreEvent } from "../types.js";
import { type Controller, keyOf } from "./controller.js";
import { claims, nodes, podFinalizer, pods } from "./names.js";
import { podKeys } from "./object-index.js";
import { isDying, refTo, selects, withCondition } from "./objects.js";
import { isOver, isReady } from "./pod-state.js";
import { askedFor, milliOf } from "./requests.js";
import type { World } from "./world.js";

const component = "default-scheduler";

/** What the pods of a node ask for together. */
interface Load {
  cpu: number;
  memory: number;
}

/** Puts pods on nodes that can take them. */
export function scheduler(): Controller {
  const waiting = new Set<string>();
  const loads = new Map<string, Load>();
  const again = (): string[] => [...waiting];
  return {
    resource: pods,
    matters: ({ object }) => isUnplaced(object),
    triggers: [
      { resource: pods, keys: (event) => (count(loads, event) ? again() : []) },
      { resource: nodes, keys: (event) => (isBetter(event) ? again() : []) },
      { resource: claims, keys: ({ object }) => (object.status?.phase === "Bound" ? again() : []) },
    ],
    gone: (pod) => void waiting.delete(keyOf(pod)),
    async reconcile(pod, world) {
      waiting.delete(keyOf(pod));
      if (!isUnplaced(pod)) return undefined;
      const obstacle = await place(pod, world, loads);
      if (obstacle === undefined) return undefined;
      waiting.add(keyOf(pod));
      await tell(pod, obstacle, world);
      return undefined;
    },
  };
}

function isUnplaced(pod: KubeObject): boolean {
  return asText(pod.spec?.nodeName) === "" && !isDying(pod) && !isOver(pod);
}

/** Whether a node can take more after a change than before. */
function isBetter({ type, object, previous }: StoreEvent): boolean {
  if (type === "DELETED") return false;
  const view = ({ metadata, spec, status }: KubeObject) =>
    JSON.stringify([metadata.labels, spec, status?.allocatable, isReady({ metadata, status } as KubeObject)]);
  return previous === undefined || view(previous) !== view(object);
}

/** Keeps account of what is asked for on each node; answers whether something came free. */
function count(loads: Map<string, Load>, { type, object, previous }: StoreEvent): boolean {
  const holds = (pod: KubeObject | undefined): pod is KubeObject =>
    pod !== undefined && asText(pod.spec?.nodeName) !== "" && !isOver(pod);
  const before = holds(previous) ? previous : undefined;
  const after = type !== "DELETED" && holds(object) ? object : undefined;
  if (before !== undefined && after !== undefined) return false;
  for (const [pod, sign] of [
    [before, -1],
    [after, 1],
  ] as const) {
    if (pod !== undefined) add(loads, pod, sign);
  }
  return before !== undefined;
}

function add(loads: Map<string, Load>, pod: KubeObject, sign: 1 | -1): void {
  const node = asText(pod.spec?.nodeName);
  const load = loads.get(node) ?? { cpu: 0, memory: 0 };
  load.cpu += sign * askedFor(pod, "requests", "cpu");
  load.memory += sign * askedFor(pod, "requests", "memory");
  loads.set(node, load);
}

/** Binds a pod to the emptiest node that suits it; answers why none does. */
async function place(pod: KubeObject, world: World, loads: Map<string, Load>): Promise<string | undefined> {
  const { store } = world;
  const unbound = claimsOf(pod).filter((name) => {
    return store.get({ ...claims, namespace: pod.metadata.namespace, name })?.status?.phase !== "Bound";
  });
  if (unbound.length > 0) return missingClaims(pod, unbound, world);
  const all = store.list(nodes);
  const reasons = new Map<string, number>();
  let best: { readonly name: string; readonly pods: number } | undefined;
  for (const node of all) {
    const { name } = node.metadata;
    const held = world.pods.count(podKeys.node(name));
    const reason = unfit(pod, node, held, loads.get(name) ?? { cpu: 0, memory: 0 });
    if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    else if (best === undefined || held < best.pods) best = { name, pods: held };
  }
  if (best === undefined) {
    const list = [...reasons].map(([reason, times]) => `${times} ${reason}`).join(", ");
    return `0/${all.length} nodes are available${list === "" ? "" : `: ${list}`}.`;
  }
  await bind(pod, best.name, world);
  return undefined;
}

function missingClaims(pod: KubeObject, unbound: readonly string[], { store }: World): string {
  const { namespace } = pod.metadata;
  const absent = unbound.find((name) => store.get({ ...claims, namespace, name }) === undefined);
  if (absent !== undefined) return `persistentvolumeclaim "${absent}" not found`;
  return "pod has unbound immediate PersistentVolumeClaims";
}

/** The claims that a pod mounts. */
function claimsOf({ spec }: KubeObject): string[] {
  const names = asList(spec?.volumes).map((volume) => asText(asFields(volume.persistentVolumeClaim).claimName));
  return names.filter((name) => name !== "");
}

function unfit(pod: KubeObject, node: KubeObject, held: number, load: Load): string | undefined {
  const reason = unsuitable(pod, node);
  if (reason !== undefined) return reason;
  const { cpu = "2", memory = "4Gi", pods: most = "110" } = asFields(node.status?.allocatable);
  if (held >= Number(most)) return "Too many pods";
  if (load.cpu + askedFor(pod, "requests", "cpu") > milliOf(cpu)) return "Insufficient cpu";
  const space = Number(bytesOf(memory) ?? 0n);
  return load.memory + askedFor(pod, "requests", "memory") > space ? "Insufficient memory" : undefined;
}

/** Why a node is not for a pod, however empty it is; undefined when it is. */
export function unsuitable(pod: KubeObject, node: KubeObject): string | undefined {
  if (!isReady(node)) return "node(s) were not ready";
  if (node.spec?.unschedulable === true && !tolerates(pod, unschedulable)) return "node(s) were unschedulable";
  const taint = asList(node.spec?.taints).find((one) => one.effect !== "PreferNoSchedule" && !tolerates(pod, one));
  if (taint !== undefined) return `node(s) had untolerated taint {${asText(taint.key)}: ${asText(taint.value)}}`;
  const { nodeSelector, affinity } = pod.spec ?? {};
  const required = asFields(asFields(affinity).nodeAffinity).requiredDuringSchedulingIgnoredDuringExecution;
  const terms = asList(asFields(required).nodeSelectorTerms);
  const { labels } = node.metadata;
  const wanted = selects({ matchLabels: asFields(nodeSelector) }, labels);
  const near = required === undefined || terms.some(({ matchExpressions }) => selects({ matchExpressions }, labels));
  return wanted && near ? undefined : "node(s) didn't match Pod's node affinity/selector";
}

const unschedulable: Fields = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };

/** Whether a pod puts up with a taint. */
export function tolerates({ spec }: KubeObject, taint: Fields): boolean {
  return asList(spec?.tolerations).some(({ key, operator, value, effect }) => {
    if (effect !== undefined && effect !== "" && effect !== taint.effect) return false;
    if (key === undefined || key === "") return operator === "Exists";
    return key === taint.key && (operator === "Exists" || asText(value) === asText(taint.value));
  });
}

async function bind(pod: KubeObject, node: string, { store, clock, events }: World): Promise<void> {
  const { uid, namespace, name } = pod.metadata;
  await store.modify(refTo(pods, pod), (draft) => {
    if (draft.metadata.uid !== uid || !isUnplaced(draft)) return;
    draft.spec = { ...draft.spec, nodeName: node };
    draft.metadata.finalizers = [...new Set([...(draft.metadata.finalizers ?? []), podFinalizer])];
    const placed = { type: "PodScheduled", status: "True" } as const;
    const others = asList(draft.status?.conditions).filter(({ type }) => type !== "PodScheduled");
    draft.status = { ...draft.status, phase: "Pending", conditions: withCondition(others, placed, clock()) };
  });
  const message = `Successfully assigned ${namespace}/${name} to ${node}`;
  events.record(pod, { type: "Normal", reason: "Scheduled", message, component });
}

async function tell(pod: KubeObject, message: string, { store, clock, events }: World): Promise<void> {
  events.record(pod, { type: "Warning", reason: "FailedScheduling", message, component });
  await store.patchStatus(refTo(pods, pod), (draft) => {
    if (!isUnplaced(draft)) return;
    const condition = { type: "PodScheduled", status: "False", reason: "Unschedulable", message } as const;
    draft.status = {
      ...draft.status,
      phase: "Pending",
      conditions: withCondition(draft.status?.conditions, condition, clock()),
    };
  });
}
