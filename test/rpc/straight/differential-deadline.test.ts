import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { until } from "../support/server.js";
import { waitingActs } from "./support/acts.js";
import { http1HeadOf, http2HeadersOf, straightDialects } from "./support/dialects.js";
import { dialHttp1 } from "./support/http1-client.js";
import { connectHttp2, receive, sendHttp2 } from "./support/http2-client.js";
import { createCluster, getHealth } from "./support/messages.js";
import { type Pair, type Side, startPair } from "./support/pair.js";

let pair: Pair;
beforeAll(async () => {
  pair = await startPair();
});
afterEach(() => {
  for (const side of [pair.straight, pair.long]) side.deeds.gate = Promise.resolve();
});
afterAll(() => pair.close());

/** Long enough for a handler to begin on a machine that has other things to do. */
const deadlineMs = 400;
const pastDeadline = () => new Promise((resolve) => setTimeout(resolve, deadlineMs + 150));

const acts = [...waitingActs.keys()];
const perDialect = straightDialects.map((dialect) => [dialect.name, dialect] as const);
const perHttp1Dialect = perDialect.filter(([, { http1 }]) => http1);

describe("a deadline that passes while the handler runs", () => {
  it.each(perDialect)("%s over HTTP/2: answer, signal, log and audit are the same", async (_, dialect) => {
    const answers = await pair.same(async (side) => {
      side.deeds.gate = pastDeadline().then(() => {});
      const session = connectHttp2(side.server.port);
      const send = (act: string) => {
        const headers = { ...http2HeadersOf(dialect, createCluster, act, act), ...dialect.timeout(deadlineMs) };
        return sendHttp2(session, { headers, pieces: [dialect.bodyOf(createCluster)] });
      };
      const answers = await Promise.all(acts.map(send));
      session.destroy();
      return answers;
    });
    const told = answers.map(
      ({ headers, trailers, body }) => trailers?.["grpc-status"] ?? [headers?.[":status"], body],
    );
    expect(JSON.stringify(told[acts.indexOf("wait-and-throw-reason")])).toMatch(/deadline_exceeded|^"4"$/);
  });

  it.each(perHttp1Dialect)("%s over HTTP/1.1: the same, and the connection goes on", async (_, dialect) => {
    await pair.same(async (side) => {
      side.deeds.gate = pastDeadline().then(() => {});
      const ask = async (act: string) => {
        const { socket, send, next } = await dialHttp1(side.server.port);
        await send([
          http1HeadOf(dialect, createCluster, act, dialect.timeout(deadlineMs)),
          dialect.bodyOf(createCluster),
        ]);
        const first = await next("POST");
        await send([http1HeadOf(dialect, getHealth, "nothing"), dialect.bodyOf(getHealth)]);
        const second = await next("POST");
        socket.destroy();
        return [first, second];
      };
      return Promise.all(acts.map(ask));
    });
  });
});

describe("a deadline that passes before the request has come", () => {
  it.each(perDialect)("%s over HTTP/2: the handler sees it at once", async (_, dialect) => {
    await pair.same(async (side) => {
      const session = connectHttp2(side.server.port);
      const body = dialect.bodyOf(createCluster);
      const ask = async (act: string) => {
        const stream = session.request({
          ...http2HeadersOf(dialect, createCluster, act, act),
          ...dialect.timeout(100),
        });
        const got = receive(stream);
        stream.write(body.subarray(0, 9));
        await pastDeadline();
        stream.end(body.subarray(9));
        return got;
      };
      const answers = await Promise.all(["nothing", "wait-and-throw-reason", "gate-and-look", "fail-missing"].map(ask));
      session.destroy();
      return answers;
    });
  });

  it.each(perHttp1Dialect)("%s over HTTP/1.1: the handler sees it at once", async (_, dialect) => {
    await pair.same(async (side) => {
      const { socket, send, next } = await dialHttp1(side.server.port);
      const body = dialect.bodyOf(createCluster);
      await send([
        http1HeadOf(dialect, createCluster, "wait-and-throw-reason", dialect.timeout(100)),
        body.subarray(0, 9),
      ]);
      await pastDeadline();
      await send([body.subarray(9)]);
      const got = await next("POST");
      socket.destroy();
      return got;
    });
  });
});

it("a deadline that is far away, or has passed when the call begins, is the same for the handler", async () => {
  for (const [, dialect] of perDialect) {
    for (const ms of [0, 3_000_000]) {
      for (const act of ["nothing", "turns", "fail-missing", "set-headers"]) {
        await pair.same(async (side) => {
          const session = connectHttp2(side.server.port);
          const headers = { ...http2HeadersOf(dialect, createCluster, act), ...dialect.timeout(ms) };
          const answer = await sendHttp2(session, { headers, pieces: [dialect.bodyOf(createCluster)] });
          session.destroy();
          return answer;
        });
      }
    }
  }
});

/** A gate that the test opens. */
function holdGate(side: Side): () => void {
  let open = () => {};
  side.deeds.gate = new Promise((resolve) => {
    open = resolve;
  });
  return open;
}

it("a server that gives up its calls tells their handlers, and answers them", async () => {
  const draining = await startPair();
  const answers = await draining.same(async (side) => {
    const openGate = holdGate(side);
    const session = connectHttp2(side.server.port);
    const calls = perDialect.flatMap(([, dialect]) =>
      acts.map((act) =>
        sendHttp2(session, {
          headers: http2HeadersOf(dialect, createCluster, act, act),
          pieces: [dialect.bodyOf(createCluster)],
        }),
      ),
    );
    await until(() => side.deeds.seen.length === calls.length);
    const drained = side.server.lifecycle.drain(side.server.listener, { graceMs: 50 });
    setTimeout(openGate, 150);
    const got = await Promise.all(calls);
    session.destroy();
    await drained;
    return got;
  });
  expect(answers[0]?.trailers).toMatchObject({ "grpc-status": "14" });
  await draining.close();
});

it("requests over HTTP/2 that never come to their end are canceled when their time is over", async () => {
  const impatient = await startPair({ bodyTimeoutMs: 200 });
  for (const [, dialect] of perDialect) {
    const got = await impatient.sameWithoutCaller(async (side) => {
      const session = connectHttp2(side.server.port);
      const stream = session.request(http2HeadersOf(dialect, createCluster, "nothing"));
      const answer = receive(stream);
      stream.write(dialect.bodyOf(createCluster).subarray(0, 9));
      const { rstCode, headers } = await answer;
      await until(() => side.server.lines.length > 0);
      const code = side.server.lines[0]?.code;
      session.destroy();
      return { rstCode, headers, code };
    });
    expect(got).toEqual({ rstCode: 8, headers: undefined, code: "canceled" });
  }
  await impatient.close();
});
