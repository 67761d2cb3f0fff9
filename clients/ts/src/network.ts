import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { networkReason } from "./network-reason.js";

// What transports say of answers that end in the middle, which only a lost connection does.
const cutShort =
  /missing EndStreamResponse|missing trailer|missing grpc-status|sentinel completed early|premature|http\/2 stream closed with error code/i;

/** Innermost: errors of the network become UNAVAILABLE, with words that say what could not be reached and why. */
export function explainNetwork(url: URL): Interceptor {
  const explain = (error: unknown, signal: AbortSignal, what: string): unknown => {
    const reason = signal.aborted ? undefined : (networkReason(error) ?? cutReason(error));
    if (reason === undefined) return error;
    return new ConnectError(`${what} ${url.origin}: ${reason}`, Code.Unavailable, undefined, undefined, error);
  };
  return (next) => async (req) => {
    try {
      const res = await next(req);
      if (!res.stream) return res;
      const lost = (error: unknown) => explain(error, req.signal, "lost the connection to");
      return { ...res, message: mapErrors(res.message, lost) };
    } catch (error) {
      throw explain(error, req.signal, "cannot reach");
    }
  };
}

function cutReason(error: unknown): string | undefined {
  const text = error instanceof ConnectError ? error.rawMessage : typeof error === "string" ? error : "";
  return cutShort.test(text) ? "the answer was cut short" : undefined;
}

async function* mapErrors<T>(messages: AsyncIterable<T>, map: (error: unknown) => unknown): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw map(error);
  }
}
