import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../support/server.js";
import { acts, untellableActs } from "./support/acts.js";
import { grpc, http1HeadOf, http2HeadersOf, straightDialects } from "./support/dialects.js";
import { dialHttp1 } from "./support/http1-client.js";
import { connectHttp2, sendHttp2 } from "./support/http2-client.js";
import { createCluster, watchClusters } from "./support/messages.js";
import { type Pair, startPair } from "./support/pair.js";

let pair: Pair;
beforeAll(async () => {
  pair = await startPair();
});
afterAll(() => pair.close());

const perDialect = straightDialects.map((dialect) => [dialect.name, dialect] as const);
const accepted = [undefined, "gzip"];

describe("whatever a handler does, both ways tell it alike, and every call is taken straight", () => {
  it.each(perDialect)("%s over one HTTP/2 connection", async (_, dialect) => {
    const before = pair.straight.deeds.ways.straight;
    const connections = new Map([pair.straight, pair.long].map((side) => [side, connectHttp2(side.server.port)]));
    for (const act of acts.keys()) {
      for (const accept of accepted) {
        await pair.same(async (side) => {
          const encodings = accept === undefined ? {} : { "accept-encoding": accept, "grpc-accept-encoding": accept };
          const headers = { ...http2HeadersOf(dialect, createCluster, act), ...encodings };
          const session = connections.get(side) ?? connectHttp2(side.server.port);
          return { act, got: await sendHttp2(session, { headers, pieces: [dialect.bodyOf(createCluster)] }) };
        });
      }
    }
    for (const session of connections.values()) session.destroy();
    expect(pair.straight.deeds.ways.straight - before).toBe(acts.size * accepted.length);
  });

  it.each(perDialect.filter(([, { http1 }]) => http1))("%s over one HTTP/1.1 connection", async (_, dialect) => {
    const before = pair.straight.deeds.ways.straight;
    const dialed = await Promise.all(
      [pair.straight, pair.long].map(async (side) => [side, await dialHttp1(side.server.port)] as const),
    );
    const connections = new Map(dialed);
    for (const act of acts.keys()) {
      for (const accept of accepted) {
        await pair.same(async (side) => {
          const connection = connections.get(side) ?? (await dialHttp1(side.server.port));
          const encodings: Record<string, string> = accept === undefined ? {} : { "accept-encoding": accept };
          await connection.send([http1HeadOf(dialect, createCluster, act, encodings), dialect.bodyOf(createCluster)]);
          return { act, got: await connection.next("POST") };
        });
      }
    }
    for (const { socket } of connections.values()) socket.destroy();
    expect(pair.straight.deeds.ways.straight - before).toBe(acts.size * accepted.length);
  });
});

describe("whatever the handler of a stream does, both ways tell it alike", () => {
  const ask = async (port: number, act: string, accept: string) => {
    const session = connectHttp2(port);
    const headers = { ...http2HeadersOf(grpc, watchClusters, act), "grpc-accept-encoding": accept };
    const got = await sendHttp2(session, { headers, pieces: [grpc.bodyOf(watchClusters)] });
    session.destroy();
    return got;
  };

  it("gRPC over HTTP/2, taken straight", async () => {
    const before = pair.straight.deeds.ways.straight;
    const others = [...acts.keys()].filter((act) => act !== "answer-too-large");
    for (const act of others) {
      for (const accept of ["identity", "gzip"]) {
        await pair.same(async ({ server }) => ({ act, got: await ask(server.port, act, accept) }));
      }
    }
    expect(pair.straight.deeds.ways.straight - before).toBe(others.length * 2);
  });

  it("deliberately different: a message that is too large is logged as the caller hears it, not as canceled", async () => {
    const own = await startPair();
    const codes: unknown[] = [];
    for (const { server } of [own.straight, own.long]) {
      const { trailers } = await ask(server.port, "answer-too-large", "identity");
      await until(() => server.lines.length === 1);
      codes.push([trailers?.["grpc-status"], server.lines[0]?.code]);
    }
    expect(codes).toEqual([
      ["8", "resource_exhausted"],
      ["8", "canceled"],
    ]);
    await Promise.all([own.straight.server.close(), own.long.server.close()]);
  });
});

describe("an error that cannot be encoded is an internal one, and the connection goes on", () => {
  // Deliberately different: connect's handlers answer 400 and "malformed request", for what is no fault of the caller.
  it.each(perDialect)("%s, by the straight path", async (_, dialect) => {
    const straightOnly = await startPair();
    const session = connectHttp2(straightOnly.straight.server.port);
    for (const act of [...untellableActs.keys(), "nothing"]) {
      const headers = http2HeadersOf(dialect, createCluster, act);
      const got = await sendHttp2(session, { headers, pieces: [dialect.bodyOf(createCluster)] });
      const isGood = act === "nothing";
      const [good, bad] = dialect.name === "gRPC" ? ["0", "13"] : [200, 500];
      expect(got.trailers?.["grpc-status"] ?? got.headers?.[":status"]).toBe(isGood ? good : bad);
    }
    session.destroy();
    await straightOnly.straight.server.close();
    await straightOnly.long.server.close();
  });
});
