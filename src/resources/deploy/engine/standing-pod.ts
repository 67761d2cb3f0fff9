import {
  because,
  conditionOf,
  fieldsOf,
  type LiveObject,
  listOf,
  numberOf,
  type Standing,
  standing,
  textOf,
} from "./standing-facts.js";

/** Why containers wait when they will hardly start by themselves. */
const troubles: ReadonlySet<string> = new Set([
  "CrashLoopBackOff",
  "ImagePullBackOff",
  "ErrImagePull",
  "ErrImageNeverPull",
  "InvalidImageName",
  "ImageInspectError",
  "RegistryUnavailable",
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
]);

/** How a Pod is. */
export function podStanding(pod: LiveObject): Standing {
  const { phase, reason, message } = fieldsOf(pod.status);
  if (phase === "Succeeded") return standing("healthy");
  if (phase === "Failed") {
    const why = because({ reason: textOf(reason), message: textOf(message) });
    return standing("unhealthy", why || exitOf(pod) || "its containers failed");
  }
  const trouble = troubleOf(pod);
  if (trouble !== undefined) return standing("unhealthy", trouble);
  if (isReadyPod(pod)) return standing("healthy");
  const scheduled = conditionOf(pod, "PodScheduled");
  if (scheduled?.status === "False") return standing("progressing", because(scheduled));
  const ready = conditionOf(pod, "Ready");
  return standing("progressing", restartOf(pod) || ready?.message || "its containers start");
}

/** Whether a Pod gets requests. */
export const isReadyPod = (pod: LiveObject): boolean => conditionOf(pod, "Ready")?.status === "True";

/** Whether a Pod is one that runs or is about to: neither over nor going. */
export function isCurrentPod(pod: LiveObject): boolean {
  const { phase } = fieldsOf(pod.status);
  return phase !== "Succeeded" && phase !== "Failed" && pod.metadata.deletionTimestamp === undefined;
}

function containersOf({ status }: LiveObject) {
  const { initContainerStatuses, containerStatuses } = fieldsOf(status);
  return [...listOf(initContainerStatuses), ...listOf(containerStatuses)];
}

function troubleOf(pod: LiveObject): string | undefined {
  for (const { name, state, lastState } of containersOf(pod)) {
    const { reason, message } = fieldsOf(fieldsOf(state).waiting);
    if (!troubles.has(textOf(reason))) continue;
    const ended = reason === "CrashLoopBackOff" ? endOf(fieldsOf(lastState).terminated) : "";
    const why = ended === "" ? textOf(message) : ended;
    return because({ reason: textOf(reason), message: `container ${textOf(name)}${why === "" ? "" : ` ${why}`}` });
  }
  return exitOf(pod) || undefined;
}

/** A container that runs again for now has not recovered before it is ready. */
function restartOf(pod: LiveObject): string {
  for (const { name, restartCount, lastState } of containersOf(pod)) {
    const last = fieldsOf(fieldsOf(lastState).terminated);
    if (numberOf(restartCount) === 0 || last.exitCode === 0 || endOf(last) === "") continue;
    return `container ${textOf(name)} ${endOf(last)} and was started again (${numberOf(restartCount)} times)`;
  }
  return "";
}

function exitOf(pod: LiveObject): string {
  for (const { name, state } of containersOf(pod)) {
    const ended = endOf(fieldsOf(state).terminated);
    if (ended !== "" && fieldsOf(fieldsOf(state).terminated).exitCode !== 0)
      return `container ${textOf(name)} ${ended}`;
  }
  return "";
}

function endOf(terminated: unknown): string {
  const { exitCode, reason } = fieldsOf(terminated);
  if (typeof exitCode !== "number") return "";
  return `ended with ${exitCode}${textOf(reason) === "" ? "" : ` (${textOf(reason)})`}`;
}
