import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProjectRole, TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { memberStore } from "../../../../src/resources/api/member/store.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { type Person, peopleOf } from "../../support/people.js";
import { codeOf } from "../../support/refusals.js";
import { tokensOf } from "../../support/tokens.js";

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

describe("a token", () => {
  it("cannot give what it does not grant itself", async () => {
    const { tenant, project } = await people.organization(ada);
    const { db, clock } = platform.platform;
    await memberStore.setTenantRole(db, { tenant, member: bob.login, role: "viewer", now: clock() });
    await memberStore.setProjectRole(db, { project, member: bob.login, role: "viewer", now: clock() });
    const method = (name: string) => `/api.v1.${name}`;
    const tenantOnly = [method("TenantService/UpdateMember"), method("TenantService/RemoveMember")];
    const projectOnly = [method("ProjectService/UpdateMember")];
    const tokens = tokensOf(platform);
    const single = as(
      await tokens.secretOf(
        {
          permissions: [
            { subject: tenant, methods: tenantOnly },
            { subject: project, methods: projectOnly },
          ],
        },
        ada.token,
      ),
    );
    for (const role of [TenantRole.OWNER, TenantRole.EDITOR, TenantRole.GUEST]) {
      const call = people.tenants.updateMember({ login: tenant, memberId: bob.login, role }, single);
      expect(await codeOf(call)).toBe("PermissionDenied");
    }
    const inProject = { project, memberId: bob.login, role: ProjectRole.OWNER };
    expect(await codeOf(people.projects.updateMember(inProject, single))).toBe("PermissionDenied");
    const viewing = { tenantRoles: { [tenant]: TenantRole.VIEWER }, projectRoles: { [project]: ProjectRole.EDITOR } };
    const some = as(
      await tokens.secretOf(
        {
          ...viewing,
          permissions: [
            { subject: tenant, methods: tenantOnly },
            { subject: project, methods: projectOnly },
          ],
        },
        ada.token,
      ),
    );
    const set = (role: TenantRole) =>
      codeOf(people.tenants.updateMember({ login: tenant, memberId: bob.login, role }, some));
    expect(await set(TenantRole.EDITOR)).toBe("PermissionDenied");
    expect(await set(TenantRole.VIEWER)).toBe("OK");
    expect(await codeOf(people.projects.updateMember(inProject, some))).toBe("PermissionDenied");
    expect(await codeOf(people.projects.updateMember({ ...inProject, role: ProjectRole.EDITOR }, some))).toBe("OK");
    const admin = as(platform.adminToken);
    expect(await codeOf(people.projects.updateMember(inProject, admin))).toBe("OK");
    expect(await memberStore.tenantMember(db, { tenant, member: bob.login })).toMatchObject({ role: "viewer" });
    expect(await codeOf(people.tenants.removeMember({ login: tenant, memberId: bob.login }, single))).toBe("OK");
  });
});
