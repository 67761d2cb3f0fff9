import { type ClientHttp2Session, connect } from "node:http2";
import { afterAll, beforeAll, expect, it } from "vitest";
import { selfSigned } from "../support/certificate.js";
import { http1HeadOf, http2HeadersOf, straightDialects } from "./support/dialects.js";
import { dialHttp1 } from "./support/http1-client.js";
import { type Http2Got, sendHttp2 } from "./support/http2-client.js";
import { createCluster, getCluster, listClusters } from "./support/messages.js";
import { type Pair, startPair } from "./support/pair.js";

let pair: Pair;
beforeAll(async () => {
  pair = await startPair({ listen: { tls: await selfSigned() } });
});
afterAll(() => pair.close());

const acts = ["nothing", "set-headers", "headers-and-fail-in-detail", "large-answer", "throw-error"];
const targets = [getCluster, createCluster, listClusters];
const perDialect = straightDialects.map((dialect) => [dialect.name, dialect] as const);

async function connected(url: string): Promise<ClientHttp2Session> {
  const session = connect(url, { rejectUnauthorized: false });
  await new Promise((resolve, reject) => session.on("connect", resolve).on("error", reject));
  return session;
}

it.each(perDialect)(
  "%s over TLS, by HTTP/2: the same by both ways, and calls are taken straight",
  async (_, dialect) => {
    const before = pair.straight.deeds.ways.straight;
    for (const target of targets) {
      await pair.same(async (side) => {
        const session = await connected(side.server.url);
        expect(session.alpnProtocol).toBe("h2");
        const got: Http2Got[] = [];
        for (const act of acts) {
          const headers = {
            ...http2HeadersOf(dialect, target, act),
            ":scheme": "https",
            "accept-encoding": "gzip",
            "grpc-accept-encoding": "gzip",
          };
          got.push(await sendHttp2(session, { headers, pieces: [dialect.bodyOf(target)] }));
        }
        session.destroy();
        return got;
      });
    }
    expect(pair.straight.deeds.ways.straight - before).toBe(acts.length * targets.length);
  },
);

it.each(perDialect.filter(([, { http1 }]) => http1))(
  "%s over TLS, by HTTP/1.1: the same by both ways, and calls are taken straight",
  async (_, dialect) => {
    const before = pair.straight.deeds.ways.straight;
    for (const target of targets) {
      await pair.same(async (side) => {
        const { socket, send, next } = await dialHttp1(side.server.port, true);
        const got = [];
        for (const act of acts) {
          await send([http1HeadOf(dialect, target, act, { "accept-encoding": "gzip" }), dialect.bodyOf(target)]);
          got.push(await next("POST"));
        }
        socket.destroy();
        return got;
      });
    }
    expect(pair.straight.deeds.ways.straight - before).toBe(acts.length * targets.length);
  },
);
