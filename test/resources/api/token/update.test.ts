import type { MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { AdminRole, ProjectRole, TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import type { Token, TokenServiceUpdateRequestSchema } from "../../../../gen/ts/api/v1/token_pb.js";
import { tenantStore } from "../../../../src/resources/api/tenant/store.js";
import { principalStore } from "../../../../src/resources/iam/principal/store.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { type Asked, tokensOf } from "../../support/tokens.js";

let platform: TestPlatform;
let other: TestTenant;
let tokens: ReturnType<typeof tokensOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  other = await platform.newTenant();
  tokens = tokensOf(platform);
});
afterAll(() => platform.close());

type Change = Omit<Exclude<MessageInitShape<typeof TokenServiceUpdateRequestSchema>, { $typeName: string }>, "uuid">;

const list = "/api.v1.ClusterService/List";
const get = "/api.v1.ClusterService/Get";
const createCluster = "/api.v1.ClusterService/Create";
const inProject = (role: ProjectRole) => ({ projectRoles: { [platform.project]: role } });
const update = (uuid: string, change: Change, by = platform.tokens.owner) =>
  tokens.client.update({ uuid, ...change }, as(by));
const listWith = (secret: string, project = platform.project) =>
  codeOf(platform.client(ClusterService).list({ project }, as(secret)));
async function newToken(asked: Asked = inProject(ProjectRole.VIEWER), by?: string) {
  const { token, secret } = await tokens.create(asked, by);
  return { uuid: token?.uuid ?? "", secret, token };
}
const shown = async (uuid: string): Promise<Token | undefined> =>
  (await tokens.client.get({ uuid }, as(platform.tokens.owner))).token;
describe("an update", () => {
  it("replaces what the token gives, and its secret stays valid", async () => {
    const { uuid, secret, token } = await newToken();
    const change = { description: "changed", permissions: [{ subject: platform.project, methods: [get] }] };
    const { token: updated } = await update(uuid, { ...change, tenantRoles: { [platform.tenant]: TenantRole.VIEWER } });
    expect(updated).toMatchObject({
      uuid,
      description: "changed",
      permissions: change.permissions,
      projectRoles: {},
      tenantRoles: { [platform.tenant]: TenantRole.VIEWER },
      roles: [{ subject: platform.tenant, role: "viewer" }],
      expires: token?.expires,
      issuedAt: token?.issuedAt,
    });
    expect(await shown(uuid)).toEqual(updated);
    await expect.poll(() => listWith(secret), { timeout: 10_000 }).toBe("PermissionDenied");
    await update(uuid, inProject(ProjectRole.VIEWER));
    await expect.poll(() => listWith(secret), { timeout: 10_000 }).toBe("OK");
  });

  it("keeps a description that is not given, and takes away grants that are not given", async () => {
    const by = platform.adminToken;
    const permissions = [{ subject: platform.project, methods: [list] }];
    const { uuid, token: before } = await newToken({ permissions, adminRole: AdminRole.EDITOR }, by);
    expect(before).toMatchObject({ permissions, adminRole: AdminRole.EDITOR });
    const { token } = await update(uuid, {}, by);
    expect(token).toMatchObject({ description: "for a test", permissions: [], projectRoles: {}, tenantRoles: {} });
    expect(token?.adminRole).toBeUndefined();
  });

  it("keeps a role on * when it is given again", async () => {
    const { uuid } = await newToken({ roles: [{ subject: "*", role: "viewer" }] });
    const before = await shown(uuid);
    const { token } = await update(uuid, { projectRoles: before?.projectRoles ?? {}, tenantRoles: {} });
    expect(token?.projectRoles).toEqual({ "*": ProjectRole.VIEWER });
  });

  it.each<[string, Change, string]>([
    ["a short description", { description: "x" }, "description"],
    ["a role unspecified", { projectRoles: { "0195c0de": ProjectRole.UNSPECIFIED } }, "project_roles"],
    ["a role that there is not", { tenantRoles: { abc: 99 as TenantRole } }, "tenant_roles"],
    ["a short subject", { projectRoles: { ab: ProjectRole.VIEWER } }, "project_roles"],
    ["a long subject", { tenantRoles: { ["x".repeat(129)]: TenantRole.VIEWER } }, "tenant_roles"],
    [
      "1001 roles",
      { projectRoles: Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`p${i}aa`, ProjectRole.VIEWER])) },
      "project_roles",
    ],
    ["an unknown method", { permissions: [{ subject: "*", methods: ["/api.v1.X/Y"] }] }, "permissions"],
  ])("is refused for %s", async (_, change, field) => {
    const { uuid } = await newToken();
    expect(await refusal(update(uuid, change))).toMatchObject({ code: "InvalidArgument", fields: [field] });
  });

  it("finds no token of others, and none that was revoked", async () => {
    const foreign = await newToken({}, other.tokens.owner);
    const revoked = await newToken();
    await tokens.client.revoke({ uuid: revoked.uuid }, as(platform.tokens.owner));
    for (const uuid of [foreign.uuid, revoked.uuid, platform.project]) {
      for (const by of [platform.tokens.owner, platform.adminToken]) {
        expect(await codeOf(update(uuid, { description: "mine now" }, by))).toBe("NotFound");
      }
    }
    expect(await codeOf(tokens.client.update({ uuid: foreign.uuid }))).toBe("Unauthenticated");
  });

  it("changes nothing of a console token but its description", async () => {
    const console = await tokens.console(platform.tenant);
    const uuid = JSON.parse(Buffer.from(console.split(".")[1] ?? "", "base64url").toString()).jti;
    const grants: Change[] = [
      inProject(ProjectRole.VIEWER),
      { tenantRoles: { [platform.tenant]: TenantRole.VIEWER } },
      { permissions: [{ subject: platform.project, methods: [list] }] },
    ];
    for (const change of grants) expect(await codeOf(update(uuid, change, console))).toBe("FailedPrecondition");
    expect(await codeOf(update(uuid, { adminRole: AdminRole.VIEWER }, platform.adminToken))).toBe("NotFound");
    const { token } = await update(uuid, { description: "my browser" });
    expect(token).toMatchObject({ description: "my browser", permissions: [], projectRoles: {}, tenantRoles: {} });
    expect(await listWith(console)).toBe("OK");
  });
});

describe("privilege escalation by token update is refused:", () => {
  const all = (): Change => ({ projectRoles: { "*": ProjectRole.OWNER }, tenantRoles: { "*": TenantRole.OWNER } });
  const viewer = () => newToken(inProject(ProjectRole.VIEWER));
  const ofMethods = () => newToken({ permissions: [{ subject: platform.project, methods: [list] }] });
  type Made = Awaited<ReturnType<typeof newToken>>;
  const cases: [string, () => Promise<Made>, () => Change][] = [
    ["a stronger role in its project", viewer, () => inProject(ProjectRole.EDITOR)],
    ["a role in the tenant", viewer, () => ({ tenantRoles: { [platform.tenant]: TenantRole.GUEST } })],
    ["everything, by *", viewer, all],
    ["its role on *", viewer, () => ({ projectRoles: { "*": ProjectRole.VIEWER } })],
    ["another tenant's project", viewer, () => ({ projectRoles: { [other.project]: ProjectRole.VIEWER } })],
    ["another tenant", viewer, () => ({ tenantRoles: { [other.tenant]: TenantRole.VIEWER } })],
    ["an admin role", viewer, () => ({ adminRole: AdminRole.VIEWER })],
    [
      "a method above its role",
      viewer,
      () => ({ permissions: [{ subject: platform.project, methods: [list, createCluster] }] }),
    ],
    ["its method on *", ofMethods, () => ({ permissions: [{ subject: "*", methods: [list] }] })],
    ["a second method", ofMethods, () => ({ permissions: [{ subject: platform.project, methods: [list, get] }] })],
    ["a role for its method", ofMethods, () => inProject(ProjectRole.VIEWER)],
    [
      "a method of operators",
      viewer,
      () => ({ permissions: [{ subject: platform.project, methods: ["/admin.v1.TokenService/List"] }] }),
    ],
    [
      "an environment of a project it has no role in",
      viewer,
      () => ({ projectRoles: { [`${other.project}/environments/${other.project}`]: ProjectRole.VIEWER } }),
    ],
    [
      "a stronger role in an environment",
      viewer,
      () => ({ projectRoles: { [`${platform.project}/environments/${other.project}`]: ProjectRole.EDITOR } }),
    ],
  ];

  it.each(cases)("%s, for itself and for another token of its user", async (_, make, change) => {
    const caller = await make();
    const target = await newToken({});
    for (const { uuid } of [caller, target]) {
      const before = await shown(uuid);
      expect(await codeOf(update(uuid, change(), caller.secret))).toBe("PermissionDenied");
      expect(await shown(uuid)).toEqual(before);
    }
  });

  it("what a stronger token has, named again by a weaker one", async () => {
    const strong = await newToken({ roles: [{ subject: "*", role: "owner" }] });
    const { secret } = await viewer();
    const { projectRoles = {}, tenantRoles = {} } = (await shown(strong.uuid)) ?? {};
    expect(await codeOf(update(strong.uuid, { projectRoles, tenantRoles }, secret))).toBe("PermissionDenied");
    // To take away is no escalation: the same token could have revoked it.
    expect(await codeOf(update(strong.uuid, inProject(ProjectRole.VIEWER), secret))).toBe("OK");
  });

  it("an admin role that the user has, by tokens without it", async () => {
    const plain = await newToken({}, platform.adminToken);
    const console = await tokens.console("root");
    for (const by of [plain.secret, console]) {
      expect(await codeOf(update(plain.uuid, { adminRole: AdminRole.VIEWER }, by))).toBe("PermissionDenied");
    }
    expect(await codeOf(update(plain.uuid, { adminRole: AdminRole.EDITOR }, platform.adminToken))).toBe("OK");
  });

  it("what its owner has lost", async () => {
    const { db, clock } = platform.platform;
    const member = `m-${platform.platform.newId()}`;
    await principalStore.ensureUser(db, member, clock());
    await tenantStore.setMember(db, other.tenant, member, "owner", clock());
    const everything = { "*": "owner" } as const;
    const grant = { owner: member, projectRoles: everything, tenantRoles: everything, adminRole: null };
    const by = await platform.token(grant);
    const { uuid } = await newToken({}, by);
    expect(await codeOf(update(uuid, { projectRoles: { [other.project]: ProjectRole.OWNER } }, by))).toBe("OK");
    await tenantStore.setMember(db, other.tenant, member, "viewer", clock());
    // Not even for the moment that a server takes to hear of it.
    expect(await codeOf(update(uuid, { projectRoles: { [other.project]: ProjectRole.OWNER } }, by))).toBe(
      "PermissionDenied",
    );
  });

  it("what it had itself until a moment ago", async () => {
    const { uuid, secret } = await newToken(inProject(ProjectRole.OWNER));
    expect(await listWith(secret)).toBe("OK");
    await update(uuid, inProject(ProjectRole.VIEWER), secret);
    expect(await codeOf(update(uuid, inProject(ProjectRole.OWNER), secret))).toBe("PermissionDenied");
    expect(await codeOf(tokens.create(inProject(ProjectRole.OWNER), secret))).toBe("PermissionDenied");
  });

  it("anything, by a token that was revoked a moment ago", async () => {
    const { uuid, secret } = await newToken(inProject(ProjectRole.OWNER));
    const target = await newToken({});
    expect(await listWith(secret)).toBe("OK");
    await tokens.client.revoke({ uuid }, as(platform.tokens.owner));
    expect(await codeOf(tokens.create(inProject(ProjectRole.VIEWER), secret))).toBe("Unauthenticated");
    expect(await codeOf(update(target.uuid, inProject(ProjectRole.VIEWER), secret))).toBe("Unauthenticated");
  });

  it("two updates at once, of which one lowers the caller", async () => {
    for (let round = 0; round < 10; round++) {
      const { uuid, secret } = await newToken(inProject(ProjectRole.OWNER));
      const [lowered] = await Promise.all([
        codeOf(update(uuid, inProject(ProjectRole.VIEWER), secret)),
        codeOf(update(uuid, { ...inProject(ProjectRole.OWNER), description: "raised" }, secret)),
      ]);
      const after = await shown(uuid);
      // Either the raise came first and the token is lowered now, or it was refused; or the lowering was.
      if (lowered === "OK") expect(after?.projectRoles).toEqual({ [platform.project]: ProjectRole.VIEWER });
      else expect(lowered).toBe("Aborted");
    }
  });

  it("any mix of roles and methods gives at most what the calling token gives", async () => {
    const roles = fc.constantFrom(ProjectRole.OWNER, ProjectRole.EDITOR, ProjectRole.VIEWER);
    const subjects = fc.constantFrom(platform.project, other.project, "*", platform.tenant);
    const permission = fc.record({
      subject: subjects,
      methods: fc.uniqueArray(fc.constantFrom(list, get, createCluster), { maxLength: 3 }),
    });
    const change = fc.record({
      projectRoles: fc.dictionary(subjects, roles, { maxKeys: 2 }),
      permissions: fc.array(permission, { maxLength: 2 }),
    });
    const caller = await newToken({
      ...inProject(ProjectRole.VIEWER),
      permissions: [{ subject: platform.project, methods: [createCluster] }],
    });
    const target = await newToken({});
    const within = ({ projectRoles, permissions }: { projectRoles: object; permissions: { subject: string }[] }) =>
      Object.entries(projectRoles).every(([s, role]) => s === platform.project && role === ProjectRole.VIEWER) &&
      permissions.every((given) => given.subject === platform.project || !("methods" in given && given.methods));
    await fc.assert(
      fc.asyncProperty(change, async (asked) => {
        const nonEmpty = { ...asked, permissions: asked.permissions.filter(({ methods }) => methods.length > 0) };
        const code = await codeOf(update(target.uuid, asked, caller.secret));
        expect(code).toBe(within(nonEmpty) ? "OK" : "PermissionDenied");
      }),
      { numRuns: 60 },
    );
  });
});
