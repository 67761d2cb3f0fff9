import { Code, ConnectError } from "@connectrpc/connect";
import { type Backoff, backoffMs } from "./backoff.js";
import { pause } from "./pause.js";
import { type Problem, problemOf } from "./problem.js";
import { mayMend } from "./retry.js";

/** How a watch is doing: it opens its stream, has it, or waits before it opens it again. */
export type WatchState = "connecting" | "live" | "waiting";

/** What a watch can be told. */
export interface WatchOptions {
  /** Ends the watch, without an error. */
  readonly signal?: AbortSignal | undefined;
  /** Where to begin: the `resumeToken` of the last answer that was read before; empty for the present state. */
  readonly resumeToken?: string | undefined;
  /** From half a second to 15 seconds unless told, and from the start again after a stream that lived. */
  readonly backoff?: Partial<Backoff> | undefined;
  /** A stream that was silent for so long is opened again; for networks that lose connections without a word. */
  readonly silenceMs?: number | undefined;
  /** Hears how the watch is doing; of "waiting" with the problem that it waits for. */
  readonly onState?: ((state: WatchState, problem?: Problem) => void) | undefined;
  /** Hears that the server does not take the resume token any more, and that the watch begins with the present state. */
  readonly onRestart?: ((problem: Problem) => void) | undefined;
}

/** Opens a stream at a resume token, empty for the present state, and gives the signal to its call. */
export type OpenStream<Res> = (resumeToken: string, signal: AbortSignal) => AsyncIterable<Res>;

const usualBackoff: Backoff = { initialMs: 500, maxMs: 15_000 };
/** A stream that was open for so long lived: what ends it later is not what ended earlier ones. */
const livedMs = 10_000;
/** Servers answer a stream when there is something to tell: one that has not failed for so long counts as live. */
const quietMs = 2_000;

/**
 * Reads a stream for as long as the server has it, over lost connections and restarts: messages with a `resumeToken`
 * go on where they ended, others begin with the present state. Ends when the server ends the stream or the signal
 * aborts; throws what trying again does not mend. The next message is read when the last one is done with.
 */
export async function* watch<Res>(
  open: OpenStream<Res>,
  options: WatchOptions = {},
): AsyncGenerator<Res, void, undefined> {
  const { signal, onState } = options;
  const stopped = () => signal?.aborted === true;
  const backoff = { ...usualBackoff, ...options.backoff };
  const place = { resumeToken: options.resumeToken ?? "" };
  for (let failures = 0; !stopped(); ) {
    const stream = openStream(open, place.resumeToken, options);
    try {
      for await (const message of stream.messages) {
        place.resumeToken = resumeTokenOf(message) ?? place.resumeToken;
        yield message;
      }
      return;
    } catch (error) {
      if (stopped()) return;
      const problem = problemOf(error);
      if (place.resumeToken !== "" && refusesToken(problem)) {
        place.resumeToken = "";
        options.onRestart?.(problem);
        continue;
      }
      if (!goesOn(error, stream.wasLive())) throw error;
      failures = stream.lived() ? 1 : failures + 1;
      onState?.("waiting", problem);
      await pause((problem.retryAfterMs ?? 0) + backoffMs(backoff, failures), signal);
    } finally {
      stream.close();
    }
  }
}

/** One stream, and what is known of it. */
function openStream<Res>(open: OpenStream<Res>, resumeToken: string, { signal, silenceMs, onState }: WatchOptions) {
  const controller = new AbortController();
  const stop = () => controller.abort(signal?.reason);
  signal?.addEventListener("abort", stop, { once: true });
  let liveSince: number | undefined;
  const live = () => {
    clearTimeout(quiet);
    if (liveSince !== undefined || controller.signal.aborted) return;
    liveSince = performance.now();
    onState?.("live");
  };
  const quiet = setTimeout(live, quietMs);
  async function* messages() {
    onState?.("connecting");
    const iterator = open(resumeToken, controller.signal)[Symbol.asyncIterator]();
    for (;;) {
      const next = await inTime(iterator.next(), silenceMs);
      if (next.done === true) return;
      live();
      yield next.value;
    }
  }
  return {
    messages: messages(),
    wasLive: () => liveSince !== undefined,
    lived: () => liveSince !== undefined && performance.now() - liveSince >= livedMs,
    close() {
      clearTimeout(quiet);
      signal?.removeEventListener("abort", stop);
      controller.abort();
    },
  };
}

async function inTime<T>(next: Promise<T>, silenceMs: number | undefined): Promise<T> {
  if (silenceMs === undefined) return next;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silent = new Promise<never>((_, reject) => {
    const error = new ConnectError(`nothing came for ${silenceMs} ms`, Code.Unavailable);
    timer = setTimeout(() => reject(error), silenceMs);
  });
  try {
    return await Promise.race([next, silent]);
  } finally {
    clearTimeout(timer);
  }
}

function goesOn(error: unknown, wasLive: boolean): boolean {
  if (mayMend(error)) return true;
  const { code } = problemOf(error);
  if (code === Code.DeadlineExceeded || code === Code.Canceled) return true;
  if (code === Code.Unavailable) return !(error instanceof ConnectError);
  // The token of a stream has ended; the next one is opened with the token of that time.
  return code === Code.Unauthenticated && wasLive;
}

function refusesToken({ code, violations }: Problem): boolean {
  return code === Code.InvalidArgument && violations.some(({ field }) => field === "resume_token");
}

function resumeTokenOf(message: unknown): string | undefined {
  if (typeof message !== "object" || message === null || !("resumeToken" in message)) return undefined;
  return typeof message.resumeToken === "string" && message.resumeToken !== "" ? message.resumeToken : undefined;
}
