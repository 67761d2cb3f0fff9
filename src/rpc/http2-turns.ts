import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";

/** Serves a new stream. */
export type ServeStream = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: string[],
) => void;

/**
 * Lets every connection begin at most perTurn streams in one turn of the event
 * loop; the others wait for the next one, in their order. A client that sends
 * thousands of requests at once then delays nobody else, and those that it has
 * reset by the time of their turn are never begun. Returns a function that makes
 * such a `serve` for one connection.
 */
export function takeTurns(serve: ServeStream, perTurn: number): () => ServeStream {
  // Connections that began something in this turn, or have something waiting.
  const busy = new Set<() => boolean>();
  const nextTurn = (): void => {
    for (const isBusy of busy) if (!isBusy()) busy.delete(isBusy);
    if (busy.size > 0) setImmediate(nextTurn);
  };
  return () => {
    let begun = 0;
    let waiting: Parameters<ServeStream>[] = [];
    const serveWaiting = (): boolean => {
      begun = 0;
      const all = waiting;
      waiting = [];
      for (const [at, each] of all.entries()) {
        if (begun === perTurn) {
          waiting = all.slice(at);
          break;
        }
        if (each[0].destroyed) continue;
        begun += 1;
        serve(...each);
      }
      return begun > 0 || waiting.length > 0;
    };
    return (...each) => {
      if (begun === 0) {
        if (busy.size === 0) setImmediate(nextTurn);
        busy.add(serveWaiting);
      }
      if (begun === perTurn) {
        waiting.push(each);
        return;
      }
      begun += 1;
      serve(...each);
    };
  };
}
