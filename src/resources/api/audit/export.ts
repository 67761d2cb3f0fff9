import { type FileHandle, open } from "node:fs/promises";
import { metrics } from "@opentelemetry/api";
import type { Logger } from "pino";
import type { AuditRow } from "./store.js";

const maxQueuedChars = 16 * 1024 * 1024;
const betweenLogsMs = 60_000;

/** Appends audit records to a file. */
export interface AuditExport {
  /** Queues one line of JSON for each record; what does not fit into 16 MiB of memory is left out and counted. */
  append(rows: readonly AuditRow[]): void;
  /** Opens the file anew before the next line, as after it was renamed. */
  reopen(): void;
  /** Waits until nothing is queued any more. */
  settled(): Promise<void>;
  /** Appends what is queued and closes the file. */
  close(): Promise<void>;
}

export interface AuditExportOptions {
  readonly path: string;
  readonly log: Logger;
  readonly clock: () => Date;
}

/**
 * Exports records to a file that only this process writes. Fails without
 * consequence: what cannot be written is counted by `audit.export_failures`,
 * and logged once a minute. A SIGHUP reopens the file.
 */
export function openAuditExport(options: AuditExportOptions): AuditExport {
  const lost = lossReport(options);
  const file = appender(options.path);
  let queue: string[] = [];
  let queuedChars = 0;
  let running: Promise<void> | undefined;

  const drain = async (): Promise<void> => {
    while (queue.length > 0) {
      const lines = queue;
      queue = [];
      queuedChars = 0;
      await file.append(lines.join("")).catch((error: unknown) => lost(lines.length, error));
    }
    running = undefined;
  };
  const settled = async (): Promise<void> => {
    while (running !== undefined) await running;
  };
  process.on("SIGHUP", file.reopen);

  return {
    append(rows) {
      for (const [at, line] of rows.map(lineOf).entries()) {
        if (queuedChars + line.length > maxQueuedChars) {
          lost(rows.length - at, new Error("the file takes less than is written to it"));
          break;
        }
        queuedChars += line.length;
        queue.push(line);
      }
      running ??= drain();
    },
    reopen: file.reopen,
    settled,
    async close() {
      process.off("SIGHUP", file.reopen);
      await settled();
      await file.close();
    },
  };
}

/** Counts the records that were left out, and says so once a minute. */
function lossReport({ path, log, clock }: AuditExportOptions): (records: number, err: unknown) => void {
  const failures = metrics
    .getMeter("slipway")
    .createCounter("audit.export_failures", { description: "Audit records that were not exported" });
  let unreported = 0;
  let nextLogAt = 0;
  return (records, err) => {
    failures.add(records);
    unreported += records;
    if (clock().getTime() < nextLogAt) return;
    nextLogAt = clock().getTime() + betweenLogsMs;
    log.error({ err, path, records: unreported }, "audit records not exported");
    unreported = 0;
  };
}

/** A file that is opened when there is something to append, and again after a failure. */
function appender(path: string) {
  let handle: FileHandle | undefined;
  let isTorn = false;
  let isOutdated = false;
  const close = async (): Promise<void> => {
    const closing = handle;
    handle = undefined;
    await closing?.close();
  };
  return {
    async append(text: string): Promise<void> {
      if (isOutdated) await close();
      isOutdated = false;
      try {
        handle ??= await open(path, "a", 0o600);
        // A line that was cut off by a failure must not take the next one with it.
        await handle.appendFile(isTorn ? `\n${text}` : text);
        isTorn = false;
      } catch (error) {
        isTorn ||= handle !== undefined;
        await close().catch(() => {});
        throw error;
      }
    },
    reopen(): void {
      isOutdated = true;
    },
    close,
  };
}

/** The record as a line of JSON; `body` is an object, and everything unknown is null. */
function lineOf(row: AuditRow): string {
  const { id, at, phase, method, user, tenant, project, code, sourceIp, userAgent, requestId, body } = row;
  const time = at.toISOString();
  const origin = { source_ip: sourceIp, user_agent: userAgent, request_id: requestId };
  const head = JSON.stringify({ time, uuid: id, phase, method, user, tenant, project, code, ...origin });
  // The body is JSON already.
  return `${head.slice(0, -1)},"body":${body ?? "null"}}\n`;
}
