import cluster, { type Worker } from "node:cluster";
import type { Logger } from "pino";
import type { Address } from "../config.js";
import type { FromProcess, ToProcess } from "./messages.js";
import { type MetricsText, mergeMetrics } from "./metrics-text.js";
import { primaryMetrics } from "./primary-metrics.js";
import { createRestarts, type Restarts, soundMs } from "./restarts.js";

const scrapeTimeoutMs = 2_000;

export interface ProcessesOptions {
  readonly count: number;
  /** What the environment of each process has beside that of this one; processes are numbered from 1 on. */
  readonly envOf: (number: number) => NodeJS.ProcessEnv;
  readonly log: Logger;
}

/** Processes that serve on one port, of which each that ends is replaced. */
export interface ServerProcesses {
  /** Where they serve. */
  readonly address: Address;
  /** The metrics of all of them and of this process, in the text format of Prometheus. */
  metrics(): Promise<string>;
  /** Hands a signal on to all. */
  signal(signal: NodeJS.Signals): void;
  /** Rejects when none can be kept alive; then none is left. */
  readonly failed: Promise<never>;
  /** Lets all of them finish what is under way; resolves when none is left. */
  stop(): Promise<void>;
}

/** The place of one process, in which others follow when it ends. */
interface Place {
  readonly number: number;
  readonly restarts: Restarts;
  worker: Worker | undefined;
  address: Address | undefined;
  /** By performance.now(). */
  servingSince: number | undefined;
  /** Why the last one could not serve, in its own words. */
  reason: string | undefined;
  nextStart: NodeJS.Timeout | undefined;
}

/**
 * Starts the processes: the first one alone, and the others when it serves, so that what is made once is made once and
 * what is wrong is said once. Rejects with the reason when the first one cannot serve.
 */
export async function startProcesses({ count, envOf, log }: ProcessesOptions): Promise<ServerProcesses> {
  // Connections are dealt out in turn: whoever accepts by chance soon has most of those that stay for hours.
  cluster.schedulingPolicy = cluster.SCHED_RR;
  const places = Array.from({ length: count }, (_, at) => newPlace(at + 1));
  const begin = (place: Place): Promise<void> => startIn(place, envOf(place.number), log);
  const keeper = keepAlive(places, begin, log);
  process.once("exit", () => {
    // However this process ends, none is left behind.
    for (const { worker } of places) worker?.process.kill("SIGKILL");
  });
  const [first, ...others] = places;
  await (first && begin(first));
  if (first?.address === undefined) throw new Error(first?.reason ?? "the first process of the server ended at once");
  keeper.keep(first);
  await Promise.all(others.map((place) => begin(place).then(() => keeper.keep(place))));
  return {
    address: first.address,
    metrics: () => scrape(places, { wanted: count, ended: keeper.deaths() }),
    signal(signal) {
      for (const { worker } of places) worker?.process.kill(signal);
    },
    failed: keeper.failed,
    stop: keeper.stop,
  };
}

function newPlace(number: number): Place {
  const nothing = { worker: undefined, address: undefined, servingSince: undefined };
  return { number, restarts: createRestarts(), ...nothing, reason: undefined, nextStart: undefined };
}

/** Resolves when the process serves, or has ended. */
function startIn(place: Place, env: NodeJS.ProcessEnv, log: Logger): Promise<void> {
  const worker = cluster.fork(env);
  place.worker = worker;
  place.reason = undefined;
  return new Promise((resolve) => {
    worker.on("message", (message: FromProcess) => {
      if (message.kind === "failed") place.reason = message.reason;
      if (message.kind !== "serving") return;
      place.address = message.address;
      place.servingSince = performance.now();
      log.info({ process: place.number, pid: worker.process.pid }, "process serving");
      resolve();
    });
    worker.once("exit", (code, signal) => {
      place.worker = undefined;
      place.reason ??= signal ? `it was ended by ${signal}` : `it ended with ${code}`;
      resolve();
    });
    // Whether it could be started shows by its exit.
    worker.on("error", (error) => {
      place.reason = error.message;
    });
  });
}

/** Puts another process in the place of each that ends. */
function keepAlive(places: readonly Place[], begin: (place: Place) => Promise<void>, log: Logger) {
  let isStopping = false;
  let deaths = 0;
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // Whoever does not wait for it hears of it by the end of all.
  failed.catch(() => {});

  const stop = async (): Promise<void> => {
    isStopping = true;
    for (const { nextStart } of places) clearTimeout(nextStart);
    await Promise.all(places.map(({ worker }) => worker && ended(worker)));
  };
  const giveUp = async ({ number, reason }: Place): Promise<void> => {
    await stop();
    fail(new Error(`process ${number} of the server ended again and again; the last time: ${reason}`));
  };
  const onEnd = (place: Place): void => {
    if (isStopping) return;
    deaths += 1;
    const servedMs = servedFor(place);
    place.servingSince = undefined;
    const { pauseMs, tooMany } = place.restarts.ended(servedMs);
    log.warn({ process: place.number, reason: place.reason, pauseMs }, "a process ended; another takes its place");
    // As long as others serve, there is something to lose.
    if (tooMany && !places.some((each) => (servedFor(each) ?? 0) >= soundMs)) return void giveUp(place);
    place.nextStart = setTimeout(() => void begin(place).then(() => keep(place)), pauseMs);
  };
  const keep = (place: Place): void => {
    const { worker } = place;
    if (worker === undefined) onEnd(place);
    else if (isStopping) askToStop(worker);
    else worker.once("exit", () => onEnd(place));
  };
  return { keep, stop, failed, deaths: () => deaths };
}

function servedFor({ servingSince }: Place): number | undefined {
  return servingSince === undefined ? undefined : performance.now() - servingSince;
}

/** Asks a process to end; resolves when it has. */
function ended(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    worker.once("exit", () => resolve());
    askToStop(worker);
  });
}

function askToStop(worker: Worker): void {
  if (worker.isConnected()) worker.send({ kind: "stop" } satisfies ToProcess);
}

let lastScrape = 0;

async function scrape(places: readonly Place[], counts: { wanted: number; ended: number }): Promise<string> {
  const serving = places.filter(({ servingSince }) => servingSince !== undefined);
  const texts = await Promise.all(serving.map(metricsOf));
  const own = { process: "primary", text: primaryMetrics({ ...counts, serving: serving.length }) };
  return mergeMetrics([own, ...texts.filter((text) => text !== undefined)]);
}

/** The metrics of one process; undefined when it does not answer in time: others must not be missed with it. */
function metricsOf({ number, worker }: Place): Promise<MetricsText | undefined> {
  if (worker === undefined || !worker.isConnected()) return Promise.resolve(undefined);
  lastScrape += 1;
  const scrape = lastScrape;
  return new Promise((resolve) => {
    const settle = (text: string | undefined): void => {
      clearTimeout(late);
      worker.off("message", onMessage);
      resolve(text === undefined ? undefined : { process: String(number), text });
    };
    const onMessage = (message: FromProcess): void => {
      if (message.kind === "metrics" && message.scrape === scrape) settle(message.text);
    };
    const late = setTimeout(() => settle(undefined), scrapeTimeoutMs);
    worker.on("message", onMessage);
    worker.send({ kind: "metrics", scrape } satisfies ToProcess);
  });
}
