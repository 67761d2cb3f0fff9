import type { IncomingMessage } from "node:http";
import type { Logger } from "pino";
import { pause } from "../pause.js";
import type { AddressScope } from "./addresses.js";
import { type Deadline, startDeadline } from "./deadline.js";
import { KubeError, statusError } from "./errors.js";
import type { KubeObject } from "./objects.js";
import type { Pace } from "./pace.js";
import { ConnectionError, openTransport, type RawRequest, readText, type Transport } from "./transport.js";
import { readEvents, type WatchEvent } from "./watch.js";

/** How long one call may take, and who may end it. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** For the whole call with its retries, in milliseconds; 15 000 unless given. */
  readonly timeoutMs?: number | undefined;
  /** Larger answers are refused as malformed; 64 MiB unless given. */
  readonly maxBytes?: number | undefined;
}

/** What a client is opened with. */
export interface CallerOptions {
  /** A kubeconfig's path or its text; the pod's service account unless given. */
  readonly kubeconfig?: string | undefined;
  readonly log: Logger;
  /** The default deadline of a call, in milliseconds; 15 000 unless given. */
  readonly timeoutMs?: number;
  /** Calls and open watches wait for it, and it counts what they read; waiting is not part of a deadline. */
  readonly pace?: Pace | undefined;
  /** Where connections may lead; anywhere unless given. */
  readonly scope?: AddressScope | undefined;
}

/** Untyped calls with deadline, bounded retries and translated errors. */
export interface Caller {
  /** Reads the kubeconfig; throws when it cannot be used. Nothing is sent. */
  load(): Promise<void>;
  call(request: RawRequest, options: CallOptions): Promise<unknown>;
  watch<T extends KubeObject>(request: RawRequest, signal: AbortSignal): Promise<AsyncIterable<WatchEvent<T>>>;
  close(): void;
}

const maxAnswerBytes = 64 * 1024 * 1024;
const maxRetries = 4;
const defaultRetryMs = 1000;

/** Prepares calls to the cluster of a kubeconfig, which is read at the first of them. */
export function openCaller({ kubeconfig, log, timeoutMs = 15_000, pace, scope }: CallerOptions): Caller {
  let opening: Promise<Transport> | undefined;
  const transport = () => {
    opening ??= openTransport(kubeconfig, scope).catch((error: unknown) => {
      // A kubeconfig that is put right later is then found.
      opening = undefined;
      throw error;
    });
    return opening;
  };
  return {
    load: async () => void (await transport()),
    call: async (request, options) => {
      await pace?.ready(options.signal);
      const limit = startDeadline(options.timeoutMs ?? timeoutMs, options.signal);
      try {
        return await withRetries(request, limit, log, async () =>
          attempt(await transport(), request, limit.signal, pace, options.maxBytes),
        );
      } finally {
        limit.stop();
      }
    },
    watch: async (request, signal) => {
      await pace?.ready(signal);
      return openWatch(await transport(), request, signal, timeoutMs, pace);
    },
    close: () => void opening?.then((open) => open.close()).catch(() => undefined),
  };
}

async function withRetries<R>(request: RawRequest, limit: Deadline, log: Logger, run: () => Promise<R>): Promise<R> {
  for (let retries = 0; ; retries++) {
    try {
      limit.signal.throwIfAborted();
      return await run();
    } catch (error) {
      const wait = retries < maxRetries ? retryDelay(request, error) : undefined;
      if (wait === undefined || limit.signal.aborted || wait >= limit.remaining()) throw limit.explain(error);
      log.debug({ method: request.method, wait }, "a call to the API server is tried again");
      await pause(wait, limit.signal);
    }
  }
}

async function attempt(
  transport: Transport,
  request: RawRequest,
  signal: AbortSignal,
  pace: Pace | undefined,
  maxBytes = maxAnswerBytes,
): Promise<unknown> {
  const response = await transport.send(request, signal);
  const text = await readText(response, maxBytes);
  pace?.spent(text.length);
  const code = response.statusCode ?? 0;
  if (code < 200 || code > 299) throw statusError(code, text, retryAfterMs(response.headers["retry-after"]));
  return parseAnswer(text);
}

/** The deadline is for the headers only; how long the events may be silent is the reader's affair. */
async function openWatch<T extends KubeObject>(
  transport: Transport,
  request: RawRequest,
  signal: AbortSignal,
  timeoutMs: number,
  pace: Pace | undefined,
): Promise<AsyncIterable<WatchEvent<T>>> {
  const limit = startDeadline(timeoutMs, signal);
  try {
    signal.throwIfAborted();
    const response = await transport.send(request, limit.signal);
    const code = response.statusCode ?? 0;
    if (code !== 200) throw statusError(code, await readText(response, maxAnswerBytes));
    return eventsUntil<T>(response, signal, pace);
  } catch (error) {
    throw limit.explain(error);
  } finally {
    limit.stop();
  }
}

function eventsUntil<T extends KubeObject>(response: IncomingMessage, signal: AbortSignal, pace: Pace | undefined) {
  const end = () => response.destroy();
  signal.addEventListener("abort", end, { once: true });
  response.once("close", () => signal.removeEventListener("abort", end));
  if (signal.aborted) end();
  return readEvents<T>(response, async (read) => {
    pace?.spent(read);
    await pace?.ready(signal);
  });
}

function parseAnswer(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Falls through to the same error; the parser's message would quote the answer.
  }
  throw new KubeError("malformed", "the answer is not a Kubernetes object");
}

/** Milliseconds until the next try, or undefined where none may help or one could do harm. */
function retryDelay(request: RawRequest, error: unknown): number | undefined {
  if (error instanceof ConnectionError) return error.stale && request.method !== "POST" ? 0 : undefined;
  if (!(error instanceof KubeError)) return undefined;
  if (error.code === 429) return error.retryAfterMs ?? defaultRetryMs;
  return error.code === 503 ? error.retryAfterMs : undefined;
}

/** Retry-After in seconds; API servers do not use the form with a date. */
function retryAfterMs(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header.trim()) ? Number(header) * 1000 : undefined;
}
