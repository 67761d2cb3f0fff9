import { asFields, asList } from "../fields.js";
import type { Fields, KubeObject } from "../types.js";
import { type NewCondition, withCondition } from "./objects.js";
import { containersOf } from "./pod-state.js";

/** The containers that prepare a pod; those that are restarted go on beside the others. */
export function initContainersOf({ spec }: KubeObject): Fields[] {
  return asList(spec?.initContainers);
}

/** Whether a container that prepares a pod is one that goes on. */
export function isSidecar({ restartPolicy }: Fields): boolean {
  return restartPolicy === "Always";
}

/** The state of one container, as its pod's status lists it. */
export function statusOf(list: unknown, { name }: Fields): Fields | undefined {
  return asList(list).find((one) => one.name === name);
}

/** The state of a container that has not been started. */
export function newStatus({ name, image }: Fields, reason: string): Fields {
  const waiting = { waiting: { reason } };
  return { name, image, imageID: "", ready: false, started: false, restartCount: 0, state: waiting, lastState: {} };
}

/** Whether a container that prepares a pod lets the next one go ahead. */
export function isDone(container: Fields, status: Fields | undefined): boolean {
  const { terminated } = asFields(status?.state);
  if (isSidecar(container)) return status?.started === true;
  return terminated !== undefined && asFields(terminated).exitCode === 0;
}

/** Whether a container is started again after it ended. */
export function isRestarted(pod: KubeObject, container: Fields, isInit: boolean, code: number): boolean {
  const policy = pod.spec?.restartPolicy ?? "Always";
  if (isSidecar(container)) return true;
  if (isInit) return code !== 0 && policy !== "Never";
  return policy === "Always" || (policy === "OnFailure" && code !== 0);
}

/** What phase and conditions follow from the states of the containers, in place. */
export function summarize(draft: KubeObject, now: Date): void {
  const status = asFields(draft.status);
  const prepared = initContainersOf(draft).every((one) => isDone(one, statusOf(status.initContainerStatuses, one)));
  const phase = phaseOf(draft, status);
  const over = phase === "Succeeded" || phase === "Failed";
  const own = containersOf(draft);
  const unready = own.filter((one) => statusOf(status.containerStatuses, one)?.ready !== true).map(({ name }) => name);
  const ready = prepared && unready.length === 0 && !over;
  const why =
    phase === "Succeeded"
      ? { reason: "PodCompleted" }
      : { reason: "ContainersNotReady", message: `containers with unready status: [${unready.join(" ")}]` };
  const list: NewCondition[] = [
    {
      type: "Initialized",
      status: prepared || over ? "True" : "False",
      ...(prepared || over ? {} : { reason: "ContainersNotInitialized" }),
    },
    { type: "Ready", status: ready ? "True" : "False", ...(ready ? {} : why) },
    { type: "ContainersReady", status: ready ? "True" : "False", ...(ready ? {} : why) },
    { type: "PodScheduled", status: "True" },
  ];
  const conditions = list.reduce((all, one) => withCondition(all, one, now), asList(status.conditions));
  draft.status = { ...status, phase, conditions };
}

function phaseOf(pod: KubeObject, status: Fields): string {
  const failedInit = initContainersOf(pod).some((one) => {
    const { terminated } = asFields(statusOf(status.initContainerStatuses, one)?.state);
    const code = Number(asFields(terminated).exitCode ?? 0);
    return terminated !== undefined && code !== 0 && !isRestarted(pod, one, true, code);
  });
  if (failedInit) return "Failed";
  const all = containersOf(pod).map((one) => {
    const { state, lastState } = statusOf(status.containerStatuses, one) ?? {};
    const { running, terminated } = asFields(state);
    const code = Number(asFields(terminated).exitCode ?? 0);
    const ended = terminated !== undefined && !isRestarted(pod, one, false, code);
    const started = running !== undefined || terminated !== undefined || asFields(lastState).terminated !== undefined;
    return { ended, failed: ended && code !== 0, started };
  });
  if (all.every(({ ended }) => ended)) return all.some(({ failed }) => failed) ? "Failed" : "Succeeded";
  return all.every(({ started }) => started) ? "Running" : "Pending";
}
