import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProjectRole, TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { ProjectService } from "../../../../gen/ts/api/v1/project_pb.js";
import { TenantService } from "../../../../gen/ts/api/v1/tenant_pb.js";
import { projectMembers } from "../../../../src/resources/api/member/table.js";
import { tenantStore } from "../../../../src/resources/api/tenant/store.js";
import { principalStore } from "../../../../src/resources/iam/principal/store.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { clustersOf } from "../../support/clusters.js";
import { codeOf, refusal } from "../../support/refusals.js";

let platform: TestPlatform;
let other: TestTenant;
let guest: string;
const guestLogin = "guest-of-one";
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  other = await platform.newTenant();
  const { db, clock } = platform.platform;
  await principalStore.ensureUser(db, guestLogin, clock());
  const membership = { project: platform.project, member: guestLogin, role: "editor" as const, createdAt: clock() };
  await db.insert(projectMembers).values(membership);
  guest = await platform.token({
    owner: guestLogin,
    projectRoles: { "*": "owner" },
    tenantRoles: { "*": "owner" },
    adminRole: null,
  });
});
afterAll(() => platform.close());

const projects = () => platform.client(ProjectService);
const tenants = () => platform.client(TenantService);
const owner = () => as(platform.tokens.owner);

describe("ProjectService", () => {
  it("lists what the caller can reach [metalstack.api.v1.ProjectService.List]", async () => {
    const listed = async (token: string, filter = {}) => (await projects().list(filter, as(token))).projects;
    expect(await listed(platform.tokens.viewer)).toMatchObject([
      { uuid: platform.project, name: "default", tenant: platform.tenant, isDefaultProject: true },
    ]);
    expect((await listed(guest)).map(({ uuid }) => uuid)).toEqual([platform.project]);
    expect((await listed(other.tokens.owner)).map(({ uuid }) => uuid)).toEqual([other.project]);
    expect(await listed(platform.tokens.owner, { name: "default", tenant: platform.tenant })).toHaveLength(1);
    for (const filter of [{ name: "other" }, { tenant: other.tenant }, { name: "' or ''='" }]) {
      expect(await listed(platform.tokens.owner, filter)).toEqual([]);
    }
    expect(await codeOf(projects().list({}))).toBe("Unauthenticated");
  });

  it("shows one with its members, and who inherits [metalstack.api.v1.ProjectService.Get]", async () => {
    const { project, projectMembers: members } = await projects().get({ project: platform.project }, owner());
    expect(project).toMatchObject({ uuid: platform.project, tenant: platform.tenant });
    expect(members).toMatchObject(
      [
        { id: guestLogin, role: ProjectRole.EDITOR, inheritedMembership: false },
        { id: platform.tenant, role: ProjectRole.OWNER, inheritedMembership: true },
      ].sort((a, b) => (a.id < b.id ? -1 : 1)),
    );
    expect(await codeOf(projects().get({ project: other.project }, owner()))).toBe("PermissionDenied");
    const unknown = { project: "0195c0de-0000-7000-8000-00000000000c" };
    expect(await codeOf(projects().get(unknown, as(platform.adminToken)))).toBe("NotFound");
    expect(await codeOf(projects().get({ project: "no uuid" }, as(platform.adminToken)))).toBe("InvalidArgument");
  });

  it("makes one that can be used at once, also by tokens that were seen before", async () => {
    await projects().list({}, as(platform.tokens.editor));
    const description = "made by a test";
    const { project } = await projects().create({ login: platform.tenant, name: "second", description }, owner());
    const made = project?.uuid ?? "";
    expect(project).toMatchObject({ name: "second", description, tenant: platform.tenant, isDefaultProject: false });
    const { tokens } = platform;
    const cluster = await clustersOf(platform, { tenant: platform.tenant, project: made, tokens }).create();
    expect(cluster).toMatchObject({ project: made, tenant: platform.tenant });
    expect((await projects().get({ project: made }, as(tokens.viewer))).project).toEqual(project);
    expect((await projects().list({}, as(tokens.editor))).projects.map(({ uuid }) => uuid)).toContain(made);
    // Guests of the tenant have no part in it.
    expect(await codeOf(projects().get({ project: made }, as(guest)))).toBe("PermissionDenied");
  });

  it("refuses a name that is taken, and one out of bounds", async () => {
    const create = (login: string, name: string, token = platform.tokens.owner) =>
      refusal(projects().create({ login, name, description: "abc" }, as(token)));
    expect(await create(platform.tenant, "default")).toMatchObject({ code: "AlreadyExists" });
    expect(await create(platform.tenant, "x")).toMatchObject({ code: "InvalidArgument", fields: ["name"] });
    expect(await create(platform.tenant, "a\u0000b")).toMatchObject({ code: "InvalidArgument", fields: ["name"] });
    expect(await create(platform.tenant, "third", platform.tokens.viewer)).toMatchObject({ code: "PermissionDenied" });
    expect(await create(other.tenant, "third")).toMatchObject({ code: "PermissionDenied" });
    expect(await create("nobody", "third", platform.adminToken)).toMatchObject({ code: "NotFound" });
  });
});

describe("TenantService", () => {
  it("shows a tenant with its members [metalstack.api.v1.TenantService.Get]", async () => {
    const { tenant, tenantMembers } = await tenants().get({ login: platform.tenant }, as(platform.tokens.viewer));
    expect(tenant).toMatchObject({ login: platform.tenant, createdBy: platform.tenant, admitted: true });
    expect(tenantMembers).toMatchObject([
      // Who belongs to a project only is a guest.
      { id: guestLogin, role: TenantRole.GUEST, projectIds: [platform.project] },
      { id: platform.tenant, role: TenantRole.OWNER, projectIds: [] },
    ]);
    expect(await codeOf(tenants().get({ login: other.tenant }, owner()))).toBe("PermissionDenied");
    expect(await codeOf(tenants().get({ login: "nobody" }, as(platform.adminToken)))).toBe("NotFound");
  });

  it("shows guests who the tenant is, no more, and no members", async () => {
    const { tenants: seen } = await tenants().list({}, as(guest));
    expect(seen).toMatchObject([{ login: platform.tenant, name: platform.tenant, createdBy: "", admitted: false }]);
    expect(seen[0]?.createdAt).toBeUndefined();
    expect(await codeOf(tenants().get({ login: platform.tenant }, as(guest)))).toBe("PermissionDenied");
  });

  it("lists the tenants of the caller, by id and name", async () => {
    const { db, clock } = platform.platform;
    await tenantStore.setMember(db, other.tenant, platform.tenant, "viewer", clock());
    const listed = async (filter: { id?: string; name?: string }) =>
      (await tenants().list(filter, owner())).tenants.map(({ login }) => login);
    await expect.poll(() => listed({}), { timeout: 10_000 }).toEqual([platform.tenant, other.tenant].sort());
    expect(await listed({ id: other.tenant })).toEqual([other.tenant]);
    expect(await listed({ name: platform.tenant })).toEqual([platform.tenant]);
    expect(await listed({ id: "nobody" })).toEqual([]);
    expect(await codeOf(tenants().list({}))).toBe("Unauthenticated");
  });
});
