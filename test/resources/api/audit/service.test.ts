import { timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createConnectTransport } from "@connectrpc/connect-node";
import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AuditService as AdminAuditService } from "../../../../gen/ts/admin/v1/audit_pb.js";
import { AuditPhase, AuditService, type AuditTrace } from "../../../../gen/ts/api/v1/audit_pb.js";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { type AuditRow, auditStore } from "../../../../src/resources/api/audit/store.js";
import { needsPostgres, postgresUrl } from "../../../support/database.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { newName } from "../../support/clusters.js";
import { codeOf } from "../../support/refusals.js";

let platform: TestPlatform;
let stranger: TestTenant;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  stranger = await platform.newTenant();
});
afterAll(() => platform.close());

const own = () => platform.client(AuditService);
const admin = () => platform.client(AdminAuditService);
const owner = (of: TestTenant = platform) => as(of.tokens.owner);
const list = async (init: object = {}, of: TestTenant = platform): Promise<AuditTrace[]> =>
  (await own().list({ login: of.tenant, ...init }, owner(of))).traces;

/** Tries to make a cluster in the project of the platform's tenant. */
const create = (token: string, name = newName()) =>
  codeOf(platform.client(ClusterService).create({ project: platform.project, name }, as(token)));

const minute = 60_000;
const now = Date.now();
const ago = (minutes: number) => new Date(now - minutes * minute);

/** Writes records of a tenant of its own, and answers that tenant. */
async function tenantWith(...records: Partial<AuditRow>[]): Promise<TestTenant> {
  const made = await platform.newTenant();
  const usual = {
    ...{ requestId: "r", phase: "response" as const, method: "/a.B/C", code: 0, sourceIp: "192.0.2.1", userAgent: "" },
    ...{ user: null, tenant: made.tenant, project: null, body: null },
  };
  const rows = records.map((record, at) => ({ ...usual, id: uuidv7(), at: ago(at), ...record }));
  await auditStore.insert(platform.platform.db, rows);
  await platform.database.server.pool.query("update tenants set created_at = $1 where login = $2", [
    ago(60 * 24 * 30),
    made.tenant,
  ]);
  return made;
}

describe("the audit log of a tenant", () => {
  it("begins with the tenant: what was recorded of an earlier one of that login is not shown", async () => {
    const made = await tenantWith({ at: ago(5) }, { at: ago(1) });
    expect(await list({}, made)).toHaveLength(2);
    const { pool } = platform.database.server;
    await pool.query("update tenants set created_at = $1 where login = $2", [ago(2), made.tenant]);
    const [left, ...more] = await list({}, made);
    expect(more).toEqual([]);
    const [, earlier] = (await admin().list({ method: "/a.B/C" }, as(platform.adminToken))).traces.filter(
      ({ tenant }) => tenant === made.tenant,
    );
    expect(earlier?.uuid).not.toBe(left?.uuid);
    const asked = own().get({ login: made.tenant, uuid: earlier?.uuid ?? "" }, owner(made));
    expect(await codeOf(asked)).toBe("NotFound");
  });

  it("has both records of a call under one uuid, the newest first", async () => {
    const name = newName();
    expect(await create(platform.tokens.editor, name)).toBe("OK");
    const find = () => list({ body: name });
    await expect.poll(async () => (await find()).length).toBe(2);
    const [response, request] = await find();
    expect(response?.uuid).toBe(request?.uuid);
    const call = {
      method: "/api.v1.ClusterService/Create",
      user: platform.tenant,
      tenant: platform.tenant,
      project: platform.project,
      sourceIp: "127.0.0.1",
    };
    expect(request).toMatchObject({ ...call, phase: AuditPhase.REQUEST });
    expect(request?.resultCode).toBeUndefined();
    expect(response).toMatchObject({ ...call, phase: AuditPhase.RESPONSE, resultCode: 0 });
    expect(JSON.parse(request?.body ?? "")).toMatchObject({ name, project: platform.project });
    expect(JSON.parse(response?.body ?? "")).toMatchObject({ cluster: { name } });

    const key = { login: platform.tenant, uuid: request?.uuid ?? "" };
    expect((await own().get(key, owner())).trace).toEqual(response);
    expect((await own().get({ ...key, phase: AuditPhase.REQUEST }, owner())).trace).toEqual(request);
    expect((await own().get({ ...key, phase: AuditPhase.RESPONSE }, owner())).trace).toEqual(response);
    expect((await admin().get({ uuid: key.uuid }, as(platform.adminToken))).trace).toEqual(response);
  });

  it("shows what strangers tried in its projects, and does not show it to their tenants", async () => {
    const name = newName();
    expect(await create(stranger.tokens.owner, name)).toBe("PermissionDenied");
    await expect.poll(async () => (await list({ body: name })).length).toBe(1);
    const [refused] = await list({ body: name });
    expect(refused).toMatchObject({
      phase: AuditPhase.RESPONSE,
      resultCode: 7,
      user: stranger.tenant,
      tenant: platform.tenant,
      project: platform.project,
    });
    expect(await list({ body: name }, stranger)).toEqual([]);
    expect(await list({ user: stranger.tenant }, stranger)).toEqual([]);
    const key = { login: stranger.tenant, uuid: refused?.uuid ?? "" };
    expect(await codeOf(own().get(key, owner(stranger)))).toBe("NotFound");
    expect(await codeOf(own().get({ ...key, login: platform.tenant }, owner(stranger)))).toBe("PermissionDenied");
  });

  it("is for its owners", async () => {
    const uuid = uuidv7();
    const login = platform.tenant;
    const { editor, viewer } = platform.tokens;
    for (const token of [editor, viewer, stranger.tokens.owner]) {
      expect(await codeOf(own().list({ login }, as(token)))).toBe("PermissionDenied");
      expect(await codeOf(own().get({ login, uuid }, as(token)))).toBe("PermissionDenied");
      expect(await codeOf(admin().list({}, as(token)))).toBe("PermissionDenied");
    }
    expect(await codeOf(own().list({ login }))).toBe("Unauthenticated");
    expect(await codeOf(own().get({ login, uuid }, owner()))).toBe("NotFound");
    expect(await codeOf(admin().get({ uuid }, as(platform.adminToken)))).toBe("NotFound");
  });

  it("is shown to operators with that of all others, and with calls about no tenant", async () => {
    const body = JSON.stringify(`about ${uuidv7()}`);
    const some = await tenantWith({ body }, { body, tenant: null });
    const { traces } = await admin().list({ body }, as(platform.adminToken));
    expect(traces.map(({ tenant }) => tenant)).toEqual([some.tenant, ""]);
    expect(await list({ body }, some)).toHaveLength(1);
  });
});

describe("the filters", () => {
  const project = uuidv7();
  const id = uuidv7();
  const cases: [string, Partial<AuditRow>, object][] = [
    ["uuid", { id }, { uuid: id.toUpperCase() }],
    ["user", { user: "ada" }, { user: "ada" }],
    ["project", { project }, { project: project.toUpperCase() }],
    ["method", { method: "/api.v1.IPService/Delete" }, { method: "/api.v1.IPService/Delete" }],
    ["source_ip", { sourceIp: "198.51.100.7" }, { sourceIp: "198.51.100.7" }],
    ["source_ip in another spelling", { sourceIp: "2001:db8::1" }, { sourceIp: "2001:DB8:0:0:0:0:0:1" }],
    ["result_code", { code: 9 }, { resultCode: 9 }],
    ["phase", { phase: "request", code: null }, { phase: AuditPhase.REQUEST }],
    ["body", { body: '{"name":"a%c_d\\\\"}' }, { body: '"a%c_d\\\\"' }],
    ["from and to", { at: ago(30) }, { from: timestampFromDate(ago(31)), to: timestampFromDate(ago(29)) }],
  ];

  it.each(cases)("%s", async (_, record, filter) => {
    const some = await tenantWith({ body: '{"name":"abcxd"}' }, record, { user: "adam", code: 13 });
    expect(await list({}, some)).toHaveLength(3);
    expect(await list(filter, some)).toHaveLength(1);
    const { traces } = await admin().list({ ...filter, limit: 1000 }, as(platform.adminToken));
    expect(traces.filter(({ tenant }) => tenant === some.tenant)).toHaveLength(1);
  });

  it("take nothing in a text for a wildcard", async () => {
    const some = await tenantWith({ body: '{"name":"abc"}' });
    for (const body of ["a%c", "a_c", "%%", "__", "\\%"]) expect(await list({ body }, some)).toEqual([]);
    expect(await list({ body: "abc" }, some)).toHaveLength(1);
  });

  it("show the last 8 hours unless told", async () => {
    const some = await tenantWith({ at: ago(8 * 60 + 1) }, { at: ago(8 * 60 - 1) });
    expect((await list({}, some)).map(({ timestamp }) => timestamp)).toEqual([timestampFromDate(ago(8 * 60 - 1))]);
    expect(await list({ from: timestampFromDate(ago(10 * 60)) }, some)).toHaveLength(2);
  });

  it("include both ends", async () => {
    const at = ago(5);
    const some = await tenantWith({ at });
    const exactly = timestampFromDate(at);
    expect(await list({ from: exactly, to: exactly }, some)).toHaveLength(1);
    const later = timestampFromMs(at.getTime() + 1);
    const earlier = timestampFromMs(at.getTime() - 1);
    expect(await list({ from: later }, some)).toEqual([]);
    expect(await list({ to: earlier }, some)).toEqual([]);
    // A nanosecond off.
    expect(await list({ from: { ...exactly, nanos: exactly.nanos + 1 } }, some)).toEqual([]);
    expect(await list({ to: { ...earlier, nanos: earlier.nanos + 999_999 } }, some)).toEqual([]);
  });

  it("show at most 200 records unless told, and the others when asked for what is older", async () => {
    const some = await tenantWith(...Array.from({ length: 450 }, (_, at) => ({ at: new Date(now - at * 1_000) })));
    expect(await list({}, some)).toHaveLength(200);
    expect(await list({ limit: 1000 }, some)).toHaveLength(450);
    const seen = new Set<string>();
    let to: AuditTrace["timestamp"];
    for (let page = 0; page < 10 && seen.size < 450; page += 1) {
      const traces = await list(to === undefined ? {} : { to }, some);
      for (const { uuid } of traces) seen.add(uuid);
      to = traces.at(-1)?.timestamp;
    }
    expect(seen.size).toBe(450);
  });

  it.each([
    ["a from after to", { from: timestampFromDate(ago(1)), to: timestampFromDate(ago(2)) }],
    ["a to of long ago without from", { to: timestampFromDate(ago(9 * 60)) }],
    ["a time out of range", { from: { seconds: -99_999_999_999_999n, nanos: 0 } }],
    ["a limit of 0", { limit: 0 }],
    ["a limit beyond 1000", { limit: 1001 }],
    ["a uuid that is none", { uuid: "x" }],
    ["a project that is none", { project: "x" }],
    ["an address that is none", { sourceIp: "x" }],
  ])("refuse %s", async (_, filter) => {
    expect(await codeOf(own().list({ login: platform.tenant, ...filter }, owner()))).toBe("InvalidArgument");
    expect(await codeOf(admin().list(filter, as(platform.adminToken)))).toBe("InvalidArgument");
  });

  it("say what is wrong over Connect, too", async () => {
    const connect = createConnectTransport({ baseUrl: platform.url, httpVersion: "1.1" });
    const filter = { login: platform.tenant, to: timestampFromDate(ago(9 * 60)) };
    await expect(platform.client(AuditService, connect).list(filter, owner())).rejects.toThrow(
      /from, which is 8 hours ago unless given, must not be after to/,
    );
  });
});

it.skipIf(postgresUrl === undefined)(`searches leave connections to others (${needsPostgres})`, async () => {
  const blocker = await platform.database.server.connect({ name: "blocker" });
  try {
    await blocker.query("begin; lock table audit_entries in access exclusive mode");
    const searches = Promise.all(Array.from({ length: 20 }, () => list()));
    const searching = () =>
      blocker.query("select 1 from pg_locks where not granted and relation = 'audit_entries'::regclass");
    await expect.poll(async () => (await searching()).rows.length).toBeGreaterThan(2);
    const { project } = platform;
    await platform.client(ClusterService).list({ project }, { ...as(platform.tokens.viewer), timeoutMs: 5_000 });
    await blocker.query("rollback");
    expect((await searches).length).toBe(20);
  } finally {
    await blocker.end();
  }
});
