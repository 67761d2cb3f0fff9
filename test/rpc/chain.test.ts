import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { HealthService } from "../../gen/ts/api/v1/health_pb.js";
import { TenantService } from "../../gen/ts/api/v1/tenant_pb.js";
import { TokenService } from "../../gen/ts/api/v1/token_pb.js";
import { Health } from "../../gen/ts/grpc/health/v1/health_pb.js";
import { MessageService } from "../../gen/ts/status/v1/message_pb.js";
import { DomainError } from "../../src/errors.js";
import { RetryInfoSchema } from "../../src/rpc/error-details.js";
import type { HandlerOptions } from "../../src/rpc/server.js";
import { as, authenticate, cluster, project, tenant } from "./support/callers.js";
import { startServer, type TestServer, until } from "./support/server.js";
import { registerServices } from "./support/services.js";

let server: TestServer;
const servers: TestServer[] = [];
beforeEach(async () => {
  server = await start({});
});
afterEach(async () => {
  for (const started of servers.splice(0)) await started.close();
});

async function start(options: Partial<HandlerOptions>): Promise<TestServer> {
  const started = await startServer(options);
  servers.push(started);
  return started;
}

function clients(of: TestServer = server) {
  const transport = createGrpcTransport({ baseUrl: of.url });
  return {
    cluster: createClient(ClusterService, transport),
    health: createClient(HealthService, transport),
    tenant: createClient(TenantService, transport),
    token: createClient(TokenService, transport),
    message: createClient(MessageService, transport),
  };
}

async function codeOf(call: Promise<unknown>): Promise<Code> {
  return ConnectError.from(
    await call.then(
      () => new Error("the call succeeded"),
      (error: unknown) => error,
    ),
  ).code;
}

const valid = {
  project,
  name: "one",
  partition: "eqx-mu4",
  kubernetes: { version: "1.30.1" },
  workers: [{ name: "group-0", machineType: "n1", minsize: 1, maxsize: 2, maxsurge: 1, maxunavailable: 0 }],
};
const invalid = { project, name: "Not A Hostname" };

describe("the order of the checks", () => {
  it("an invalid call without a token is UNAUTHENTICATED, and audited", async () => {
    expect(await codeOf(clients().cluster.create(invalid))).toBe(Code.Unauthenticated);
    await until(() => server.audits.length === 1);
    expect(server.audits[0]).toMatchObject({
      phase: "response",
      method: "/api.v1.ClusterService/Create",
      user: undefined,
      project,
      code: Code.Unauthenticated,
      body: { project, name: "Not A Hostname" },
    });
  });

  it("an invalid call of a role too low is PERMISSION_DENIED, and audited", async () => {
    expect(await codeOf(clients().cluster.create(invalid, as("viewer")))).toBe(Code.PermissionDenied);
    await until(() => server.audits.length === 1);
    expect(server.audits[0]).toMatchObject({ phase: "response", user: "vera", code: Code.PermissionDenied });
  });

  it("an invalid call that may not be charged is FAILED_PRECONDITION", async () => {
    const asked: unknown[] = [];
    const poor = await start({
      admitted: async (subject, method) => {
        asked.push([subject, method]);
        throw new DomainError("precondition", "the tenant is not admitted");
      },
    });
    expect(await codeOf(clients(poor).cluster.create(invalid, as("owner")))).toBe(Code.FailedPrecondition);
    expect(asked).toEqual([[{ project, tenant: undefined }, "/api.v1.ClusterService/Create"]]);
    // Reading costs nothing: nobody asks.
    await clients(poor).cluster.get({ project, uuid: cluster }, as("owner"));
    expect(asked).toHaveLength(1);
  });

  it("an invalid call of the right role is INVALID_ARGUMENT, never reaches its handler, and is audited", async () => {
    expect(await codeOf(clients().cluster.create(invalid, as("owner")))).toBe(Code.InvalidArgument);
    expect(server.script.ran).toEqual([]);
    await until(() => server.audits.length === 1);
    expect(server.audits[0]).toMatchObject({ phase: "response", user: "olga", code: Code.InvalidArgument });
  });

  it("a rate that is too high is RESOURCE_EXHAUSTED before anybody looks at the token", async () => {
    let looked = 0;
    const limited = await start({
      limits: { rateLimit: { calls: 2, seconds: 60 } },
      now: () => 0,
      authenticate: (token) => {
        looked += 1;
        return authenticate(token);
      },
    });
    const { token } = clients(limited);
    await token.list({}, as("owner"));
    expect(await codeOf(token.list({}, as("broken")))).toBe(Code.Unauthenticated);
    const error = await token.list({}, as("rotated")).catch((thrown: unknown) => ConnectError.from(thrown));
    expect(error).toMatchObject({ code: Code.ResourceExhausted });
    expect((error as ConnectError).findDetails(RetryInfoSchema)).toHaveLength(1);
    expect(looked).toBe(2);
    // Refusals are on record too.
    await until(() => limited.audits.some(({ code }) => code === Code.ResourceExhausted));
  });
});

describe("authentication", () => {
  it.each([
    ["Bearer broken", Code.Unauthenticated],
    ["Basic b2xnYTpzZWNyZXQ=", Code.Unauthenticated],
    ["Bearer owner and more", Code.Unauthenticated],
    ["Bearer", Code.Unauthenticated],
    ["", Code.Unauthenticated],
  ])("%j is no caller", async (authorization, code) => {
    expect(await codeOf(clients().token.list({}, { headers: { authorization } }))).toBe(code);
  });

  it.each(["bearer owner", "BEARER owner", "Bearer   owner "])("%j is a caller", async (authorization) => {
    const { tokens } = await clients().token.list({}, { headers: { authorization } });
    expect(tokens[0]?.userId).toBe("olga");
  });

  it("says what the header should read, and never repeats what it read", async () => {
    const headers = { authorization: "Basic b2xnYTpzZWNyZXQ=" };
    const error = await clients()
      .token.list({}, { headers })
      .catch((thrown: unknown) => ConnectError.from(thrown));
    expect((error as ConnectError).rawMessage).toContain("Bearer <token>");
    expect(JSON.stringify([server.lines, server.audits])).not.toContain("b2xnYTpzZWNyZXQ");
  });

  it("a public method does not look at the token", async () => {
    const headers = { authorization: "Bearer broken" };
    expect((await clients().health.get({}, { headers })).health).toBeDefined();
  });
});

describe("authorization", () => {
  it("lets admins do what their role says", async () => {
    const { cluster: client } = clients();
    await client.create(valid, as("admin"));
    await client.get({ project, uuid: cluster }, as("adminViewer"));
    expect(await codeOf(client.create(valid, as("adminViewer")))).toBe(Code.PermissionDenied);
    expect(await codeOf(client.getCredentials({ project, uuid: cluster }, as("adminViewer")))).toBe(
      Code.PermissionDenied,
    );
  });

  it("names the roles that would do", async () => {
    const call = clients().cluster.create(valid, as("viewer"));
    const error = await call.catch((thrown: unknown) => ConnectError.from(thrown));
    expect((error as ConnectError).rawMessage).toBe("this method needs the project role owner or editor");
  });

  it("takes a role in any tenant for a request that brings a tenant", async () => {
    const { tenant: client } = clients();
    expect((await client.create({ tenant: { login: "new" } }, as("owner"))).tenant?.login).toBe("new");
    expect(await codeOf(client.create({ tenant: { login: "new" } }, as("viewer")))).toBe(Code.PermissionDenied);
    expect(await codeOf(client.create({ tenant: { login: tenant } }, as("stranger")))).toBe(Code.PermissionDenied);
  });
});

describe("the audit trail", () => {
  it("has a request phase before the handler, and a response phase with the result", async () => {
    let ranBefore: number | undefined;
    const recording = await start({
      writeAudit: (entry) => {
        if (entry.phase === "request") ranBefore = recording.script.ran.length;
        recording.audits.push(entry);
      },
      trustedProxies: ["127.0.0.0/8"],
    });
    const headers = {
      ...as("owner").headers,
      "x-forwarded-for": "203.0.113.9",
      "x-request-id": "req-1",
      "user-agent": "tool/1",
    };
    await clients(recording).cluster.create(valid, { headers });
    await until(() => recording.audits.length === 2);
    expect(ranBefore).toBe(0);
    const common = {
      at: new Date("2026-01-02T03:04:05Z"),
      method: "/api.v1.ClusterService/Create",
      user: "olga",
      tenant: undefined,
      project,
      sourceIp: "203.0.113.9",
      requestId: "req-1",
    };
    expect(recording.audits[0]).toMatchObject({ ...common, phase: "request", code: undefined, body: { name: "one" } });
    expect(recording.audits[1]).toMatchObject({
      ...common,
      phase: "response",
      code: 0,
      body: { cluster: { name: "one" } },
    });
    expect(recording.audits[0]?.id).toBe(recording.audits[1]?.id);
  });

  it("has the code of a call that failed in its handler, and its body once", async () => {
    expect(await codeOf(clients().cluster.create({ ...valid, name: "taken" }, as("owner")))).toBe(Code.AlreadyExists);
    await until(() => server.audits.length === 2);
    expect(server.audits.map(({ phase, code, body }) => [phase, code, body !== undefined])).toEqual([
      ["request", undefined, true],
      ["response", Code.AlreadyExists, false],
    ]);
  });

  it("leaves out methods that are excluded, and secrets", async () => {
    await clients().cluster.get({ project, uuid: cluster }, as("owner"));
    expect(server.audits).toEqual([]);
    await clients().cluster.getCredentials({ project, uuid: cluster }, as("owner"));
    await clients().token.create({ description: "for tests", expires: { seconds: 600n } }, as("owner"));
    await until(() => server.audits.length === 4);
    expect(JSON.stringify([server.audits, server.lines])).not.toMatch(/client-key-data|very-secret|Bearer/);
  });

  it("says when a stream is opened and closed", async () => {
    let seen: string | undefined;
    const streaming = await start({
      routes: (router) =>
        router.service(MessageService, {
          watch: async function* () {
            yield {};
            throw new DomainError("unavailable", "gone");
          },
        }),
    });
    const code = await codeOf(
      (async () => {
        for await (const _ of clients(streaming).message.watch({})) seen = streaming.audits[0]?.phase;
      })(),
    );
    expect([code, seen]).toEqual([Code.Unavailable, "request"]);
    await until(() => streaming.audits.length === 2);
    expect(streaming.audits.map((entry) => [entry.phase, entry.code])).toEqual([
      ["request", undefined],
      ["response", Code.Unavailable],
    ]);
  });
});

describe("the call log", () => {
  it("has one line for each call with the fixed fields", async () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const headers = { ...as("viewer").headers, traceparent, "x-request-id": "req-2" };
    await codeOf(clients().cluster.create(valid, { headers }));
    await until(() => server.lines.length === 1);
    const { rpc, caller, project: inProject, code, err, trace, request, ms, msg } = server.lines[0]!;
    expect({ rpc, caller, inProject, code, err, trace, request, msg }).toEqual({
      rpc: "/api.v1.ClusterService/Create",
      caller: "vera",
      inProject: project,
      code: "permission_denied",
      err: "this method needs the project role owner or editor",
      trace: "4bf92f3577b34da6a3ce929d0e0e4736",
      request: "req-2",
      msg: "call",
    });
    expect(ms).toBeGreaterThanOrEqual(0);
  });

  it("writes the line of a stream when it ends", async () => {
    const controller = new AbortController();
    const options = { ...as("viewer"), signal: controller.signal };
    const watch = clients().cluster.watchStatus({ project }, options)[Symbol.asyncIterator]();
    await watch.next();
    expect(server.lines).toEqual([]);
    controller.abort();
    await expect(watch.next()).rejects.toThrow("canceled");
    await until(() => server.lines.length === 1);
    expect(server.lines[0]).toMatchObject({ rpc: "/api.v1.ClusterService/WatchStatus", code: "canceled" });
  });
});

it("does not start with methods whose policy is unsound", async () => {
  const routes: HandlerOptions["routes"] = (router) => {
    registerServices(router, server.script);
    router.service(Health, {});
  };
  await expect(start({ routes })).rejects.toThrow(
    /grpc\.health\.v1\.Health\/Check: has neither roles nor a visibility/,
  );
});
