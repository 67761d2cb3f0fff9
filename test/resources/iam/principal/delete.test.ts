import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { ProjectRole, TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { PrincipalKind } from "../../../../gen/ts/iam/v1/principal_pb.js";
import { clusters } from "../../../../src/resources/api/cluster/table.js";
import { projectStore } from "../../../../src/resources/api/project/store.js";
import { tenantStore } from "../../../../src/resources/api/tenant/store.js";
import { customRoles, roleBindings } from "../../../../src/resources/iam/access/table.js";
import { principals, teamMembers } from "../../../../src/resources/iam/principal/table.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { newName } from "../../support/clusters.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { tokensOf } from "../../support/tokens.js";
import { fresh, peopleOf } from "../credential/people.js";

let platform: TestPlatform;
let people: ReturnType<typeof peopleOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  people = peopleOf(platform);
});
afterAll(() => platform.close());

type User = Awaited<ReturnType<ReturnType<typeof peopleOf>["user"]>>;
const remove = (login: string, id: string, token: string) => people.principals.delete({ login, id }, as(token));
const cancel = ({ login, token }: User) => codeOf(remove(login, login, token));
const cancelBy = (user: User, token: string, login = user.login) => codeOf(remove(login, user.login, token));
const exists = async ({ login }: User) =>
  (await codeOf(people.principals.get({ id: login }, as(platform.adminToken)))) === "OK";
const organization = async (owner: string): Promise<string> => {
  const { db, clock } = platform.platform;
  const [login, createdAt] = [fresh("org"), clock()];
  await tenantStore.ensure(db, { login, name: login, createdBy: "root", createdAt, updatedAt: createdAt });
  await tenantStore.setMember(db, login, owner, "owner", createdAt);
  return login;
};

describe("a user", () => {
  it("deletes the own account with its tenant, tokens and keys, at once [deis.auth-cancel]", async () => {
    const user = await people.user();
    const key = await people.apiKey("", user.token, user.login);
    await people.setRole(user.login, "viewer");
    expect(await people.tries(key.secret)).toBe("OK");
    const { principal } = await remove(user.login, user.login, user.token);
    expect(principal).toMatchObject({ id: user.login, kind: PrincipalKind.USER });
    for (const secret of [user.token, key.secret]) {
      await expect.poll(() => people.tries(secret)).toBe("Unauthenticated");
    }
    expect(await exists(user)).toBe(false);
    const { db } = platform.platform;
    expect(await tenantStore.get(db, user.login)).toBeUndefined();
    expect(await projectStore.get(db, user.project)).toBeUndefined();
  });

  it("is deleted by operators [tsuru.user-remove]", async () => {
    const [first, second] = [await people.user(), await people.user()];
    expect(await cancelBy(first, platform.adminToken, "")).toBe("OK");
    expect(await cancelBy(second, platform.adminToken)).toBe("OK");
    expect(await cancelBy(second, platform.adminToken, "")).toBe("NotFound");
    expect([await exists(first), await exists(second)]).toEqual([false, false]);
  });

  it("is not deleted by another owner of the personal tenant, nor of a tenant where the user is a member", async () => {
    const [ada, bob] = [await people.user(), await people.user()];
    await people.setRole(bob.login, "owner", ada.login);
    await people.setRole(ada.login, "viewer");
    expect(await cancelBy(ada, bob.token)).toBe("PermissionDenied");
    expect(await cancelBy(ada, platform.tokens.owner, platform.tenant)).toBe("PermissionDenied");
    expect(await cancelBy(ada, bob.token, bob.login)).toBe("NotFound");
    expect(await exists(ada)).toBe(true);
  });

  it("needs a token that carries all, or an API key", async () => {
    const user = await people.user();
    await people.setRole(user.login, "viewer");
    const tokens = tokensOf(platform);
    const narrow = [
      { permissions: [{ subject: user.login, methods: ["/iam.v1.PrincipalService/Delete"] }] },
      { tenantRoles: { [user.login]: TenantRole.OWNER }, projectRoles: { [user.project]: ProjectRole.OWNER } },
    ];
    for (const asked of narrow) {
      expect(await cancelBy(user, await tokens.secretOf(asked, user.token))).toBe("PermissionDenied");
    }
    const key = await people.apiKey("", user.token, user.login);
    expect(await cancelBy(user, key.secret)).toBe("OK");
  });

  it("stays while the personal tenant has another project, a bot or a team", async () => {
    const user = await people.user();
    const { db, clock, newId } = platform.platform;
    const stamps = { createdAt: clock(), updatedAt: clock() };
    for (const kind of [PrincipalKind.BOT, PrincipalKind.TEAM]) {
      const asked = { login: user.login, kind, name: fresh("n") };
      const { principal } = await people.principals.create(asked, as(user.token));
      expect(await cancel(user)).toBe("FailedPrecondition");
      await remove(user.login, principal?.id ?? "", user.token);
    }
    await projectStore.insert(db, { id: newId(), tenant: user.login, name: "second", ...stamps });
    expect(await cancel(user)).toBe("FailedPrecondition");
    expect(await cancelBy(user, platform.adminToken, "")).toBe("FailedPrecondition");
    expect(await exists(user)).toBe(true);
  });

  it("stays while there is a cluster, of which deleted ones are no more than history", async () => {
    const user = await people.user();
    await tenantStore.setAdmitted(platform.platform.db, user.login, true, new Date());
    const asked = { project: user.project, name: newName() };
    const { cluster } = await platform.client(ClusterService).create(asked, as(user.token));
    expect(await cancel(user)).toBe("FailedPrecondition");
    const { db } = platform.platform;
    await db
      .update(clusters)
      .set({ deletedAt: new Date() })
      .where(eq(clusters.id, cluster?.uuid ?? ""));
    expect(await cancel(user)).toBe("OK");
  });

  it("goes with the roles of the personal tenant, also with those that are bound", async () => {
    const [ada, bob] = [await people.user(), await people.user()];
    const { db, newId } = platform.platform;
    const now = new Date();
    const role = { id: newId(), tenant: ada.login, name: "reader", scope: "tenant", permissions: ["api.v1"] } as const;
    await db.insert(customRoles).values({ ...role, permissions: ["api.v1"], createdAt: now, updatedAt: now });
    const binding = { id: newId(), scope: "tenant", tenant: ada.login, customRole: role.id } as const;
    await db.insert(roleBindings).values({ ...binding, principal: bob.login, createdBy: ada.login, createdAt: now });
    expect(await cancel(ada)).toBe("OK");
    expect(await db.$count(customRoles, eq(customRoles.id, role.id))).toBe(0);
  });
});

describe("the last owner of a tenant", () => {
  it("does not vanish, be it a user or a bot", async () => {
    const user = await people.user();
    const bot = await people.bot();
    for (const [id, go] of [
      [user.login, () => cancel(user)],
      [bot, () => codeOf(remove(platform.tenant, bot, platform.tokens.owner))],
    ] as const) {
      const org = await organization(id);
      expect(await go()).toBe("FailedPrecondition");
      await people.setRole(platform.tenant, "owner", org);
      expect(await go()).toBe("OK");
    }
  });

  it("is not disabled by its own tenant, but by operators", async () => {
    const bot = await people.bot();
    const org = await organization(bot);
    const disable = (token: string) =>
      refusal(people.principals.update({ login: platform.tenant, id: bot, enabled: false }, as(token)));
    expect(await disable(platform.tokens.editor)).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining(org),
    });
    expect((await disable(platform.adminToken)).code).toBe("OK");
  });

  it("stays when two owners go at once", async () => {
    for (let round = 0; round < 5; round += 1) {
      const bots = [await people.bot(), await people.bot()];
      const org = await organization(bots[0] ?? "");
      await people.setRole(bots[1] ?? "", "owner", org);
      const codes = await Promise.all(bots.map((bot) => codeOf(remove(platform.tenant, bot, platform.tokens.owner))));
      expect(codes.sort()).toEqual(["FailedPrecondition", "OK"]);
    }
  });
});

describe("a group", () => {
  it("is deleted by operators, with those who are in it", async () => {
    const { db, clock } = platform.platform;
    const id = `group:${fresh("staff")}@corp`;
    const stamps = { createdAt: clock(), updatedAt: clock() };
    await db.insert(principals).values({ id, kind: "group", name: "staff", ...stamps });
    await db.insert(teamMembers).values({ team: id, member: platform.tenant, createdAt: clock() });
    await people.setRole(id, "viewer");
    const seen = await people.principals.get({ login: platform.tenant, id }, as(platform.tokens.owner));
    expect(seen.principal).toMatchObject({ id, kind: PrincipalKind.GROUP, members: [platform.tenant] });
    expect(await codeOf(remove(platform.tenant, id, platform.tokens.owner))).toBe("PermissionDenied");
    expect(await codeOf(remove("", id, platform.adminToken))).toBe("OK");
  });
});
