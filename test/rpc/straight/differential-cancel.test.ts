import { once } from "node:events";
import { type ClientHttp2Session, constants } from "node:http2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../support/server.js";
import { waitingActs } from "./support/acts.js";
import { http1HeadOf, http2HeadersOf, type StraightDialect, straightDialects } from "./support/dialects.js";
import { dialHttp1 } from "./support/http1-client.js";
import { breakConnection, connectHttp2, receive, sendHttp2 } from "./support/http2-client.js";
import { dataFrame, dialFrames, headersFrame, resetFrame } from "./support/http2-frames.js";
import { createCluster, getHealth } from "./support/messages.js";
import { type Pair, type Side, startPair } from "./support/pair.js";

let pair: Pair;
beforeAll(async () => {
  pair = await startPair();
});
afterAll(() => pair.close());

const resets = [
  "CANCEL",
  "NO_ERROR",
  "INTERNAL_ERROR",
  "REFUSED_STREAM",
  "ENHANCE_YOUR_CALM",
  "STREAM_CLOSED",
] as const;
const onHttp1 = straightDialects.filter(({ http1 }) => http1);

/** Resolves when the server has seen all that was sent before. */
async function seen(session: ClientHttp2Session): Promise<void> {
  if (session.connecting) await once(session, "connect");
  return new Promise((resolve, reject) => session.ping((error) => (error === null ? resolve() : reject(error))));
}

/** The one line that a call leaves in the log. */
async function callLine({ server }: Side): Promise<unknown> {
  const line = () => server.lines.find(({ msg }) => msg === "call");
  await until(() => line() !== undefined);
  return line()?.code;
}

/** Holds back the acts that wait for the gate; gives what opens it. */
function holdGate(side: Side): () => void {
  let open = () => {};
  side.deeds.gate = new Promise((resolve) => {
    open = resolve;
  });
  return open;
}

async function onSession<T>(side: Side, use: (session: ClientHttp2Session) => Promise<T>): Promise<T> {
  const session = connectHttp2(side.server.port);
  try {
    return await use(session);
  } finally {
    session.destroy();
  }
}

describe("a request over HTTP/2 that is reset before it has come", () => {
  const cases = straightDialects.flatMap((dialect) => resets.map((reset) => [dialect.name, reset, dialect] as const));

  async function resetEarly(side: Side, dialect: StraightDialect, sentBytes: number, reset: number) {
    const connection = await dialFrames(side.server.port);
    const fields = Object.entries(http2HeadersOf(dialect, createCluster, "nothing"));
    connection.send(headersFrame(1, fields));
    if (sentBytes > 0) connection.send(dataFrame(1, dialect.bodyOf(createCluster).subarray(0, sentBytes)));
    await connection.seen();
    connection.send(resetFrame(1, reset));
    const code = await callLine(side);
    // Other streams of the connection know nothing of it.
    const other = Object.entries(http2HeadersOf(dialect, getHealth, "nothing"));
    connection.send(headersFrame(3, other), dataFrame(3, dialect.bodyOf(getHealth), true));
    await until(() => side.deeds.ends.length === 1);
    await connection.seen();
    connection.socket.destroy();
    return { code, got: connection.got(1), other: connection.got(3) };
  }

  it.each(cases)("%s, %s: is logged and audited as canceled", async (_, reset, dialect) => {
    for (const sentBytes of [0, 9]) {
      const { code } = await pair.sameWithoutCaller((side) =>
        resetEarly(side, dialect, sentBytes, constants[`NGHTTP2_${reset}`]),
      );
      expect(code).toBe("canceled");
    }
  });

  it.each(straightDialects.map((dialect) => [dialect.name, dialect] as const))(
    "%s: with its headers, in one packet, it is no call at all",
    async (_, dialect) => {
      const lines = await pair.sameWithoutCaller(async (side) => {
        const connection = await dialFrames(side.server.port);
        const fields = Object.entries(http2HeadersOf(dialect, createCluster, "nothing"));
        connection.send(headersFrame(1, fields), resetFrame(1, constants.NGHTTP2_CANCEL));
        await connection.seen();
        connection.socket.destroy();
        await settled();
        return side.server.lines.length;
      });
      expect(lines).toBe(0);
    },
  );
});

describe("a call over HTTP/2 that is reset while its handler runs", () => {
  const cases = straightDialects.flatMap((dialect) =>
    [...waitingActs.keys()].map((act) => [dialect.name, act, dialect] as const),
  );

  async function resetLate(side: Side, dialect: StraightDialect, act: string, reset: number) {
    const openGate = holdGate(side);
    return onSession(side, async (session) => {
      const stream = session.request(http2HeadersOf(dialect, createCluster, act));
      const got = receive(stream);
      stream.end(dialect.bodyOf(createCluster));
      await until(() => side.deeds.seen.length === 1);
      stream.close(reset);
      await seen(session);
      await got;
      openGate();
      const code = await callLine(side);
      const next = await sendHttp2(session, {
        headers: http2HeadersOf(dialect, getHealth, "nothing"),
        pieces: [dialect.bodyOf(getHealth)],
      });
      return { got: await got, code, next };
    });
  }

  it.each(cases)(
    "%s, %s: the handler's signal tells it, and log and audit have what became of it",
    async (_, act, dialect) => {
      for (const reset of resets) {
        const { next } = await pair.sameWithoutCaller((side) =>
          resetLate(side, dialect, act, constants[`NGHTTP2_${reset}`]),
        );
        expect(next.headers?.[":status"]).toBe(200);
      }
    },
  );
});

describe("a connection that breaks", () => {
  const cases = straightDialects.flatMap((dialect) =>
    [...waitingActs.keys()].map((act) => [dialect.name, act, dialect] as const),
  );

  it.each(cases)("%s, %s: over HTTP/2, while a handler runs", async (_, act, dialect) => {
    await pair.sameWithoutCaller(async (side) => {
      const openGate = holdGate(side);
      await onSession(side, async (session) => {
        const stream = session.request(http2HeadersOf(dialect, createCluster, act));
        stream.on("error", () => {}).end(dialect.bodyOf(createCluster));
        await until(() => side.deeds.seen.length === 1);
        breakConnection(session);
        // A new connection is taken after the end of the other was seen.
        await onSession(side, seen);
      });
      await settled();
      openGate();
      return callLine(side);
    });
  });

  it.each(straightDialects.map((dialect) => [dialect.name, dialect] as const))(
    "%s: over HTTP/2, before the request has come",
    async (_, dialect) => {
      const code = await pair.sameWithoutCaller(async (side) => {
        await onSession(side, async (session) => {
          const stream = session.request(http2HeadersOf(dialect, createCluster, "nothing"));
          stream.on("error", () => {}).write(dialect.bodyOf(createCluster).subarray(0, 9));
          await seen(session);
          breakConnection(session);
        });
        return callLine(side);
      });
      expect(code).toBe("canceled");
    },
  );

  it.each(cases.filter(([, , { http1 }]) => http1))(
    "%s, %s: over HTTP/1.1, while a handler runs",
    async (_, act, dialect) => {
      await pair.sameWithoutCaller(async (side) => {
        const openGate = holdGate(side);
        const { socket, send } = await dialHttp1(side.server.port);
        await send([http1HeadOf(dialect, createCluster, act), dialect.bodyOf(createCluster)]);
        await until(() => side.deeds.seen.length === 1);
        socket.destroy();
        await settled();
        openGate();
        return callLine(side);
      });
    },
  );

  it.each(onHttp1.map((dialect) => [dialect.name, dialect] as const))(
    "%s: over HTTP/1.1, before the request has come",
    async (_, dialect) => {
      for (const sentBytes of [0, 9]) {
        const code = await pair.sameWithoutCaller(async (side) => {
          const { socket, send } = await dialHttp1(side.server.port);
          await send([
            http1HeadOf(dialect, createCluster, "nothing"),
            dialect.bodyOf(createCluster).subarray(0, sentBytes),
          ]);
          socket.destroy();
          return callLine(side);
        });
        expect(code).toBe("canceled");
      }
    },
  );

  it.each(onHttp1.map((dialect) => [dialect.name, dialect] as const))(
    "%s: over HTTP/1.1, whose client only stops sending",
    async (_, dialect) => {
      const { code } = await pair.sameWithoutCaller(async (side) => {
        const { socket, send, next } = await dialHttp1(side.server.port);
        await send([http1HeadOf(dialect, createCluster, "nothing"), dialect.bodyOf(createCluster).subarray(0, 9)]);
        socket.end();
        const code = await callLine(side);
        const got = await next("POST");
        socket.destroy();
        return { code, got };
      });
      expect(code).toBe("canceled");
    },
  );
});

/** Gives a server the time to see that a connection has ended; a handler that looks earlier than that sees nothing yet. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 60));
