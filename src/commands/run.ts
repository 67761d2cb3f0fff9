import type { Logger } from "pino";
import type { Config } from "../config.js";
import { type LogOptions, openLog } from "./log.js";

/** How long an orderly end may take, beyond the grace that calls get. */
const stopMarginMs = 15_000;

/** A part of the program that runs until it is stopped. */
export interface Running {
  stop(): Promise<void>;
  /** Rejects when it has come to its end by itself; without it, it never does. */
  readonly failed?: Promise<never>;
}

/** Runs until SIGINT or SIGTERM, then stops in order; a second signal, or too long a stop, ends it at once. */
export async function runUntilSignal(
  config: Config,
  start: (log: Logger) => Promise<Running>,
  options: LogOptions = {},
): Promise<void> {
  const log = await openLog(config, options);
  const asked = nextSignal();
  const running = await start(log);
  const signal = await (running.failed === undefined ? asked : Promise.race([asked, running.failed]));
  log.info({ signal }, "stopping");
  for (const again of ["SIGINT", "SIGTERM"] as const) process.once(again, () => process.exit(1));
  await stopInTime(config, log, running);
  process.exit(0);
}

/** The first SIGINT or SIGTERM that comes from now on. */
export function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, resolve);
  });
}

/** Stops in order; when that takes too long, the process ends with 1. */
export async function stopInTime(config: Config, log: Logger, running: Running): Promise<void> {
  const late = setTimeout(() => {
    log.error("stopping took too long");
    process.exit(1);
  }, config.shutdownGraceMs + stopMarginMs);
  await running.stop();
  clearTimeout(late);
}

/** What a new installation easily forgets. */
export function warnOfDefaults(config: Config, log: Logger): void {
  if (config.partitionsFile !== undefined) return;
  log.warn("SLIPWAY_PARTITIONS_FILE is not set: clusters are ordered as from the simulated Gardener of slipway dev");
}
