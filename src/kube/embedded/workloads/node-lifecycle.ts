import { asFields, asList, asText } from "../fields.js";
import { timestamp } from "../lifecycle.js";
import type { Fields, KubeObject } from "../types.js";
import type { Controller } from "./controller.js";
import { asks, nodes, pods } from "./names.js";
import { podKeys } from "./object-index.js";
import { conditionOf, isDying, refTo, withCondition } from "./objects.js";
import { isReady } from "./pod-state.js";
import { tolerates } from "./scheduler.js";
import type { World } from "./world.js";

const component = "node-controller";
/** How long pods stay at a node that does not answer. */
const evictAfter = 300_000;
const taints = { unreachable: "node.kubernetes.io/unreachable", notReady: "node.kubernetes.io/not-ready" };
const lostReason = "NodeStatusUnknown";

/** Loses nodes on demand, taints those that are not ready, and takes their pods away after a while. */
export const nodeController: Controller = {
  resource: nodes,
  gone: (node, world) => {
    world.waits.forget(node.metadata.uid);
    for (const pod of world.pods.get(podKeys.node(node.metadata.name))) {
      // Whoever holds on to a pod of a node that is gone lets it go when it is to be deleted.
      world.store.delete(refTo(pods, pod)).catch(() => undefined);
    }
  },
  async reconcile(node, world) {
    await world.store.modify(refTo(nodes, node), (draft) => judge(draft, world));
    const judged = world.store.get(refTo(nodes, node));
    if (judged === undefined || isDying(judged)) return undefined;
    if (isReady(judged)) {
      world.waits.forget(node.metadata.uid);
      return undefined;
    }
    return await evict(judged, world);
  },
};

/** Sets the condition and the taints of a node, in place. */
function judge(draft: KubeObject, { clock }: World): void {
  const lost = draft.metadata.annotations?.[asks.fault] === "node-lost";
  const before = conditionOf(draft, "Ready");
  if (lost || before?.reason === lostReason) {
    const message = "Kubelet stopped posting node status.";
    const condition = lost
      ? ({ type: "Ready", status: "Unknown", reason: lostReason, message } as const)
      : ({ type: "Ready", status: "True", reason: "KubeletReady", message: "" } as const);
    draft.status = { ...draft.status, conditions: withCondition(draft.status?.conditions, condition, clock()) };
  }
  const now = conditionOf(draft, "Ready")?.status;
  if (now === undefined) return;
  const others = asList(draft.spec?.taints).filter(({ key }) => !Object.values(taints).includes(asText(key)));
  const key = now === "Unknown" ? taints.unreachable : taints.notReady;
  const own = asList(draft.spec?.taints).filter((one) => one.key === key);
  const added: Fields[] = ["NoSchedule", "NoExecute"].map((effect) => ({ key, effect, timeAdded: timestamp(clock()) }));
  const all = now === "True" ? others : [...others, ...(own.length > 0 ? own : added)];
  if (all.length > 0) draft.spec = { ...draft.spec, taints: all };
  else if (draft.spec !== undefined) delete draft.spec.taints;
}

async function evict(node: KubeObject, world: World): Promise<number | undefined> {
  const all = world.pods.get(podKeys.node(node.metadata.name)).filter((pod) => !isDying(pod));
  for (const pod of all) await markUnready(pod, world);
  const left = evictAfter - world.waits.waited(node.metadata.uid, "not ready");
  if (left > 0) return all.length > 0 ? left + 1 : undefined;
  const [taint = {}] = asList(node.spec?.taints).filter(({ effect }) => effect === "NoExecute");
  for (const pod of all.filter((one) => !tolerates(one, taint))) {
    await world.store.delete(refTo(pods, pod), { uid: pod.metadata.uid });
    const message = `Marking for deletion Pod ${pod.metadata.namespace}/${pod.metadata.name}`;
    world.events.record(pod, { type: "Normal", reason: "TaintManagerEviction", message, component });
  }
  return undefined;
}

async function markUnready(pod: KubeObject, { store, clock }: World): Promise<void> {
  await store.patchStatus(refTo(pods, pod), (draft) => {
    if (conditionOf(draft, "Ready")?.status !== "True") return;
    const condition = { type: "Ready", status: "False", reason: "NodeNotReady" } as const;
    draft.status = {
      ...asFields(draft.status),
      conditions: withCondition(draft.status?.conditions, condition, clock()),
    };
  });
}
