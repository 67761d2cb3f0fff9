import { connect as connectHttp2 } from "node:http2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HttpRoute } from "../../src/rpc/http-routes.js";
import { sourceAddress, trustedProxies } from "../../src/rpc/peer.js";
import { networkOf } from "../../src/rpc/rate-limit.js";
import { traceOf } from "../../src/rpc/trace.js";
import { as } from "./support/callers.js";
import { startServer, type TestServer } from "./support/server.js";

const console_ = "https://console.example.com";
const rpc = "/api.v1.HealthService/Get";

const routes: HttpRoute[] = [
  {
    method: "GET",
    path: "/auth/{provider}/callback",
    handle: ({ params, query, origin }) => ({
      status: 303,
      headers: { location: `/${params.provider}?code=${query.get("code")}&from=${origin.peer.address}` },
    }),
  },
  { method: "POST", path: "/echo", handle: async ({ body }) => ({ status: 200, body: await body() }) },
  { method: "GET", path: "/varied", handle: () => ({ status: 200, headers: { vary: "accept-encoding" }, body: "x" }) },
  {
    method: "GET",
    path: "/broken",
    handle: () => {
      throw new Error("secret words");
    },
  },
];

let server: TestServer;
let open: TestServer;
beforeAll(async () => {
  server = await startServer({ corsOrigins: [console_], httpRoutes: routes });
  open = await startServer({ corsOrigins: ["*"], httpRoutes: routes });
});
afterAll(async () => {
  await server.close();
  await open.close();
});

function preflight(to: TestServer, origin: string, path = rpc): Promise<Response> {
  const headers = {
    origin,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization",
  };
  return fetch(to.url + path, { method: "OPTIONS", headers });
}

function call(to: TestServer, origin: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(to.url + rpc, {
    method: "POST",
    headers: { origin, "content-type": "application/json", ...headers },
    body: "{}",
  });
}

describe("browsers", () => {
  it("may call from a known origin, with the headers of every protocol", async () => {
    const { status, headers } = await preflight(server, console_);
    expect(status).toBe(204);
    expect(headers.get("access-control-allow-origin")).toBe(console_);
    expect(headers.get("access-control-allow-methods")).toContain("POST");
    for (const name of ["Authorization", "Content-Type", "Connect-Protocol-Version", "X-Grpc-Web", "Grpc-Timeout"]) {
      expect(headers.get("access-control-allow-headers")).toContain(name);
    }
    expect(Number(headers.get("access-control-max-age"))).toBeGreaterThan(0);
    expect(headers.get("vary")).toBe("Origin");
    const answered = await call(server, console_);
    expect(answered.headers.get("access-control-allow-origin")).toBe(console_);
    expect(answered.headers.get("access-control-expose-headers")).toMatch(/Grpc-Status.*X-Request-Id/);
    expect(answered.headers.get("access-control-allow-credentials")).toBeNull();
  });

  it("see errors of a known origin too", async () => {
    const refused = await fetch(`${server.url}/api.v1.TokenService/List`, {
      method: "POST",
      headers: { origin: console_, "content-type": "application/json" },
      body: "{}",
    });
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([401, console_]);
    const nowhere = await fetch(`${server.url}/nowhere`, { headers: { origin: console_ } });
    expect([nowhere.status, nowhere.headers.get("access-control-allow-origin")]).toEqual([404, console_]);
  });

  it("get no permission for an unknown origin", async () => {
    for (const origin of ["https://evil.example.com", `${console_}.evil.com`, "null"]) {
      for (const { headers } of [await preflight(server, origin), await call(server, origin)]) {
        expect(headers.get("access-control-allow-origin")).toBeNull();
        expect(headers.get("vary")).toBe("Origin");
      }
    }
  });

  it("may call from anywhere where all origins are allowed", async () => {
    expect((await preflight(open, "https://any.example.com")).headers.get("access-control-allow-origin")).toBe("*");
    expect((await call(open, "https://any.example.com")).headers.get("access-control-allow-origin")).toBe("*");
  });

  it("and caches learn that an answer depends on the origin, beside what else it depends on", async () => {
    const { headers } = await fetch(`${server.url}/varied`, { headers: { origin: console_ } });
    expect([headers.get("access-control-allow-origin"), headers.get("vary")]).toEqual([
      console_,
      "Origin, accept-encoding",
    ]);
    expect((await fetch(`${open.url}/varied`)).headers.get("vary")).toBe("accept-encoding");
  });

  it("get their preflight over HTTP/2 too", async () => {
    const client = connectHttp2(server.url);
    const stream = client.request({
      ":method": "OPTIONS",
      ":path": rpc,
      origin: console_,
      "access-control-request-method": "POST",
    });
    const headers = await new Promise<Record<string, unknown>>((resolve) => stream.once("response", resolve));
    expect([headers[":status"], headers["access-control-allow-origin"]]).toEqual([204, console_]);
    client.destroy();
  });
});

describe("plain HTTP", () => {
  it("says whether the process lives and is ready", async () => {
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    server.lifecycle.setReady(false);
    expect([(await fetch(`${server.url}/readyz`)).status, (await fetch(`${server.url}/livez`)).status]).toEqual([
      503, 200,
    ]);
    server.lifecycle.setReady(true);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  });

  it("fills in the names of a path, and gives each request its id", async () => {
    const response = await fetch(`${server.url}/auth/git%20hub/callback?code=1`, { redirect: "manual" });
    expect([response.status, response.headers.get("location")]).toEqual([303, "/git hub?code=1&from=127.0.0.1"]);
    expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("answers HEAD without a body, and refuses other methods", async () => {
    const head = await fetch(`${server.url}/livez`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const posted = await fetch(`${server.url}/livez`, { method: "POST", body: "x" });
    expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET"]);
  });

  it("reads bodies up to a limit, and keeps the words of defects", async () => {
    const echoed = await fetch(`${server.url}/echo`, { method: "POST", body: "hello" });
    expect(await echoed.text()).toBe("hello");
    const long = await fetch(`${server.url}/echo`, { method: "POST", body: "x".repeat(70_000) });
    expect([long.status, await long.text()]).toEqual([413, "the body is longer than 65536 bytes\n"]);
    const broken = await fetch(`${server.url}/broken`);
    expect([broken.status, await broken.text()]).toEqual([500, "internal error\n"]);
    expect(server.lines.filter((line) => JSON.stringify(line).includes("secret words"))).toHaveLength(1);
  });

  it("takes no path that only looks like a route", async () => {
    for (const path of ["/livez/", "/auth//callback", "/auth/%ff/callback", "/Livez"]) {
      expect((await fetch(server.url + path)).status).toBe(404);
    }
  });
});

describe("the caller's address", () => {
  const trusted = trustedProxies(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"]);
  it.each([
    ["203.0.113.1", "1.1.1.1", "203.0.113.1"],
    ["10.0.0.1", "1.1.1.1", "1.1.1.1"],
    ["10.0.0.1", "6.6.6.6, 1.1.1.1", "1.1.1.1"],
    ["10.0.0.1", "1.1.1.1, 10.9.9.9", "1.1.1.1"],
    ["10.0.0.1", "10.1.1.1, 10.9.9.9", "10.1.1.1"],
    ["10.0.0.1", undefined, "10.0.0.1"],
    ["10.0.0.1", "not an address", "10.0.0.1"],
    ["::ffff:10.0.0.1", "2001:db8::5, 2001:db8::6", "2001:db8::5"],
    ["192.0.2.1", "1.1.1.1", "1.1.1.1"],
    ["192.0.2.2", "1.1.1.1", "192.0.2.2"],
    [undefined, "1.1.1.1", ""],
  ])("from %s with %s is %s", (remote, forwardedFor, address) => {
    expect(sourceAddress(remote, forwardedFor, trusted)).toBe(address);
  });

  it.each(["proxy", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "", "::1/129"])("%j is no proxy", (entry) => {
    expect(() => trustedProxies([entry])).toThrow("neither an IP address nor a CIDR range");
  });
});

describe("the network whose calls are counted together", () => {
  it.each([
    ["203.0.113.1", "203.0.113.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:0DB8:0001:0002::9", "2001:db8:1:2"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    ["", ""],
  ])("of %j is %j", (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe("traceparent", () => {
  const trace = (traceparent: string) => traceOf(undefined, traceparent, () => "id");
  const id = "4bf92f3577b34da6a3ce929d0e0e4736";
  it("is continued when it is well formed", () => {
    expect(trace(`00-${id}-00f067aa0ba902b7-01`)).toMatchObject({ traceId: id, sampled: true, requestId: "id" });
    expect(trace(`00-${id}-00f067aa0ba902b7-00`)).toMatchObject({ traceId: id, sampled: false });
    expect(trace(`01-${id}-00f067aa0ba902b7-01-more`)).toMatchObject({ traceId: id });
    expect(trace(`00-${id}-00f067aa0ba902b7-01`).spanId).not.toBe("00f067aa0ba902b7");
  });

  it.each([
    `ff-${id}-00f067aa0ba902b7-01`,
    `00-${id}-00f067aa0ba902b7-01-more`,
    `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
    `00-${id}-${"0".repeat(16)}-01`,
    `00-${id.toUpperCase()}-00f067aa0ba902b7-01`,
    "",
  ])("%j begins a new trace", (traceparent) => {
    expect(trace(traceparent).traceId).toMatch(/^(?!4bf9)[0-9a-f]{32}$/);
  });
});

it("sends the request id with refusals", async () => {
  const refused = await call(server, console_, {
    "x-request-id": "req-9",
    ...as("owner").headers,
    "content-encoding": "br",
  });
  expect([refused.status, refused.headers.get("x-request-id")]).toEqual([501, "req-9"]);
});
