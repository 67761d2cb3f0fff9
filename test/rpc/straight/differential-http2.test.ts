import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { connectHttp2, type Http2Wire, sendHttp2 } from "./support/http2-client.js";
import { type Pair, type Side, startPair } from "./support/pair.js";
import { type OddRequest, oddHttp2Request } from "./support/requests.js";

let pair: Pair;
beforeAll(async () => {
  pair = await startPair();
});
afterAll(() => pair.close());

function wireOf({ method, path, headers, pieces }: OddRequest, authority: string): Http2Wire {
  const named: Record<string, string | string[]> = { ":method": method, ":path": path, ":authority": authority };
  for (const [name, value] of headers) {
    const before = named[name];
    named[name] = before === undefined ? value : [before, value].flat();
  }
  return { headers: named, pieces };
}

const authority = fc.oneof(
  { weight: 20, arbitrary: fc.constant("example.com:8080") },
  {
    weight: 1,
    arbitrary: fc.constantFrom("EXAMPLE.com", "", "a b", "user@host", "host/path", "[::1]:80", "h:99999", "h:80"),
  },
);

async function sendAll(side: Side, wires: readonly Http2Wire[]) {
  const session = connectHttp2(side.server.port);
  try {
    return await Promise.all(wires.map((wire) => sendHttp2(session, wire)));
  } finally {
    session.destroy();
  }
}

it("requests over one HTTP/2 connection get the same answers by both ways, and do the same", async () => {
  const requests = fc.array(fc.tuple(oddHttp2Request, authority), { minLength: 1, maxLength: 4 });
  const property = fc.asyncProperty(requests, async (all) => {
    const wires = all.map(([request, host]) => wireOf(request, host));
    await pair.same((side) => sendAll(side, wires));
  });
  await fc.assert(property, { seed: 8, numRuns: 300 });
  expect(pair.straight.deeds.ways.straight).toBeGreaterThan(50);
});
