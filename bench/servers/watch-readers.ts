// Readers of as many streams as asked for, who say when a message has reached them.
import { openStreams } from "../watch-10k-connection.js";
import { answer, given, ready } from "./ipc.js";

interface Given {
  readonly url: string;
  readonly path: string;
  readonly token?: string;
  /** The request's message, in base64. */
  readonly request: string;
  readonly connections: number;
  readonly streamsPerConnection: number;
}

/** What the bench asks for, one after the other. */
type Question =
  /** Opens all streams; answered when a message with this text has reached each of them. */
  | { readonly open: string }
  /** From now on messages with this text count; answered at once. */
  | { readonly await: string }
  /** Answered with `Arrivals` when such a message has reached every stream. */
  | { readonly arrivals: true }
  /** Closes all connections; answered at once. */
  | { readonly close: true };

/** When each stream had the message, in ms of the clock that all processes of a machine share; or what went wrong. */
export type Arrivals = { readonly arrivals: readonly number[]; readonly last: string } | { readonly failure: string };

const { url, path, token, request, connections, streamsPerConnection } = given<Given>();
const count = connections * streamsPerConnection;
let awaited = Buffer.alloc(0);
let arrivals: number[] = [];
let settle = (_: Arrivals): void => {};
let all: Promise<Arrivals> | undefined;
let failure: string | undefined;
let closers: (() => void)[] = [];

function onMessage(message: Buffer): void {
  const at = Number(process.hrtime.bigint()) / 1e6;
  if (!message.includes(awaited)) return;
  arrivals.push(at);
  if (arrivals.length === count) settle({ arrivals, last: message.toString("base64") });
}

function onEnd(reason: string): void {
  failure ??= reason;
  settle({ failure });
}

function awaitAll(text: string): Promise<Arrivals> {
  awaited = Buffer.from(text);
  arrivals = [];
  all = new Promise((resolve) => {
    settle = resolve;
    if (failure !== undefined) resolve({ failure });
  });
  return all;
}

answer(async (question: Question) => {
  if ("open" in question) {
    const opened = awaitAll(question.open);
    const message = Buffer.from(request, "base64");
    const target = token === undefined ? { url, path, message } : { url, path, message, token };
    closers = Array.from({ length: connections }, () =>
      openStreams(target, streamsPerConnection, { onMessage, onEnd }),
    );
    return await opened;
  }
  if ("await" in question) {
    void awaitAll(question.await);
    return {};
  }
  if ("arrivals" in question) return await all;
  for (const close of closers.splice(0)) close();
  return {};
});
ready({});
