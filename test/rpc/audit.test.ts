import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, describe, expect, it } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { TenantService } from "../../gen/ts/api/v1/tenant_pb.js";
import { MessageService } from "../../gen/ts/status/v1/message_pb.js";
import { DomainError } from "../../src/errors.js";
import type { AuditEntry, WriteAudit } from "../../src/rpc/audit.js";
import type { HandlerOptions } from "../../src/rpc/server.js";
import { as, project, tenant } from "./support/callers.js";
import { startServer, type TestServer, until } from "./support/server.js";

const servers: TestServer[] = [];
afterEach(async () => {
  for (const started of servers.splice(0)) await started.close();
});

async function start(options: Partial<HandlerOptions>) {
  const server = await startServer(options);
  servers.push(server);
  const transport = createGrpcTransport({ baseUrl: server.url });
  return {
    server,
    clusters: createClient(ClusterService, transport),
    tenants: createClient(TenantService, transport),
    messages: createClient(MessageService, transport),
  };
}

const errorOf = (call: Promise<unknown>): Promise<ConnectError> =>
  call.then(
    () => expect.unreachable("the call succeeded"),
    (error: unknown) => ConnectError.from(error),
  );

const lost = (server: TestServer) => server.lines.filter(({ msg }) => msg === "audit record lost");
const valid = { project, name: "one", partition: "eqx-mu4", kubernetes: { version: "1.30.1" } };
const watchable: Partial<HandlerOptions> = {
  routes: (router) =>
    router.service(MessageService, {
      watch: async function* () {
        yield {};
      },
    }),
};

const failing: [string, WriteAudit][] = [
  [
    "throws",
    () => {
      throw new Error("disk full");
    },
  ],
  ["rejects", () => Promise.reject(new Error("disk full"))],
  ["rejects as the database does", () => Promise.reject(new DomainError("conflict", "disk full"))],
];

describe.each(failing)("a record that cannot be written, because writing %s,", (_, write) => {
  it("keeps a call that changes something from running", async () => {
    const entries: AuditEntry[] = [];
    const { server, clusters } = await start({
      writeAudit: (entry, options) => {
        if (options.ahead) return write(entry, options);
        entries.push(entry);
      },
    });
    const error = await errorOf(clusters.create(valid, as("owner")));
    expect(error.code).toBe(Code.Unavailable);
    expect(error.rawMessage).toBe("the call cannot be audited now; try again");
    expect(server.script.ran).toEqual([]);
    await until(() => entries.length === 1);
    // The record of the refusal has what the lost one had.
    expect(entries).toMatchObject([{ phase: "response", user: "olga", code: Code.Unavailable, body: { name: "one" } }]);
    expect(lost(server)).toHaveLength(1);
    expect(JSON.stringify(server.lines)).not.toContain('"one"');
  });

  it("after a call has no consequence for it", async () => {
    const entries: AuditEntry[] = [];
    const { server, clusters } = await start({
      writeAudit: (entry, options) => {
        if (!options.ahead) return write(entry, options);
        entries.push(entry);
      },
    });
    expect((await clusters.create(valid, as("owner"))).cluster?.name).toBe("one");
    await until(() => lost(server).length === 1);
    expect(entries.map(({ phase }) => phase)).toEqual(["request"]);
  });

  it("does not keep anybody from reading", async () => {
    const { server, messages } = await start({ ...watchable, writeAudit: write });
    let seen = 0;
    for await (const _message of messages.watch({})) seen += 1;
    expect(seen).toBe(1);
    await until(() => lost(server).length === 2);
  });
});

describe("a record that is written slowly", () => {
  it("holds its call up until it is there", async () => {
    let finish = () => {};
    const written = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { server, clusters } = await start({ writeAudit: (_, { ahead }) => (ahead ? written : undefined) });
    const call = clusters.create(valid, as("owner"));
    await clusters.get({ project, uuid: project }, as("owner"));
    expect(server.script.ran).toEqual(["ClusterService.Get"]);
    finish();
    await call;
    expect(server.script.ran).toEqual(["ClusterService.Get", "ClusterService.Create"]);
  });

  it("keeps its call from running when that takes too long", async () => {
    const never = new Promise<void>(() => {});
    const { server, clusters } = await start({
      writeAudit: (_, { ahead }) => (ahead ? never : undefined),
      limits: { auditTimeoutMs: 20 },
    });
    expect((await errorOf(clusters.create(valid, as("owner")))).code).toBe(Code.Unavailable);
    expect(server.script.ran).toEqual([]);
  });

  it("keeps its call from running when the call's own deadline comes first", async () => {
    const never = new Promise<void>(() => {});
    const codes: (number | undefined)[] = [];
    const { server, clusters } = await start({
      writeAudit: ({ code }, { ahead }) => (ahead ? never : void codes.push(code)),
    });
    const error = await errorOf(clusters.create(valid, { ...as("owner"), timeoutMs: 50 }));
    expect(error.code).toBe(Code.DeadlineExceeded);
    await until(() => codes.length === 1);
    // What it is depends on who notices first: the server's clock, or a client that hangs up.
    expect(codes).not.toContain(0);
    expect(server.script.ran).toEqual([]);
  });
});

describe("the records of a call", () => {
  it("share a uuid that no other call has", async () => {
    const { server, clusters } = await start({});
    const headers = { ...as("owner").headers, "x-request-id": "always the same" };
    for (const name of ["one", "two"]) await clusters.create({ ...valid, name }, { headers });
    await until(() => server.audits.length === 4);
    const ids = server.audits.map(({ id }) => id);
    expect(ids[0]).toBe(ids[1]);
    expect(ids[2]).toBe(ids[3]);
    expect(new Set(ids).size).toBe(2);
  });

  it("name what a refused call was about, and who made it", async () => {
    const { server, clusters, tenants } = await start({});
    await errorOf(clusters.create(valid, as("stranger")));
    await errorOf(tenants.update({ login: tenant, name: "x" }, as("stranger")));
    await until(() => server.audits.length === 2);
    const refused = { phase: "response", user: "sam", code: Code.PermissionDenied };
    expect(server.audits).toMatchObject([
      { ...refused, project },
      { ...refused, tenant, body: { login: tenant } },
    ]);
    expect(server.audits[0]?.id).toMatch(/^[0-9a-f-]{36}$/);
  });
});

it("has little of what public methods answer to anybody", async () => {
  const entries: AuditEntry[] = [];
  const items = Array.from({ length: 20 }, () => ({ text: "x".repeat(1_000) }));
  const { messages: client } = await start({
    writeAudit: (entry) => void entries.push(entry),
    routes: (router) => router.service(MessageService, { list: () => ({ items }) }),
  });
  expect((await client.list({})).items).toHaveLength(20);
  await until(() => entries.length === 2);
  const body = JSON.stringify(entries.find(({ phase }) => phase === "response")?.body);
  expect(body).toContain("xxx");
  expect(body.length).toBeLessThan(1_500);
});
