import { readFile } from "node:fs/promises";
import { type App, createApp } from "../app.js";
import type { Address, Config } from "../config.js";
import type { DatabaseServer } from "../db/database.js";
import { DomainError } from "../errors.js";
import type { OpenPlatform } from "../process.js";
import { createLifecycle } from "../rpc/drain.js";
import { listen } from "../rpc/listen.js";

const pingIntervalMs = 2_000;
const pingTimeoutMs = 2_000;

/** A server of the API that takes calls. */
export interface RunningApi {
  readonly address: Address;
  /** Not ready, streams ended, calls finished, port closed. */
  stop(): Promise<void>;
}

/** Serves the API on an address, and keeps its readiness true to the database. */
export async function serveApi(
  open: OpenPlatform,
  server: DatabaseServer,
  config: Config,
  address: Address,
): Promise<RunningApi> {
  const lifecycle = createLifecycle();
  const app: App = createApp(open.platform, open.principals, config, lifecycle);
  const listener = await listen(app.handler, { ...address, tls: await readTls(config) });
  const watch = watchDatabase(server, (answers) => lifecycle.setReady(answers));
  return {
    address: { host: address.host, port: listener.port },
    async stop() {
      watch.stop();
      await lifecycle.drain(listener, { graceMs: config.shutdownGraceMs });
      await app.close();
    },
  };
}

/** Tells whether the database answers, now and every two seconds. */
function watchDatabase(server: DatabaseServer, tell: (answers: boolean) => void): { stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const check = async (): Promise<void> => {
    const answers = await server.ping(AbortSignal.timeout(pingTimeoutMs)).then(
      () => true,
      (error: unknown) => {
        if (error instanceof DomainError) return false;
        throw error;
      },
    );
    if (stopped) return;
    tell(answers);
    timer = setTimeout(check, pingIntervalMs);
  };
  void check();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

async function readTls(config: Config): Promise<{ cert: string; key: string } | undefined> {
  if (config.tls === undefined) return undefined;
  const [cert, key] = await Promise.all([readFile(config.tls.certFile, "utf8"), readFile(config.tls.keyFile, "utf8")]);
  return { cert, key };
}

/** The URL that callers of an address use. */
export function urlOf(address: Address, tls: boolean): string {
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${tls ? "https" : "http"}://${host}:${address.port}`;
}
