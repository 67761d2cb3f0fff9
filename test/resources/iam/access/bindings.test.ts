import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import {
  type AccessServiceListRoleBindingsRequestSchema,
  RoleBindingState,
  ScopeKind,
} from "../../../../gen/ts/iam/v1/access_pb.js";
import { memberStore } from "../../../../src/resources/api/member/store.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { holdersOf } from "./holders.js";

let directory: string;
let platform: TestPlatform;
let world: ReturnType<typeof holdersOf>;
let tenant: TestTenant;
/** An environment of its project, and a deployment in it of the same uuid. */
let part: string;
let owner: ReturnType<typeof as>;
beforeAll(async () => {
  const providers = [{ id: "corp", kind: "oidc", issuer: "https://id.example.org", clientId: "c", clientSecret: "s" }];
  directory = await mkdtemp(join(tmpdir(), "slipway-"));
  const file = join(directory, "providers.yaml");
  await writeFile(file, JSON.stringify(providers));
  platform = await startPlatform({ background: false, env: { SLIPWAY_PROVIDERS_FILE: file } });
  world = holdersOf(platform);
});
afterAll(async () => {
  await platform.close();
  await rm(directory, { recursive: true });
});
beforeEach(async () => {
  tenant = await platform.newTenant();
  part = await world.part(tenant);
  owner = as(tenant.tokens.owner);
});

type Place = Pick<
  Exclude<MessageInitShape<typeof AccessServiceListRoleBindingsRequestSchema>, { $typeName: string }>,
  "login" | "project" | "environment" | "deployment"
>;
const principal = (value: string) => ({ case: "principal", value }) as const;
const email = (value: string) => ({ case: "email", value }) as const;
const admin = () => as(platform.adminToken);

async function listed(place: Place, narrower = false, by = owner) {
  const { bindings } = await world.access.listRoleBindings({ ...place, narrower }, by);
  return bindings.map(({ principal: id, email: mail, roleName }) => `${id || mail} ${roleName}`);
}

describe("a role", () => {
  const places: [string, () => Place][] = [
    [
      "tenant [pds.put-tenant-role-binding, pds.put-account-role-binding, pds.create-iam, pds.update-iam, pds.delete-tenant-role-binding, pds.delete-account-role-binding, pds.delete-iam, pds.list-tenant-role-bindings, pds.list-account-role-bindings, pds.list-iam]",
      () => ({ login: tenant.tenant }),
    ],
    [
      "project [pds.put-project-role-binding, pds.delete-project-role-binding, pds.list-project-role-bindings, deis.perms-create, deis.perms-remove, deis.perms-list, tsuru.pool-team-add, tsuru.pool-team-remove]",
      () => ({ project: tenant.project }),
    ],
    [
      "environment [platz.createEnvUserPermission, platz.deleteEnvUserPermission, platz.allEnvUserPermissions, platz.getEnvUserPermission, tsuru.service-grant, tsuru.service-revoke]",
      () => ({ project: tenant.project, environment: part }),
    ],
    [
      "deployment [platz.createDeploymentPermission, platz.deleteDeploymentPermission, platz.allDeploymentPermissions, platz.getDeploymentPermission, tsuru.app-grant, tsuru.app-revoke, tsuru.service-instance-grant, tsuru.service-instance-revoke]",
      () => ({ project: tenant.project, deployment: part }),
    ],
  ];

  it.each(places)("is given, replaced, listed and taken in a %s", async (_, placeOf) => {
    const place = placeOf();
    for (const id of [await world.user(), await world.bot(tenant), await world.team(tenant)]) {
      const before = await listed(place);
      const named = { ...place, holder: principal(id) };
      const { binding } = await world.access.setRoleBinding({ ...named, role: "viewer" }, owner);
      const whole = { login: "", project: "", environment: "", deployment: "", ...place };
      const state = RoleBindingState.ACTIVE;
      expect(binding).toMatchObject({ ...whole, principal: id, email: "", role: "viewer", roleName: "viewer", state });
      expect(binding?.createdAt).toBeDefined();
      await world.access.setRoleBinding({ ...named, role: "viewer" }, owner);
      expect(await listed(place)).toEqual([...before, `${id} viewer`].toSorted());
      await world.access.setRoleBinding({ ...named, role: "editor" }, owner);
      const own = await world.access.listRoleBindings({ ...place, principal: id }, owner);
      expect(own.bindings.map(({ role }) => role)).toEqual(["editor"]);
      expect(await codeOf(world.access.deleteRoleBinding({ ...named, role: "viewer" }, owner))).toBe("NotFound");
      const gone = await world.access.deleteRoleBinding({ ...named, role: "editor" }, owner);
      expect(gone.binding).toMatchObject({ ...whole, principal: id, role: "editor" });
      expect(await codeOf(world.access.deleteRoleBinding({ ...named, role: "editor" }, owner))).toBe("NotFound");
      expect(await listed(place)).toEqual(before);
    }
  });

  const kinds: [string, number, () => Place, string][] = [
    ["a tenant", ScopeKind.TENANT, () => ({ login: tenant.tenant }), "api.v1.ClusterService.List"],
    ["a project", ScopeKind.PROJECT, () => ({ project: tenant.project }), "api.v1.ClusterService.List"],
    [
      "an environment",
      ScopeKind.ENVIRONMENT,
      () => ({ project: tenant.project, environment: part }),
      "iam.v1.AccessService",
    ],
    [
      "a deployment",
      ScopeKind.DEPLOYMENT,
      () => ({ project: tenant.project, deployment: part }),
      "iam.v1.AccessService",
    ],
  ];
  it.each(kinds)(
    "of one's own adds up to others in the scope of %s, and nowhere else",
    async (_, kind, placeOf, what) => {
      const place = placeOf();
      const roles = [await world.role(tenant, kind, what), await world.role(tenant, kind, what)];
      const holder = principal(await world.bot(tenant));
      for (const role of [...roles, "viewer"]) {
        const { binding } = await world.access.setRoleBinding({ ...place, holder, role }, owner);
        expect(binding).toMatchObject({ role, createdBy: role === "viewer" && kind < 4 ? "" : tenant.tenant });
      }
      const again = await world.access.setRoleBinding({ ...place, holder, role: roles[0] ?? "" }, owner);
      const { bindings } = await world.access.listRoleBindings({ ...place, principal: holder.value }, owner);
      expect(bindings).toHaveLength(3);
      expect(bindings).toContainEqual(again.binding);
      const byRole = await world.access.listRoleBindings({ ...place, role: roles[1] ?? "" }, owner);
      expect(byRole.bindings.map(({ role }) => role)).toEqual([roles[1]]);
      for (const [, other, elsewhere] of kinds) {
        if (other === kind) continue;
        const misplaced = { ...elsewhere(), holder, role: roles[0] ?? "" };
        expect(await refusal(world.access.setRoleBinding(misplaced, owner))).toMatchObject({ fields: ["role"] });
      }
      const gone = await world.access.deleteRoleBinding({ ...place, holder, role: roles[0] ?? "" }, owner);
      expect(gone.binding).toEqual(again.binding);
      expect((await world.access.listRoleBindings({ ...place, principal: holder.value }, owner)).bindings).toHaveLength(
        2,
      );
    },
  );

  it("of one's own goes to users, to bots by their keys, and to groups of an identity provider [tsuru.role-assign-user, tsuru.role-dissociate-user, tsuru.role-assign-token, tsuru.role-dissociate-token, tsuru.role-assign-group, tsuru.role-dissociate-group]", async () => {
    const { project } = tenant;
    const role = await world.role(tenant, ScopeKind.PROJECT, "api.v1.ClusterService.List");
    const bot = await world.bot(tenant);
    const key = as(await world.apiKey(bot));
    const lists = () => codeOf(platform.client(ClusterService).list({ project }, key));
    const group = `group:Staff ${tenant.tenant}@corp`;
    for (const id of [await world.user(), bot, group]) {
      const binding = { project, role, holder: principal(id) };
      await world.access.setRoleBinding(binding, owner);
      expect(await listed({ project })).toContainEqual(expect.stringContaining(`${id} role-`));
      if (id === bot) expect(await lists()).toBe("OK");
      await world.access.deleteRoleBinding(binding, owner);
      if (id === bot) await expect.poll(lists, { timeout: 10_000 }).toBe("PermissionDenied");
    }
    for (const nobody of ["group:Staff", "group:@corp", "group:a@b@corp", "group:Staff@elsewhere", "group:Staff@"]) {
      const malformed = { project, role, holder: principal(nobody) };
      expect(await codeOf(world.access.setRoleBinding(malformed, owner))).toBe("NotFound");
    }
  });

  it("goes to nobody who is unknown, nor to bots and teams of others who hold none here", async () => {
    const other = await platform.newTenant();
    const foreign = await world.bot(other);
    for (const id of ["nobody", foreign, await world.team(other)]) {
      for (const place of [{ login: tenant.tenant }, { project: tenant.project }]) {
        const binding = { ...place, holder: principal(id), role: "viewer" };
        expect(await codeOf(world.access.setRoleBinding(binding, owner))).toBe("NotFound");
      }
    }
    const { db, clock } = platform.platform;
    const member = { project: tenant.project, member: foreign, role: "viewer", now: clock() } as const;
    await memberStore.setProjectRole(db, member);
    const binding = { login: tenant.tenant, holder: principal(foreign), role: "viewer" };
    expect(await codeOf(world.access.setRoleBinding(binding, owner))).toBe("OK");
  });

  it("is never taken from the last owner, nor by giving that one less", async () => {
    const named = { login: tenant.tenant, holder: principal(tenant.tenant) };
    expect(await codeOf(world.access.setRoleBinding({ ...named, role: "editor" }, owner))).toBe("FailedPrecondition");
    expect(await codeOf(world.access.deleteRoleBinding({ ...named, role: "owner" }, owner))).toBe("FailedPrecondition");
    expect(await listed({ login: tenant.tenant })).toEqual([`${tenant.tenant} owner`]);
  });

  const confused: [string, () => Place, string[]][] = [
    ["a tenant and a project", () => ({ login: tenant.tenant, project: tenant.project }), ["login", "project"]],
    [
      "an environment and a deployment",
      () => ({ project: tenant.project, environment: part, deployment: part }),
      ["environment", "deployment"],
    ],
    ["an environment of no project", () => ({ environment: part }), ["project"]],
    ["a deployment of no project", () => ({ deployment: part }), ["project"]],
    ["an environment of a tenant", () => ({ login: tenant.tenant, environment: part }), ["login", "project"]],
  ];
  it.each(confused)("has one scope: not %s", async (_, placeOf, fields) => {
    const place = placeOf();
    const binding = { ...place, holder: principal(tenant.tenant), role: "viewer" };
    const by = admin();
    const expected = { code: "InvalidArgument", fields };
    expect(await refusal(world.access.setRoleBinding(binding, by))).toMatchObject(expected);
    expect(await refusal(world.access.deleteRoleBinding(binding, by))).toMatchObject(expected);
    expect(await refusal(world.access.listRoleBindings(place, by))).toMatchObject(expected);
    const question = { ...place, method: "api.v1.ClusterService.List" };
    expect(await refusal(world.access.check(question, by))).toMatchObject(expected);
  });

  it("is a role of its scope, in a scope that exists", async () => {
    const holder = principal(tenant.tenant);
    const at = (place: Place, role: string) => codeOf(world.access.setRoleBinding({ ...place, holder, role }, admin()));
    expect(await at({ project: tenant.project }, "guest")).toBe("InvalidArgument");
    expect(await at({}, "owner")).toBe("InvalidArgument");
    expect(await at({ project: tenant.project }, part)).toBe("NotFound");
    expect(await at({ project: tenant.project }, "superuser")).toBe("NotFound");
    expect(await at({ project: part }, "viewer")).toBe("NotFound");
    expect(await at({ login: "nobody" }, "viewer")).toBe("NotFound");
    expect(await codeOf(world.access.listRoleBindings({ login: "nobody" }, admin()))).toBe("NotFound");
    expect(await codeOf(world.access.listRoleBindings({ project: part }, admin()))).toBe("NotFound");
    // That of another project is none of this one's.
    for (const environment of [tenant.project, await world.environment(await platform.newTenant())]) {
      const elsewhere = { project: tenant.project, environment };
      for (const by of [owner, admin()]) {
        expect(await codeOf(world.access.setRoleBinding({ ...elsewhere, holder, role: "viewer" }, by))).toBe(
          "NotFound",
        );
        expect(await codeOf(world.access.listRoleBindings(elsewhere, by))).toBe("NotFound");
      }
    }
    const noRole = { project: tenant.project, role: await world.role(tenant, ScopeKind.PROJECT, "*") };
    expect(await codeOf(world.access.setRoleBinding({ ...noRole, login: "", holder }, owner))).toBe("OK");
  });
});

describe("the admin role", () => {
  it("is given to users and taken from them by admins [pds.put-global-role-binding, pds.delete-global-role-binding, pds.list-global-role-bindings, deis.admin-perms-create]", async () => {
    const user = await world.user();
    const token = () => platform.token({ owner: user, projectRoles: {}, tenantRoles: {}, adminRole: "editor" });
    const order = { holder: principal(user), role: "viewer" };
    const { binding } = await world.access.setRoleBinding(order, admin());
    expect(binding).toMatchObject({ login: "", project: "", principal: user, role: "viewer" });
    expect(await listed({}, false, admin())).toContain(`${user} viewer`);
    const secret = as(await token());
    expect(await codeOf(world.access.listRoleBindings({}, secret))).toBe("OK");
    expect(await codeOf(world.access.setRoleBinding(order, secret))).toBe("PermissionDenied");
    await world.access.setRoleBinding({ ...order, role: "editor" }, admin());
    expect(await codeOf(world.access.setRoleBinding({ ...order, role: "editor" }, secret))).toBe("OK");
    await world.access.deleteRoleBinding({ ...order, role: "editor" }, admin());
    await expect
      .poll(() => codeOf(world.access.listRoleBindings({}, secret)), { timeout: 10_000 })
      .toBe("PermissionDenied");
    expect(await listed({}, false, admin())).not.toContain(`${user} editor`);
  });

  it("is for users who are known", async () => {
    const give = (holder: ReturnType<typeof principal> | ReturnType<typeof email>) =>
      codeOf(world.access.setRoleBinding({ holder, role: "viewer" }, admin()));
    const bot = await world.bot(tenant);
    expect(await give(principal("nobody"))).toBe("NotFound");
    expect(await give(principal("group:staff@corp"))).toBe("NotFound");
    expect(await give(principal(bot))).toBe("NotFound");
    expect(await give(email("nobody@example.org"))).toBe("NotFound");
    const address = `${tenant.tenant}@example.org`;
    const user = await world.user(address.toUpperCase());
    expect(await give(email(address))).toBe("OK");
    expect(await listed({}, false, admin())).toContain(`${user} viewer`);
    const role = await world.role(tenant, ScopeKind.TENANT, "*");
    expect(await codeOf(world.access.setRoleBinding({ holder: principal(user), role }, admin()))).toBe("NotFound");
  });

  it("stays with one editor, also when two demote each other", async () => {
    const last = { holder: principal("root"), role: "editor" };
    expect(await codeOf(world.access.deleteRoleBinding(last, admin()))).toBe("FailedPrecondition");
    expect(await codeOf(world.access.setRoleBinding({ ...last, role: "viewer" }, admin()))).toBe("FailedPrecondition");
    for (let round = 0; round < 3; round += 1) {
      const user = await world.user();
      const second = { holder: principal(user), role: "editor" };
      await world.access.setRoleBinding(second, admin());
      const theirs = await platform.token({ owner: user, projectRoles: {}, tenantRoles: {}, adminRole: "editor" });
      const codes = await Promise.all([
        codeOf(world.access.deleteRoleBinding(second, admin())),
        codeOf(world.access.deleteRoleBinding(last, as(theirs))),
      ]);
      expect(codes.filter((code) => code === "OK")).toHaveLength(1);
      const survivor = codes[0] === "OK" ? admin() : as(theirs);
      expect((await listed({}, false, survivor)).filter((each) => each.endsWith(" editor"))).toHaveLength(1);
      if (codes[0] !== "OK") {
        await world.access.setRoleBinding(last, survivor);
        await world.access.deleteRoleBinding(second, admin());
      }
    }
  });
});
