import type { MessageInitShape } from "@bufbuild/protobuf";
import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { AdminRole, ProjectRole, TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { MethodService } from "../../../../gen/ts/api/v1/methods_pb.js";
import { TenantService } from "../../../../gen/ts/api/v1/tenant_pb.js";
import { TokenService, type TokenServiceCreateRequestSchema, TokenType } from "../../../../gen/ts/api/v1/token_pb.js";
import { tenantStore } from "../../../../src/resources/api/tenant/store.js";
import { tokenStore } from "../../../../src/resources/api/token/store.js";
import { userStore } from "../../../../src/resources/api/user/store.js";
import { users } from "../../../../src/resources/api/user/table.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { newName } from "../../support/clusters.js";
import { codeOf, refusal } from "../../support/refusals.js";

type Asked = Omit<
  Exclude<MessageInitShape<typeof TokenServiceCreateRequestSchema>, { $typeName: string }>,
  "description"
>;

let platform: TestPlatform;
let other: TestTenant;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  other = await platform.newTenant();
});
afterAll(() => platform.close());

const client = () => platform.client(TokenService);
const clusters = () => platform.client(ClusterService);
const create = (asked: Asked, by = platform.tokens.owner) =>
  client().create({ description: "for a test", ...asked }, as(by));
const secretOf = async (asked: Asked, by?: string): Promise<string> => (await create(asked, by)).secret;
const list = "/api.v1.ClusterService/List";
const get = "/api.v1.ClusterService/Get";

/** A token of the kind that signing in makes. */
async function consoleToken(user: string): Promise<string> {
  const { db, tokens, clock, newId } = platform.platform;
  const issuedAt = new Date(Math.floor(clock().getTime() / 1000) * 1000);
  const expiresAt = new Date(issuedAt.getTime() + 3_600_000);
  const row = { id: newId(), owner: user, type: "console" as const, issuedAt, expiresAt };
  await tokenStore.insert(db, {
    ...row,
    description: "console",
    permissions: {},
    projectRoles: {},
    tenantRoles: {},
    adminRole: null,
  });
  return await tokens.sign({ tokenId: row.id, user, type: "console", issuedAt, expiresAt });
}

describe("a new token", () => {
  it("shows its secret once, and works at once [metalstack.api.v1.TokenService.Create]", async () => {
    const { token, secret } = await create({ projectRoles: { [platform.project]: ProjectRole.VIEWER } });
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
    const { token } = await create(asked === undefined ? {} : { expires: { seconds: asked } });
    expect(Number((token?.expires?.seconds ?? 0n) - (token?.issuedAt?.seconds ?? 0n))).toBe(seconds);
  });

  it.each([599n, 0n, -1n, 31_536_001n, 2n ** 62n])("may not live for %s s", async (seconds) => {
    expect(await refusal(create({ expires: { seconds } }))).toMatchObject({
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
    const refused = await refusal(create(asked));
    expect(refused.code).toBe("InvalidArgument");
    expect(refused.fields).toEqual([field]);
  });

  it.each(["constructor", "__proto__", "toString"])("treats the subject %s like any other", async (subject) => {
    expect(await codeOf(create({ permissions: [{ subject, methods: [list] }] }))).toBe("PermissionDenied");
    const { token } = await create({ permissions: [{ subject, methods: ["/api.v1.VersionService/Get"] }] });
    expect(token?.permissions).toMatchObject([{ subject, methods: ["/api.v1.VersionService/Get"] }]);
  });
});

describe("what a token may be given", () => {
  const all = () => ({ [platform.project]: ProjectRole.OWNER });
  const escalations: [string, () => Asked, () => string | Promise<string>][] = [
    ["a role above its own", () => ({ projectRoles: all() }), () => platform.tokens.editor],
    [
      "a role above its own, in the older form",
      () => ({ roles: [{ subject: platform.project, role: "owner" }] }),
      () => platform.tokens.editor,
    ],
    [
      "a tenant role above its own",
      () => ({ tenantRoles: { [platform.tenant]: TenantRole.OWNER } }),
      () => platform.tokens.viewer,
    ],
    [
      "another tenant's project",
      () => ({ projectRoles: { [other.project]: ProjectRole.VIEWER } }),
      () => platform.tokens.owner,
    ],
    ["another tenant", () => ({ tenantRoles: { [other.tenant]: TenantRole.GUEST } }), () => platform.tokens.owner],
    ["a role on * above its own", () => ({ roles: [{ subject: "*", role: "owner" }] }), () => platform.tokens.viewer],
    [
      "a role on * from a token of one project",
      () => ({ roles: [{ subject: "*", role: "viewer" }] }),
      () => secretOf({ projectRoles: all() }),
    ],
    ["an admin role", () => ({ adminRole: AdminRole.VIEWER }), () => platform.tokens.owner],
    [
      "an admin role, in the older form",
      () => ({ roles: [{ subject: "*", role: "admin" }] }),
      () => platform.tokens.owner,
    ],
    ["an admin role, from a console token", () => ({ adminRole: AdminRole.EDITOR }), () => consoleToken("root")],
    [
      "a method above its role",
      () => ({ permissions: [{ subject: platform.project, methods: ["/api.v1.ClusterService/Create"] }] }),
      () => platform.tokens.viewer,
    ],
    [
      "a method on another project",
      () => ({ permissions: [{ subject: other.project, methods: [list] }] }),
      () => platform.tokens.owner,
    ],
    [
      "a method on * from a token without it",
      () => ({ permissions: [{ subject: "*", methods: [list] }] }),
      () => secretOf({ projectRoles: all() }),
    ],
    [
      "a method of operators",
      () => ({ permissions: [{ subject: platform.project, methods: ["/admin.v1.ClusterService/List"] }] }),
      () => platform.tokens.owner,
    ],
    [
      "a second method, from a token of one",
      () => ({ permissions: [{ subject: platform.project, methods: [list, get] }] }),
      () => secretOf({ permissions: [{ subject: platform.project, methods: [list] }] }),
    ],
    [
      "a role, from a token of methods",
      () => ({ projectRoles: { [platform.project]: ProjectRole.VIEWER } }),
      () => secretOf({ permissions: [{ subject: platform.project, methods: [list] }] }),
    ],
  ];

  it.each(escalations)("not %s", async (_, asked, by) => {
    expect(await codeOf(create(asked(), await by()))).toBe("PermissionDenied");
  });

  const gifts: [string, () => Asked, () => string | Promise<string>][] = [
    [
      "its own roles",
      () => ({ projectRoles: all(), tenantRoles: { [platform.tenant]: TenantRole.OWNER } }),
      () => platform.tokens.owner,
    ],
    ["weaker ones", () => ({ projectRoles: { [platform.project]: ProjectRole.VIEWER } }), () => platform.tokens.editor],
    [
      "a role on *, from one that has it",
      () => ({ roles: [{ subject: "*", role: "editor" }] }),
      () => platform.tokens.editor,
    ],
    [
      "a role on *, from a console token",
      () => ({ roles: [{ subject: "*", role: "owner" }] }),
      () => consoleToken(platform.tenant),
    ],
    [
      "methods that it may call",
      () => ({ permissions: [{ subject: platform.project, methods: [list, get] }] }),
      () => platform.tokens.viewer,
    ],
    [
      "its own method",
      () => ({ permissions: [{ subject: platform.project, methods: [list] }] }),
      () => secretOf({ permissions: [{ subject: platform.project, methods: [list, get] }] }),
    ],
    [
      "a method on *, from a console token",
      () => ({ permissions: [{ subject: "*", methods: [list] }] }),
      () => consoleToken(platform.tenant),
    ],
    ["an admin role, from an admin", () => ({ adminRole: AdminRole.EDITOR }), () => platform.adminToken],
    ["nothing", () => ({}), () => platform.tokens.viewer],
  ];

  it.each(gifts)("%s", async (_, asked, by) => {
    expect(await refusal(create(asked(), await by()))).toMatchObject({ code: "OK" });
  });
});

describe("a token of single methods", () => {
  it("may call exactly these, there", async () => {
    const token = as(await secretOf({ permissions: [{ subject: platform.project, methods: [list] }] }));
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
    const secret = await secretOf(
      { permissions: [{ subject: "*", methods: [list] }] },
      await consoleToken(platform.tenant),
    );
    const scoped = await methods().tokenScopedList({}, as(secret));
    expect(scoped.permissions.map(({ subject }) => subject).sort()).toEqual([platform.project, platform.tenant].sort());
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

describe("a console token", () => {
  it("has all that its user has, but is never an admin", async () => {
    const user = as(await consoleToken(platform.tenant));
    expect(await codeOf(clusters().create({ project: platform.project, name: newName() }, user))).toBe("OK");
    const root = as(await consoleToken("root"));
    expect(await codeOf(clusters().list({ project: platform.project }, root))).toBe("PermissionDenied");
  });
});

describe("the owner's rights", () => {
  it("cut a token at every call: a role that is lost, and one that is given back", async () => {
    const { db, clock } = platform.platform;
    const { tenant, project } = await platform.newTenant();
    const member = `member-${tenant}`;
    await userStore.ensure(db, member, clock());
    await tenantStore.setMember(db, tenant, member, "editor", clock());
    const secret = await platform.token({
      owner: member,
      projectRoles: { "*": "owner" },
      tenantRoles: {},
      adminRole: null,
    });
    const order = () => codeOf(clusters().create({ project, name: newName() }, as(secret)));
    expect(await order()).toBe("OK");
    await tenantStore.setMember(db, tenant, member, "viewer", clock());
    await expect.poll(order).toBe("PermissionDenied");
    expect(await codeOf(clusters().list({ project }, as(secret)))).toBe("OK");
    await tenantStore.setMember(db, tenant, member, "guest", clock());
    await expect.poll(() => codeOf(clusters().list({ project }, as(secret)))).toBe("PermissionDenied");
    await tenantStore.setMember(db, tenant, member, "owner", clock());
    expect(await order()).toBe("OK");
  });

  it("cut an admin token, too", async () => {
    const { db, clock } = platform.platform;
    await userStore.ensure(db, "short", clock(), "editor");
    const secret = await platform.token({ owner: "short", projectRoles: {}, tenantRoles: {}, adminRole: "editor" });
    const reach = () => codeOf(clusters().list({ project: platform.project }, as(secret)));
    expect(await reach()).toBe("OK");
    await db.update(users).set({ adminRole: null }).where(eq(users.login, "short"));
    await expect.poll(reach).toBe("PermissionDenied");
  });
});

describe("one's tokens", () => {
  it("are listed and shown, the live ones, without secrets [metalstack.api.v1.TokenService.List]", async () => {
    const { token, secret } = await create({ projectRoles: { [platform.project]: ProjectRole.EDITOR } });
    const { tokens } = await client().list({}, as(platform.tokens.viewer));
    expect(tokens.find(({ uuid }) => uuid === token?.uuid)).toEqual(token);
    expect(tokens.every(({ userId }) => userId === platform.tenant)).toBe(true);
    expect((await client().get({ uuid: token?.uuid ?? "" }, as(platform.tokens.viewer))).token).toEqual(token);
    expect(JSON.stringify(tokens, (_, value) => (typeof value === "bigint" ? String(value) : value))).not.toContain(
      secret,
    );
  });

  it("end at once when they are revoked [metalstack.api.v1.TokenService.Revoke]", async () => {
    const { token, secret } = await create({ projectRoles: { [platform.project]: ProjectRole.EDITOR } });
    const uuid = token?.uuid ?? "";
    expect(await codeOf(clusters().list({ project: platform.project }, as(secret)))).toBe("OK");
    // Even the token itself may do it.
    await client().revoke({ uuid }, as(secret));
    await expect.poll(() => codeOf(clusters().list({ project: platform.project }, as(secret)))).toBe("Unauthenticated");
    expect(await codeOf(client().get({ uuid }, as(platform.tokens.owner)))).toBe("NotFound");
    expect(await codeOf(client().revoke({ uuid }, as(platform.tokens.owner)))).toBe("NotFound");
    expect((await client().list({}, as(platform.tokens.owner))).tokens.map((one) => one.uuid)).not.toContain(uuid);
  });

  it("are out of others' reach", async () => {
    const { token } = await create({});
    const uuid = token?.uuid ?? "";
    for (const stranger of [other.tokens.owner, platform.adminToken]) {
      expect(await codeOf(client().get({ uuid }, as(stranger)))).toBe("NotFound");
      expect(await codeOf(client().revoke({ uuid }, as(stranger)))).toBe("NotFound");
    }
    expect(await codeOf(client().get({ uuid }, as(platform.tokens.owner)))).toBe("OK");
  });

  it("need a token to ask for", async () => {
    const uuid = platform.project;
    const calls = [
      client().create({ description: "abc" }),
      client().list({}),
      client().get({ uuid }),
      client().revoke({ uuid }),
    ];
    expect(await Promise.all(calls.map(codeOf))).toEqual(Array(4).fill("Unauthenticated"));
  });
});

describe("the secret", () => {
  it("is in the answer and nowhere else: not in logs, audit or database", async () => {
    const { secret } = await create({ projectRoles: { [platform.project]: ProjectRole.VIEWER } });
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
    await expect.poll(() => rowsWith("TokenService/Create")).toBeGreaterThan(0);
    const [, payload = "", signature = ""] = secret.split(".");
    for (const part of [payload, signature]) {
      expect(await rowsWith(part)).toBe(0);
      expect(JSON.stringify(platform.lines)).not.toContain(part);
    }
  });
});
