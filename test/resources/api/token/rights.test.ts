import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { AdminRole, ProjectRole, TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { tenantStore } from "../../../../src/resources/api/tenant/store.js";
import { principalStore } from "../../../../src/resources/iam/principal/store.js";
import { principals } from "../../../../src/resources/iam/principal/table.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { newName } from "../../support/clusters.js";
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

const clusters = () => platform.client(ClusterService);
const list = "/api.v1.ClusterService/List";
const get = "/api.v1.ClusterService/Get";
const createCluster = "/api.v1.ClusterService/Create";
const updateTenant = "/api.v1.TenantService/Update";

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
      () => tokens.secretOf({ projectRoles: all() }),
    ],
    ["an admin role", () => ({ adminRole: AdminRole.VIEWER }), () => platform.tokens.owner],
    [
      "an admin role, in the older form",
      () => ({ roles: [{ subject: "*", role: "admin" }] }),
      () => platform.tokens.owner,
    ],
    ["an admin role, from a console token", () => ({ adminRole: AdminRole.EDITOR }), () => tokens.console("root")],
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
      () => tokens.secretOf({ projectRoles: all() }),
    ],
    [
      "a method on * above its role on *",
      () => ({ permissions: [{ subject: "*", methods: [createCluster] }] }),
      () => platform.tokens.viewer,
    ],
    [
      "a method of tenants on *, from a role on * in projects",
      () => ({ permissions: [{ subject: "*", methods: [updateTenant] }] }),
      () => tokens.secretOf({ roles: [{ subject: "*", role: "viewer" }] }, platform.tokens.viewer),
    ],
    [
      "one method too many on *",
      () => ({ permissions: [{ subject: "*", methods: [list, get, createCluster] }] }),
      () => platform.tokens.viewer,
    ],
    [
      "a method of operators on *",
      () => ({ permissions: [{ subject: "*", methods: ["/admin.v1.ClusterService/List"] }] }),
      () => platform.tokens.owner,
    ],
    [
      "a method of operators",
      () => ({ permissions: [{ subject: platform.project, methods: ["/admin.v1.ClusterService/List"] }] }),
      () => platform.tokens.owner,
    ],
    [
      "a second method, from a token of one",
      () => ({ permissions: [{ subject: platform.project, methods: [list, get] }] }),
      () => tokens.secretOf({ permissions: [{ subject: platform.project, methods: [list] }] }),
    ],
    [
      "a role, from a token of methods",
      () => ({ projectRoles: { [platform.project]: ProjectRole.VIEWER } }),
      () => tokens.secretOf({ permissions: [{ subject: platform.project, methods: [list] }] }),
    ],
  ];

  it.each(escalations)("not %s", async (_, asked, by) => {
    expect(await codeOf(tokens.create(asked(), await by()))).toBe("PermissionDenied");
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
      () => tokens.console(platform.tenant),
    ],
    [
      "methods that it may call",
      () => ({ permissions: [{ subject: platform.project, methods: [list, get] }] }),
      () => platform.tokens.viewer,
    ],
    [
      "its own method",
      () => ({ permissions: [{ subject: platform.project, methods: [list] }] }),
      () => tokens.secretOf({ permissions: [{ subject: platform.project, methods: [list, get] }] }),
    ],
    [
      "methods on * that its role on * covers",
      () => ({ permissions: [{ subject: "*", methods: [list, get] }] }),
      () => platform.tokens.viewer,
    ],
    [
      "methods on * that its roles on * cover, of projects and of tenants",
      () => ({ permissions: [{ subject: "*", methods: [createCluster, updateTenant] }] }),
      () => platform.tokens.editor,
    ],
    [
      "its own method on *",
      () => ({ permissions: [{ subject: "*", methods: [list] }] }),
      () => tokens.secretOf({ permissions: [{ subject: "*", methods: [list] }] }, platform.tokens.viewer),
    ],
    [
      "a method on *, from a console token",
      () => ({ permissions: [{ subject: "*", methods: [list] }] }),
      () => tokens.console(platform.tenant),
    ],
    ["an admin role, from an admin", () => ({ adminRole: AdminRole.EDITOR }), () => platform.adminToken],
    ["nothing", () => ({}), () => platform.tokens.viewer],
  ];

  it.each(gifts)("%s", async (_, asked, by) => {
    expect(await refusal(tokens.create(asked(), await by()))).toMatchObject({ code: "OK" });
  });
});

describe("a console token", () => {
  it("has all that its user has, but is never an admin", async () => {
    const user = as(await tokens.console(platform.tenant));
    expect(await codeOf(clusters().create({ project: platform.project, name: newName() }, user))).toBe("OK");
    const root = as(await tokens.console("root"));
    expect(await codeOf(clusters().list({ project: platform.project }, root))).toBe("PermissionDenied");
  });
});

describe("the owner's rights", () => {
  it("cut a token at every call: a role that is lost, and one that is given back", async () => {
    const { db, clock } = platform.platform;
    const { tenant, project } = await platform.newTenant();
    const member = `member-${tenant}`;
    await principalStore.ensureUser(db, member, clock());
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
    await expect.poll(order, { timeout: 10_000 }).toBe("PermissionDenied");
    expect(await codeOf(clusters().list({ project }, as(secret)))).toBe("OK");
    await tenantStore.setMember(db, tenant, member, "guest", clock());
    await expect
      .poll(() => codeOf(clusters().list({ project }, as(secret))), { timeout: 10_000 })
      .toBe("PermissionDenied");
    await tenantStore.setMember(db, tenant, member, "owner", clock());
    expect(await order()).toBe("OK");
  });

  it("cut an admin token, too", async () => {
    const { db, clock } = platform.platform;
    await principalStore.ensureUser(db, "short", clock(), "editor");
    const secret = await platform.token({ owner: "short", projectRoles: {}, tenantRoles: {}, adminRole: "editor" });
    const reach = () => codeOf(clusters().list({ project: platform.project }, as(secret)));
    expect(await reach()).toBe("OK");
    await db.update(principals).set({ adminRole: null }).where(eq(principals.id, "short"));
    await expect.poll(reach, { timeout: 10_000 }).toBe("PermissionDenied");
  });
});
