import { pino } from "pino";
import { v7 as uuidv7 } from "uuid";
import type { AuditEntry } from "../../../src/rpc/audit.js";
import { createLifecycle, type Lifecycle } from "../../../src/rpc/drain.js";
import { type Listener, type ListenOptions, listen } from "../../../src/rpc/listen.js";
import { createHandler, type HandlerOptions } from "../../../src/rpc/server.js";
import { authenticate } from "./callers.js";
import { newScript, registerServices, type Script } from "./services.js";

/** One line of the log. */
export type Line = Record<string, unknown> & { msg: string; level: number };

export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly lifecycle: Lifecycle;
  readonly listener: Listener;
  readonly audits: AuditEntry[];
  readonly lines: Line[];
  readonly script: Script;
  close(): Promise<void>;
}

const unlimited = { calls: 0, seconds: 1 };

/** Starts the RPC layer with the services of the tests on a free port. */
export async function startServer(
  options: Partial<HandlerOptions> = {},
  listenOptions: Partial<ListenOptions> = {},
): Promise<TestServer> {
  const audits: AuditEntry[] = [];
  const lines: Line[] = [];
  const script = newScript();
  const lifecycle = createLifecycle();
  const log = pino({ level: "debug" }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const { handler } = createHandler({
    routes: (router) => registerServices(router, script),
    authenticate,
    admitted: async () => {},
    writeAudit: (entry) => void audits.push(entry),
    log,
    clock: () => new Date("2026-01-02T03:04:05Z"),
    newId: uuidv7,
    lifecycle,
    ...options,
    limits: { rateLimit: unlimited, tokenRateLimit: unlimited, ...options.limits },
  });
  const listener = await listen(handler, { host: "127.0.0.1", port: 0, ...listenOptions });
  lifecycle.setReady(true);
  const scheme = listenOptions.tls === undefined ? "http" : "https";
  return {
    ...{ port: listener.port, url: `${scheme}://127.0.0.1:${listener.port}` },
    ...{ lifecycle, listener, audits, lines, script },
    close: () => listener.close({ graceMs: 0 }),
  };
}

/** Waits until a condition holds that the server brings about on its own time. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    if (turns > 2_000) throw new Error(`still not: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
