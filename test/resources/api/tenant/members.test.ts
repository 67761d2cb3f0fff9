import { eq } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { memberStore } from "../../../../src/resources/api/member/store.js";
import type { TenantRoleName } from "../../../../src/resources/api/roles.js";
import { customRoles, roleBindings } from "../../../../src/resources/iam/access/table.js";
import { principals, teamMembers } from "../../../../src/resources/iam/principal/table.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { type Person, peopleOf } from "../../support/people.js";
import { codeOf, refusal } from "../../support/refusals.js";

let platform: TestPlatform;
let people: ReturnType<typeof peopleOf>;
let ada: Person;
let bob: Person;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  people = peopleOf(platform);
  ada = await people.person("ada");
  bob = await people.person("bob");
});
afterAll(() => platform.close());

const join = (tenant: string, member: Person, role: TenantRoleName) =>
  memberStore.setTenantRole(platform.platform.db, {
    tenant,
    member: member.login,
    role,
    now: platform.platform.clock(),
  });
const rolesIn = async (tenant: string) =>
  Object.fromEntries(
    (await memberStore.tenantMembers(platform.platform.db, tenant)).map(({ member, role }) => [member, role]),
  );
const remove = (login: string, member: Person, by = ada) =>
  refusal(people.tenants.removeMember({ login, memberId: member.login }, by.me));
const update = (login: string, member: Person, role: TenantRole, by = ada) =>
  refusal(people.tenants.updateMember({ login, memberId: member.login, role }, by.me));

describe("UpdateMember", () => {
  it("gives a member another role, which holds at once", async () => {
    const { tenant } = await people.organization(ada);
    await join(tenant, bob, "viewer");
    expect(await codeOf(people.tenants.update({ login: tenant, name: "Bobs" }, bob.me))).toBe("PermissionDenied");
    const { tenantMember } = await people.tenants.updateMember(
      { login: tenant, memberId: bob.login, role: TenantRole.EDITOR },
      ada.me,
    );
    expect(tenantMember).toMatchObject({ id: bob.login, role: TenantRole.EDITOR });
    expect(await codeOf(people.tenants.update({ login: tenant, name: "Bobs" }, bob.me))).toBe("OK");
    expect(await update(tenant, ada, TenantRole.GUEST, bob)).toMatchObject({ code: "PermissionDenied" });
  });

  it("makes a member of a guest of projects", async () => {
    const { tenant, project } = await people.organization(ada);
    const { db, clock } = platform.platform;
    await memberStore.setProjectRole(db, { project, member: bob.login, role: "viewer", now: clock() });
    expect((await people.tenants.get({ login: tenant }, ada.me)).tenantMembers).toMatchObject([
      { id: ada.login, role: TenantRole.OWNER },
      { id: bob.login, role: TenantRole.GUEST, projectIds: [project] },
    ]);
    expect(await update(tenant, bob, TenantRole.VIEWER)).toMatchObject({ code: "OK" });
    expect(await rolesIn(tenant)).toEqual({ [ada.login]: "owner", [bob.login]: "viewer" });
  });

  it("refuses strangers, no role, and an unknown tenant", async () => {
    const { tenant } = await people.organization(ada);
    expect(await update(tenant, bob, TenantRole.VIEWER)).toMatchObject({ code: "NotFound" });
    await join(tenant, bob, "viewer");
    expect(await update(tenant, bob, TenantRole.UNSPECIFIED)).toMatchObject({
      code: "InvalidArgument",
      fields: ["role"],
    });
    expect(await update(tenant, bob, 99 as TenantRole)).toMatchObject({ code: "InvalidArgument", fields: ["role"] });
    const nowhere = { login: "nobody", memberId: bob.login, role: TenantRole.VIEWER };
    expect(await codeOf(people.tenants.updateMember(nowhere, as(platform.adminToken)))).toBe("NotFound");
  });
});

describe("RemoveMember", () => {
  it("takes a member out of the tenant and of its projects, at once", async () => {
    const { tenant, project } = await people.organization(ada);
    const { db, clock } = platform.platform;
    await join(tenant, bob, "editor");
    await memberStore.setProjectRole(db, { project, member: bob.login, role: "owner", now: clock() });
    await memberStore.setProjectRole(db, { project: ada.project, member: bob.login, role: "viewer", now: clock() });
    expect(await codeOf(people.projects.get({ project }, bob.me))).toBe("OK");
    expect(await remove(tenant, bob)).toMatchObject({ code: "OK" });
    await expect
      .poll(() => codeOf(people.projects.get({ project }, bob.me)), { timeout: 10_000 })
      .toBe("PermissionDenied");
    expect(await codeOf(people.tenants.get({ login: tenant }, bob.me))).toBe("PermissionDenied");
    expect(await memberStore.projectMembers(db, project)).toEqual([]);
    // What is in other tenants stays.
    expect(await codeOf(people.projects.get({ project: ada.project }, bob.me))).toBe("OK");
    expect(await remove(tenant, bob)).toMatchObject({ code: "NotFound" });
  });

  it("takes its custom roles and its place in teams along", async () => {
    const { tenant, project } = await people.organization(ada);
    const { clock, newId, db } = platform.platform;
    const stamps = { createdAt: clock(), updatedAt: clock() };
    const [role, team] = [newId(), newId()];
    const read = ["api.v1.TenantService.Get", "api.v1.ProjectService.Get"];
    await db
      .insert(customRoles)
      .values({ id: role, tenant, name: "reader", scope: "project", permissions: read, ...stamps });
    const bound = { principal: bob.login, createdBy: ada.login, createdAt: clock() };
    const bind = (id: string, where: { scope: "tenant"; tenant: string } | { scope: "project"; project: string }) =>
      db.insert(roleBindings).values({ ...bound, ...where, id, customRole: role });
    await db.insert(principals).values({ id: team, kind: "team", tenant, name: "team", ...stamps });
    await db.insert(teamMembers).values({ team, member: bob.login, createdAt: clock() });
    await memberStore.setTenantRole(db, { tenant, member: team, role: "viewer", now: clock() });
    await bind(newId(), { scope: "tenant", tenant });
    await bind(newId(), { scope: "project", project });
    expect(await codeOf(people.tenants.get({ login: tenant }, bob.me))).toBe("OK");
    const fromProject = { project, memberId: bob.login };
    expect(await codeOf(people.projects.removeMember(fromProject, ada.me))).toBe("OK");
    expect(await codeOf(people.projects.removeMember(fromProject, ada.me))).toBe("NotFound");
    expect(await codeOf(people.projects.get({ project }, bob.me))).toBe("OK");
    expect(await remove(tenant, bob)).toMatchObject({ code: "OK" });
    for (const call of [
      () => people.tenants.get({ login: tenant }, bob.me),
      () => people.projects.get({ project }, bob.me),
    ]) {
      await expect.poll(() => codeOf(call()), { timeout: 10_000 }).toBe("PermissionDenied");
    }
    expect(await remove(tenant, bob)).toMatchObject({ code: "NotFound" });
  });

  it("takes a guest out of all projects", async () => {
    const { tenant, project } = await people.organization(ada);
    const { db, clock } = platform.platform;
    await memberStore.setProjectRole(db, { project, member: bob.login, role: "owner", now: clock() });
    expect(await remove(tenant, bob)).toMatchObject({ code: "OK" });
    expect(await memberStore.inProjectsOf(db, tenant)).toEqual([]);
  });

  it("is for owners, who may leave", async () => {
    const { tenant } = await people.organization(ada);
    await join(tenant, bob, "editor");
    expect(await remove(tenant, bob, bob)).toMatchObject({ code: "PermissionDenied" });
    await join(tenant, bob, "owner");
    expect(await remove(tenant, ada, ada)).toMatchObject({ code: "OK" });
    expect(await rolesIn(tenant)).toEqual({ [bob.login]: "owner" });
  });
});

describe("the last owner", () => {
  it("can be neither removed nor demoted, not even by an operator", async () => {
    const { tenant } = await people.organization(ada);
    await join(tenant, bob, "editor");
    expect(await remove(tenant, ada)).toMatchObject({ code: "FailedPrecondition" });
    expect(await update(tenant, ada, TenantRole.EDITOR)).toMatchObject({ code: "FailedPrecondition" });
    const byAdmin = people.tenants.removeMember({ login: tenant, memberId: ada.login }, as(platform.adminToken));
    expect(await codeOf(byAdmin)).toBe("FailedPrecondition");
    expect(await update(tenant, ada, TenantRole.OWNER)).toMatchObject({ code: "OK" });
    expect(await rolesIn(tenant)).toEqual({ [ada.login]: "owner", [bob.login]: "editor" });
  });

  it("is not one of two, unless the other is disabled", async () => {
    const { db } = platform.platform;
    const carl = await people.person("carl");
    const { tenant } = await people.organization(ada);
    await join(tenant, carl, "owner");
    await db.update(principals).set({ enabled: false }).where(eq(principals.id, carl.login));
    expect(await remove(tenant, ada)).toMatchObject({ code: "FailedPrecondition" });
    await db.update(principals).set({ enabled: true }).where(eq(principals.id, carl.login));
    expect(await remove(tenant, ada)).toMatchObject({ code: "OK" });
  });

  it("stays, however many go at once", async () => {
    for (const end of ["demoted", "removed", "each by the other"] as const) {
      const { tenant } = await people.organization(ada);
      await join(tenant, bob, "owner");
      const [one, two] =
        end === "demoted"
          ? [update(tenant, ada, TenantRole.VIEWER, ada), update(tenant, bob, TenantRole.VIEWER, bob)]
          : end === "removed"
            ? [remove(tenant, ada, ada), remove(tenant, bob, bob)]
            : [update(tenant, bob, TenantRole.GUEST, ada), remove(tenant, ada, bob)];
      const codes = [(await one).code, (await two).code];
      expect(
        codes.filter((code) => code === "OK"),
        end,
      ).toHaveLength(1);
      expect(["FailedPrecondition", "PermissionDenied"]).toContain(codes.find((code) => code !== "OK"));
      expect(Object.values(await rolesIn(tenant)), end).toContain("owner");
    }
  });

  it("of a personal tenant is always its user", async () => {
    await join(ada.login, bob, "owner");
    expect(await remove(ada.login, ada, bob)).toMatchObject({ code: "FailedPrecondition" });
    expect(await update(ada.login, ada, TenantRole.VIEWER, bob)).toMatchObject({ code: "FailedPrecondition" });
    expect(await remove(ada.login, bob, bob)).toMatchObject({ code: "OK" });
  });

  it("is there after any sequence of changes", async () => {
    const crowd = [ada, bob, await people.person("carl"), await people.person("dora")];
    const roles = ["owner", "editor", "viewer", "guest"] as const;
    const who = fc.constantFrom(...crowd);
    const step = fc.oneof(
      fc.record({ member: who, role: fc.constantFrom(...roles) }),
      fc.record({ member: who, role: fc.constant(undefined) }),
    );
    const { db, clock } = platform.platform;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { maxLength: 8 }), async (batches) => {
        const { tenant } = await people.organization(ada);
        for (const batch of batches) {
          await Promise.allSettled(
            batch.map(({ member: { login: member }, role }) =>
              role === undefined
                ? memberStore.removeTenantMember(db, { tenant, member })
                : memberStore.setTenantRole(db, { tenant, member, role, now: clock() }),
            ),
          );
          expect(Object.values(await rolesIn(tenant))).toContain("owner");
        }
      }),
      { numRuns: 25 },
    );
  });

  it("of a project is also whoever inherits it", async () => {
    const { db, clock } = platform.platform;
    const { tenant, project } = await people.organization(ada);
    const key = { project, member: bob.login };
    await memberStore.setProjectRole(db, { ...key, role: "owner", now: clock() });
    // Nobody who can act owns the tenant: only then is the direct owner the last one.
    await db.update(principals).set({ enabled: false }).where(eq(principals.id, ada.login));
    await expect(memberStore.removeProjectMember(db, key)).rejects.toMatchObject({ kind: "precondition" });
    const demotion = { ...key, role: "viewer" as const, now: clock() };
    await expect(memberStore.setProjectRole(db, demotion)).rejects.toMatchObject({ kind: "precondition" });
    await db.update(principals).set({ enabled: true }).where(eq(principals.id, ada.login));
    expect(await memberStore.setProjectRole(db, demotion)).toMatchObject({ role: "viewer" });
    expect(await memberStore.removeProjectMember(db, key)).toBe(true);
    expect(await memberStore.removeProjectMember(db, key)).toBe(false);
    expect(await rolesIn(tenant)).toEqual({ [ada.login]: "owner" });
  });
});

describe("the store", () => {
  it("tells of principals, tenants and projects that do not exist", async () => {
    const { db, clock } = platform.platform;
    const now = clock();
    const nobody = { member: "nobody-at-all", now };
    const somebody = { member: bob.login, now };
    const nowhere = "0195c0de-0000-7000-8000-00000000000c";
    const missing = { kind: "missing" };
    const { setTenantRole, setProjectRole, removeTenantMember, removeProjectMember } = memberStore;
    await expect(setTenantRole(db, { ...nobody, tenant: ada.login, role: "viewer" })).rejects.toMatchObject(missing);
    await expect(setTenantRole(db, { ...somebody, tenant: "nobody", role: "viewer" })).rejects.toMatchObject(missing);
    await expect(setProjectRole(db, { ...nobody, project: ada.project, role: "viewer" })).rejects.toMatchObject(
      missing,
    );
    await expect(setProjectRole(db, { ...somebody, project: nowhere, role: "viewer" })).rejects.toMatchObject(missing);
    await expect(removeTenantMember(db, { tenant: "nobody", member: bob.login })).rejects.toMatchObject(missing);
    await expect(removeProjectMember(db, { project: nowhere, member: bob.login })).rejects.toMatchObject(missing);
  });
});
