import type { IncomingMessage, ServerResponse } from "node:http";
import type { Answer } from "./answer.js";
import { beginExchange, type Exchange, type ExchangeOptions, serveUnary } from "./exchange.js";

export interface Http1Options extends ExchangeOptions {
  /** Serves a request that cannot be served here; see LongWay. */
  readonly longWay: (
    req: IncomingMessage,
    res: ServerResponse,
    exchange: Exchange,
    begun: Buffer,
    rest: boolean,
  ) => void;
}

/** Serves Connect's unary calls over HTTP/1.1; says whether it does, and otherwise leaves the request untouched. */
export function straightHttp1(options: Http1Options): (req: IncomingMessage, res: ServerResponse) => boolean {
  return (req, res) => {
    const { socket, headers } = req;
    if (req.method !== "POST") return false;
    const head = options.heads.read(req.url, headers, false, "encrypted" in socket);
    if (head?.method.kind !== "unary") return false;
    const exchange = beginExchange(head, headers, socket.remoteAddress, options);
    const { context, baseHeaders } = exchange;
    res.on("close", () => context.end());
    const write = ({ status, headers: own, body }: Answer) => {
      if (res.destroyed) return;
      res.writeHead(status, { ...baseHeaders, ...own });
      res.end(body);
    };
    const longWay = (begun: Buffer, rest: boolean) => options.longWay(req, res, exchange, begun, rest);
    serveUnary(exchange, head.method, req, options, { write, longWay });
    return true;
  };
}
