import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { UserService } from "../../../../gen/ts/api/v1/user_pb.js";
import { memberStore } from "../../../../src/resources/api/member/store.js";
import { principals } from "../../../../src/resources/iam/principal/table.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { newLogin, type Person, peopleOf } from "../../support/people.js";
import { codeOf } from "../../support/refusals.js";
import { tokensOf } from "../../support/tokens.js";

let platform: TestPlatform;
let people: ReturnType<typeof peopleOf>;
let ada: Person;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  people = peopleOf(platform);
  ada = await people.person("ada");
});
afterAll(() => platform.close());

const user = async (token: string) => (await platform.client(UserService).get({}, as(token))).user;
const db = () => platform.platform.db;
const now = () => platform.platform.clock();

describe("UserService.Get", () => {
  it("shows the caller with all that it belongs to", async () => {
    const { tenant, project } = await people.organization(ada);
    const profile = {
      name: "Ada L.",
      email: "ada@example.org",
      avatarUrl: "https://example.org/a.png",
      oauthProvider: 1,
    };
    await db().update(principals).set(profile).where(eq(principals.id, ada.login));
    const me = await user(ada.token);
    expect(me).toMatchObject({ login: ada.login, ...profile, organizations: [] });
    expect(me?.tenants.map(({ login }) => login)).toEqual([ada.login, tenant].sort());
    expect(me?.projects.map(({ uuid }) => uuid).sort()).toEqual([ada.project, project].sort());
    expect(me?.defaultTenant).toMatchObject({ login: ada.login, createdBy: ada.login });
    expect(me?.defaultProject).toMatchObject({ uuid: ada.project, isDefaultProject: true });
    expect(await codeOf(platform.client(UserService).get({}))).toBe("Unauthenticated");
  });

  it("shows a guest who the tenant is, and no more", async () => {
    const guest = await people.person("guest");
    await memberStore.setProjectRole(db(), { project: ada.project, member: guest.login, role: "viewer", now: now() });
    const me = await user(guest.token);
    const seen = me?.tenants.find(({ login }) => login === ada.login);
    expect(seen).toMatchObject({ login: ada.login, createdBy: "", admitted: false });
    expect(me?.projects.map(({ uuid }) => uuid).sort()).toEqual([ada.project, guest.project].sort());
    expect(me?.defaultProject?.uuid).toBe(guest.project);
  });

  it("shows a token no more than it grants", async () => {
    const { tenant, project } = await people.organization(ada);
    const narrow = await tokensOf(platform).secretOf({ tenantRoles: { [tenant]: TenantRole.VIEWER } }, ada.token);
    const seen = await user(narrow);
    expect(seen).toMatchObject({ login: ada.login, projects: [] });
    expect(seen?.tenants.map(({ login }) => login)).toEqual([tenant]);
    expect(seen?.defaultTenant).toBeUndefined();
    const other = await tokensOf(platform).secretOf({ projectRoles: { [project]: 3 } }, ada.token);
    expect((await user(other))?.projects.map(({ uuid }) => uuid)).toEqual([project]);
    expect((await user(other))?.tenants).toEqual([]);
  });

  it("shows a bot the tenant to which it belongs", async () => {
    const { tenant, project } = await people.organization(ada);
    const id = newLogin("bot");
    const stamps = { createdAt: now(), updatedAt: now() };
    await db()
      .insert(principals)
      .values({ id, kind: "bot", tenant, name: "deployer", ...stamps });
    await memberStore.setTenantRole(db(), { tenant, member: id, role: "editor", now: now() });
    const me = await user(await tokensOf(platform).console(id));
    expect(me).toMatchObject({ login: id, name: "deployer", defaultTenant: { login: tenant } });
    expect(me?.defaultProject?.uuid).toBe(project);
  });

  it("shows an operator without a tenant nothing else", async () => {
    const me = await user(platform.adminToken);
    expect(me).toMatchObject({ login: "root", tenants: [], projects: [] });
    expect(me?.defaultTenant).toBeUndefined();
  });
});
