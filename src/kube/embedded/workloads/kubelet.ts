import { createHash } from "node:crypto";
import { asFields, asList, asText } from "../fields.js";
import { timestamp } from "../lifecycle.js";
import type { Fields, KubeObject } from "../types.js";
import { planOf } from "./behaviour.js";
import { nextStep, type Step } from "./container-steps.js";
import { type Controller, keyOf, type Trigger } from "./controller.js";
import { environmentOf, missingVolume } from "./environment.js";
import type { Happening } from "./events.js";
import { asks, configMaps, nodes, podFinalizer, pods, secrets } from "./names.js";
import { podKeys } from "./object-index.js";
import { durationOf, isDying, refTo } from "./objects.js";
import { containersOf, isOver, isReady } from "./pod-state.js";
import { initContainersOf, isDone, isSidecar, newStatus, statusOf, summarize } from "./pod-status.js";
import type { World } from "./world.js";

const component = "kubelet";
const standardGraceSeconds = 30;
const quickStop = 200;

/** What the kubelets of one cluster remember; lost with the process, without harm. */
interface Memory {
  /** Pods that wait for ConfigMaps or Secrets. */
  readonly blocked: Set<string>;
  /** How often an image could not be pulled, by container. */
  readonly pulls: Map<string, number>;
}

/** Runs the pods of all nodes that are ready. */
export function kubelet(): Controller {
  const memory: Memory = { blocked: new Set(), pulls: new Map() };
  return {
    resource: pods,
    matters: ({ object }) => asText(object.spec?.nodeName) !== "" || isDying(object),
    triggers: [
      { resource: nodes, keys: ({ object }, world) => world.pods.get(podKeys.node(object.metadata.name)).map(keyOf) },
      whenUnblocked(memory, configMaps),
      whenUnblocked(memory, secrets),
    ],
    gone: (pod, world) => forget(pod, world, memory),
    async reconcile(pod, world) {
      const node = world.store.get({ ...nodes, name: asText(pod.spec?.nodeName) });
      if (isDying(pod)) return await end(pod, node, world);
      if (isOver(pod) || node === undefined || !isReady(node)) return undefined;
      if (pod.status?.startTime === undefined) await accept(pod, node, world);
      return await advance(world.store.get(refTo(pods, pod)) ?? pod, world, memory);
    },
  };
}

function whenUnblocked({ blocked }: Memory, resource: Trigger["resource"]): Trigger {
  return {
    resource,
    keys: ({ type, object }) => {
      const prefix = `${object.metadata.namespace}/`;
      return type === "DELETED" ? [] : [...blocked].filter((key) => key.startsWith(prefix));
    },
  };
}

function forget(pod: KubeObject, { waits }: World, { blocked, pulls }: Memory): void {
  blocked.delete(keyOf(pod));
  waits.forget(`${pod.metadata.uid}/`);
  for (const { name } of [...initContainersOf(pod), ...containersOf(pod)]) {
    waits.forget(`${pod.metadata.uid}/${asText(name)}`);
    pulls.delete(`${pod.metadata.uid}/${asText(name)}`);
  }
}

/** Takes a pod that was placed on a node. */
async function accept(pod: KubeObject, node: KubeObject, { store, clock }: World): Promise<void> {
  const digest = createHash("sha256").update(pod.metadata.uid).digest();
  const podIP = `10.244.${digest[4]}.${digest[5]}`;
  const address = asList(node.status?.addresses).find(({ type }) => type === "InternalIP");
  await store.modify(refTo(pods, pod), (draft) => {
    if (draft.metadata.uid !== pod.metadata.uid || isDying(draft)) return;
    draft.metadata.finalizers = [...new Set([...(draft.metadata.finalizers ?? []), podFinalizer])];
    const prepares = initContainersOf(draft);
    const reason = prepares.length > 0 ? "PodInitializing" : "ContainerCreating";
    draft.status = {
      ...draft.status,
      startTime: timestamp(clock()),
      ...(address === undefined ? {} : { hostIP: address.address, hostIPs: [{ ip: address.address }] }),
      podIP,
      podIPs: [{ ip: podIP }],
      qosClass: "BestEffort",
      ...(prepares.length > 0
        ? { initContainerStatuses: prepares.map((one) => newStatus(one, "PodInitializing")) }
        : {}),
      containerStatuses: containersOf(draft).map((one) => newStatus(one, reason)),
    };
    summarize(draft, clock());
  });
}

/** A container that may go ahead, with its next step. */
interface Move {
  readonly container: Fields;
  readonly list: "initContainerStatuses" | "containerStatuses";
  readonly step: Step;
  readonly left: number;
}

/** Carries out what is due; answers when the next step is. */
async function advance(pod: KubeObject, world: World, memory: Memory): Promise<number | undefined> {
  const lacking = missingVolume(world.store, pod);
  memory.blocked.delete(keyOf(pod));
  if (lacking !== undefined && pod.status?.phase === "Pending") {
    memory.blocked.add(keyOf(pod));
    world.events.record(pod, { type: "Warning", reason: "FailedMount", message: lacking, component });
    return undefined;
  }
  const moves = await movesOf(pod, world, memory);
  const due = moves.filter(({ left }) => left <= 0);
  if (due.length > 0) await carryOut(pod, due, world, memory);
  else await world.store.modify(refTo(pods, pod), (draft) => refresh(draft, world));
  // A change brings the pod back here by itself.
  const later = moves.filter(({ left }) => left > 0).map(({ left }) => left);
  return later.length === 0 ? undefined : Math.min(...later) + 1;
}

/** Brings the conditions of a pod up to date that somebody else has set, such as when its node was lost. */
function refresh(draft: KubeObject, { clock }: World): void {
  if (!isDying(draft) && !isOver(draft)) summarize(draft, clock());
}

async function movesOf(pod: KubeObject, world: World, memory: Memory): Promise<Move[]> {
  const { initContainerStatuses, containerStatuses } = pod.status ?? {};
  const prepares = initContainersOf(pod);
  const current = prepares.findIndex((one) => !isDone(one, statusOf(initContainerStatuses, one)));
  const begun = current < 0 ? prepares : prepares.slice(0, current + 1);
  const open = begun.filter((one) => isSidecar(one) || one === prepares[current]);
  const moves: Move[] = [];
  for (const container of open) {
    const move = await moveOf(pod, container, statusOf(initContainerStatuses, container), true, world, memory);
    if (move !== undefined) moves.push(move);
  }
  for (const container of current < 0 ? containersOf(pod) : []) {
    const move = await moveOf(pod, container, statusOf(containerStatuses, container), false, world, memory);
    if (move !== undefined) moves.push(move);
  }
  return moves;
}

async function moveOf(
  pod: KubeObject,
  container: Fields,
  status: Fields = newStatus(container, "ContainerCreating"),
  isInit: boolean,
  world: World,
  { blocked, pulls }: Memory,
): Promise<Move | undefined> {
  const { variables, missing } = environmentOf(world.store, pod, container);
  if (missing !== undefined) blocked.add(keyOf(pod));
  const plan = await planOf(pod, container, isInit && !isSidecar(container), variables);
  const key = `${pod.metadata.uid}/${asText(container.name)}`;
  const step = nextStep({ pod, container, status, isInit, plan, missing, pulls: pulls.get(key) ?? 0 });
  if (step === undefined) {
    world.waits.forget(key);
    return undefined;
  }
  const list = isInit ? "initContainerStatuses" : "containerStatuses";
  return { container, list, step, left: step.ms - world.waits.waited(key, step.token) };
}

async function carryOut(pod: KubeObject, moves: readonly Move[], world: World, { pulls }: Memory): Promise<void> {
  const at = timestamp(world.clock());
  const { uid } = pod.metadata;
  await world.store.modify(refTo(pods, pod), (draft) => {
    if (draft.metadata.uid !== uid || isDying(draft)) return;
    for (const { container, list, step } of moves) {
      const others = asList(draft.status?.[list]);
      const own = statusOf(others, container) ?? newStatus(container, "ContainerCreating");
      const next = step.next(own, at);
      const all = others.some(({ name }) => name === container.name)
        ? others.map((one) => (one.name === container.name ? next : one))
        : [...others, next];
      draft.status = { ...draft.status, [list]: all };
    }
    summarize(draft, world.clock());
  });
  for (const { container, list, step } of moves) {
    const key = `${uid}/${asText(container.name)}`;
    if (step.token.startsWith("ErrImagePull")) pulls.set(key, (pulls.get(key) ?? 0) + 1);
    tell(pod, container, list, step.happenings, world);
  }
}

function tell(
  pod: KubeObject,
  { name }: Fields,
  list: Move["list"],
  happenings: readonly Omit<Happening, "component">[],
  { events }: World,
): void {
  const part = list === "containerStatuses" ? "containers" : "initContainers";
  const fieldPath = `spec.${part}{${asText(name)}}`;
  const host = asText(pod.spec?.nodeName);
  for (const happening of happenings) events.record(pod, { ...happening, component, host, fieldPath });
}

/** Lets a pod go once its containers have ended; at a node that is lost it stays until that is gone or back. */
async function end(pod: KubeObject, node: KubeObject | undefined, world: World): Promise<number | undefined> {
  if (!pod.metadata.finalizers?.includes(podFinalizer)) return undefined;
  if (node !== undefined && !isReady(node)) return undefined;
  const grace = Number(pod.spec?.terminationGracePeriodSeconds ?? standardGraceSeconds) * 1000;
  const asked = durationOf(pod.metadata.annotations?.[asks.stopAfter]) ?? quickStop;
  const waited = world.waits.waited(`${pod.metadata.uid}/`, "stop");
  const left = isOver(pod) || node === undefined ? 0 : Math.min(grace, asked) - waited;
  if (left > 0) {
    for (const container of waited === 0 ? containersOf(pod) : []) {
      if (asFields(statusOf(pod.status?.containerStatuses, container)?.state).running === undefined) continue;
      const message = `Stopping container ${asText(container.name)}`;
      tell(pod, container, "containerStatuses", [{ type: "Normal", reason: "Killing", message }], world);
    }
    return left + 1;
  }
  await world.store.modify(refTo(pods, pod), (draft) => {
    if (draft.metadata.uid !== pod.metadata.uid) return;
    const kept = (draft.metadata.finalizers ?? []).filter((one) => one !== podFinalizer);
    if (kept.length > 0) draft.metadata.finalizers = kept;
    else delete draft.metadata.finalizers;
  });
  return undefined;
}
