import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { dialHttp1, type Http1Got, hungUp } from "./support/http1-client.js";
import { type Pair, type Side, startPair } from "./support/pair.js";
import { type OddRequest, oddHttp1Request } from "./support/requests.js";

let pair: Pair;
beforeAll(async () => {
  pair = await startPair();
});
afterAll(() => pair.close());

/** How a request is put into HTTP/1. */
interface Framing {
  readonly version: "1.1" | "1.0";
  readonly host: readonly string[];
  readonly chunked: boolean;
  readonly connection: string | undefined;
  /** Headers and body in one packet. */
  readonly together: boolean;
}

const framing: fc.Arbitrary<Framing> = fc.record({
  version: fc.oneof({ weight: 12, arbitrary: fc.constant("1.1" as const) }, fc.constant("1.0" as const)),
  host: fc.oneof(
    { weight: 20, arbitrary: fc.constant(["example.com:8080"]) },
    fc.constantFrom(
      [],
      ["a b"],
      ["EXAMPLE.com"],
      ["user@host"],
      ["host/path"],
      ["one", "two"],
      ["[::1]:80"],
      [""],
      ["h:99999"],
    ),
  ),
  chunked: fc.boolean(),
  connection: fc.oneof(
    { weight: 6, arbitrary: fc.constant(undefined) },
    fc.constantFrom("close", "keep-alive", "upgrade"),
  ),
  together: fc.boolean(),
});

const lasting = { version: "1.1", host: ["example.com:8080"], connection: undefined } as const;

function packetsOf({ method, path, headers, pieces }: OddRequest, framed: Framing): Buffer[] {
  const { version, host, connection, together } = framed;
  const lines = [`${method} ${path} HTTP/${version}`, ...host.map((name) => `Host: ${name}`)];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (connection !== undefined) lines.push(`Connection: ${connection}`);
  const isChunked = framed.chunked && version === "1.1" && pieces.length > 0;
  if (isChunked) lines.push("Transfer-Encoding: chunked");
  else if (pieces.length > 0) lines.push(`Content-Length: ${Buffer.concat(pieces).length}`);
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  const body = isChunked ? chunksOf(pieces) : pieces;
  return together ? [Buffer.concat([head, ...body])] : [head, ...body];
}

function chunksOf(pieces: readonly Buffer[]): Buffer[] {
  // An empty chunk would be the last one.
  const chunks = pieces
    .filter(({ length }) => length > 0)
    .map((piece) => Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]));
  return [...chunks, Buffer.from("0\r\n\r\n")];
}

interface Sent {
  readonly method: string;
  readonly packets: Buffer[];
}

/** Node says "100 Continue" to a request behind another in the middle of the other's answer. */
function unhurried(request: OddRequest): OddRequest {
  return { ...request, headers: request.headers.filter(([name]) => name !== "expect") };
}

/** One request after the other over one connection, or all of them before the first answer. */
async function converse(side: Side, all: readonly Sent[], pipelined: boolean) {
  const connection = await dialHttp1(side.server.port);
  const got: (Http1Got | typeof hungUp)[] = [];
  const mayGoOn = async ({ method }: Sent): Promise<boolean> => {
    const answer = await connection.next(method);
    got.push(answer);
    if (answer === hungUp || answer.headers.includes("connection: close")) return false;
    return answer.status.startsWith("HTTP/1.1 1") ? mayGoOn({ method, packets: [] }) : true;
  };
  try {
    if (pipelined) await connection.send(all.flatMap(({ packets }) => packets));
    for (const sent of all) {
      if (!pipelined) await connection.send(sent.packets);
      if (!(await mayGoOn(sent))) break;
    }
    return got;
  } finally {
    connection.socket.destroy();
  }
}

it("requests over one HTTP/1.1 connection get the same answers by both ways, and do the same", async () => {
  const requests = fc.array(fc.tuple(oddHttp1Request, framing), { minLength: 1, maxLength: 3 });
  const property = fc.asyncProperty(requests, fc.boolean(), async (all, pipelined) => {
    // A request behind the end of a connection may be looked at or not.
    const framedAt = (at: number, framed: Framing) =>
      pipelined && at < all.length - 1 ? { ...framed, ...lasting } : framed;
    const sent = all.map(([request, framed], at) => ({
      method: request.method,
      packets: packetsOf(pipelined ? unhurried(request) : request, framedAt(at, framed)),
    }));
    await pair.same((side) => converse(side, sent, pipelined));
  });
  await fc.assert(property, { seed: 8, numRuns: 300 });
  expect(pair.straight.deeds.ways.straight).toBeGreaterThan(50);
});
