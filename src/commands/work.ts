import type { Logger } from "pino";
import { startBackground } from "../background.js";
import type { Config } from "../config.js";
import { serveMetrics } from "./api.js";
import { closeInTurn } from "./closing.js";
import { type Running, warnOfDefaults } from "./run.js";
import { openProcess } from "./serve.js";

/** `slipway worker`: jobs and controllers, without the API. */
export async function work(config: Config, log: Logger): Promise<Running> {
  const closing = closeInTurn(log);
  return closing.guard(async () => {
    const { server, open } = await openProcess(config, log, closing);
    const metrics = await serveMetrics(config);
    closing.add(() => metrics.close());
    const background = await startBackground(open.platform, server, { concurrency: config.workerConcurrency });
    closing.add(() => background.stop());
    log.info({ metrics: metrics.port }, "working");
    warnOfDefaults(config, log);
  });
}
