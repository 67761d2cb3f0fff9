import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ScopeKind } from "../../../../gen/ts/iam/v1/access_pb.js";
import { memberStore } from "../../../../src/resources/api/member/store.js";
import { projectStore } from "../../../../src/resources/api/project/store.js";
import { tenantStore } from "../../../../src/resources/api/tenant/store.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf } from "../../support/refusals.js";
import { tokensOf } from "../../support/tokens.js";
import { holdersOf } from "./holders.js";

let platform: TestPlatform;
let world: ReturnType<typeof holdersOf>;
let tenant: TestTenant;
/** An environment of its project, and a deployment in it of the same uuid. */
let part: string;
let bot: string;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  world = holdersOf(platform);
});
afterAll(() => platform.close());
beforeEach(async () => {
  tenant = await platform.newTenant();
  part = await world.part(tenant);
  bot = await world.bot(tenant);
});

const { PROJECT, TENANT, ENVIRONMENT } = ScopeKind;
const set = "/iam.v1.AccessService/SetRoleBinding";
const update = "/iam.v1.AccessService/UpdateRole";
const list = "api.v1.ClusterService.List";
const create = "api.v1.ClusterService.Create";
const setName = "iam.v1.AccessService.SetRoleBinding";

type Place = { login?: string; project?: string; environment?: string };
const bind = (by: string, place: Place, role: string, value = bot) =>
  codeOf(world.access.setRoleBinding({ ...place, role, holder: { case: "principal", value } }, as(by)));

/** A new bot with custom roles at the tenant or project, and its API key. */
async function botWith(place: Place, ...permissions: string[]): Promise<{ id: string; key: string; role: string }> {
  const id = await world.bot(tenant);
  const kind = place.environment ? ENVIRONMENT : place.login ? TENANT : PROJECT;
  const role = await world.role(tenant, kind, ...permissions);
  expect(await bind(tenant.tokens.owner, place, role, id)).toBe("OK");
  return { id, key: await world.apiKey(id), role };
}

describe("whoever gives roles, gives no more than the calling token may do there", () => {
  const inTenant = (): Place => ({ login: tenant.tenant });
  const inProject = (): Place => ({ project: tenant.project });

  it.each(["editor", "viewer"] as const)("not at all as an %s", async (role) => {
    for (const place of [inTenant(), inProject()]) {
      expect(await bind(tenant.tokens[role], place, "viewer")).toBe("PermissionDenied");
      expect(await bind(tenant.tokens[role], place, "owner", tenant.tenant)).toBe("PermissionDenied");
    }
  });

  it("no built-in role with a token of the single permission to bind", async () => {
    const token = await world.permission(tenant, tenant.project, [set]);
    for (const role of ["owner", "editor", "viewer"])
      expect(await bind(token, inProject(), role)).toBe("PermissionDenied");
    const ofTenant = await world.permission(tenant, tenant.tenant, [set]);
    for (const role of ["owner", "editor", "viewer", "guest"]) {
      expect(await bind(ofTenant, inTenant(), role)).toBe("PermissionDenied");
    }
    const everywhere = await world.permission(tenant, "*", [set]);
    expect(await bind(everywhere, inProject(), "viewer")).toBe("PermissionDenied");
  });

  it("no role of permissions beyond those of the token, whatever its owner may do", async () => {
    const token = await world.permission(tenant, tenant.project, [set, "/api.v1.ClusterService/List"]);
    expect(await bind(token, inProject(), await world.role(tenant, PROJECT, list))).toBe("OK");
    expect(await bind(token, inProject(), await world.role(tenant, PROJECT, list, setName))).toBe("OK");
    for (const beyond of [[create], [list, create], ["api.v1.ClusterService"], ["api"], ["*"]]) {
      expect(await bind(token, inProject(), await world.role(tenant, PROJECT, ...beyond))).toBe("PermissionDenied");
    }
  });

  it("no role beyond a token's own role, though its owner is more", async () => {
    const { tenant: owner, project } = tenant;
    const secret = await tokensOf(platform).secretOf(
      { projectRoles: { [project]: 2 }, permissions: [{ subject: project, methods: [set] }] },
      tenant.tokens.owner,
    );
    expect(await bind(secret, inProject(), "editor")).toBe("OK");
    expect(await bind(secret, inProject(), "viewer")).toBe("OK");
    expect(await bind(secret, inProject(), "owner")).toBe("PermissionDenied");
    expect(await bind(secret, inTenant(), "guest")).toBe("PermissionDenied");
    expect(await bind(secret, inProject(), await world.role(tenant, PROJECT, create))).toBe("OK");
    expect(await bind(secret, inProject(), await world.role(tenant, PROJECT, "iam"))).toBe("PermissionDenied");
    expect(await bind(secret, inProject(), "owner", owner)).toBe("PermissionDenied");
  });

  it("nothing in the tenant as owner of a project", async () => {
    const { db, clock } = platform.platform;
    const user = await world.user();
    await memberStore.setProjectRole(db, { project: tenant.project, member: user, role: "owner", now: clock() });
    const token = await tokensOf(platform).console(user);
    expect(await bind(token, inProject(), "owner")).toBe("OK");
    expect(await bind(token, inTenant(), "viewer")).toBe("PermissionDenied");
    expect(await bind(token, inTenant(), "owner", user)).toBe("PermissionDenied");
    const role = await world.role(tenant, TENANT, list);
    expect(await bind(token, inTenant(), role, user)).toBe("PermissionDenied");
    expect(await bind(token, { ...inTenant(), ...inProject() }, "owner", user)).toBe("InvalidArgument");
    expect(await bind(token, inProject(), role, user)).toBe("InvalidArgument");
    const own = { login: tenant.tenant, name: "mine", scope: PROJECT, permissions: [list] };
    expect(await codeOf(world.access.createRole(own, as(token)))).toBe("PermissionDenied");
  });

  it("nothing to anybody in another tenant or its projects", async () => {
    const other = await platform.newTenant();
    const { owner } = tenant.tokens;
    for (const value of [tenant.tenant, bot, other.tenant]) {
      for (const place of [
        { login: other.tenant },
        { project: other.project },
        { project: other.project, environment: part },
      ]) {
        for (const role of ["viewer", await world.role(tenant, PROJECT, list)]) {
          expect(await bind(owner, place, role, value)).toBe("PermissionDenied");
        }
      }
    }
    expect(await bind(owner, {}, "viewer", tenant.tenant)).toBe("PermissionDenied");
  });

  it("nothing in a project by the name of a tenant that is called like it", async () => {
    const other = await platform.newTenant();
    const { db, clock } = platform.platform;
    const stamps = { createdAt: clock(), updatedAt: clock() };
    const login = other.project;
    await tenantStore.ensure(db, { login, name: "twin", createdBy: tenant.tenant, ...stamps });
    await memberStore.setTenantRole(db, { tenant: login, member: tenant.tenant, role: "owner", now: clock() });
    const by = as(tenant.tokens.owner);
    const order = { login, name: "all", scope: TENANT, permissions: ["*"] };
    const role = (await world.access.createRole(order, by)).role?.id ?? "";
    expect(await bind(tenant.tokens.owner, { login }, role, tenant.tenant)).toBe("OK");
    const token = await tokensOf(platform).console(tenant.tenant);
    expect(await codeOf(world.access.listRoleBindings({ login }, as(token)))).toBe("OK");
    expect(await codeOf(world.access.listRoleBindings({ project: other.project }, as(token)))).toBe("PermissionDenied");
    expect(await bind(token, { project: other.project }, "viewer")).toBe("PermissionDenied");
  });

  it("not to themselves, nor to a bot of theirs", async () => {
    const { id, key, role } = await botWith(inProject(), setName, list);
    const own = await world.bot(tenant);
    for (const value of [id, own]) {
      for (const more of ["viewer", "editor", "owner", await world.role(tenant, PROJECT, create)]) {
        expect(await bind(key, inProject(), more, value)).toBe("PermissionDenied");
      }
      expect(await bind(key, inProject(), role, value)).toBe("OK");
      expect(await bind(key, inTenant(), "guest", value)).toBe("PermissionDenied");
      expect(await bind(key, { ...inProject(), environment: part }, "viewer", value)).toBe("PermissionDenied");
    }
  });

  it("what a role in the tenant gives, in its projects too", async () => {
    const { key } = await botWith(inTenant(), setName, list);
    expect(await bind(key, inTenant(), await world.role(tenant, TENANT, list))).toBe("OK");
    expect(await bind(key, inProject(), await world.role(tenant, PROJECT, list))).toBe("OK");
    expect(await bind(key, inTenant(), await world.role(tenant, TENANT, create))).toBe("PermissionDenied");
    expect(await bind(key, inTenant(), "guest")).toBe("PermissionDenied");
  });

  it("in an environment what they may do in it", async () => {
    const environment = { project: tenant.project, environment: part };
    const id = await world.bot(tenant);
    expect(await bind(tenant.tokens.owner, environment, "owner", id)).toBe("OK");
    const key = await world.apiKey(id);
    expect(await bind(key, environment, "owner")).toBe("OK");
    expect(await bind(key, environment, await world.role(tenant, ENVIRONMENT, "iam.v1.AccessService"))).toBe("OK");
    expect(await bind(key, inProject(), "viewer")).toBe("PermissionDenied");
    expect(await bind(key, { ...environment, environment: tenant.project }, "viewer")).toBe("PermissionDenied");
  });

  it("no admin role, unless they are admins", async () => {
    const user = await world.user();
    expect(await bind(await tokensOf(platform).console("root"), {}, "viewer", user)).toBe("PermissionDenied");
    const viewer = await platform.token({ owner: "root", projectRoles: {}, tenantRoles: {}, adminRole: "viewer" });
    expect(await bind(viewer, {}, "viewer", user)).toBe("PermissionDenied");
    expect(await bind(viewer, inTenant(), "viewer", user)).toBe("PermissionDenied");
    expect(await bind(platform.adminToken, inTenant(), "owner", user)).toBe("OK");
    expect(await bind(platform.adminToken, inProject(), "owner", user)).toBe("OK");
  });
});

describe("whoever changes a role, adds no more than the calling token may do wherever it is bound", () => {
  const add = (by: string, id: string, ...permissions: string[]) =>
    codeOf(world.access.updateRole({ login: tenant.tenant, id, addPermissions: permissions }, as(by)));

  it("anything while it is not bound, and then nothing to one's own", async () => {
    const { id, key } = await botWith({ login: tenant.tenant }, "iam.v1.AccessService.UpdateRole", setName, list);
    const free = await world.role(tenant, PROJECT, list);
    expect(await add(key, free, create)).toBe("OK");
    expect(await bind(key, { project: tenant.project }, free, id)).toBe("PermissionDenied");
    expect(await bind(tenant.tokens.owner, { project: tenant.project }, free)).toBe("OK");
    expect(await add(key, free, "api.v1.ClusterService.Delete")).toBe("PermissionDenied");
    expect(await add(key, free, create, list)).toBe("OK");
    expect(await add(tenant.tokens.owner, free, "api.v1.ClusterService.Delete")).toBe("OK");
  });

  it("not to the role that gives the right to change it", async () => {
    const { key, role } = await botWith({ login: tenant.tenant }, "iam.v1.AccessService.UpdateRole");
    for (const more of [create, setName, "*", "iam"]) expect(await add(key, role, more)).toBe("PermissionDenied");
    expect(await add(key, role, "iam.v1.AccessService.UpdateRole")).toBe("OK");
  });

  it("not to one that an invitation promises, nor with a token of the single permission", async () => {
    const role = await world.role(tenant, PROJECT, list);
    const holder = { case: "email", value: "friend@example.org" } as const;
    await world.access.setRoleBinding({ project: tenant.project, role, holder }, as(tenant.tokens.owner));
    const token = await world.permission(tenant, tenant.tenant, [update]);
    expect(await add(token, role, create)).toBe("PermissionDenied");
    expect(await add(token, await world.role(tenant, PROJECT, list), create)).toBe("OK");
  });

  it("in every scope where it is bound, not in one of them", async () => {
    const role = await world.role(tenant, PROJECT, list);
    const { newId, db, clock } = platform.platform;
    const second = newId();
    const stamps = { createdAt: clock(), updatedAt: clock() };
    await projectStore.insert(db, { id: second, tenant: tenant.tenant, name: "second", ...stamps });
    for (const project of [tenant.project, second]) {
      expect(await bind(tenant.tokens.owner, { project }, role)).toBe("OK");
    }
    const methods = [update];
    const { tenant: owner, project } = tenant;
    const ask = (projects: string[]) =>
      tokensOf(platform).secretOf(
        {
          projectRoles: Object.fromEntries(projects.map((each) => [each, 2])),
          permissions: [{ subject: owner, methods }],
        },
        tenant.tokens.owner,
      );
    expect(await add(await ask([project]), role, create)).toBe("PermissionDenied");
    expect(await add(await ask([project, second]), role, create)).toBe("OK");
  });
});
