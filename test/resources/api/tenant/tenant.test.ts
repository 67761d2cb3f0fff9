import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OAuthProvider, TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { TenantSchema } from "../../../../gen/ts/api/v1/tenant_pb.js";
import { createOrUpdateTenant } from "../../../../src/resources/api/tenant/create.js";
import { ensurePersonalTenant } from "../../../../src/resources/api/tenant/personal.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { newLogin, type Person, peopleOf } from "../../support/people.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { tablesWith } from "../../support/tables.js";

let platform: TestPlatform;
let people: ReturnType<typeof peopleOf>;
let ada: Person;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  people = peopleOf(platform);
  ada = await people.person("ada");
});
afterAll(() => platform.close());

describe("Create", () => {
  it("makes a tenant with a default project, and the caller its owner [metalstack.api.v1.TenantService.Create] [pds.create-account]", async () => {
    const login = newLogin("acme");
    const asked = { login, name: "Acme", email: "a@example.org", onboarded: true, emailConsent: true };
    const { tenant } = await people.tenants.create({ tenant: asked, phoneNumber: "+49 89 1234" }, ada.me);
    expect(tenant).toMatchObject({ ...asked, phoneNumber: "+49 89 1234", createdBy: ada.login, admitted: false });
    const got = await people.tenants.get({ login }, ada.me);
    expect(got.tenant).toEqual(tenant);
    expect(got.tenantMembers).toMatchObject([{ id: ada.login, role: TenantRole.OWNER }]);
    expect((await people.projects.list({ tenant: login }, ada.me)).projects).toMatchObject([
      { name: "default", isDefaultProject: true, tenant: login },
    ]);
  });

  it("takes nothing that only the platform decides", async () => {
    const login = newLogin("acme");
    const { tenant } = await people.tenants.create(
      {
        tenant: {
          login,
          admitted: true,
          createdBy: "root",
          oauthProvider: 1,
          paymentDetails: { customerId: "cus_1", vat: "DE1" },
          termsAndConditions: { accepted: true },
        },
      },
      ada.me,
    );
    expect(tenant).toMatchObject({ name: login, admitted: false, createdBy: ada.login, oauthProvider: 0 });
    expect(tenant?.paymentDetails).toBeUndefined();
    expect(tenant?.termsAndConditions?.accepted).toBe(false);
  });

  it("prefers the fields beside the tenant, and gives a login to one without", async () => {
    const { tenant } = await people.tenants.create(
      {
        tenant: { name: "Beta", email: "in@example.org", description: "inner" },
        email: "out@example.org",
        description: "outer",
        avatarUrl: "https://example.org/b.png",
      },
      ada.me,
    );
    expect(tenant).toMatchObject({ name: "Beta", email: "out@example.org", description: "outer" });
    expect(tenant?.avatarUrl).toBe("https://example.org/b.png");
    expect(tenant?.login).toMatch(/^tenant-[0-9a-f-]{36}$/);
  });

  it("refuses a login that a tenant or a user bears", async () => {
    const { tenant } = await people.organization(ada);
    for (const login of [tenant, "root", ada.login]) {
      expect(await refusal(people.tenants.create({ tenant: { login } }, ada.me)), login).toMatchObject({
        code: "AlreadyExists",
      });
    }
  });

  it("lets one of two who come at once have a login", async () => {
    const login = newLogin("race");
    const tries = Array.from({ length: 6 }, () => codeOf(people.tenants.create({ tenant: { login } }, ada.me)));
    expect((await Promise.all(tries)).sort()).toEqual(["OK", ...Array(5).fill("AlreadyExists")].sort());
    expect((await people.tenants.get({ login }, ada.me)).tenantMembers).toHaveLength(1);
    expect((await people.projects.list({ tenant: login }, ada.me)).projects).toHaveLength(1);
  });

  it("never lets a user sign in to a tenant of others, or the other way round", async () => {
    const { db, clock, newId } = platform.platform;
    const { tenant } = await people.organization(ada);
    const options = { now: clock(), newId };
    await expect(ensurePersonalTenant(db, tenant, options)).rejects.toMatchObject({ kind: "exists" });
    const login = newLogin("both");
    const [made, signedIn] = await Promise.allSettled([
      people.tenants.create({ tenant: { login } }, ada.me),
      ensurePersonalTenant(db, login, options),
    ]);
    expect([made?.status, signedIn?.status].sort()).toEqual(["fulfilled", "rejected"]);
    // What did not come about has left nothing behind.
    const owner = made?.status === "fulfilled" ? ada.login : login;
    const members = (await people.tenants.get({ login }, as(platform.adminToken))).tenantMembers;
    expect(members.map(({ id }) => id)).toEqual([owner]);
  });

  it.each([
    ["tenant", {}],
    ["tenant.name", { tenant: {} }],
    ["tenant.login", { tenant: { login: "A" } }],
    ["tenant.login", { tenant: { login: "-a" } }],
    ["tenant.login", { tenant: { login: "Acme" } }],
    ["tenant.login", { tenant: { login: "*" } }],
    ["tenant.login", { tenant: { login: "group:a@b" } }],
    ["tenant.login", { tenant: { login: "a/environments/b" } }],
    ["tenant.login", { tenant: { login: "a".repeat(64) } }],
    ["tenant.login", { tenant: { login: "0195c0de-0000-7000-8000-00000000000c" } }],
    ["tenant.name", { tenant: { login: "fine", name: "x" } }],
    ["tenant.email", { tenant: { login: "fine", email: "no mail" } }],
    ["tenant.avatar_url", { tenant: { login: "fine", avatarUrl: "javascript:alert(1)" } }],
    ["tenant.avatar_url", { tenant: { login: "fine" }, avatarUrl: "http://example.org/a.png" }],
    ["tenant.avatar_url", { tenant: { login: "fine", avatarUrl: "https://user:pass@example.org/a.png" } }],
    ["tenant.phone_number", { tenant: { login: "fine" }, phoneNumber: "call me" }],
    ["tenant.description", { tenant: { login: "fine", description: "x".repeat(513) } }],
    ["email", { tenant: { login: "fine" }, email: "no mail" }],
  ])("refuses what is wrong in %s: %j", async (field, request) => {
    expect(await refusal(people.tenants.create(request, ada.me))).toMatchObject({
      code: "InvalidArgument",
      fields: [field],
    });
  });

  it("is for those who are owner or editor somewhere", async () => {
    const viewer = await people.tenants
      .create({ tenant: { login: newLogin("no") } }, as(platform.tokens.viewer))
      .catch((error: unknown) => error);
    expect(viewer).toMatchObject({ code: 7 });
    expect(
      await codeOf(people.tenants.create({ tenant: { login: newLogin("yes") } }, as(platform.tokens.editor))),
    ).toBe("OK");
    expect(await codeOf(people.tenants.create({ tenant: { login: newLogin("no") } }))).toBe("Unauthenticated");
  });
});

describe("a platform that admits tenants by itself", () => {
  it("admits new tenants", async () => {
    const open = await startPlatform({ background: false, env: { SLIPWAY_ADMIT_TENANTS: "automatic" } });
    try {
      const owner = await peopleOf(open).person();
      const { tenant } = await peopleOf(open).tenants.create({ tenant: { login: newLogin("auto") } }, owner.me);
      expect(tenant?.admitted).toBe(true);
    } finally {
      await open.close();
    }
  });
});

describe("CreateOrUpdate", () => {
  it("cannot be reached from outside [metalstack.api.v1.TenantService.CreateOrUpdate]", async () => {
    for (const token of [ada.token, platform.adminToken]) {
      const call = people.tenants.createOrUpdate({ tenant: { login: ada.login, admitted: true } }, as(token));
      expect(await codeOf(call)).toBe("PermissionDenied");
    }
  });

  it("makes a tenant inside and then makes it as it is to be; terms stay accepted", async () => {
    const login = newLogin("inside");
    const tenant = (init: object) => create(TenantSchema, { login, createdBy: ada.login, ...init });
    const asked = { name: "First", oauthProvider: OAuthProvider.GITHUB, admitted: true };
    const accepted = { termsAndConditions: { accepted: true } };
    expect(await createOrUpdateTenant(platform.platform, tenant({ ...asked, ...accepted }))).toMatchObject({
      login,
      ...asked,
      createdBy: ada.login,
    });
    const changed = await createOrUpdateTenant(platform.platform, tenant({ name: "Second" }));
    expect(changed).toMatchObject({ name: "Second", admitted: false, createdBy: ada.login });
    expect(changed.termsAcceptedAt).not.toBeNull();
    const { tenantMembers } = await people.tenants.get({ login }, ada.me);
    expect(tenantMembers).toMatchObject([{ id: ada.login, role: TenantRole.OWNER }]);
    expect((await people.projects.list({ tenant: login }, ada.me)).projects).toHaveLength(1);
  });

  it("makes the personal tenant of a user who is the creator", async () => {
    const login = newLogin("self");
    const row = await createOrUpdateTenant(platform.platform, create(TenantSchema, { login, name: "Self" }));
    expect(row).toMatchObject({ login, name: "Self", createdBy: login });
    const { tenantMembers } = await people.tenants.get({ login }, as(platform.adminToken));
    expect(tenantMembers).toMatchObject([{ id: login, role: TenantRole.OWNER }]);
    await expect(createOrUpdateTenant(platform.platform, undefined)).rejects.toMatchObject({ kind: "invalid" });
  });
});

describe("Delete", () => {
  const remove = (login: string, by = ada) => refusal(people.tenants.delete({ login }, by.me));

  it("is refused while projects remain, and then takes everything along [metalstack.api.v1.TenantService.Delete]", async () => {
    const { tenant, project } = await people.organization(ada);
    const second = await people.project(ada, tenant, "second");
    const { invite } = await people.tenants.invite({ login: tenant, role: TenantRole.VIEWER }, ada.me);
    const refused = await remove(tenant);
    expect(refused.code).toBe("FailedPrecondition");
    for (const named of ["default", project, "second", second]) expect(refused.message).toContain(named);
    await people.projects.delete({ project: second }, ada.me);
    expect((await remove(tenant)).message).toContain(project);
    await people.projects.delete({ project }, ada.me);
    const { tenant: last } = await people.tenants.delete({ login: tenant }, ada.me);
    expect(last).toMatchObject({ login: tenant, createdBy: ada.login });
    expect(last?.deletedAt).toBeDefined();
    expect(await codeOf(people.tenants.get({ login: tenant }, as(platform.adminToken)))).toBe("NotFound");
    const other = await people.person();
    expect(await codeOf(people.tenants.inviteAccept({ secret: invite?.secret ?? "" }, other.me))).toBe("NotFound");
    const left = await tablesWith(platform, tenant);
    for (const table of ["tenants", "tenant_members", "invites", "projects"]) expect(left).not.toContain(table);
  });

  it("is refused for a personal tenant, with projects or without", async () => {
    expect(await remove(ada.login)).toMatchObject({ code: "FailedPrecondition" });
    expect((await remove(ada.login)).message).toContain("personal");
  });

  it("cannot be outrun by a new project", async () => {
    const { tenant, project } = await people.organization(ada);
    await people.projects.delete({ project }, ada.me);
    const [removed, made] = await Promise.all([
      codeOf(people.tenants.delete({ login: tenant }, ada.me)),
      codeOf(people.projects.create({ login: tenant, name: "late", description: "abc" }, ada.me)),
    ]);
    expect([
      ["OK", "NotFound"],
      ["OK", "PermissionDenied"],
      ["FailedPrecondition", "OK"],
    ]).toContainEqual([removed, made]);
  });

  it("is for owners and editors of the tenant", async () => {
    const other = await people.person();
    const { tenant } = await people.organization(ada);
    expect(await remove(tenant, other)).toMatchObject({ code: "PermissionDenied" });
    expect(await codeOf(people.tenants.delete({ login: "nobody" }, as(platform.adminToken)))).toBe("NotFound");
  });
});
