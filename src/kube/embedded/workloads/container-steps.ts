import { asFields, asText } from "../fields.js";
import type { Fields, KubeObject } from "../types.js";
import type { Plan } from "./behaviour.js";
import type { Happening } from "./events.js";
import { isRestarted } from "./pod-status.js";

/** What a container is about to do. */
export interface Step {
  /** Distinguishes it from what the container did before. */
  readonly token: string;
  /** How long it takes. */
  readonly ms: number;
  /** The state after it; `at` is when it happens. */
  readonly next: (status: Fields, at: string) => Fields;
  readonly happenings: readonly Omit<Happening, "component" | "host" | "fieldPath">[];
}

/** A container, and what stands around it. */
export interface Subject {
  readonly pod: KubeObject;
  readonly container: Fields;
  readonly status: Fields;
  readonly isInit: boolean;
  readonly plan: Plan;
  /** Why it cannot be created, if so. */
  readonly missing: string | undefined;
  /** How often its image could not be pulled. */
  readonly pulls: number;
}

const times = { pull: 1000, create: 200, backOffNotice: 2000, firstBackOff: 10_000, longestBackOff: 300_000 };

/** What a container does next; undefined when it stays as it is. */
export function nextStep(subject: Subject): Step | undefined {
  const { running, terminated, waiting } = asFields(subject.status.state);
  if (running !== undefined) return whileRunning(subject);
  if (terminated !== undefined) return afterEnd(subject, asFields(terminated));
  return whileWaiting(subject, asText(asFields(waiting).reason));
}

function whileWaiting(subject: Subject, reason: string): Step | undefined {
  const { plan, pulls, missing } = subject;
  const image = asText(subject.container.image);
  if (reason === "CrashLoopBackOff") return { ...startOf(subject), ms: backOff(restartsOf(subject) - 1) };
  if (reason === "ErrImagePull") {
    return wait("ImagePullBackOff", times.backOffNotice, `Back-off pulling image "${image}"`, pulls, [
      { type: "Normal", reason: "BackOff", message: `Back-off pulling image "${image}"` },
      { type: "Warning", reason: "Failed", message: "Error: ImagePullBackOff" },
    ]);
  }
  if (plan.fault === "pull-error")
    return failedPull(image, reason === "ImagePullBackOff" ? backOff(pulls - 1) : times.pull, pulls);
  if (missing === undefined) return startOf(subject);
  if (reason === "CreateContainerConfigError" && asFields(asFields(subject.status.state).waiting).message === missing) {
    return undefined;
  }
  return wait("CreateContainerConfigError", times.create, missing, pulls, [
    { type: "Warning", reason: "Failed", message: `Error: ${missing}` },
  ]);
}

function failedPull(image: string, ms: number, pulls: number): Step {
  const why = `rpc error: code = NotFound desc = failed to pull and unpack image "${image}": not found`;
  const message = `Failed to pull image "${image}": ${why}`;
  return wait("ErrImagePull", ms, why, pulls, [
    { type: "Normal", reason: "Pulling", message: `Pulling image "${image}"` },
    { type: "Warning", reason: "Failed", message },
    { type: "Warning", reason: "Failed", message: "Error: ErrImagePull" },
  ]);
}

function wait(reason: string, ms: number, message: string, pulls: number, happenings: Step["happenings"]): Step {
  const next = (status: Fields): Fields => ({ ...status, state: { waiting: { reason, message } } });
  return { token: `${reason} ${pulls} ${message}`, ms, next, happenings };
}

function startOf({ container, status, plan }: Subject): Step {
  const image = asText(container.image);
  const { terminated } = asFields(status.state);
  const isFirst = asText(status.containerID) === "";
  const restarts = Number(status.restartCount ?? 0) + (isFirst ? 0 : 1);
  const pulled = { type: "Normal", reason: "Pulled", message: `Successfully pulled image "${image}"` } as const;
  const present = { ...pulled, message: `Container image "${image}" already present on machine` };
  return {
    token: `start ${restarts}`,
    ms: isFirst ? times.pull + times.create : times.create,
    next: (before, at) => ({
      ...before,
      restartCount: restarts,
      started: true,
      ready: plan.readyAfter === 0,
      imageID: imageId(image),
      containerID: `containerd://${asText(container.name)}-${restarts}`,
      state: { running: { startedAt: at } },
      lastState: terminated === undefined ? asFields(before.lastState) : { terminated },
    }),
    happenings: [
      ...(isFirst ? [{ type: "Normal", reason: "Pulling", message: `Pulling image "${image}"` } as const] : []),
      isFirst ? pulled : present,
      { type: "Normal", reason: "Created", message: `Created container: ${asText(container.name)}` },
      { type: "Normal", reason: "Started", message: `Started container ${asText(container.name)}` },
      ...(plan.fault === "never-ready" ? [unhealthy] : []),
    ],
  };
}

const unhealthy = {
  type: "Warning",
  reason: "Unhealthy",
  message: "Readiness probe failed: HTTP probe failed with statuscode: 503",
} as const;

function imageId(image: string): string {
  return image.includes("@") ? image : "";
}

function whileRunning({ status, plan }: Subject): Step | undefined {
  const token = `run ${Number(status.restartCount ?? 0)}`;
  const { end, readyAfter } = plan;
  const becomesReady = status.ready !== true && readyAfter !== undefined;
  if (becomesReady && (end === undefined || readyAfter < end.ms)) {
    return { token, ms: readyAfter, next: (before) => ({ ...before, ready: true }), happenings: [] };
  }
  if (end !== undefined)
    return { token, ms: end.ms, next: (before, at) => ended(before, end.code, at), happenings: [] };
  return undefined;
}

function ended(status: Fields, exitCode: number, at: string): Fields {
  const { startedAt } = asFields(asFields(status.state).running);
  const reason = exitCode === 0 ? "Completed" : "Error";
  const { containerID } = status;
  const terminated = { exitCode, reason, startedAt, finishedAt: at, containerID };
  return { ...status, ready: false, started: false, state: { terminated } };
}

function afterEnd(subject: Subject, { exitCode }: Fields): Step | undefined {
  const { pod, container, isInit, status } = subject;
  if (!isRestarted(pod, container, isInit, Number(exitCode))) return undefined;
  // The first time, it is started again at once.
  if (restartsOf(subject) === 1) return startOf(subject);
  const name = asText(container.name);
  const seconds = backOff(restartsOf(subject) - 1) / 1000;
  const message = `back-off ${seconds}s restarting failed container=${name} pod=${pod.metadata.name}_${pod.metadata.namespace}`;
  const { terminated } = asFields(status.state);
  return {
    token: `back-off ${restartsOf(subject)}`,
    ms: times.create,
    next: (before) => ({
      ...before,
      state: { waiting: { reason: "CrashLoopBackOff", message } },
      lastState: { terminated },
    }),
    happenings: [
      {
        type: "Warning",
        reason: "BackOff",
        message: `Back-off restarting failed container ${name} in pod ${pod.metadata.name}`,
      },
    ],
  };
}

/** How often a container will have been restarted when it is started the next time. */
function restartsOf({ status }: Subject): number {
  return Number(status.restartCount ?? 0) + 1;
}

function backOff(round: number): number {
  return Math.min(times.longestBackOff, times.firstBackOff * 2 ** Math.max(0, round - 1));
}
