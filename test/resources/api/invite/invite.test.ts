import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProjectRole, TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { digestOf } from "../../../../src/auth/secrets.js";
import { invites } from "../../../../src/resources/api/invite/table.js";
import { memberStore } from "../../../../src/resources/api/member/store.js";
import { principals } from "../../../../src/resources/iam/principal/table.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { newLogin, type Person, peopleOf } from "../../support/people.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { tablesWith } from "../../support/tables.js";
import { tokensOf } from "../../support/tokens.js";

let platform: TestPlatform;
let people: ReturnType<typeof peopleOf>;
let ada: Person;
let org: { readonly tenant: string; readonly project: string };
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  people = peopleOf(platform);
  ada = await people.person("ada");
  org = await people.organization(ada);
});
afterAll(() => platform.close());

/** What both kinds of invitations do alike. */
interface Kind {
  readonly name: string;
  invite(role: number, by?: Person): Promise<string>;
  accept(secret: string, by: Person): Promise<unknown>;
  show(secret: string, by: Person): Promise<{ readonly secret: string; readonly role: number } | undefined>;
  list(by?: Person): Promise<{ readonly secret: string; readonly role: number }[]>;
  withdraw(secret: string, by?: Person): Promise<unknown>;
  roleOf(person: Person): Promise<string | undefined>;
  join(person: Person, role: "owner" | "viewer"): Promise<unknown>;
}

const db = () => platform.platform.db;
const now = () => platform.platform.clock();

const tenantInvites: Kind = {
  name: "to a tenant",
  invite: async (role, by = ada) =>
    (await people.tenants.invite({ login: org.tenant, role }, by.me)).invite?.secret ?? "",
  accept: (secret, by) => people.tenants.inviteAccept({ secret }, by.me),
  show: async (secret, by) => (await people.tenants.inviteGet({ secret }, by.me)).invite,
  list: async (by = ada) => (await people.tenants.invitesList({ login: org.tenant }, by.me)).invites,
  withdraw: (secret, by = ada) => people.tenants.inviteDelete({ login: org.tenant, secret }, by.me),
  roleOf: async ({ login: member }) => (await memberStore.tenantMember(db(), { tenant: org.tenant, member }))?.role,
  join: ({ login: member }, role) => memberStore.setTenantRole(db(), { tenant: org.tenant, member, role, now: now() }),
};
const projectInvites: Kind = {
  name: "to a project",
  invite: async (role, by = ada) =>
    (await people.projects.invite({ project: org.project, role }, by.me)).invite?.secret ?? "",
  accept: (secret, by) => people.projects.inviteAccept({ secret }, by.me),
  show: async (secret, by) => (await people.projects.inviteGet({ secret }, by.me)).invite,
  list: async (by = ada) => (await people.projects.invitesList({ project: org.project }, by.me)).invites,
  withdraw: (secret, by = ada) => people.projects.inviteDelete({ project: org.project, secret }, by.me),
  roleOf: async ({ login: member }) => (await memberStore.projectMember(db(), { project: org.project, member }))?.role,
  join: ({ login: member }, role) =>
    memberStore.setProjectRole(db(), { project: org.project, member, role, now: now() }),
};

const editor = 2;

describe.each([tenantInvites, projectInvites])("an invitation $name", (kind) => {
  it("shows who invites, and makes its bearer a member, once", async () => {
    const guest = await people.person("guest");
    const secret = await kind.invite(editor);
    expect(secret).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(await kind.show(secret, guest)).toMatchObject({ secret, role: editor, joined: false });
    expect(await codeOf(kind.accept(secret, guest))).toBe("OK");
    expect(await kind.roleOf(guest)).toBe("editor");
    const late = await people.person("late");
    for (const by of [guest, late]) {
      expect(await codeOf(kind.accept(secret, by))).toBe("NotFound");
      expect(await codeOf(kind.show(secret, by))).toBe("NotFound");
    }
    expect(await kind.roleOf(late)).toBeUndefined();
    const [row] = await db()
      .select()
      .from(invites)
      .where(eq(invites.digest, digestOf(secret)));
    expect(row).toMatchObject({ joinedBy: guest.login, createdBy: ada.login });
  });

  it("lasts 7 days", async () => {
    const guest = await people.person("guest");
    const secret = await kind.invite(editor);
    const [row] = await db()
      .select()
      .from(invites)
      .where(eq(invites.digest, digestOf(secret)));
    expect((row?.expiresAt.getTime() ?? 0) - (row?.createdAt.getTime() ?? 0)).toBe(7 * 86_400_000);
    await db()
      .update(invites)
      .set({ expiresAt: now() })
      .where(eq(invites.digest, digestOf(secret)));
    expect(await codeOf(kind.accept(secret, guest))).toBe("NotFound");
    expect(await codeOf(kind.show(secret, guest))).toBe("NotFound");
    expect(await codeOf(kind.withdraw(secret))).toBe("NotFound");
    expect((await kind.list()).map((invite) => invite.secret)).not.toContain(secret);
  });

  it("is listed with its secret while it waits, and can be withdrawn", async () => {
    const guest = await people.person("guest");
    const [kept, gone, used] = [await kind.invite(editor), await kind.invite(editor), await kind.invite(editor)];
    await kind.accept(used ?? "", guest);
    await kind.withdraw(gone ?? "");
    const listed = (await kind.list()).map((invite) => invite.secret);
    expect(listed).toContain(kept);
    for (const secret of [gone, used]) expect(listed).not.toContain(secret);
    expect(await codeOf(kind.accept(gone ?? "", await people.person()))).toBe("NotFound");
    expect(await codeOf(kind.withdraw(gone ?? ""))).toBe("NotFound");
  });

  it("is no use to its maker, or to a member, and stays good", async () => {
    const secret = await kind.invite(editor);
    expect(await refusal(kind.accept(secret, ada))).toMatchObject({ code: "InvalidArgument", fields: ["secret"] });
    for (const role of ["viewer", "owner"] as const) {
      const member = await people.person(role);
      await kind.join(member, role);
      expect(await codeOf(kind.accept(secret, member))).toBe("AlreadyExists");
      expect(await kind.roleOf(member)).toBe(role);
    }
    expect(await codeOf(kind.accept(secret, await people.person()))).toBe("OK");
  });

  it("lets exactly one of those in who come at once", async () => {
    const secret = await kind.invite(editor);
    const crowd = await Promise.all(Array.from({ length: 5 }, () => people.person("racer")));
    const codes = await Promise.all(crowd.map((person) => codeOf(kind.accept(secret, person))));
    expect([...codes].sort()).toEqual([...Array(4).fill("NotFound"), "OK"]);
    const joined = await Promise.all(crowd.map((person) => kind.roleOf(person)));
    expect(joined.map((role) => role !== undefined)).toEqual(codes.map((code) => code === "OK"));
  });

  it("takes one bearer with two of them in once", async () => {
    const bearer = await people.person();
    const secrets = [await kind.invite(editor), await kind.invite(3)];
    const codes = await Promise.all(secrets.map((secret) => codeOf(kind.accept(secret, bearer))));
    expect([...codes].sort()).toEqual(["AlreadyExists", "OK"]);
  });

  it("is worth nothing when its maker could not make it any more", async () => {
    const maker = await people.person("maker");
    await kind.join(maker, "owner");
    const secret = await kind.invite(1, maker);
    const weak = await kind.invite(3, maker);
    const friend = await people.person("friend");
    expect((await kind.show(secret, friend))?.role).toBe(1);
    await kind.join(maker, "viewer");
    expect(await codeOf(kind.accept(secret, friend))).toBe("NotFound");
    expect(await codeOf(kind.show(secret, friend))).toBe("NotFound");
    await db().update(principals).set({ enabled: false }).where(eq(principals.id, maker.login));
    expect(await codeOf(kind.accept(weak, friend))).toBe("NotFound");
    expect(await kind.roleOf(friend)).toBeUndefined();
    await db().update(principals).set({ enabled: true }).where(eq(principals.id, maker.login));
    expect(await codeOf(kind.accept(weak, friend))).toBe("OK");
  });

  it("is made, listed and withdrawn by owners only, and only where it leads", async () => {
    const stranger = await people.person("stranger");
    const member = await people.person("member");
    await kind.join(member, "viewer");
    const secret = await kind.invite(editor);
    for (const by of [stranger, member]) {
      expect(await codeOf(kind.invite(3, by))).toBe("PermissionDenied");
      expect(await codeOf(kind.list(by))).toBe("PermissionDenied");
      expect(await codeOf(kind.withdraw(secret, by))).toBe("PermissionDenied");
    }
    const elsewhere =
      kind === tenantInvites
        ? people.tenants.inviteDelete({ login: stranger.login, secret }, stranger.me)
        : people.projects.inviteDelete({ project: stranger.project, secret }, stranger.me);
    expect(await codeOf(elsewhere)).toBe("NotFound");
    const wrong = kind === tenantInvites ? projectInvites : tenantInvites;
    expect(await codeOf(wrong.accept(secret, stranger))).toBe("NotFound");
    expect(await codeOf(wrong.show(secret, stranger))).toBe("NotFound");
    expect(await codeOf(wrong.withdraw(secret))).toBe("NotFound");
    expect(await codeOf(kind.accept(secret, stranger))).toBe("OK");
  });

  it("refuses no role, unknown roles and secrets that are none", async () => {
    expect(await refusal(kind.invite(0))).toMatchObject({ code: "InvalidArgument", fields: ["role"] });
    expect(await refusal(kind.invite(99))).toMatchObject({ code: "InvalidArgument", fields: ["role"] });
    for (const secret of ["", "x", "' or 1=1 --", "x".repeat(10_000)]) {
      expect(await codeOf(kind.accept(secret, ada))).toBe("NotFound");
      expect(await codeOf(kind.show(secret, ada))).toBe("NotFound");
      expect(await codeOf(kind.withdraw(secret))).toBe("NotFound");
    }
  });

  it("is stored as a digest and sealed, and told in no record", async () => {
    const secret = await kind.invite(editor);
    await kind.accept(secret, await people.person());
    // The records of both calls are written a moment later.
    await expect.poll(() => tablesWith(platform, "InviteAccept"), { timeout: 10_000 }).not.toEqual([]);
    expect(await tablesWith(platform, secret)).toEqual([]);
    expect(JSON.stringify(platform.lines)).not.toContain(secret);
  });
});

describe("a token with little in it", () => {
  const inviting = (subject: string, methods: string[], more: object = {}) =>
    tokensOf(platform).secretOf({ permissions: [{ subject, methods }], ...more }, ada.token);

  it("cannot invite above itself", async () => {
    const single = as(await inviting(org.tenant, ["/api.v1.TenantService/Invite"]));
    for (const role of [TenantRole.OWNER, TenantRole.EDITOR, TenantRole.VIEWER, TenantRole.GUEST]) {
      expect(await codeOf(people.tenants.invite({ login: org.tenant, role }, single))).toBe("PermissionDenied");
    }
    const viewing = { tenantRoles: { [org.tenant]: TenantRole.VIEWER } };
    const viewer = as(await inviting(org.tenant, ["/api.v1.TenantService/Invite"], viewing));
    const invite = (role: TenantRole) => codeOf(people.tenants.invite({ login: org.tenant, role }, viewer));
    expect(await invite(TenantRole.OWNER)).toBe("PermissionDenied");
    expect(await invite(TenantRole.VIEWER)).toBe("OK");
    const inProject = as(await inviting(org.project, ["/api.v1.ProjectService/Invite"]));
    for (const role of [ProjectRole.OWNER, ProjectRole.VIEWER]) {
      expect(await codeOf(people.projects.invite({ project: org.project, role }, inProject))).toBe("PermissionDenied");
    }
    const byAdmin = people.tenants.invite({ login: org.tenant, role: TenantRole.OWNER }, as(platform.adminToken));
    expect(await codeOf(byAdmin)).toBe("OK");
  });

  it("is not shown the secrets of invitations above itself", async () => {
    const strong = await tenantInvites.invite(TenantRole.OWNER);
    const weak = await tenantInvites.invite(TenantRole.GUEST);
    const methods = ["/api.v1.TenantService/InvitesList"];
    const viewing = { tenantRoles: { [org.tenant]: TenantRole.GUEST } };
    const list = as(await inviting(org.tenant, methods, viewing));
    const seen = (await people.tenants.invitesList({ login: org.tenant }, list)).invites.map(({ secret }) => secret);
    expect(seen).toContain(weak);
    expect(seen).toContain("");
    expect(seen).not.toContain(strong);
  });
});

describe("what an invitation says", () => {
  it("is where it leads and who made it", async () => {
    await people.tenants.update({ login: org.tenant, name: "The Org" }, ada.me);
    await people.tenants.update({ login: ada.login, name: "Ada herself" }, ada.me);
    const reader = await people.person();
    expect(await tenantInvites.show(await tenantInvites.invite(editor), reader)).toMatchObject({
      targetTenant: org.tenant,
      targetTenantName: "The Org",
      tenant: ada.login,
      tenantName: "Ada herself",
    });
    expect(await projectInvites.show(await projectInvites.invite(editor), reader)).toMatchObject({
      project: org.project,
      projectName: "default",
      tenant: org.tenant,
      tenantName: "The Org",
    });
    const accepted = await people.tenants.inviteAccept({ secret: await tenantInvites.invite(editor) }, reader.me);
    expect(accepted).toMatchObject({ tenant: org.tenant, tenantName: "The Org" });
  });

  it("lets a viewer of the tenant become more in a project, and nobody less", async () => {
    const viewer = await people.person();
    await tenantInvites.join(viewer, "viewer");
    expect(await codeOf(projectInvites.accept(await projectInvites.invite(3), viewer))).toBe("AlreadyExists");
    const accepted = await people.projects.inviteAccept({ secret: await projectInvites.invite(editor) }, viewer.me);
    expect(accepted).toMatchObject({ project: org.project, projectName: "default" });
    const { projectMembers } = await people.projects.get({ project: org.project }, viewer.me);
    expect(projectMembers).toContainEqual(
      expect.objectContaining({ id: viewer.login, role: ProjectRole.EDITOR, inheritedMembership: false }),
    );
  });

  it("is for users, not for bots", async () => {
    const bot = newLogin("bot");
    const stamps = { createdAt: now(), updatedAt: now() };
    await db()
      .insert(principals)
      .values({ id: bot, kind: "bot", tenant: ada.login, name: bot, ...stamps });
    const me = as(await tokensOf(platform).console(bot));
    const secret = await tenantInvites.invite(editor);
    expect(await codeOf(people.tenants.inviteAccept({ secret }, me))).toBe("FailedPrecondition");
  });
});

describe("invitations", () => {
  it("are at most 1000 that are open to one tenant or project, and are listed with their makers", async () => {
    const { platform: own } = platform;
    const [secret, expiresAt, past] = [newLogin("secret"), new Date(now().getTime() + 60_000), new Date(0)];
    const sealed = await own.keyring.seal(secret);
    const place = await people.organization(ada);
    const rows = (target: object, count: number, until: Date) =>
      Array.from({ length: count }, () => {
        const common = { sealed, role: "viewer", createdBy: ada.login, createdAt: past } as const;
        return { ...common, digest: own.newId(), expiresAt: until, ...target };
      });
    for (const [target, invite, list] of [
      [
        { tenant: place.tenant },
        () => people.tenants.invite({ login: place.tenant, role: TenantRole.VIEWER }, ada.me),
        async () => (await people.tenants.invitesList({ login: place.tenant }, ada.me)).invites,
      ],
      [
        { project: place.project },
        () => people.projects.invite({ project: place.project, role: ProjectRole.VIEWER }, ada.me),
        async () => (await people.projects.invitesList({ project: place.project }, ada.me)).invites,
      ],
    ] as const) {
      await db()
        .insert(invites)
        .values(rows(target, 999, expiresAt));
      // What has expired counts for nothing, and goes when the next one is made.
      await db()
        .insert(invites)
        .values(rows(target, 5, past));
      expect(await codeOf(invite())).toBe("OK");
      expect(await refusal(invite())).toMatchObject({ code: "ResourceExhausted" });
      const listed = await list();
      expect(listed).toHaveLength(1000);
      expect(new Set(listed.map(({ tenantName }) => tenantName))).toEqual(new Set([listed[0]?.tenantName]));
      const kept = await db().select({ until: invites.expiresAt }).from(invites);
      expect(kept.filter(({ until }) => until.getTime() === 0)).toEqual([]);
    }
  });
});
