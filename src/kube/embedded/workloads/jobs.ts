import { asFields, asList, asNumber, asText } from "../fields.js";
import { timestamp } from "../lifecycle.js";
import type { Fields, KubeObject } from "../types.js";
import { type Controller, whenOwned } from "./controller.js";
import { jobs, pods } from "./names.js";
import { podKeys } from "./object-index.js";
import { conditionOf, isDying, type NewCondition, refTo, withCondition } from "./objects.js";
import { isActive, isReady } from "./pod-state.js";
import { bearPod, dropPod, podOf } from "./pod-templates.js";
import type { World } from "./world.js";

const component = "job-controller";
const times = { retry: 5000, firstBackOff: 10_000, longestBackOff: 360_000 };
const indexNote = "batch.kubernetes.io/job-completion-index";

/** Runs the pods of Jobs until enough of them have succeeded, or too many have failed. */
export const jobController: Controller = {
  resource: jobs,
  triggers: [whenOwned(pods, "Job")],
  gone: ({ metadata }, { waits }) => {
    for (const what of ["active", "failed", "ttl"]) waits.forget(`${metadata.uid}/${what}`);
  },
  async reconcile(job, world) {
    if (isDying(job)) return undefined;
    if (isFinished(job)) return await expire(job, world);
    if (job.spec?.selector === undefined) return await select(job, world);
    if (job.spec.suspend === true) return await suspend(job, world);
    return await advance(job, world);
  },
};

/** Whether a Job has come to an end. */
export function isFinished(job: KubeObject): boolean {
  return ["Complete", "Failed"].some((type) => conditionOf(job, type)?.status === "True");
}

function labelsOf({ metadata }: KubeObject): Record<string, string> {
  const { uid, name } = metadata;
  return {
    "batch.kubernetes.io/controller-uid": uid,
    "batch.kubernetes.io/job-name": name,
    "controller-uid": uid,
    "job-name": name,
  };
}

/** Gives a Job the selector that nobody has to write. */
async function select(job: KubeObject, { store }: World): Promise<undefined> {
  await store.modify(refTo(jobs, job), (draft) => {
    const matchLabels = { "batch.kubernetes.io/controller-uid": draft.metadata.uid };
    draft.spec = { ...draft.spec, selector: { matchLabels } };
  });
  return undefined;
}

async function suspend(job: KubeObject, world: World): Promise<undefined> {
  for (const pod of tally(job, world).active) await dropPod(world, job, pod, component);
  world.waits.forget(`${job.metadata.uid}/active`);
  const condition = { type: "Suspended", status: "True", reason: "JobSuspended", message: "Job suspended" } as const;
  await write(job, world, [condition], { startTime: undefined });
  return undefined;
}

/** How the pods of a Job are. */
interface Tally {
  readonly active: readonly KubeObject[];
  readonly succeeded: readonly KubeObject[];
  readonly failed: number;
}

function tally(job: KubeObject, world: World): Tally {
  const all = world.pods.get(podKeys.owner(job.metadata.uid));
  const failed = all.filter(({ status }) => status?.phase === "Failed").length;
  const succeeded = all.filter(({ status }) => status?.phase === "Succeeded");
  return { active: all.filter(isActive), succeeded, failed: Math.max(failed, asNumber(job.status?.failed)) };
}

/** What is left to be done by a Job. */
interface Goal {
  /** Undefined: until any of the pods has succeeded and none runs any more. */
  readonly completions: number | undefined;
  readonly parallelism: number;
  readonly succeeded: number;
}

function goalOf({ spec = {}, status }: KubeObject, { succeeded }: Tally): Goal {
  const parallelism = asNumber(spec.parallelism ?? 1);
  const isQueue = spec.completions === undefined && spec.parallelism !== undefined;
  const completions = isQueue ? undefined : asNumber(spec.completions ?? 1);
  return { completions, parallelism, succeeded: Math.max(succeeded.length, asNumber(status?.succeeded)) };
}

async function advance(job: KubeObject, world: World): Promise<number | undefined> {
  const { waits } = world;
  const count = tally(job, world);
  const goal = goalOf(job, count);
  const { uid } = job.metadata;
  const deadline = job.spec?.activeDeadlineSeconds;
  const left = deadline === undefined ? undefined : asNumber(deadline) * 1000 - waits.waited(`${uid}/active`, "active");
  const attempts = count.failed + restartsOf(job, count);
  if (left !== undefined && left <= 0)
    return await fail(job, world, "DeadlineExceeded", "Job was active longer than specified deadline");
  if (attempts > asNumber(job.spec?.backoffLimit ?? 6)) {
    return await fail(job, world, "BackoffLimitExceeded", "Job has reached the specified backoff limit");
  }
  if (isReached(goal, count)) return await complete(job, world, count);
  const rest = count.failed === 0 ? 0 : backOff(count.failed) - waits.waited(`${uid}/failed`, String(count.failed));
  const failure = rest > 0 ? undefined : await fill(job, world, goal, count);
  await write(job, world, resumed(job), {});
  const again = [left, rest > 0 ? rest + 1 : undefined, failure && times.retry].filter((one) => one !== undefined);
  return again.length === 0 ? undefined : Math.min(...again);
}

function resumed(job: KubeObject): NewCondition[] {
  if (conditionOf(job, "Suspended") === undefined) return [];
  return [{ type: "Suspended", status: "False", reason: "JobResumed", message: "Job resumed" }];
}

/** Pods that start their containers again count each of these attempts. */
function restartsOf({ spec }: KubeObject, { active }: Tally): number {
  if (asFields(asFields(spec?.template).spec).restartPolicy !== "OnFailure") return 0;
  const all = active.flatMap(({ status }) => asList(status?.containerStatuses));
  return all.reduce((sum, { restartCount, state }) => {
    const { terminated, waiting } = asFields(state);
    const ended = asFields(waiting).reason === "CrashLoopBackOff" || Number(asFields(terminated).exitCode ?? 0) !== 0;
    return sum + asNumber(restartCount) + (ended ? 1 : 0);
  }, 0);
}

function isReached({ completions, succeeded }: Goal, { active }: Tally): boolean {
  return completions === undefined ? succeeded > 0 && active.length === 0 : succeeded >= completions;
}

function backOff(failed: number): number {
  return Math.min(times.longestBackOff, times.firstBackOff * 2 ** (failed - 1));
}

/** Starts as many pods as may run; answers why one could not be started. */
async function fill(job: KubeObject, world: World, goal: Goal, count: Tally) {
  const { completions, parallelism, succeeded } = goal;
  const open = completions === undefined ? (succeeded > 0 ? 0 : parallelism) : completions - succeeded;
  const wanted = Math.min(parallelism, open);
  for (const pod of count.active.slice(Math.max(0, wanted))) await dropPod(world, job, pod, component);
  const indexes = freeIndexes(job, count);
  for (let made = count.active.length; made < wanted; made += 1) {
    const failure = await bearPod(world, job, podOfJob(job, indexes.shift()), component);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

function freeIndexes(job: KubeObject, { active, succeeded }: Tally): number[] {
  if (job.spec?.completionMode !== "Indexed") return [];
  const taken = new Set([...active, ...succeeded].map(indexOf));
  return Array.from({ length: asNumber(job.spec.completions) }, (_, index) => index).filter(
    (index) => !taken.has(index),
  );
}

function indexOf({ metadata }: KubeObject): number {
  return Number(metadata.annotations?.[indexNote]);
}

function podOfJob(job: KubeObject, index: number | undefined) {
  const name = index === undefined ? {} : { generateName: `${job.metadata.name}-${index}-` };
  const pod = podOf(job, job.spec?.template);
  pod.metadata = { ...pod.metadata, ...name, labels: { ...pod.metadata.labels, ...labelsOf(job) } };
  if (index === undefined) return pod;
  const note = { [indexNote]: String(index) };
  pod.metadata.labels = { ...pod.metadata.labels, ...note };
  pod.metadata.annotations = { ...pod.metadata.annotations, ...note };
  const variable = { name: "JOB_COMPLETION_INDEX", value: String(index) };
  const containers = asList(pod.spec?.containers).map((one) => ({ ...one, env: [...asList(one.env), variable] }));
  pod.spec = { ...pod.spec, containers };
  return pod;
}

async function complete(job: KubeObject, world: World, { active }: Tally): Promise<number | undefined> {
  for (const pod of active) await dropPod(world, job, pod, component);
  const reason = "CompletionsReached";
  const message = "Reached expected number of succeeded pods";
  const all = ["SuccessCriteriaMet", "Complete"].map((type) => ({ type, status: "True", reason, message }) as const);
  await write(job, world, all, { completionTime: timestamp(world.clock()) });
  world.events.record(job, { type: "Normal", reason: "Completed", message: "Job completed", component });
  return undefined;
}

async function fail(job: KubeObject, world: World, reason: string, message: string): Promise<undefined> {
  for (const pod of tally(job, world).active) await dropPod(world, job, pod, component);
  const all = ["FailureTarget", "Failed"].map((type) => ({ type, status: "True", reason, message }) as const);
  await write(job, world, all, {});
  world.events.record(job, { type: "Warning", reason, message, component });
  return undefined;
}

async function write(job: KubeObject, world: World, conditions: readonly NewCondition[], more: Fields): Promise<void> {
  const { active, failed, succeeded } = tally(job, world);
  const goal = goalOf(job, { active, failed, succeeded });
  const indexes = succeeded.map(indexOf).filter((index) => Number.isInteger(index));
  await world.store.patchStatus(refTo(jobs, job), (draft) => {
    const all = conditions.reduce(
      (list, one) => withCondition(list, one, world.clock()),
      asList(draft.status?.conditions),
    );
    draft.status = {
      startTime: draft.status?.startTime ?? timestamp(world.clock()),
      active: active.length,
      ready: active.filter(isReady).length,
      succeeded: goal.succeeded,
      failed,
      uncountedTerminatedPods: {},
      ...(indexes.length > 0 ? { completedIndexes: [...new Set(indexes)].sort((a, b) => a - b).join(",") } : {}),
      ...(all.length > 0 ? { conditions: all } : {}),
      ...more,
    };
  });
}

/** Deletes a Job some time after its end, where it says so. */
async function expire(job: KubeObject, { store, waits }: World): Promise<number | undefined> {
  const seconds = job.spec?.ttlSecondsAfterFinished;
  if (asText(seconds) === "") return undefined;
  const left = asNumber(seconds) * 1000 - waits.waited(`${job.metadata.uid}/ttl`, "ttl");
  if (left > 0) return left + 1;
  await store.delete(refTo(jobs, job), { uid: job.metadata.uid });
  return undefined;
}
