import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TenantService as AdminTenantService } from "../../../../gen/ts/admin/v1/tenant_pb.js";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { tenants } from "../../../../src/resources/api/tenant/table.js";
import { principalStore } from "../../../../src/resources/iam/principal/store.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { newName } from "../../support/clusters.js";
import { newLogin, type Person, peopleOf } from "../../support/people.js";
import { codeOf, refusal } from "../../support/refusals.js";

let platform: TestPlatform;
let people: ReturnType<typeof peopleOf>;
let ada: Person;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  people = peopleOf(platform);
  ada = await people.person("ada");
});
afterAll(() => platform.close());

const admin = () => platform.client(AdminTenantService);
const root = () => as(platform.adminToken);
const order = (project: string, by = ada.me) =>
  refusal(platform.client(ClusterService).create({ project, name: newName() }, by));

describe("a tenant that is not admitted", () => {
  it("gets nothing that costs, is admitted by an operator, and may lose it again", async () => {
    const { tenant, project } = await people.organization(ada);
    const refused = await order(project);
    expect(refused).toMatchObject({ code: "FailedPrecondition" });
    expect(refused.message).toBe(`tenant ${tenant} is not admitted: ask with TenantService/RequestAdmission`);
    expect(await codeOf(platform.client(ClusterService).list({ project }, ada.me))).toBe("OK");
    expect((await admin().admit({ tenantId: tenant }, root())).tenant).toMatchObject({ login: tenant, admitted: true });
    expect(await order(project)).toMatchObject({ code: "OK" });
    expect((await admin().revoke({ tenantId: tenant }, root())).tenant).toMatchObject({ admitted: false });
    expect(await order(project)).toMatchObject({ code: "FailedPrecondition" });
    // Not even for an operator.
    expect(await order(project, root())).toMatchObject({ code: "FailedPrecondition" });
    expect((await admin().revoke({ tenantId: tenant }, root())).tenant).toMatchObject({ admitted: false });
  });

  it("is told nothing about tenants of others, or about none", async () => {
    const other = await people.person();
    const { project } = await people.organization(other);
    expect(await order(project)).toMatchObject({ code: "PermissionDenied" });
    expect(await order("0195c0de-0000-7000-8000-00000000000c", root())).toMatchObject({ code: "NotFound" });
    expect(await order("no uuid", root())).toMatchObject({ code: "NotFound" });
  });
});

describe("RequestAdmission", () => {
  const request = (login: string, more: object = {}) =>
    people.tenants.requestAdmission(
      { login, name: "Ada", email: "ada@example.org", acceptedTermsAndConditions: true, ...more },
      ada.me,
    );
  const stored = async (login: string) =>
    (await platform.platform.db.select().from(tenants).where(eq(tenants.login, login)))[0];

  it("records who asks, and accepts the terms", async () => {
    const { tenant } = await people.organization(ada);
    await request(tenant, { emailConsent: true });
    const row = await stored(tenant);
    expect(row).toMatchObject({ admissionNote: "Ada <ada@example.org>", emailConsent: true, admitted: false });
    expect(row?.admissionRequestedAt).toEqual(row?.termsAcceptedAt);
    await request(tenant, { name: "Ada again" });
    const again = await stored(tenant);
    expect(again).toMatchObject({
      admissionNote: "Ada again <ada@example.org>",
      termsAcceptedAt: row?.termsAcceptedAt,
    });
  });

  it("is refused without the terms, and for whoever is admitted", async () => {
    const { tenant } = await people.organization(ada);
    const refused = await refusal(request(tenant, { acceptedTermsAndConditions: false }));
    expect(refused.code).toBe("FailedPrecondition");
    expect(refused.message).toContain("terms");
    expect(await stored(tenant)).toMatchObject({ admissionRequestedAt: null, termsAcceptedAt: null });
    await admin().admit({ tenantId: tenant }, root());
    const late = await refusal(request(tenant));
    expect(late.code).toBe("FailedPrecondition");
    expect(late.message).toContain("admitted already");
  });

  it("refuses what is wrong, and who may not", async () => {
    const { tenant } = await people.organization(ada);
    expect(await refusal(request(tenant, { email: "nowhere" }))).toMatchObject({ fields: ["email"] });
    expect(await refusal(request(tenant, { name: "" }))).toMatchObject({ code: "InvalidArgument", fields: ["name"] });
    expect(await codeOf(request(platform.tenant))).toBe("PermissionDenied");
    const nobody = { login: "nobody", name: "Ada", email: "ada@example.org", acceptedTermsAndConditions: true };
    expect(await codeOf(people.tenants.requestAdmission(nobody, root()))).toBe("NotFound");
  });
});

describe("admin.v1.TenantService", () => {
  it("lists tenants by every filter", async () => {
    const { tenant } = await people.organization(ada);
    const email = `${tenant}@example.org`;
    await people.tenants.update({ login: tenant, name: "Filtered", email }, ada.me);
    await platform.platform.db.update(tenants).set({ oauthProvider: 3 }).where(eq(tenants.login, tenant));
    const listed = async (filter: object) => (await admin().list(filter, root())).tenants.map(({ login }) => login);
    const all = await listed({});
    expect(all).toEqual([...all].sort());
    expect(all).toEqual(expect.arrayContaining([tenant, ada.login, platform.tenant]));
    for (const filter of [{ login: tenant }, { tenant }, { name: "Filtered" }, { email }, { oauthProvider: 3 }]) {
      expect(await listed(filter), JSON.stringify(filter)).toEqual([tenant]);
    }
    expect(await listed({ admitted: false })).toContain(tenant);
    expect(await listed({ admitted: true })).not.toContain(tenant);
    expect(await listed({ login: tenant, admitted: false, name: "Filtered" })).toEqual([tenant]);
    for (const filter of [
      { login: tenant, tenant: ada.login },
      { login: tenant, admitted: true },
      { organisationId: "1" },
      { name: "" },
    ]) {
      expect(await listed(filter), JSON.stringify(filter)).toEqual([]);
    }
  });

  it("lists them by pages", async () => {
    const name = newLogin("paged");
    const made: string[] = [];
    for (let i = 0; i < 5; i += 1) {
      const { tenant } = await people.organization(ada);
      await people.tenants.update({ login: tenant, name }, ada.me);
      made.push(tenant);
    }
    const page = (page: bigint, count: bigint) => admin().list({ name, paging: { page, count } }, root());
    const pages = [await page(0n, 2n), await page(1n, 2n), await page(2n, 2n), await page(3n, 2n)];
    expect(pages.map(({ tenants: rows }) => rows.length)).toEqual([2, 2, 1, 0]);
    expect(pages.map(({ nextPage }) => nextPage)).toEqual([1n, 2n, undefined, undefined]);
    expect(pages.flatMap(({ tenants: rows }) => rows.map(({ login }) => login))).toEqual([...made].sort());
    expect((await page(0n, 5n)).nextPage).toBeUndefined();
    for (const [wrong, field] of [
      [{ count: 0n }, "paging.count"],
      [{ count: 1_001n }, "paging.count"],
      [{ page: 2n ** 64n - 1n }, "paging.page"],
    ] as const) {
      expect(await refusal(admin().list({ paging: wrong }, root()))).toMatchObject({
        code: "InvalidArgument",
        fields: [field],
      });
    }
  });

  it("refuses coupons and balances for a tenant without a customer account", async () => {
    const { tenant } = await people.organization(ada);
    for (const gift of [{ couponId: "welcome" }, { balanceToAdd: 100n }]) {
      const refused = await refusal(admin().admit({ tenantId: tenant, ...gift }, root()));
      expect(refused.code).toBe("FailedPrecondition");
      expect(refused.message).toContain("no customer account");
    }
    expect((await people.tenants.get({ login: tenant }, ada.me)).tenant?.admitted).toBe(false);
    const nothing = admin().admit({ tenantId: tenant, balanceToAdd: 0n }, root());
    expect(await codeOf(nothing)).toBe("InvalidArgument");
  });

  it("adds members without an invitation", async () => {
    const { tenant } = await people.organization(ada);
    const bob = await people.person("bob");
    const add = (request: object) =>
      codeOf(admin().addMember({ tenantId: tenant, memberId: bob.login, role: TenantRole.OWNER, ...request }, root()));
    expect(await add({ role: TenantRole.UNSPECIFIED })).toBe("InvalidArgument");
    expect(await add({ tenantId: "nobody" })).toBe("NotFound");
    expect(await add({ memberId: "nobody" })).toBe("NotFound");
    expect((await Promise.all([add({}), add({ role: TenantRole.GUEST })])).sort()).toEqual(["AlreadyExists", "OK"]);
    const { tenantMembers } = await people.tenants.get({ login: tenant }, ada.me);
    expect(tenantMembers.map(({ id }) => id)).toEqual([ada.login, bob.login].sort());
  });

  it("is for operators, and viewers among them only look", async () => {
    const { db, clock } = platform.platform;
    await principalStore.ensureUser(db, "looker", clock(), "viewer");
    const looker = as(
      await platform.token({ owner: "looker", projectRoles: {}, tenantRoles: {}, adminRole: "viewer" }),
    );
    const calls = (by: ReturnType<typeof as>) => [
      admin().list({}, by),
      admin().admit({ tenantId: ada.login }, by),
      admin().revoke({ tenantId: ada.login }, by),
      admin().addMember({ tenantId: ada.login, memberId: "looker", role: TenantRole.OWNER }, by),
    ];
    expect(await Promise.all(calls(looker).map(codeOf))).toEqual(["OK", ...Array(3).fill("PermissionDenied")]);
    expect(await Promise.all(calls(ada.me).map(codeOf))).toEqual(Array(4).fill("PermissionDenied"));
    const nobody = { tenantId: "nobody" };
    expect(await codeOf(admin().admit(nobody, root()))).toBe("NotFound");
    expect(await codeOf(admin().revoke(nobody, root()))).toBe("NotFound");
  });
});
