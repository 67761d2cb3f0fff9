import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type InstanceSchema, InstanceState } from "../../../../gen/ts/deploy/v1/runtime_pb.js";
import { labels } from "../engine/labels.js";
import { because, conditionOf, fieldsOf, type LiveObject, listOf, numberOf, textOf } from "../engine/standing-facts.js";
import { isReadyPod, podStanding } from "../engine/standing-pod.js";

type InstanceMessage = Exclude<MessageInitShape<typeof InstanceSchema>, { $typeName: string }>;

/** A pod of a deployment as the API shows it; whatever is in it was written by others. */
export function instanceMessage(deployment: string, pod: LiveObject): InstanceMessage {
  const { metadata, spec, status } = pod;
  const created = new Date(metadata.creationTimestamp ?? "");
  return {
    name: metadata.name,
    deployment,
    process: metadata.labels?.[labels.process] ?? "",
    release: releaseOf(pod),
    ...stateOf(pod),
    node: textOf(fieldsOf(spec).nodeName),
    address: textOf(fieldsOf(status).podIP),
    restarts: listOf(fieldsOf(status).containerStatuses).reduce((sum, one) => sum + numberOf(one.restartCount), 0),
    containers: listOf(fieldsOf(spec).containers).map(({ name }) => textOf(name)),
    ...(Number.isNaN(created.getTime()) ? {} : { createdAt: timestampFromDate(created) }),
  };
}

function releaseOf({ metadata }: LiveObject): number {
  const number = Number(metadata.labels?.[labels.release] ?? 0);
  return Number.isInteger(number) && number >= 0 && number < 2 ** 31 ? number : 0;
}

/** How a pod is, and why. */
export function stateOf(pod: LiveObject): { readonly state: InstanceState; readonly message: string } {
  const { phase, reason, message } = fieldsOf(pod.status);
  const told = because({ reason: textOf(reason), message: textOf(message) });
  if (reason === "NodeLost" || phase === "Unknown") return { state: InstanceState.LOST, message: told };
  if (pod.metadata.deletionTimestamp !== undefined) return { state: InstanceState.TERMINATING, message: told };
  if (conditionOf(pod, "Ready")?.reason === "NodeNotReady") {
    return { state: InstanceState.LOST, message: "its node does not answer" };
  }
  if (phase === "Succeeded") return { state: InstanceState.SUCCEEDED, message: told };
  const standing = podStanding(pod);
  if (phase === "Failed") return { state: InstanceState.FAILED, message: standing.message };
  if (standing.health === "unhealthy") {
    const state = hasEnded(pod) ? InstanceState.FAILED : InstanceState.PENDING;
    return { state, message: standing.message };
  }
  if (isReadyPod(pod)) return { state: InstanceState.READY, message: "" };
  const scheduled = conditionOf(pod, "PodScheduled");
  if (scheduled?.status !== "True") return { state: InstanceState.PENDING, message: because(scheduled ?? nothing) };
  if (!isRunning(pod)) return { state: InstanceState.STARTING, message: waitingFor(pod) };
  return { state: InstanceState.NOT_READY, message: because(conditionOf(pod, "Ready") ?? nothing) };
}

const nothing = { reason: "", message: "" };

const containersOf = ({ status }: LiveObject) => listOf(fieldsOf(status).containerStatuses);

/** Whether a container has run before, and is to be started again. */
const hasEnded = (pod: LiveObject): boolean =>
  containersOf(pod).some(({ restartCount, lastState }) => {
    return numberOf(restartCount) > 0 || fieldsOf(lastState).terminated !== undefined;
  });

function isRunning(pod: LiveObject): boolean {
  const all = containersOf(pod);
  return all.length > 0 && all.every(({ state }) => fieldsOf(state).running !== undefined);
}

function waitingFor({ status }: LiveObject): string {
  const { initContainerStatuses, containerStatuses } = fieldsOf(status);
  for (const { name, state } of [...listOf(initContainerStatuses), ...listOf(containerStatuses)]) {
    const waiting = fieldsOf(fieldsOf(state).waiting);
    if (textOf(waiting.reason) === "") continue;
    return because({ reason: textOf(waiting.reason), message: textOf(waiting.message) || `container ${textOf(name)}` });
  }
  return "";
}
