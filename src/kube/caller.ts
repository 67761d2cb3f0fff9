import type { IncomingMessage } from "node:http";
import type { Logger } from "pino";
import { pause } from "../pause.js";
import type { AddressScope } from "./addresses.js";
import { type Deadline, startDeadline } from "./deadline.js";
import { KubeError, statusError } from "./errors.js";
import { type ExecSession, execProtocols, openSession } from "./exec.js";
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
  /** The bytes of an answer as they come, until the signal aborts; they wait while nobody reads them. */
  stream(request: RawRequest, signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
  /** Runs a command in a container. */
  exec(request: RawRequest, signal: AbortSignal): Promise<ExecSession>;
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
    stream: async (request, signal) =>
      withinDeadline(timeoutMs, signal, async (limit) =>
        bytesUntil(await opened(await transport(), request, limit), signal),
      ),
    exec: async (request, signal) =>
      withinDeadline(timeoutMs, signal, async (limit) =>
        openSession(await (await transport()).connect(request, execProtocols, limit), signal),
      ),
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
  return await withinDeadline(timeoutMs, signal, async (limit) =>
    eventsUntil<T>(await opened(transport, request, limit), signal, pace),
  );
}

async function withinDeadline<R>(
  timeoutMs: number,
  signal: AbortSignal,
  open: (limit: AbortSignal) => Promise<R>,
): Promise<R> {
  const limit = startDeadline(timeoutMs, signal);
  try {
    signal.throwIfAborted();
    return await open(limit.signal);
  } catch (error) {
    throw limit.explain(error);
  } finally {
    limit.stop();
  }
}

async function opened(transport: Transport, request: RawRequest, limit: AbortSignal): Promise<IncomingMessage> {
  const response = await transport.send(request, limit);
  const code = response.statusCode ?? 0;
  if (code !== 200) throw statusError(code, await readText(response, maxAnswerBytes));
  return response;
}

function endWith(response: IncomingMessage, signal: AbortSignal): void {
  const end = () => response.destroy();
  signal.addEventListener("abort", end, { once: true });
  response.once("close", () => signal.removeEventListener("abort", end));
  if (signal.aborted) end();
}

/** Ends with the signal, also when nobody has begun to read. */
function bytesUntil(response: IncomingMessage, signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  endWith(response, signal);
  return bytesOf(response, signal);
}

async function* bytesOf(response: IncomingMessage, signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* response as AsyncIterable<Buffer>;
  } catch (error) {
    if (!signal.aborted) throw new KubeError("unreachable", "the connection broke", { cause: error });
  } finally {
    response.destroy();
  }
}

function eventsUntil<T extends KubeObject>(response: IncomingMessage, signal: AbortSignal, pace: Pace | undefined) {
  endWith(response, signal);
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
