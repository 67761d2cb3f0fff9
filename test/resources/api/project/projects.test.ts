import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProjectService as AdminProjectService } from "../../../../gen/ts/admin/v1/project_pb.js";
import { ProjectRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { clusterStore } from "../../../../src/resources/api/cluster/store.js";
import { memberStore } from "../../../../src/resources/api/member/store.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { clustersOf, newName } from "../../support/clusters.js";
import { type Person, peopleOf } from "../../support/people.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { tablesWith } from "../../support/tables.js";

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

const db = () => platform.platform.db;
const now = () => platform.platform.clock();
const join = (project: string, { login: member }: Person, role: "owner" | "editor" | "viewer") =>
  memberStore.setProjectRole(db(), { project, member, role, now: now() });

describe("a new project", () => {
  it("lets one of those who come at once have a name", async () => {
    const create = () => codeOf(people.projects.create({ login: ada.login, name: "race", description: "abc" }, ada.me));
    expect((await Promise.all([create(), create(), create()])).sort()).toEqual([
      "AlreadyExists",
      "AlreadyExists",
      "OK",
    ]);
    // The same name is free in another tenant.
    const elsewhere = { login: bob.login, name: "race", description: "abc" };
    expect(await codeOf(people.projects.create(elsewhere, bob.me))).toBe("OK");
  });

  it("takes a picture from https only", async () => {
    const create = (avatarUrl: string, name: string) =>
      people.projects.create({ login: ada.login, name, description: "abc", avatarUrl }, ada.me);
    const url = "https://example.org/p.png";
    expect((await create(url, "pictured")).project?.avatarUrl).toBe(url);
    expect((await create("", "plain")).project?.avatarUrl).toBeUndefined();
    for (const wrong of ["http://example.org/p.png", "javascript:alert(1)", "p.png"]) {
      expect(await refusal(create(wrong, "wrong"))).toMatchObject({ code: "InvalidArgument", fields: ["avatar_url"] });
    }
  });
});

describe("Update", () => {
  it("changes what the request sets and leaves the rest", async () => {
    const project = await people.project(ada, ada.login);
    const avatarUrl = "https://example.org/p.png";
    const { project: named } = await people.projects.update({ project, name: "renamed", avatarUrl }, ada.me);
    expect(named).toMatchObject({ uuid: project, name: "renamed", avatarUrl, description: "for a test" });
    const { project: described } = await people.projects.update({ project, description: "new", avatarUrl: "" }, ada.me);
    expect(described).toMatchObject({ name: "renamed", description: "new", tenant: ada.login });
    expect(described?.avatarUrl).toBeUndefined();
    expect((await people.projects.get({ project }, ada.me)).project).toEqual(described);
  });

  it("refuses a name that is taken, and who may not", async () => {
    const [project, other] = [
      await people.project(ada, ada.login, "first"),
      await people.project(ada, ada.login, "other"),
    ];
    const update = (request: object, by = ada.me) => refusal(people.projects.update({ project, ...request }, by));
    expect(await update({ name: "other" })).toMatchObject({ code: "AlreadyExists" });
    expect(await update({ name: "first" })).toMatchObject({ code: "OK" });
    expect(await update({ name: "x" })).toMatchObject({ code: "InvalidArgument", fields: ["name"] });
    expect(await update({ avatarUrl: "ftp://example.org" })).toMatchObject({ fields: ["avatar_url"] });
    await join(project, bob, "viewer");
    expect(await update({ name: "bobs" }, bob.me)).toMatchObject({ code: "PermissionDenied" });
    const unknown = { project: "0195c0de-0000-7000-8000-00000000000c", name: "none" };
    expect(await codeOf(people.projects.update(unknown, as(platform.adminToken)))).toBe("NotFound");
    const [one, two] = await Promise.all([
      codeOf(people.projects.update({ project, name: "same" }, ada.me)),
      codeOf(people.projects.update({ project: other, name: "same" }, ada.me)),
    ]);
    expect([one, two].sort()).toEqual(["AlreadyExists", "OK"]);
  });
});

describe("Delete", () => {
  it("is refused while clusters remain, and takes the rest along", async () => {
    const { tenant } = platform;
    const { project: made } = await people.projects.create(
      { login: tenant, name: "doomed", description: "abc" },
      as(platform.tokens.owner),
    );
    const project = made?.uuid ?? "";
    await join(project, bob, "editor");
    const { invite } = await people.projects.invite({ project, role: ProjectRole.VIEWER }, as(platform.tokens.owner));
    const clusters = clustersOf(platform, { tenant, project, tokens: platform.tokens });
    const { uuid } = await clusters.create({ name: "last" });
    const remove = () => refusal(people.projects.delete({ project }, as(platform.tokens.owner)));
    expect(await remove()).toMatchObject({ code: "FailedPrecondition" });
    expect((await remove()).message).toContain("last");
    await clusterStore.requestDelete(db(), uuid, now());
    // A cluster that is being deleted is there still.
    expect(await remove()).toMatchObject({ code: "FailedPrecondition" });
    await clusterStore.markDeleted(db(), uuid, now());
    expect(await codeOf(people.projects.delete({ project }, bob.me))).toBe("PermissionDenied");
    expect(await remove()).toMatchObject({ code: "OK" });
    expect(await codeOf(people.projects.get({ project }, as(platform.adminToken)))).toBe("NotFound");
    await expect
      .poll(() => codeOf(people.projects.get({ project }, bob.me)), { timeout: 10_000 })
      .toBe("PermissionDenied");
    expect(await codeOf(people.projects.inviteAccept({ secret: invite?.secret ?? "" }, ada.me))).toBe("NotFound");
    const left = await tablesWith(platform, project);
    for (const table of ["projects", "project_members", "invites", "clusters"]) expect(left).not.toContain(table);
    expect(await codeOf(people.projects.delete({ project }, as(platform.adminToken)))).toBe("NotFound");
  });

  it("and a new cluster at once: one of the two", async () => {
    const { tenant, tokens } = platform;
    const owner = as(tokens.owner);
    const { project: made } = await people.projects.create({ login: tenant, name: "raced", description: "abc" }, owner);
    const project = made?.uuid ?? "";
    const clusters = clustersOf(platform, { tenant, project, tokens });
    const [removed, created] = await Promise.all([
      codeOf(people.projects.delete({ project }, owner)),
      codeOf(clusters.client.create({ project, name: newName() }, owner)),
    ]);
    expect([removed, created].filter((code) => code === "OK")).toHaveLength(1);
    expect(["FailedPrecondition", "NotFound", "PermissionDenied"]).toContain(removed === "OK" ? created : removed);
  });

  it("leaves the default project of a personal tenant, and elsewhere takes it last", async () => {
    expect(await codeOf(people.projects.delete({ project: ada.project }, ada.me))).toBe("FailedPrecondition");
    const { tenant, project } = await people.organization(ada);
    const second = await people.project(ada, tenant);
    expect(await codeOf(people.projects.delete({ project }, ada.me))).toBe("FailedPrecondition");
    expect(await codeOf(people.projects.delete({ project: second }, ada.me))).toBe("OK");
    expect(await codeOf(people.projects.delete({ project }, ada.me))).toBe("OK");
  });
});

describe("members", () => {
  it("of the project only see each other, and not who belongs to the tenant", async () => {
    const project = await people.project(ada, ada.login);
    await join(project, bob, "owner");
    const seen = async (by: Person) =>
      (await people.projects.get({ project }, by.me)).projectMembers.map(({ id }) => id).sort();
    expect(await seen(bob)).toEqual([bob.login]);
    expect(await seen(ada)).toEqual([ada.login, bob.login].sort());
    expect((await people.projects.list({ tenant: ada.login }, bob.me)).projects.map(({ uuid }) => uuid)).toContain(
      project,
    );
  });

  it("who are direct can be changed and removed, at once", async () => {
    const project = await people.project(ada, ada.login);
    await join(project, bob, "viewer");
    const memberId = bob.login;
    const changed = await people.projects.updateMember({ project, memberId, role: ProjectRole.EDITOR }, ada.me);
    expect(changed.projectMember).toMatchObject({ id: memberId, role: ProjectRole.EDITOR, inheritedMembership: false });
    expect(await codeOf(people.projects.update({ project, description: "bobs" }, bob.me))).toBe("OK");
    expect(await codeOf(people.projects.removeMember({ project, memberId }, bob.me))).toBe("PermissionDenied");
    expect(await codeOf(people.projects.removeMember({ project, memberId }, ada.me))).toBe("OK");
    await expect
      .poll(() => codeOf(people.projects.get({ project }, bob.me)), { timeout: 10_000 })
      .toBe("PermissionDenied");
    expect(await codeOf(people.projects.removeMember({ project, memberId }, ada.me))).toBe("NotFound");
    const unspecified = people.projects.updateMember({ project, memberId, role: ProjectRole.UNSPECIFIED }, ada.me);
    expect(await refusal(unspecified)).toMatchObject({ code: "InvalidArgument", fields: ["role"] });
    const stranger = people.projects.updateMember({ project, memberId, role: ProjectRole.VIEWER }, ada.me);
    expect(await codeOf(stranger)).toBe("NotFound");
  });

  it("who inherit are changed in the tenant", async () => {
    const { tenant, project } = await people.organization(ada);
    await memberStore.setTenantRole(db(), { tenant, member: bob.login, role: "viewer", now: now() });
    const key = { project, memberId: bob.login };
    for (const call of [
      () => people.projects.removeMember(key, ada.me),
      () => people.projects.updateMember({ ...key, role: ProjectRole.EDITOR }, ada.me),
    ]) {
      const refused = await refusal(call());
      expect(refused.code).toBe("FailedPrecondition");
      expect(refused.message).toContain(`tenant ${tenant}`);
    }
    // Whoever is both keeps what is inherited.
    await join(project, bob, "editor");
    expect(await codeOf(people.projects.removeMember(key, ada.me))).toBe("OK");
    const { projectMembers } = await people.projects.get({ project }, ada.me);
    expect(projectMembers).toContainEqual(
      expect.objectContaining({ id: bob.login, role: ProjectRole.VIEWER, inheritedMembership: true }),
    );
    await join(project, bob, "viewer");
    const weaker = { ...key, role: ProjectRole.VIEWER };
    expect((await people.projects.updateMember(weaker, ada.me)).projectMember?.role).toBe(ProjectRole.VIEWER);
  });
});

describe("List", () => {
  it("shows the projects of one tenant, and each by its uuid [pds.list-account-tenants] [pds.get-tenant]", async () => {
    const person = await people.person();
    const { tenant, project } = await people.organization(person);
    const second = await people.project(person, tenant, "second");
    const { projects } = await people.projects.list({ tenant }, person.me);
    expect(projects.map(({ uuid }) => uuid)).toEqual([project, second]);
    expect((await people.projects.get({ project: second }, person.me)).project).toEqual(projects[1]);
  });
});

describe("admin.v1.ProjectService", () => {
  it("lists all projects by pages, of a tenant, and none by annotations", async () => {
    const client = platform.client(AdminProjectService);
    const admin = as(platform.adminToken);
    const { tenant } = await people.organization(ada);
    for (const name of ["b1", "b2", "b3"]) await people.project(ada, tenant, name);
    const names: string[] = [];
    let page: bigint | undefined = 0n;
    while (page !== undefined) {
      const answer = await client.list({ tenantId: tenant, paging: { page, count: 3n } }, admin);
      names.push(...answer.projects.map(({ name }) => name));
      page = answer.nextPage;
    }
    expect(names).toEqual(["b1", "b2", "b3", "default"]);
    const all = await client.list({}, admin);
    expect(all.projects.map(({ uuid }) => uuid)).toEqual(expect.arrayContaining([platform.project, bob.project]));
    expect((await client.list({ annotations: { a: "b" } }, admin)).projects).toEqual([]);
    expect((await client.list({ tenantId: "nobody" }, admin)).projects).toEqual([]);
    expect(await codeOf(client.list({}, ada.me))).toBe("PermissionDenied");
    expect(await codeOf(client.list({}))).toBe("Unauthenticated");
  });
});
