import { once } from "node:events";
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, createServer as createHttp2, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** A server between client and platform that is away for some calls. */
export interface Outages {
  readonly url: string;
  /** The next calls are answered UNAVAILABLE, and told when to come back if that is given. */
  fail(calls: number, retryAfterSeconds?: number): void;
  /** How many calls came, with those that failed. */
  calls(): number;
  close(): Promise<void>;
}

interface Plan {
  failing: number;
  retryAfter: Record<string, string>;
  calls: number;
}

/** Opens such a server, for HTTP/1.1 or for HTTP/2 without TLS. */
export async function openOutages(target: string, http: 1 | 2): Promise<Outages> {
  const plan: Plan = { failing: 0, retryAfter: {}, calls: 0 };
  const upstream = http === 2 ? connect(target) : undefined;
  const server =
    upstream === undefined
      ? createHttp((request, response) => void answer1(plan, target, request, response))
      : createHttp2().on("stream", (stream, headers) => answer2(plan, upstream, stream, headers));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fail(calls, seconds) {
      Object.assign(plan, { failing: calls, calls: 0 });
      plan.retryAfter = seconds === undefined ? {} : { "retry-after": String(seconds) };
    },
    calls: () => plan.calls,
    async close() {
      upstream?.destroy();
      server.close();
    },
  };
}

const away = JSON.stringify({ code: "unavailable", message: "away for a while" });

function fails(plan: Plan): boolean {
  plan.calls += 1;
  plan.failing -= 1;
  return plan.failing >= 0;
}

async function answer1(plan: Plan, target: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await buffer(request);
  if (fails(plan)) {
    response.writeHead(503, { "content-type": "application/json", ...plan.retryAfter }).end(away);
    return;
  }
  const { "content-type": type = "", authorization = "" } = request.headers;
  const answer = await fetch(`${target}${request.url}`, {
    method: "POST",
    headers: { "content-type": type, authorization },
    body,
  });
  response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
  response.end(Buffer.from(await answer.arrayBuffer()));
}

function answer2(
  plan: Plan,
  upstream: ReturnType<typeof connect>,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): void {
  stream.on("error", () => {});
  if (fails(plan)) {
    const grpc = String(headers["content-type"]).startsWith("application/grpc");
    const shared = { "content-type": grpc ? headers["content-type"] : "application/json", ...plan.retryAfter };
    if (grpc) stream.respond({ ":status": 200, ...shared, "grpc-status": "14", "grpc-message": "away for a while" });
    else stream.respond({ ":status": 503, ...shared });
    stream.end(grpc ? undefined : away);
    return;
  }
  const call = upstream.request(headers);
  let trailers = {};
  call.on("error", () => stream.close());
  call.on("trailers", (given) => {
    trailers = given;
  });
  call.on("response", (given) => {
    stream.respond(given, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    call.pipe(stream);
  });
  stream.pipe(call);
}
