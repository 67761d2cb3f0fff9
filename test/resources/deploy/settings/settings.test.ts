import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { TenantService } from "../../../../gen/ts/api/v1/tenant_pb.js";
import { DefaultRoleEvent, SettingsService } from "../../../../gen/ts/deploy/v1/settings_pb.js";
import { ScopeKind } from "../../../../gen/ts/iam/v1/access_pb.js";
import { PrincipalKind, PrincipalService } from "../../../../gen/ts/iam/v1/principal_pb.js";
import { settingsOf } from "../../../../src/resources/deploy/settings/store.js";
import { goodInvitations } from "../../../../src/resources/iam/access/good-invitations.js";
import { acceptPendingBindings } from "../../../../src/resources/iam/access/pending.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { holdersOf } from "../../iam/access/holders.js";
import { codeOf, refusal } from "../../support/refusals.js";

let platform: TestPlatform;
let tenant: TestTenant;
let holders: ReturnType<typeof holdersOf>;
const client = () => platform.client(SettingsService);
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  holders = holdersOf(platform);
});
beforeEach(async () => {
  tenant = await platform.newTenant();
});
afterAll(() => platform?.close());

type Change = Omit<Parameters<ReturnType<typeof client>["update"]>[0], "$typeName" | "login">;
const update = (change: Change, token = tenant.tokens.owner) =>
  client().update({ login: tenant.tenant, ...change }, as(token));
const get = async (token = tenant.tokens.viewer) => (await client().get({ login: tenant.tenant }, as(token))).settings;

const toMembers = (role: string) => ({ event: DefaultRoleEvent.MEMBER_ADDED, role });
const toTeams = (role: string) => ({ event: DefaultRoleEvent.TEAM_CREATED, role });
const setRoles = (...roles: ReturnType<typeof toMembers>[]) => update({ defaultRoles: { roles } });

/** A custom role of the tenant, and its name. */
async function customRole(...permissions: string[]): Promise<{ id: string; name: string }> {
  const id = await holders.role(tenant, ScopeKind.TENANT, ...permissions);
  const { role } = await holders.access.getRole({ login: tenant.tenant, id }, as(tenant.tokens.owner));
  return { id, name: role?.name ?? "" };
}

/** The roles that a principal holds in the tenant itself. */
async function rolesOf(principal: string): Promise<string[]> {
  const request = { login: tenant.tenant, principal };
  const { bindings } = await holders.access.listRoleBindings(request, as(tenant.tokens.owner));
  return bindings
    .filter((binding) => binding.principal === principal)
    .map(({ role }) => role)
    .toSorted();
}

async function addMember(role: string, principal?: string): Promise<string> {
  const value = principal ?? (await holders.user());
  const request = { login: tenant.tenant, role, holder: { case: "principal", value } } as const;
  await holders.access.setRoleBinding(request, as(tenant.tokens.owner));
  return value;
}

describe("settings", () => {
  it("are there before anybody sets them [tsuru.role-default-list, pds.get-maas-details, pds.get-tenant-dns-details, tsuru.docker-log-info]", async () => {
    expect(await get()).toMatchObject({
      login: tenant.tenant,
      defaultRoles: [],
      dns: { zone: "", provider: "" },
      tls: { clusterIssuer: "", required: false },
      logs: { tail: 0 },
      metering: { externalId: "" },
      version: 0n,
    });
    expect((await get())?.updatedAt).toBeUndefined();
    expect((await settingsOf(platform.platform.db, tenant.tenant)).logs.tail).toBe(100);
  });

  it("change one by one, and what is not named stays [pds.update-account-global-config, pds.update-dns-details, pds.update-maas-details, tsuru.docker-log-set]", async () => {
    await update({ tls: { clusterIssuer: "letsencrypt", required: true } });
    await update({ dns: { zone: "apps.example.com", provider: "route53" } });
    await update({ metering: { externalId: "C-4711" } });
    const { settings } = await update({ logs: { tail: 500 }, expectedVersion: 3n });
    expect(settings).toMatchObject({
      tls: { clusterIssuer: "letsencrypt", required: true },
      dns: { zone: "apps.example.com", provider: "route53" },
      metering: { externalId: "C-4711" },
      logs: { tail: 500 },
      version: 4n,
    });
    expect(settings?.updatedAt).toBeDefined();
    expect(await get()).toEqual(settings);
    await update({ dns: {} });
    expect(await get()).toMatchObject({ dns: { zone: "", provider: "" }, logs: { tail: 500 }, version: 5n });
    expect(await settingsOf(platform.platform.db, tenant.tenant)).toMatchObject({ logs: { tail: 500 } });
  });

  it("of changes from one version one comes through, and none of other changes is lost", async () => {
    const change = (tail: number) => codeOf(update({ logs: { tail }, expectedVersion: 0n }));
    const codes = await Promise.all([1, 2, 3, 4, 5].map(change));
    expect(codes.toSorted()).toEqual([...Array(4).fill("Aborted"), "OK"]);
    await Promise.all([
      update({ dns: { zone: "a.example" } }),
      update({ metering: { externalId: "x" } }),
      update({ tls: { required: true } }),
    ]);
    const all = { dns: { zone: "a.example" }, metering: { externalId: "x" }, tls: { required: true }, version: 4n };
    expect(await get()).toMatchObject(all);
  });

  it("are refused where they do not validate", async () => {
    const wrong: readonly [Change, string][] = [
      [{ dns: { zone: "Apps.example.com" } }, "dns.zone"],
      [{ dns: { zone: "localhost" } }, "dns.zone"],
      [{ dns: { zone: `${"a".repeat(60)}.`.repeat(4).concat("com") } }, "dns.zone"],
      [{ tls: { clusterIssuer: "Let's Encrypt" } }, "tls.cluster_issuer"],
      [{ logs: { tail: 10_001 } }, "logs.tail"],
      [{ logs: { tail: -1 } }, "logs.tail"],
      [{ metering: { externalId: "x".repeat(129) } }, "metering.external_id"],
      [{ defaultRoles: { roles: [{ role: "viewer" }] } }, "default_roles.roles[0].event"],
      [{ defaultRoles: { roles: [toMembers("")] } }, "default_roles.roles[0].role"],
      [{ defaultRoles: { roles: [toMembers("guest"), toMembers("guest")] } }, "default_roles.roles[1]"],
      [{ defaultRoles: { roles: Array(21).fill(toMembers("guest")) } }, "default_roles.roles"],
    ];
    for (const [change, field] of wrong) {
      expect(await refusal(update(change))).toMatchObject({ code: "InvalidArgument", fields: [field] });
    }
    expect((await get())?.version).toBe(0n);
  });

  it("belong to their tenant: viewers see them, owners change them, others do neither", async () => {
    const other = await platform.newTenant();
    for (const token of [tenant.tokens.viewer, tenant.tokens.editor]) {
      expect(await codeOf(get(token))).toBe("OK");
      expect(await codeOf(update({ logs: { tail: 1 } }, token))).toBe("PermissionDenied");
    }
    expect(await codeOf(get(other.tokens.owner))).toBe("PermissionDenied");
    expect(await codeOf(update({ logs: { tail: 1 } }, other.tokens.owner))).toBe("PermissionDenied");
    expect(await codeOf(client().get({ login: "nobody" }, as(platform.adminToken)))).toBe("NotFound");
    expect(await codeOf(client().update({ login: "nobody" }, as(platform.adminToken)))).toBe("NotFound");
    await update({ logs: { tail: 7 } });
    expect((await client().get({ login: other.tenant }, as(other.tokens.owner))).settings?.logs?.tail).toBe(0);
  });
});

describe("default roles", () => {
  it("are given to users who become members, by name of a built-in or an own role [tsuru.role-default-add]", async () => {
    const { id, name } = await customRole("deploy.v1.SecretService.List");
    const earlier = await addMember("guest");
    await setRoles(toMembers("viewer"), toMembers(name), toTeams("editor"));
    expect((await get())?.defaultRoles).toMatchObject([toMembers("viewer"), toMembers(name), toTeams("editor")]);

    expect(await rolesOf(await addMember("guest"))).toEqual([id, "viewer"].toSorted());
    expect(await rolesOf(await addMember("owner"))).toEqual([id, "owner"].toSorted());
    expect(await rolesOf(earlier)).toEqual(["guest"]);
    // A change of a member's role is no arrival, and bots and teams are no users.
    await addMember("viewer", earlier);
    expect(await rolesOf(earlier)).toEqual(["viewer"]);
    expect(await rolesOf(await addMember("guest", await holders.bot(tenant)))).toEqual(["guest"]);
    expect(await rolesOf(await addMember("guest", await holders.team(tenant)))).toEqual(["guest"]);
  });

  it("are given to who accepts an invitation, by its secret or by signing in [tsuru.role-default-add]", async () => {
    const { id, name } = await customRole("deploy.v1.SecretService.List");
    await setRoles(toMembers(name), toMembers("editor"));
    const guest = await platform.newTenant();
    const tenants = platform.client(TenantService);
    const order = { login: tenant.tenant, role: TenantRole.GUEST };
    const { invite } = await tenants.invite(order, as(tenant.tokens.owner));
    await tenants.inviteAccept({ secret: invite?.secret ?? "" }, as(guest.tokens.owner));
    expect(await rolesOf(guest.tenant)).toEqual([id, "editor"].toSorted());

    const email = `${platform.platform.newId()}@example.com`;
    const holder = { case: "email", value: email } as const;
    const invited = { login: tenant.tenant, role: "viewer", holder };
    await holders.access.setRoleBinding(invited, as(tenant.tokens.owner));
    const principal = await holders.user(email);
    const { db, clock, newId } = platform.platform;
    const good = await goodInvitations(db, platform.platform, email);
    await db.transaction((tx) => acceptPendingBindings(tx, { principal, email, good, now: clock(), newId }));
    expect(await rolesOf(principal)).toEqual([id, "editor"].toSorted());
  });

  it("are given to teams that are made [tsuru.role-default-add]", async () => {
    const { id, name } = await customRole("deploy.v1.SecretService.List");
    await setRoles(toTeams(name), toTeams("viewer"), toMembers("owner"));
    const request = { login: tenant.tenant, kind: PrincipalKind.TEAM, name: "operators" };
    const principals = platform.client(PrincipalService);
    const { principal } = await principals.create(request, as(tenant.tokens.owner));
    expect(await rolesOf(principal?.id ?? "")).toEqual([id, "viewer"].toSorted());
    const bot = await principals.create({ ...request, kind: PrincipalKind.BOT }, as(tenant.tokens.owner));
    expect(await rolesOf(bot.principal?.id ?? "")).toEqual([]);
  });

  it("are given no more, and who has them keeps them [tsuru.role-default-remove]", async () => {
    await setRoles(toMembers("viewer"));
    const member = await addMember("guest");
    await setRoles();
    expect((await get())?.defaultRoles).toEqual([]);
    expect(await rolesOf(await addMember("guest"))).toEqual(["guest"]);
    expect(await rolesOf(member)).toEqual(["viewer"]);
  });

  it("are roles for the tenant that it has", async () => {
    const projectRole = await holders.role(tenant, ScopeKind.PROJECT, "deploy.v1.SecretService.List");
    const { role } = await holders.access.getRole({ login: tenant.tenant, id: projectRole }, as(tenant.tokens.owner));
    expect(await refusal(setRoles(toMembers(role?.name ?? "")))).toMatchObject({
      code: "InvalidArgument",
      fields: ["default_roles.roles[0].role"],
    });
    expect(await codeOf(setRoles(toMembers("no-such-role")))).toBe("NotFound");
    const own = tenant;
    tenant = await platform.newTenant();
    const { name } = await customRole("deploy.v1.SecretService.List");
    tenant = own;
    expect(await codeOf(setRoles(toMembers(name)))).toBe("NotFound");
  });

  it("are no more than who adds them may do", async () => {
    const strong = await customRole("deploy.v1");
    const path = "/deploy.v1.SettingsService/Update";
    const bind = "/iam.v1.AccessService/SetRoleBinding";
    const weak = await holders.permission(tenant, tenant.tenant, [path]);
    const binder = await holders.permission(tenant, tenant.tenant, [path, bind]);
    expect(await codeOf(update({ logs: { tail: 3 } }, weak))).toBe("OK");
    expect(await codeOf(update({ defaultRoles: { roles: [toMembers("guest")] } }, weak))).toBe("PermissionDenied");
    for (const name of ["viewer", "owner", strong.name]) {
      expect(await codeOf(update({ defaultRoles: { roles: [toTeams(name)] } }, binder))).toBe("PermissionDenied");
    }
    // What somebody else has added may stay, and go.
    await setRoles(toMembers(strong.name), toMembers("owner"));
    expect(await codeOf(update({ defaultRoles: { roles: [toMembers(strong.name)] } }, binder))).toBe("OK");
    expect(await codeOf(update({ defaultRoles: { roles: [] } }, binder))).toBe("OK");
  });

  it("count as bound: they are not deleted, follow their name, and gain only what their changer holds", async () => {
    const { id, name } = await customRole("deploy.v1.SecretService.List");
    await setRoles(toTeams(name));
    const { access } = holders;
    const login = tenant.tenant;
    const owner = as(tenant.tokens.owner);
    expect(await refusal(access.deleteRole({ login, id }, owner))).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("default roles"),
    });
    expect(await codeOf(access.updateRole({ login, id, scope: ScopeKind.PROJECT }, owner))).toBe("FailedPrecondition");
    const weak = await holders.permission(tenant, login, ["/iam.v1.AccessService/UpdateRole"]);
    const gain = access.updateRole({ login, id, addPermissions: ["deploy.v1"] }, as(weak));
    expect(await codeOf(gain)).toBe("PermissionDenied");
    await access.updateRole({ login, id, name: "readers" }, owner);
    expect((await get())?.defaultRoles).toMatchObject([toTeams("readers")]);
    await setRoles();
    expect(await codeOf(access.deleteRole({ login, id }, owner))).toBe("OK");
  });

  it("are deleted, kept or given, but never given after they were deleted", async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id, name } = await customRole("deploy.v1.SecretService.List");
      await setRoles(toMembers(name));
      const { access } = holders;
      const user = await holders.user();
      const [, , deleted, joined] = await Promise.all([
        codeOf(setRoles()),
        addMember("guest", await holders.user()),
        codeOf(access.deleteRole({ login: tenant.tenant, id }, as(tenant.tokens.owner))),
        codeOf(addMember("guest", user)),
      ]);
      expect(joined).toBe("OK");
      expect(["OK", "FailedPrecondition"]).toContain(deleted);
      expect((await rolesOf(user)).includes(id) && deleted === "OK").toBe(false);
    }
  });
});
