import { setTimeout as delay } from "node:timers/promises";
import type { ClusterContext, LogOptions } from "../extension.js";
import { asFields, asText } from "../fields.js";
import { badRequest } from "../status-error.js";
import type { Fields, KubeObject } from "../types.js";
import { type Plan, planOf } from "./behaviour.js";
import { environmentOf } from "./environment.js";
import { asks, pods } from "./names.js";
import { durationOf, refTo } from "./objects.js";
import { containerOf } from "./pod-processes.js";
import { initContainersOf, isSidecar } from "./pod-status.js";

/** One line of a log. */
interface Line {
  /** In milliseconds since 1970. */
  readonly at: number;
  readonly text: string;
}

/** One run of a container. */
interface Run {
  readonly from: number;
  /** Undefined while it goes on. */
  readonly to: number | undefined;
  readonly exitCode: number;
}

const standardPeriod = 10_000;
/** As many periodic lines are kept; the log of a container is rotated. */
const mostLines = 10_000;
const longestDelay = 60_000;

/**
 * The log of a container, worked out from when it was started: nothing is kept, and nobody has to write. Throws before
 * the first piece when there is none.
 */
export function readLogs(pod: KubeObject, options: LogOptions, { store }: ClusterContext): AsyncIterable<string> {
  const { container, status } = containerOf(pod, options.container);
  const run = runOf(pod, container, status, options.previous);
  const isInit = initContainersOf(pod).includes(container) && !isSidecar(container);
  const { variables } = environmentOf(store, pod, container);
  const current = (): Run | undefined => {
    const latest = store.get(refTo(pods, pod));
    if (latest?.metadata.uid !== pod.metadata.uid) return undefined;
    return states(containerOf(latest, options.container).status).find(({ from }) => from === run.from);
  };
  return limited(linesOf(pod, run, planOf(pod, container, isInit, variables), options, current), options.limitBytes);
}

/** The runs of a container that are known: this one and the one before. */
function states(status: Fields | undefined): Run[] {
  const { running, terminated } = asFields(status?.state);
  const last = asFields(status?.lastState).terminated;
  return [running ?? terminated, last].flatMap((state) => {
    if (state === undefined) return [];
    const { startedAt, finishedAt, exitCode } = asFields(state);
    const to = finishedAt === undefined ? undefined : Date.parse(asText(finishedAt));
    return [{ from: Date.parse(asText(startedAt)), to, exitCode: Number(exitCode ?? 0) }];
  });
}

function runOf(pod: KubeObject, { name }: Fields, status: Fields | undefined, previous: boolean): Run {
  const where = `in pod "${pod.metadata.name}"`;
  const { running, terminated, waiting } = asFields(status?.state);
  const runs = states(status);
  const run = previous ? states({ lastState: asFields(status).lastState })[0] : runs[0];
  if (run !== undefined) return run;
  if (previous) throw badRequest(`previous terminated container "${asText(name)}" ${where} not found`);
  if (running !== undefined || terminated !== undefined)
    throw badRequest(`container "${asText(name)}" ${where} has no log`);
  const reason = asText(asFields(waiting).reason) || "ContainerCreating";
  const failed = ["ErrImagePull", "ImagePullBackOff"].includes(reason);
  const why = failed ? `trying and failing to pull image` : `waiting to start: ${reason}`;
  throw badRequest(`container "${asText(name)}" ${where} is ${why}`);
}

async function* linesOf(
  pod: KubeObject,
  run: Run,
  plan: Promise<Plan>,
  options: LogOptions,
  current: () => Run | undefined,
): AsyncGenerator<string> {
  const { lines: planned, end } = await plan;
  const ends = end !== undefined;
  const period = durationOf(pod.metadata.annotations?.[asks.logEvery]) ?? (ends ? 0 : standardPeriod);
  const between = (after: number, until: number, limit: number) =>
    linesBetween(run, planned, period, { after, until, limit });
  const now = Math.max(Date.now(), run.from);
  const since = sinceOf(options, now);
  const last = run.to ?? now;
  const limit = Math.min(options.tailLines ?? mostLines, mostLines);
  const past = [
    ...between(Number.NEGATIVE_INFINITY, last, limit),
    ...(run.to === undefined ? [] : [endLine(run, run.to)]),
  ];
  const shown = past.filter(({ at }) => at >= since);
  for (const line of options.tailLines === undefined ? shown : shown.slice(Math.max(0, shown.length - limit))) {
    yield format(line, options);
  }
  if (!options.follow || run.to !== undefined) return;
  yield* follow(options, { from: last, period, between, current });
}

interface Following {
  readonly from: number;
  readonly period: number;
  readonly between: (after: number, until: number, limit: number) => Line[];
  readonly current: () => Run | undefined;
}

async function* follow(options: LogOptions, { from, period, between, current }: Following): AsyncGenerator<string> {
  const { signal } = options;
  let after = from;
  while (!signal.aborted) {
    // The end of a container is noticed within a second, however rarely it writes.
    const wait = Math.min(period || longestDelay, 1000, longestDelay);
    await delay(wait, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const run = current();
    const until = run?.to ?? Date.now();
    for (const line of between(after, until, mostLines)) yield format(line, options);
    after = Math.max(after, until);
    if (run === undefined) return;
    if (run.to === undefined) continue;
    yield format(endLine(run, run.to), options);
    return;
  }
}

interface Window {
  readonly after: number;
  readonly until: number;
  /** The latest so many. */
  readonly limit: number;
}

function linesBetween(run: Run, planned: Plan["lines"], period: number, { after, until, limit }: Window): Line[] {
  const lines: Line[] = planned
    .map(({ ms, text }) => ({ at: run.from + (run.to === undefined ? 0 : Math.min(ms, run.to - run.from)), text }))
    .filter(({ at }) => at > after && at <= until);
  if (period > 0) {
    const last = Math.floor((until - run.from) / period);
    const first = Math.max(1, Math.floor((Math.max(after, run.from) - run.from) / period) + 1, last - limit + 1);
    for (let beat = first; beat <= last; beat += 1)
      lines.push({ at: run.from + beat * period, text: `running, line ${beat}` });
  }
  return lines;
}

function endLine({ exitCode }: Run, at: number): Line {
  return { at, text: `ended with exit code ${exitCode}` };
}

function sinceOf({ sinceSeconds, sinceTime }: LogOptions, now: number): number {
  if (sinceTime !== undefined) return sinceTime.getTime();
  return sinceSeconds === undefined ? Number.NEGATIVE_INFINITY : now - sinceSeconds * 1000;
}

function format({ at, text }: Line, { timestamps }: LogOptions): string {
  if (!timestamps) return `${text}\n`;
  return `${new Date(at).toISOString().replace("Z", "000000Z")} ${text}\n`;
}

async function* limited(pieces: AsyncIterable<string>, limitBytes: number | undefined): AsyncGenerator<string> {
  let left = limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const piece of pieces) {
    const size = Buffer.byteLength(piece);
    yield size <= left ? piece : Buffer.from(piece).subarray(0, left).toString();
    left -= size;
    if (left <= 0) return;
  }
}
