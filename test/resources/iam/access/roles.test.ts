import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { ScopeKind } from "../../../../gen/ts/iam/v1/access_pb.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { newName } from "../../support/clusters.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { holdersOf } from "./holders.js";

let platform: TestPlatform;
let world: ReturnType<typeof holdersOf>;
let tenant: TestTenant;
let owner: ReturnType<typeof as>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  world = holdersOf(platform);
});
afterAll(() => platform.close());
beforeEach(async () => {
  tenant = await platform.newTenant();
  owner = as(tenant.tokens.owner);
});

const admin = () => as(platform.adminToken);
const read = "api.v1.ClusterService.Get";
const list = "api.v1.ClusterService.List";
const order = (name: string, permissions: string[], scope = ScopeKind.PROJECT, login = tenant.tenant) => ({
  login,
  name,
  permissions,
  scope,
});

describe("permissions", () => {
  it("are every guarded method and all above it, with the scopes where they mean something [tsuru.permission-list]", async () => {
    const { permissions } = await world.access.listPermissions({});
    const of = (name: string) => permissions.find((each) => each.name === name);
    const { TENANT, PROJECT, ENVIRONMENT, DEPLOYMENT, PLATFORM } = ScopeKind;
    expect(of(read)).toMatchObject({ scopes: [TENANT, PROJECT], method: "/api.v1.ClusterService/Get" });
    expect(of("api.v1.TenantService.Create")).toMatchObject({ scopes: [TENANT] });
    expect(of("iam.v1.AccessService.Check")).toMatchObject({ scopes: [TENANT, PROJECT, ENVIRONMENT, DEPLOYMENT] });
    expect(of("admin.v1.ClusterService.List")).toMatchObject({ scopes: [PLATFORM] });
    expect(of("api.v1.ClusterService")).toMatchObject({ scopes: [TENANT, PROJECT], method: "" });
    expect(of("*")).toMatchObject({ scopes: [PLATFORM, TENANT, PROJECT, ENVIRONMENT, DEPLOYMENT], method: "" });
    for (const name of ["api", "api.v1", "iam.v1.AccessService"]) expect(of(name)).toMatchObject({ method: "" });
    // Open to everybody, or about the caller's own: nothing that a role could give.
    for (const name of ["api.v1.VersionService.Get", "api.v1.TokenService.Create", "api.v1.VersionService"]) {
      expect(of(name)).toBeUndefined();
    }
    const names = permissions.map(({ name }) => name);
    expect(names).toEqual(names.toSorted());
  });
});

describe("built-in roles", () => {
  it("are listed once for each kind of scope, with what they permit [pds.list-roles]", async () => {
    const { roles } = await world.access.listRoles({ login: tenant.tenant }, as(tenant.tokens.viewer));
    const builtIn = roles.filter((role) => role.builtIn);
    const ids = (scope: ScopeKind) => builtIn.filter((role) => role.scope === scope).map(({ id }) => id);
    expect(ids(ScopeKind.PLATFORM)).toEqual(["editor", "viewer"]);
    expect(ids(ScopeKind.TENANT)).toEqual(["owner", "editor", "viewer", "guest"]);
    for (const kind of [ScopeKind.PROJECT, ScopeKind.ENVIRONMENT, ScopeKind.DEPLOYMENT]) {
      expect(ids(kind)).toEqual(["owner", "editor", "viewer"]);
    }
    const permitted = (scope: ScopeKind, id: string, name: string) =>
      builtIn.find((role) => role.scope === scope && role.id === id)?.permissions.includes(name);
    const create = "api.v1.ClusterService.Create";
    expect(permitted(ScopeKind.PROJECT, "editor", create)).toBe(true);
    expect(permitted(ScopeKind.PROJECT, "viewer", create)).toBe(false);
    expect(permitted(ScopeKind.PROJECT, "viewer", read)).toBe(true);
    expect(permitted(ScopeKind.TENANT, "editor", create)).toBe(true);
    expect(permitted(ScopeKind.TENANT, "guest", read)).toBe(false);
    expect(permitted(ScopeKind.PROJECT, "owner", "api.v1.TenantService.Update")).toBe(false);
    expect(permitted(ScopeKind.ENVIRONMENT, "owner", "iam.v1.AccessService.SetRoleBinding")).toBe(true);
    expect(permitted(ScopeKind.ENVIRONMENT, "owner", read)).toBe(false);
    expect(permitted(ScopeKind.PLATFORM, "viewer", "admin.v1.ClusterService.List")).toBe(true);
    expect(permitted(ScopeKind.PLATFORM, "viewer", create)).toBe(false);
    expect(permitted(ScopeKind.PLATFORM, "editor", create)).toBe(true);
  });

  it("are those of the project, unless another kind is asked for", async () => {
    const get = async (id: string, scope?: ScopeKind) =>
      (await world.access.getRole({ login: tenant.tenant, id, ...(scope === undefined ? {} : { scope }) }, owner)).role;
    expect(await get("viewer")).toMatchObject({ builtIn: true, scope: ScopeKind.PROJECT });
    expect(await get("viewer", ScopeKind.TENANT)).toMatchObject({ scope: ScopeKind.TENANT });
    expect(await get("guest")).toMatchObject({ scope: ScopeKind.TENANT });
    expect(await codeOf(get("owner", ScopeKind.PLATFORM))).toBe("NotFound");
  });

  it("neither change nor go", async () => {
    const named = { login: tenant.tenant, id: "owner" };
    expect(await codeOf(world.access.updateRole({ ...named, addPermissions: [read] }, owner))).toBe(
      "FailedPrecondition",
    );
    expect(await codeOf(world.access.deleteRole(named, owner))).toBe("FailedPrecondition");
  });
});

describe("a custom role", () => {
  it("is made, read and listed by its tenant [tsuru.role-create, tsuru.role-info, tsuru.role-list]", async () => {
    const { role } = await world.access.createRole({ ...order("reader", [read, list]), description: "reads" }, owner);
    expect(role).toMatchObject({ name: "reader", description: "reads", login: tenant.tenant, builtIn: false });
    expect(role).toMatchObject({ scope: ScopeKind.PROJECT, permissions: [read, list] });
    expect(role?.createdAt).toBeDefined();
    const named = { login: tenant.tenant, id: role?.id ?? "" };
    expect((await world.access.getRole(named, as(tenant.tokens.viewer))).role).toEqual(role);
    const { roles } = await world.access.listRoles({ login: tenant.tenant, scope: ScopeKind.PROJECT }, owner);
    expect(roles.map(({ name }) => name)).toEqual(["owner", "editor", "viewer", "reader"]);
    const others = await world.access.listRoles({ login: tenant.tenant, scope: ScopeKind.TENANT }, owner);
    expect(others.roles.every(({ builtIn }) => builtIn)).toBe(true);
  });

  it("is nobody else's", async () => {
    const id = await world.role(tenant, ScopeKind.PROJECT, read);
    const other = await platform.newTenant();
    const { access } = world;
    const named = { login: other.tenant, id };
    const by = as(other.tokens.owner);
    expect(await codeOf(access.getRole(named, by))).toBe("NotFound");
    expect(await codeOf(access.updateRole({ ...named, name: "mine" }, by))).toBe("NotFound");
    expect(await codeOf(access.deleteRole(named, by))).toBe("NotFound");
    expect((await access.listRoles({ login: other.tenant }, by)).roles.some((role) => role.id === id)).toBe(false);
    const binding = { login: "", project: other.project, role: id };
    const holder = { case: "principal", value: other.tenant } as const;
    expect(await codeOf(access.setRoleBinding({ ...binding, holder }, by))).toBe("NotFound");
    expect(await codeOf(access.getRole({ login: tenant.tenant, id: "no-uuid" }, owner))).toBe("NotFound");
  });

  it("of the platform is made by admins, and bound by every tenant", async () => {
    const name = `shared-${Date.now().toString(36)}`;
    const { role } = await world.access.createRole(order(name, [read], ScopeKind.PROJECT, ""), admin());
    expect(role?.login).toBe("");
    const id = role?.id ?? "";
    expect((await world.access.getRole({ login: tenant.tenant, id }, owner)).role).toEqual(role);
    expect(await codeOf(world.access.updateRole({ login: tenant.tenant, id, name: "mine" }, owner))).toBe("NotFound");
    expect(await codeOf(world.access.deleteRole({ login: "", id }, owner))).toBe("PermissionDenied");
    const bot = await world.bot(tenant);
    const holder = { case: "principal", value: bot } as const;
    await world.access.setRoleBinding({ project: tenant.project, role: id, holder }, owner);
    expect(await codeOf(world.access.deleteRole({ id }, admin()))).toBe("FailedPrecondition");
    await world.access.deleteRoleBinding({ project: tenant.project, role: id, holder }, owner);
    expect((await world.access.listRoles({}, admin())).roles.map((each) => each.name)).toContain(name);
    expect((await world.access.deleteRole({ id }, admin())).role?.name).toBe(name);
  });

  const unfit: [string, string[], ScopeKind, string[]][] = [
    ["an unknown permission", [read, "api.v1.NoService"], ScopeKind.PROJECT, ["permissions[1]"]],
    ["a path", ["/api.v1.ClusterService/Get"], ScopeKind.PROJECT, ["permissions[0]"]],
    ["a method of tenants, of projects", ["api.v1.TenantService.Update"], ScopeKind.PROJECT, ["permissions[0]"]],
    ["a method of projects, of environments", [read], ScopeKind.ENVIRONMENT, ["permissions[0]"]],
    ["an operator's method", ["admin.v1.ClusterService.List"], ScopeKind.TENANT, ["permissions[0]"]],
    ["an open method", ["api.v1.VersionService.Get"], ScopeKind.TENANT, ["permissions[0]"]],
    ["a method about one's own", ["api.v1.TokenService.Create"], ScopeKind.TENANT, ["permissions[0]"]],
    [
      "a name of objects in JavaScript",
      ["__proto__", "constructor"],
      ScopeKind.TENANT,
      ["permissions[0]", "permissions[1]"],
    ],
    ["the platform", [read], ScopeKind.PLATFORM, ["scope"]],
    ["no permission", [], ScopeKind.PROJECT, ["permissions"]],
  ];
  it.each(unfit)("is not made with %s", async (_, permissions, scope, fields) => {
    const refused = await refusal(world.access.createRole(order("unfit", permissions, scope), owner));
    expect(refused).toMatchObject({ code: "InvalidArgument", fields });
  });

  it("names the permission that does not exist", async () => {
    const refused = await refusal(world.access.createRole(order("unfit", ["api.v1.Nothing"]), owner));
    expect(refused.message).toContain("api.v1.Nothing");
  });

  it("has a name of its own", async () => {
    await world.access.createRole(order("taken", [read]), owner);
    expect(await codeOf(world.access.createRole(order("taken", [list]), owner))).toBe("AlreadyExists");
    expect(await codeOf(world.access.createRole(order("owner", [list]), owner))).toBe("AlreadyExists");
    const { role } = await world.access.createRole(order("other", [list]), owner);
    const rename = { login: tenant.tenant, id: role?.id ?? "", name: "taken" };
    expect(await codeOf(world.access.updateRole(rename, owner))).toBe("AlreadyExists");
    const elsewhere = await platform.newTenant();
    const same = order("taken", [read], ScopeKind.PROJECT, elsewhere.tenant);
    expect(await codeOf(world.access.createRole(same, as(elsewhere.tokens.owner)))).toBe("OK");
    expect(await codeOf(world.access.createRole(order("taken", [read], 3, "nobody"), admin()))).toBe("NotFound");
  });

  it("changes its name and scope, and gains and loses permissions [tsuru.role-update, tsuru.role-permission-add, tsuru.role-permission-remove]", async () => {
    const id = await world.role(tenant, ScopeKind.PROJECT, read);
    const update = async (changes: object) =>
      (await world.access.updateRole({ login: tenant.tenant, id, ...changes }, owner)).role;
    expect(await update({ name: "renamed", scope: ScopeKind.TENANT })).toMatchObject({
      name: "renamed",
      scope: ScopeKind.TENANT,
      permissions: [read],
    });
    expect(await update({ addPermissions: [list, "api.v1.TenantService"] })).toMatchObject({
      permissions: [read, list, "api.v1.TenantService"],
    });
    expect(await codeOf(update({ scope: ScopeKind.PROJECT }))).toBe("InvalidArgument");
    expect(await update({ removePermissions: ["api.v1.TenantService", read, "never.had"] })).toMatchObject({
      name: "renamed",
      permissions: [list],
    });
    expect(await codeOf(update({ removePermissions: [list] }))).toBe("FailedPrecondition");
    expect(await refusal(update({ addPermissions: ["nothing"] }))).toMatchObject({ fields: ["add_permissions[0]"] });
    expect((await world.access.getRole({ login: tenant.tenant, id }, owner)).role?.permissions).toEqual([list]);
  });

  it("keeps its scope while it is bound, and is there until it is not [tsuru.role-remove]", async () => {
    const id = await world.role(tenant, ScopeKind.PROJECT, read);
    const named = { login: tenant.tenant, id };
    const binding = {
      project: tenant.project,
      role: id,
      holder: { case: "email", value: "late@example.org" },
    } as const;
    await world.access.setRoleBinding(binding, owner);
    expect(await codeOf(world.access.updateRole({ ...named, scope: ScopeKind.TENANT }, owner))).toBe(
      "FailedPrecondition",
    );
    expect(await codeOf(world.access.deleteRole(named, owner))).toBe("FailedPrecondition");
    await world.access.deleteRoleBinding(binding, owner);
    expect((await world.access.deleteRole(named, owner)).role?.id).toBe(id);
    expect(await codeOf(world.access.getRole(named, owner))).toBe("NotFound");
    expect(await codeOf(world.access.deleteRole(named, owner))).toBe("NotFound");
  });

  it("is not deleted under the hands of those who bind it", async () => {
    for (let round = 0; round < 5; round += 1) {
      const role = await world.role(tenant, ScopeKind.PROJECT, read);
      const bots = await Promise.all([1, 2, 3].map(() => world.bot(tenant)));
      const [gone, ...bound] = await Promise.all([
        codeOf(world.access.deleteRole({ login: tenant.tenant, id: role }, owner)),
        ...bots.map((value) =>
          codeOf(
            world.access.setRoleBinding({ project: tenant.project, role, holder: { case: "principal", value } }, owner),
          ),
        ),
      ]);
      expect(bound.every((code) => code === "OK" || code === "NotFound")).toBe(true);
      expect(gone).toBe(bound.includes("OK") ? "FailedPrecondition" : "OK");
    }
  });

  it("gives and takes at once, also from streams that are open", async () => {
    const bot = await world.bot(tenant);
    const key = as(await world.apiKey(bot));
    const role = await world.role(tenant, ScopeKind.PROJECT, "api.v1.ClusterService.WatchStatus", list);
    const clusters = platform.client(ClusterService);
    const { project } = tenant;
    const lists = () => codeOf(clusters.list({ project }, key));
    expect(await lists()).toBe("PermissionDenied");
    const binding = { project, role, holder: { case: "principal", value: bot } } as const;
    await world.access.setRoleBinding(binding, owner);
    expect(await lists()).toBe("OK");
    await world.access.updateRole({ login: tenant.tenant, id: role, removePermissions: [list] }, owner);
    await expect.poll(lists, { timeout: 10_000 }).toBe("PermissionDenied");
    await world.access.updateRole({ login: tenant.tenant, id: role, addPermissions: [list] }, owner);
    expect(await lists()).toBe("OK");
    await clusters.create({ project, name: newName() }, owner);
    let heard = 0;
    const watch = async () => {
      for await (const _ of clusters.watchStatus({ project }, key)) heard += 1;
    };
    const watching = codeOf(watch());
    await expect.poll(() => heard, { timeout: 10_000 }).toBeGreaterThan(0);
    await world.access.deleteRoleBinding(binding, owner);
    expect(await watching).toBe("PermissionDenied");
    await expect.poll(lists, { timeout: 10_000 }).toBe("PermissionDenied");
  });
});
