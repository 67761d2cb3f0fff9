import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import type { SlipwayOptions } from "./options.js";
import { singleFlight } from "./single-flight.js";

type AnyCall = Parameters<Interceptor>[0];
type AnyRequest = Parameters<AnyCall>[0];
type AnyAnswer = Awaited<ReturnType<AnyCall>>;
type Messages = Extract<AnyAnswer, { stream: true }>["message"];

/** Methods that take another proof than a token; with a token source that calls them they would wait for themselves. */
const tokenless = new Set(["GetAuthInfo", "StartLogin", "ExchangeToken", "SetPassword"]);

/** Gives every call the token of its time, and makes it once more with a new one after UNAUTHENTICATED. */
export function withToken(options: Pick<SlipwayOptions, "token" | "renew">, url: URL): Interceptor {
  const tokens = tokensOf(options);
  return (next) => async (request) => {
    if (!mayCarry(request, url)) return next(request);
    const used = await tokens.current();
    // Requests that stream on cannot be sent twice.
    if (request.stream && request.method.methodKind !== "server_streaming") return next(carrying(request, used));
    const repeatable = request.stream ? await replayable(request) : request;
    const again = async (error: unknown): Promise<AnyAnswer> => {
      const token = isUnauthenticated(error) && !request.signal.aborted ? await tokens.after(used) : undefined;
      if (token === undefined) throw error;
      return next(carrying(repeatable, token));
    };
    let answer: AnyAnswer;
    try {
      answer = await next(carrying(repeatable, used));
    } catch (error) {
      return again(error);
    }
    return answer.stream ? { ...answer, message: openedAgain(answer.message, again) } : answer;
  };
}

interface Tokens {
  current(): Promise<string | undefined>;
  /** A token that came after one that no longer holds; undefined when there is none. */
  after(used: string | undefined): Promise<string | undefined>;
}

/** The token of the source, or in its place the one that renewing it brought. */
function tokensOf({ token, renew }: Pick<SlipwayOptions, "token" | "renew">): Tokens {
  let renewed: { readonly from: string | undefined; readonly to: string } | undefined;
  const current = async () => {
    const told = typeof token === "function" ? await token() : token;
    return renewed !== undefined && told === renewed.from ? renewed.to : told;
  };
  const renewOnce = singleFlight(async () => renew?.());
  return {
    current,
    async after(used) {
      const now = await current();
      // Another call has renewed it meanwhile.
      if (now !== undefined && now !== used) return now;
      const next = await renewOnce();
      if (next === undefined || next === used) return undefined;
      renewed = { from: typeof token === "function" ? await token() : token, to: next };
      return next;
    },
  };
}

function mayCarry(request: AnyRequest, url: URL): boolean {
  // Whoever gives a token to a single call means that one.
  if (request.header.has("authorization")) return false;
  if (request.service.typeName === "iam.v1.AuthService" && tokenless.has(request.method.name)) return false;
  return new URL(request.url).origin === url.origin;
}

function carrying<R extends AnyRequest>(request: R, token: string | undefined): R {
  const header = new Headers(request.header);
  if (token !== undefined && token !== "") header.set("authorization", `Bearer ${token}`);
  return { ...request, header };
}

/** A stream's request with its one message read, so that it can be sent twice. */
async function replayable<R extends Extract<AnyRequest, { stream: true }>>(request: R): Promise<R> {
  const messages: unknown[] = [];
  for await (const message of request.message) messages.push(message);
  const replay = {
    async *[Symbol.asyncIterator]() {
      yield* messages;
    },
  };
  return { ...request, message: replay };
}

/** The messages of a stream; when it ends with an error before the first one, those of the stream opened again. */
async function* openedAgain(messages: Messages, again: (error: unknown) => Promise<AnyAnswer>) {
  let begun = false;
  try {
    for await (const message of messages) {
      begun = true;
      yield message;
    }
    return;
  } catch (error) {
    if (begun) throw error;
    const answer = await again(error);
    if (answer.stream) messages = answer.message;
  }
  yield* messages;
}

function isUnauthenticated(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.Unauthenticated;
}
