import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { AdminRole, ProjectRole, TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { MethodService } from "../../../../gen/ts/api/v1/methods_pb.js";
import { TenantService } from "../../../../gen/ts/api/v1/tenant_pb.js";
import { TokenType } from "../../../../gen/ts/api/v1/token_pb.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { newName } from "../../support/clusters.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { tokensOf } from "../../support/tokens.js";

let platform: TestPlatform;
let other: TestTenant;
let tokens: ReturnType<typeof tokensOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  other = await platform.newTenant();
  tokens = tokensOf(platform);
});
afterAll(() => platform.close());

const clusters = () => platform.client(ClusterService);
const list = "/api.v1.ClusterService/List";

describe("a new token", () => {
  it("shows its secret once, and works at once [metalstack.api.v1.TokenService.Create]", async () => {
    const { token, secret } = await tokens.create({ projectRoles: { [platform.project]: ProjectRole.VIEWER } });
    expect(token).toMatchObject({
      userId: platform.tenant,
      description: "for a test",
      tokenType: TokenType.API,
      projectRoles: { [platform.project]: ProjectRole.VIEWER },
      roles: [{ subject: platform.project, role: "viewer" }],
      tenantRoles: {},
    });
    expect(secret.split(".")).toHaveLength(3);
    const payload = JSON.parse(Buffer.from(secret.split(".")[1] ?? "", "base64url").toString());
    expect(payload).toEqual({
      type: "api",
      iss: platform.url,
      sub: platform.tenant,
      jti: token?.uuid,
      iat: Number(token?.issuedAt?.seconds),
      nbf: Number(token?.issuedAt?.seconds),
      exp: Number(token?.expires?.seconds),
    });
    expect(await codeOf(clusters().list({ project: platform.project }, as(secret)))).toBe("OK");
    expect(await codeOf(clusters().create({ project: platform.project, name: newName() }, as(secret)))).toBe(
      "PermissionDenied",
    );
  });

  it.each([
    [undefined, 28_800],
    [600n, 600],
    [31_536_000n, 31_536_000],
  ])("lives for %s s", async (asked, seconds) => {
    const { token } = await tokens.create(asked === undefined ? {} : { expires: { seconds: asked } });
    expect(Number((token?.expires?.seconds ?? 0n) - (token?.issuedAt?.seconds ?? 0n))).toBe(seconds);
  });

  it.each([599n, 0n, -1n, 31_536_001n, 2n ** 62n])("may not live for %s s", async (seconds) => {
    expect(await refusal(tokens.create({ expires: { seconds } }))).toMatchObject({
      code: "InvalidArgument",
      fields: ["expires"],
    });
  });

  it.each([
    ["an unknown method", { permissions: [{ subject: "*", methods: ["/api.v1.ClusterService/Grow"] }] }, "permissions"],
    ["a method without slash", { permissions: [{ subject: "*", methods: [list.slice(1)] }] }, "permissions"],
    [
      "a private method",
      { permissions: [{ subject: "*", methods: ["/api.v1.TenantService/CreateOrUpdate"] }] },
      "permissions",
    ],
    ["a method with a long name", { permissions: [{ subject: "*", methods: ["x".repeat(100_000)] }] }, "permissions"],
    ["no subject", { permissions: [{ subject: "", methods: [list] }] }, "permissions[0].subject"],
    ["a long subject", { permissions: [{ subject: "x".repeat(257), methods: [list] }] }, "permissions[0].subject"],
    ["1001 permissions", { permissions: Array.from({ length: 1_001 }, () => ({ subject: "a" })) }, "permissions"],
    ["a role that there is not", { roles: [{ subject: "*", role: "king" }] }, "roles[0].role"],
    ["no role", { projectRoles: { abc: ProjectRole.UNSPECIFIED } }, "project_roles"],
  ])("is refused for %s", async (_, asked, field) => {
    const refused = await refusal(tokens.create(asked));
    expect(refused.code).toBe("InvalidArgument");
    expect(refused.fields).toEqual([field]);
  });

  it.each(["constructor", "__proto__", "toString"])("treats the subject %s like any other", async (subject) => {
    expect(await codeOf(tokens.create({ permissions: [{ subject, methods: [list] }] }))).toBe("PermissionDenied");
    const { token } = await tokens.create({ permissions: [{ subject, methods: ["/api.v1.VersionService/Get"] }] });
    expect(token?.permissions).toMatchObject([{ subject, methods: ["/api.v1.VersionService/Get"] }]);
  });
});

describe("a token of single methods", () => {
  it("may call exactly these, there", async () => {
    const token = as(await tokens.secretOf({ permissions: [{ subject: platform.project, methods: [list] }] }));
    const { project } = platform;
    expect(await codeOf(clusters().list({ project }, token))).toBe("OK");
    const refused = [
      clusters().list({ project: other.project }, token),
      clusters().get({ project, uuid: project }, token),
      clusters().create({ project, name: newName() }, token),
      clusters().watchStatus({ project }, token)[Symbol.asyncIterator]().next(),
      platform.client(TenantService).get({ login: platform.tenant }, token),
    ];
    expect(await Promise.all(refused.map(codeOf))).toEqual(Array(5).fill("PermissionDenied"));
  });

  it("tells what it may do [metalstack.api.v1.MethodService.TokenScopedList]", async () => {
    const methods = () => platform.client(MethodService);
    const secret = await tokens.secretOf(
      { permissions: [{ subject: "*", methods: [list] }] },
      await tokens.console(platform.tenant),
    );
    const scoped = await methods().tokenScopedList({}, as(secret));
    // In the tenant the method does nothing: it is about projects.
    expect(scoped.permissions.map(({ subject }) => subject)).toEqual([platform.project]);
    expect(scoped.permissions.every((permission) => permission.methods.join() === list)).toBe(true);
    expect(scoped).toMatchObject({ projectRoles: {}, tenantRoles: {}, roles: [] });

    const editor = await methods().tokenScopedList({}, as(platform.tokens.editor));
    expect(editor).toMatchObject({
      permissions: [],
      projectRoles: { [platform.project]: ProjectRole.EDITOR },
      tenantRoles: { [platform.tenant]: TenantRole.EDITOR },
    });
    expect(editor.adminRole).toBeUndefined();
    expect((await methods().tokenScopedList({}, as(platform.adminToken))).adminRole).toBe(AdminRole.EDITOR);
    expect(await codeOf(methods().tokenScopedList({}))).toBe("Unauthenticated");
  });
});

describe("one's tokens", () => {
  it("are listed and shown, the live ones, without secrets [metalstack.api.v1.TokenService.List]", async () => {
    const { token, secret } = await tokens.create({ projectRoles: { [platform.project]: ProjectRole.EDITOR } });
    const { tokens: listed } = await tokens.client.list({}, as(platform.tokens.viewer));
    expect(listed.find(({ uuid }) => uuid === token?.uuid)).toEqual(token);
    expect(listed.every(({ userId }) => userId === platform.tenant)).toBe(true);
    expect((await tokens.client.get({ uuid: token?.uuid ?? "" }, as(platform.tokens.viewer))).token).toEqual(token);
    expect(JSON.stringify(listed, (_, value) => (typeof value === "bigint" ? String(value) : value))).not.toContain(
      secret,
    );
  });

  it("end at once when they are revoked [metalstack.api.v1.TokenService.Revoke]", async () => {
    const { token, secret } = await tokens.create({ projectRoles: { [platform.project]: ProjectRole.EDITOR } });
    const uuid = token?.uuid ?? "";
    expect(await codeOf(clusters().list({ project: platform.project }, as(secret)))).toBe("OK");
    // Even the token itself may do it.
    await tokens.client.revoke({ uuid }, as(secret));
    await expect
      .poll(() => codeOf(clusters().list({ project: platform.project }, as(secret))), { timeout: 10_000 })
      .toBe("Unauthenticated");
    expect(await codeOf(tokens.client.get({ uuid }, as(platform.tokens.owner)))).toBe("NotFound");
    expect(await codeOf(tokens.client.revoke({ uuid }, as(platform.tokens.owner)))).toBe("NotFound");
    expect((await tokens.client.list({}, as(platform.tokens.owner))).tokens.map((one) => one.uuid)).not.toContain(uuid);
  });

  it("are out of others' reach", async () => {
    const { token } = await tokens.create({});
    const uuid = token?.uuid ?? "";
    for (const stranger of [other.tokens.owner, platform.adminToken]) {
      expect(await codeOf(tokens.client.get({ uuid }, as(stranger)))).toBe("NotFound");
      expect(await codeOf(tokens.client.revoke({ uuid }, as(stranger)))).toBe("NotFound");
    }
    expect(await codeOf(tokens.client.get({ uuid }, as(platform.tokens.owner)))).toBe("OK");
  });

  it("need a token to ask for", async () => {
    const uuid = platform.project;
    const calls = [
      tokens.client.create({ description: "abc" }),
      tokens.client.list({}),
      tokens.client.get({ uuid }),
      tokens.client.revoke({ uuid }),
    ];
    expect(await Promise.all(calls.map(codeOf))).toEqual(Array(4).fill("Unauthenticated"));
  });
});

describe("the secret", () => {
  it("is in the answer and nowhere else: not in logs, audit or database", async () => {
    const { secret } = await tokens.create({ projectRoles: { [platform.project]: ProjectRole.VIEWER } });
    await clusters()
      .create({ project: platform.project, name: newName() }, as(secret))
      .catch(() => {});
    const { db } = platform.platform;
    const rowsWith = async (text: string) => {
      const { rows } = await db.execute<{ count: number }>(sql`
        select (select count(*) from audit_entries a where a::text like ${`%${text}%`})::int
          + (select count(*) from tokens t where t::text like ${`%${text}%`})::int as count`);
      return rows[0]?.count;
    };
    await expect.poll(() => rowsWith("TokenService/Create"), { timeout: 10_000 }).toBeGreaterThan(0);
    const [, payload = "", signature = ""] = secret.split(".");
    for (const part of [payload, signature]) {
      expect(await rowsWith(part)).toBe(0);
      expect(JSON.stringify(platform.lines)).not.toContain(part);
    }
  });
});
