import cluster from "node:cluster";
import { parse } from "node:path";
import type { Logger } from "pino";
import type { Config } from "../config.js";
import { serveMetricsText } from "../processes/metrics-endpoint.js";
import { startProcesses } from "../processes/primary.js";
import { openPrimaryLink } from "../processes/server-process.js";
import { chosenAddress, listenOn, textOf } from "./addresses.js";
import { openLog } from "./log.js";
import { nextSignal, type Running, runUntilSignal, stopInTime, warnOfDefaults } from "./run.js";

/** The number of a process, which its primary gives it. */
const numberName = "SLIPWAY_PROCESS";

/** `slipway serve` in several processes: this one is their primary or, as the environment says, one of them. */
export async function runServeProcesses(config: Config, env: NodeJS.ProcessEnv): Promise<void> {
  const number = cluster.isWorker ? env[numberName] : undefined;
  if (number !== undefined) await runOne(config, Number(number));
  else await runUntilSignal(config, (log) => servePrimary(config, log), { database: false });
}

/** Starts the processes, and serves the metrics of all. Answers no calls itself, and loads nothing that could. */
async function servePrimary(config: Config, log: Logger): Promise<Running> {
  const { metricsListen, auditExportFile } = config;
  // All must come to the same one.
  const listen = textOf(await chosenAddress(config.listen));
  const processes = await startProcesses({
    count: config.processes,
    envOf: (number) => ({ [numberName]: String(number), SLIPWAY_LISTEN: listen }),
    log,
  });
  const endpoint = await listenOn("SLIPWAY_METRICS_LISTEN", metricsListen, () =>
    serveMetricsText(metricsListen, processes.metrics),
  ).catch(async (error: unknown) => {
    await processes.stop();
    throw error;
  });
  // As in one process: without an export there is nothing to open anew, and the signal ends the program.
  if (auditExportFile !== undefined) process.on("SIGHUP", processes.signal);
  log.info({ ...processes.address, metrics: endpoint.port, processes: config.processes }, "serving");
  warnOfDefaults(config, log);
  return {
    async stop() {
      await processes.stop();
      await endpoint.close();
    },
    failed: processes.failed.catch(async (error: unknown) => {
      await endpoint.close();
      throw error;
    }),
  };
}

/** One of the processes. It ends when the primary asks, or when a signal is sent to it alone; then another follows. */
async function runOne(config: Config, number: number): Promise<void> {
  const link = openPrimaryLink();
  const log = await openLog(config, { base: { process: number, pid: process.pid } });
  const asked = Promise.race([link.asked, nextSignal()]);
  // Signals to a whole group of processes come in addition to the word of the primary, and must not cut it short.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
  const [{ serve }, { openMeters }] = await Promise.all([import("./serve.js"), import("../processes/meters.js")]);
  const own = { ...config, auditExportFile: fileOf(config.auditExportFile, number) };
  const running = await serve(own, log, async () => {
    const meters = openMeters();
    link.answerScrapes(meters.text);
    return meters;
  }).catch(async (error: unknown) => {
    const { withoutValues } = await import("../db/errors.js");
    const clean = withoutValues(error);
    await link.failed(clean instanceof Error ? clean.message : String(clean));
    process.exit(1);
  });
  link.serving(running.address);
  log.info({ signal: await asked }, "stopping");
  await stopInTime(config, log, running);
  process.exit(0);
}

/** A file of the process's own beside that of the setting: "audit.jsonl" is "audit.1.jsonl". */
function fileOf(path: string | undefined, number: number): string | undefined {
  if (path === undefined) return undefined;
  const { dir, name, ext } = parse(path);
  return `${dir === "" ? "" : `${dir}/`}${name}.${number}${ext}`;
}
