import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:http2";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sourceAddress, trustedProxies } from "../../src/rpc/peer.js";
import { networkOf } from "../../src/rpc/rate-limit.js";
import { startServer } from "./support/server.js";

const trusted = trustedProxies(["10.0.0.0/8", "2001:db8:aa::/48"]);

const proxies = fc.oneof(
  fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255)).map((rest) => `10.${rest.join(".")}`),
  fc.nat(0xfffe).map((part) => `2001:db8:aa::${(part + 1).toString(16)}`),
);
const strangers = fc.oneof(
  fc.ipV4().filter((address) => !address.startsWith("10.")),
  fc.nat(0xfffe).map((part) => `2001:db8:bb::${(part + 1).toString(16)}`),
);
/** What a stranger may write into the header: addresses, proxies' addresses, lists, garbage. */
const forged = fc
  .array(fc.oneof(fc.ipV4(), fc.ipV6(), proxies, fc.string(), fc.constantFrom("", "unknown", "_hidden", "[::1]:9")), {
    maxLength: 6,
  })
  .map((hops) => hops.join(", "));
const afterForged = (header: string, hops: readonly string[]) => [header, ...hops].join(", ");

describe("the caller's address behind proxies", () => {
  it("is that of the connection, whatever an untrusted caller sends", () => {
    const holds = fc.property(strangers, fc.option(forged, { nil: undefined }), (remote, header) => {
      expect(sourceAddress(remote, header, trusted)).toBe(remote);
      if (!remote.includes(":")) expect(sourceAddress(`::ffff:${remote}`, header, trusted)).toBe(remote);
    });
    fc.assert(holds, { numRuns: 500 });
  });

  it("is what one trusted proxy has appended, whatever its caller sent", () => {
    const holds = fc.property(proxies, strangers, forged, (proxy, caller, header) => {
      expect(sourceAddress(proxy, afterForged(header, [caller]), trusted)).toBe(caller);
    });
    fc.assert(holds, { numRuns: 500 });
  });

  it("is what the outermost of many trusted proxies has appended", () => {
    const holds = fc.property(
      proxies,
      fc.array(proxies, { maxLength: 4 }),
      strangers,
      forged,
      (last, more, ...rest) => {
        const [caller, header] = rest;
        expect(sourceAddress(last, afterForged(header, [caller, ...more]), trusted)).toBe(caller);
      },
    );
    fc.assert(holds, { numRuns: 500 });
  });

  it("has one spelling, and no port", () => {
    const holds = fc.property(proxies, strangers, fc.nat(65_535), (proxy, caller, port) => {
      const spelled = caller.includes(":")
        ? [`[${caller}]:${port}`, `[${caller}]`, caller.toUpperCase()]
        : [`${caller}:${port}`, `::ffff:${caller}`, `::ffff:${hexOf(caller)}`, `[::ffff:${caller}]:${port}`];
      for (const hop of spelled) expect(sourceAddress(proxy, hop, trusted)).toBe(caller);
    });
    fc.assert(holds, { numRuns: 300 });
  });

  it.each([
    ["203.0.113.7, nonsense"],
    ["203.0.113.7, 10.1.2.3, "],
    ["203.0.113.7, 1.2.3.4.5"],
    ["203.0.113.7, 1.2.3.4:port"],
    ["203.0.113.7, [::1"],
    ["203.0.113.7, 010.0.0.1"],
    [""],
  ])("is that of the last proxy known when it has written %j", (header) => {
    expect(sourceAddress("10.0.0.1", header, trusted)).toBe("10.0.0.1");
  });

  it("knows a proxy by either spelling of its IPv4 address", () => {
    for (const entry of ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.0/24", "::ffff:192.0.2.0/120"]) {
      const list = trustedProxies([entry]);
      for (const remote of ["192.0.2.1", "::ffff:192.0.2.1"]) {
        expect(sourceAddress(remote, "203.0.113.7", list)).toBe("203.0.113.7");
      }
      expect(sourceAddress("192.0.3.1", "203.0.113.7", list)).toBe("192.0.3.1");
    }
  });

  it("is never read from Forwarded, of nobody", async () => {
    const server = await startServer({ trustedProxies: ["127.0.0.0/8"], httpRoutes: [whoAmI] });
    const ask = async (headers: Record<string, string>) => await (await fetch(`${server.url}/who`, { headers })).text();
    expect(await ask({ forwarded: "for=203.0.113.7" })).toBe("127.0.0.1");
    expect(await ask({ forwarded: "for=203.0.113.7", "x-forwarded-for": "203.0.113.8" })).toBe("203.0.113.8");
    await server.close();
  });

  it("is that of the last of several headers", async () => {
    const server = await startServer({ trustedProxies: ["127.0.0.0/8"], httpRoutes: [whoAmI] });
    const headers = { "x-forwarded-for": ["203.0.113.7, 203.0.113.8", "203.0.113.9"] };
    const [answered] = (await once(request(`${server.url}/who`, { headers }).end(), "response")) as [IncomingMessage];
    expect(await text(answered)).toBe("203.0.113.9");
    const session = connect(server.url);
    const stream = session.request({ ":path": "/who", ...headers });
    expect(await text(stream)).toBe("203.0.113.9");
    session.destroy();
    await server.close();
  });

  it("is that of the connection for a server that trusts nobody", async () => {
    const server = await startServer({ httpRoutes: [whoAmI] });
    const headers = { "x-forwarded-for": "203.0.113.7", "x-real-ip": "203.0.113.7", forwarded: "for=203.0.113.7" };
    expect(await (await fetch(`${server.url}/who`, { headers })).text()).toBe("127.0.0.1");
    await server.close();
  });
});

const whoAmI = {
  method: "GET",
  path: "/who",
  handle: ({ origin }: { origin: { peer: { address: string } } }) => ({ status: 200, body: origin.peer.address }),
} as const;

const hexOf = (address: string): string => {
  const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
};

describe("the network of an address", () => {
  const part = fc.nat(0xffff).map((value) => value.toString(16));
  it("is one for a whole /64, and another for every other", () => {
    const holds = fc.property(
      fc.array(part, { minLength: 8, maxLength: 8 }),
      fc.array(part, { minLength: 4, maxLength: 4 }),
      fc.nat(3),
      (parts, host, at) => {
        const here = networkOf(spelled(parts));
        expect(networkOf(spelled([...parts.slice(0, 4), ...host]))).toBe(here);
        const elsewhere = parts.with(at, parts[at] === "1" ? "2" : "1");
        expect(networkOf(spelled(elsewhere))).not.toBe(here);
      },
    );
    fc.assert(holds, { numRuns: 500 });
  });
});

/** As sockets and peer.ts spell it. */
const spelled = (parts: readonly string[]): string => sourceAddress("10.0.0.1", parts.join(":"), trusted);
