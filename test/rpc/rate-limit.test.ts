import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, describe, expect, it } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { HealthService } from "../../gen/ts/api/v1/health_pb.js";
import { TokenService } from "../../gen/ts/api/v1/token_pb.js";
import { Health } from "../../gen/ts/grpc/health/v1/health_pb.js";
import { DomainError } from "../../src/errors.js";
import { RetryInfoSchema } from "../../src/rpc/error-details.js";
import type { HandlerOptions } from "../../src/rpc/server.js";
import { as, authenticate, project } from "./support/callers.js";
import { startServer, type TestServer, until } from "./support/server.js";
import { dialects } from "./support/transports.js";

const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

interface Limited {
  readonly server: TestServer;
  /** Moved by the tests alone: no bucket fills up unless they say so. */
  readonly clock: { ms: number };
  /** Tokens that were looked at. */
  readonly looked: string[];
  readonly revoked: Set<string>;
}

/** A server that lets three anonymous calls through at once, and five with a token, and as many in ten seconds. */
async function startLimited(options: Partial<HandlerOptions> = {}): Promise<Limited> {
  const clock = { ms: 1_000 };
  const looked: string[] = [];
  const revoked = new Set<string>();
  const server = await startServer({
    now: () => clock.ms,
    authenticate(token) {
      looked.push(token);
      if (revoked.has(token)) throw new DomainError("unauthenticated", "the token was revoked");
      return authenticate(token);
    },
    trustedProxies: ["127.0.0.1"],
    ...options,
    limits: { rateLimit: { calls: 3, seconds: 10 }, tokenRateLimit: { calls: 5, seconds: 10 } },
  });
  servers.push(server);
  return { server, clock, looked, revoked };
}

const errorOf = (call: Promise<unknown>): Promise<ConnectError | undefined> =>
  call.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error),
  );
const codeOf = async (call: Promise<unknown>): Promise<string> => {
  const error = await errorOf(call);
  return error === undefined ? "OK" : Code[error.code];
};

/** Calls one after the other, and tells their codes. */
async function codesOf(times: number, call: (at: number) => Promise<unknown>): Promise<string[]> {
  const codes: string[] = [];
  for (let at = 0; at < times; at++) codes.push(await codeOf(call(at)));
  return codes;
}

const times = (count: number, code: string): string[] => Array<string>(count).fill(code);

function clients(server: TestServer, transport: Transport = createGrpcTransport({ baseUrl: server.url })) {
  return {
    token: createClient(TokenService, transport),
    health: createClient(HealthService, transport),
    cluster: createClient(ClusterService, transport),
    probe: createClient(Health, transport),
  };
}

const from = (address: string, name?: string) => ({
  headers: { "x-forwarded-for": address, ...(name === undefined ? {} : as(name).headers) },
});

/** The delay that a refusal tells, in milliseconds. */
function delayOf(error: ConnectError | undefined): number {
  const [info] = error?.findDetails(RetryInfoSchema) ?? [];
  const { seconds = 0n, nanos = 0 } = (info as { retryDelay?: { seconds: bigint; nanos: number } })?.retryDelay ?? {};
  return Number(seconds) * 1000 + nanos / 1_000_000;
}

describe.each(dialects)("$name", ({ connect }) => {
  it("limits each token, and tells when the next call goes through", async () => {
    const { server, clock } = await startLimited();
    const { token } = clients(server, connect(server.url));
    expect(await codesOf(5, () => token.list({}, as("owner")))).toEqual(times(5, "OK"));
    const error = await errorOf(token.list({}, as("owner")));
    expect([error?.code, error?.rawMessage]).toEqual([Code.ResourceExhausted, "too many calls with this token"]);
    expect([delayOf(error), error?.metadata.get("retry-after")]).toEqual([2_000, "2"]);
    clock.ms += 1_999;
    expect(await codeOf(token.list({}, as("owner")))).toBe("ResourceExhausted");
    clock.ms += 1;
    expect(await codesOf(2, () => token.list({}, as("owner")))).toEqual(["OK", "ResourceExhausted"]);
  });

  it("limits each address, and tells when the next call goes through", async () => {
    const { server, clock } = await startLimited();
    const { health } = clients(server, connect(server.url));
    expect(await codesOf(3, () => health.get({}))).toEqual(times(3, "OK"));
    const error = await errorOf(health.get({}));
    expect(error?.code).toBe(Code.ResourceExhausted);
    expect(error?.rawMessage).toBe(
      "too many calls from this address that are public, or have no token that is known to hold",
    );
    expect([delayOf(error), error?.metadata.get("retry-after")]).toEqual([3_334, "4"]);
    clock.ms += 3_333;
    expect(await codeOf(health.get({}))).toBe("ResourceExhausted");
    clock.ms += 1;
    expect(await codesOf(2, () => health.get({}))).toEqual(["OK", "ResourceExhausted"]);
  });

  it("counts streams when they are opened", async () => {
    const { server } = await startLimited();
    const { cluster, token } = clients(server, connect(server.url));
    const open = async () => {
      const ended = new AbortController();
      const watch = cluster.watchStatus({ project }, { ...as("viewer"), signal: ended.signal });
      await watch[Symbol.asyncIterator]().next();
      ended.abort();
    };
    expect(await codesOf(6, open)).toEqual([...times(5, "OK"), "ResourceExhausted"]);
    expect(await codeOf(token.list({}, as("viewer")))).toBe("ResourceExhausted");
    expect(await codeOf(token.list({}, as("owner")))).toBe("OK");
  });
});

describe("a token that has held", () => {
  it("works behind an address that others have exhausted, and is not touched by another's flood", async () => {
    const { server } = await startLimited();
    const { token, health } = clients(server);
    await token.list({}, as("owner"));
    await token.list({}, as("viewer"));
    expect(await codesOf(10, () => token.list({}, as("owner")))).toContain("ResourceExhausted");
    expect(await codesOf(2, () => health.get({}))).toEqual(["OK", "ResourceExhausted"]);
    expect(await codesOf(4, () => token.list({}, as("viewer")))).toEqual(times(4, "OK"));
  });

  it("has one bucket for all addresses", async () => {
    const { server } = await startLimited();
    const { token } = clients(server);
    const codes = await codesOf(8, (at) => token.list({}, from(`203.0.113.${at}`, "owner")));
    expect(codes).toEqual([...times(5, "OK"), ...times(3, "ResourceExhausted")]);
  });

  it("has one bucket for all of its spellings, which are unknown at first", async () => {
    const { server } = await startLimited({ authenticate: (token) => authenticate(token.toLowerCase()) });
    const { token } = clients(server);
    const spellings = ["owner", "Owner", "oWner", "owNer", "ownEr", "owneR", "OWNER"];
    const codes = await codesOf(7, (at) => token.list({}, from(`203.0.113.${at}`, spellings[at])));
    expect(codes).toEqual([...times(5, "OK"), ...times(2, "ResourceExhausted")]);
  });

  it("does not count for public methods, where a revoked one would never be noticed", async () => {
    const { server } = await startLimited();
    const { token, health } = clients(server);
    await token.list({}, as("owner"));
    expect(await codesOf(3, () => health.get({}, as("owner")))).toEqual(["OK", "OK", "ResourceExhausted"]);
    expect(await codesOf(4, () => token.list({}, as("owner")))).toEqual(times(4, "OK"));
  });

  it("stays known while the database is away, and falls back to its address when it is revoked", async () => {
    const away = { now: false };
    const { server, revoked } = await startLimited({
      authenticate: (token) => {
        if (revoked.has(token)) throw new DomainError("unauthenticated", "the token was revoked");
        if (away.now) throw new DomainError("unavailable", "the database does not answer");
        return authenticate(token);
      },
    });
    const { token, health } = clients(server);
    await token.list({}, as("owner"));
    expect(await codesOf(3, () => health.get({}))).toEqual(["OK", "OK", "ResourceExhausted"]);
    away.now = true;
    expect(await codesOf(2, () => token.list({}, as("owner")))).toEqual(times(2, "Unavailable"));
    revoked.add("owner");
    const codes = await codesOf(3, () => token.list({}, as("owner")));
    expect(codes).toEqual(["Unauthenticated", "ResourceExhausted", "ResourceExhausted"]);
  });

  it("is named in the record of its refusal, of which a flood leaves one", async () => {
    const { server } = await startLimited();
    const { cluster } = clients(server);
    await codesOf(20, () => cluster.getCredentials({ project, uuid: project }, as("owner")));
    const refused = () => server.audits.filter(({ code }) => code === Code.ResourceExhausted);
    await until(() => server.lines.filter(({ code }) => code === "resource_exhausted").length === 15);
    expect(refused()).toMatchObject([{ user: "olga", phase: "response" }]);
  });
});

describe("a token that is not known to hold", () => {
  it("counts for its address, and is not looked at beyond the limit, whichever it is", async () => {
    const { server, looked } = await startLimited();
    const { token } = clients(server);
    const codes = await codesOf(20, (at) => token.list({}, as(`garbage-${at}`)));
    expect(codes).toEqual([...times(3, "Unauthenticated"), ...times(17, "ResourceExhausted")]);
    expect(looked).toEqual(["garbage-0", "garbage-1", "garbage-2"]);
    // Nor is a good one that comes for the first time.
    expect(await codeOf(token.list({}, as("owner")))).toBe("ResourceExhausted");
    expect(await codeOf(token.list({}, from("203.0.113.1", "owner")))).toBe("OK");
  });

  it.each([
    "Basic b2xnYTpzZWNyZXQ=",
    "Bearer owner garbage",
    "Bearer garbage owner",
    "Bearer owner, Bearer owner",
    "x",
  ])("counts for its address when the header reads %j, though a known one is in it", async (authorization) => {
    const { server } = await startLimited();
    const { token } = clients(server);
    await token.list({}, as("owner"));
    const codes = await codesOf(4, () => token.list({}, { headers: { authorization } }));
    expect(codes).toEqual([...times(2, "Unauthenticated"), ...times(2, "ResourceExhausted")]);
  });

  it("counts for its whole /64, and for no other", async () => {
    const { server } = await startLimited();
    const { token } = clients(server);
    const codes = await codesOf(6, (at) => token.list({}, from(`2001:db8:1:2:${at}::${at}`, `garbage-${at}`)));
    expect(codes).toEqual([...times(3, "Unauthenticated"), ...times(3, "ResourceExhausted")]);
    expect(await codeOf(token.list({}, from("2001:db8:1:3::1", "garbage")))).toBe("Unauthenticated");
  });

  it("opens no stream beyond the limit of its address", async () => {
    const { server, looked } = await startLimited();
    const { cluster } = clients(server);
    const open = (at: number) =>
      cluster
        .watchStatus({ project }, as(`garbage-${at}`))
        [Symbol.asyncIterator]()
        .next();
    expect(await codesOf(5, open)).toEqual([...times(3, "Unauthenticated"), ...times(2, "ResourceExhausted")]);
    expect(looked).toHaveLength(3);
  });
});

describe("plain HTTP", () => {
  const httpRoutes: HandlerOptions["httpRoutes"] = [
    { method: "GET", path: "/auth/{provider}", handle: () => ({ status: 200, body: "ok\n" }) },
  ];
  const get = (server: TestServer, path: string, address = "203.0.113.1") =>
    fetch(server.url + path, { headers: { "x-forwarded-for": address } });

  it("counts for the address, with the calls, and answers 429 with Retry-After", async () => {
    const { server, clock } = await startLimited({ httpRoutes });
    await clients(server).health.get({}, from("203.0.113.1"));
    const statuses = [await get(server, "/auth/x"), await get(server, "/auth/y")].map(({ status }) => status);
    expect(statuses).toEqual([200, 200]);
    const refused = await get(server, "/auth/x");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "4"]);
    expect(await codeOf(clients(server).health.get({}, from("203.0.113.1")))).toBe("ResourceExhausted");
    expect((await get(server, "/auth/x", "203.0.113.2")).status).toBe(200);
    clock.ms += 4_000;
    expect((await get(server, "/auth/x")).status).toBe(200);
  });

  it("leaves one line of a flood in each window", async () => {
    const { server, clock } = await startLimited({ httpRoutes });
    const lines = () => server.lines.filter(({ msg }) => msg === "too many requests");
    for (let request = 0; request < 20; request++) await get(server, "/auth/x");
    expect(lines()).toMatchObject([{ route: "/auth/{provider}", peer: "203.0.113.1" }]);
    clock.ms += 10_000;
    for (let request = 0; request < 20; request++) await get(server, "/auth/x");
    expect(lines()).toHaveLength(2);
  });
});

it("does not limit probes, health and reflection", async () => {
  const { server } = await startLimited();
  const { health, probe } = clients(server);
  expect(await codesOf(4, () => health.get({}))).toContain("ResourceExhausted");
  expect(await codesOf(10, () => probe.check({}))).toEqual(times(10, "OK"));
  for (const path of ["/livez", "/readyz"]) {
    for (let request = 0; request < 10; request++) expect((await fetch(server.url + path)).status).toBe(200);
  }
  const open = () => probe.watch({})[Symbol.asyncIterator]().next();
  expect(await codesOf(10, open)).toEqual(times(10, "OK"));
});

it("limits nothing where the limits are off", async () => {
  const server = await startServer({ now: () => 0 });
  servers.push(server);
  const { token, health } = clients(server);
  expect(await codesOf(50, () => token.list({}, as("owner")))).toEqual(times(50, "OK"));
  expect(await codesOf(50, () => health.get({}))).toEqual(times(50, "OK"));
});
