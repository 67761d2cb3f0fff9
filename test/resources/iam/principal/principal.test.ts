import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AdminRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { ProjectService } from "../../../../gen/ts/api/v1/project_pb.js";
import { PrincipalKind } from "../../../../gen/ts/iam/v1/principal_pb.js";
import { tenantStore } from "../../../../src/resources/api/tenant/store.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { fresh, peopleOf } from "../credential/people.js";

let platform: TestPlatform;
let other: TestTenant;
let people: ReturnType<typeof peopleOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  other = await platform.newTenant();
  people = peopleOf(platform);
});
afterAll(() => platform.close());

const { USER, BOT, TEAM } = PrincipalKind;
const login = () => platform.tenant;
const owner = () => as(platform.tokens.owner);
const editor = () => as(platform.tokens.editor);
const viewer = () => as(platform.tokens.viewer);
const admin = () => as(platform.adminToken);
type Create = Parameters<ReturnType<typeof peopleOf>["principals"]["create"]>[0];
const create = async (asked: Create, options = editor()) =>
  (await people.principals.create({ login: login(), name: fresh("n"), ...asked }, options)).principal;
const get = async (id = "", options = viewer(), tenant = login()) =>
  (await people.principals.get({ login: tenant, id }, options)).principal;

describe("a bot", () => {
  it("is made by an editor, and works with the secret that is made for it [platz.createBot] [pds.create-service-identity] [pds.create-service-account]", async () => {
    const name = fresh("ci");
    const bot = await create({ kind: BOT, name, description: "builds", tags: ["ci"] });
    expect(bot).toMatchObject({
      kind: BOT,
      login: login(),
      name,
      description: "builds",
      tags: ["ci"],
      enabled: true,
      createdBy: login(),
      members: [],
    });
    expect(bot?.id).toMatch(/^[0-9a-f-]{36}$/);
    await people.setRole(bot?.id ?? "", "viewer");
    const { secret } = await people.apiKey(bot?.id ?? "");
    expect(await people.tries(secret)).toBe("OK");
    expect(await codeOf(create({ kind: BOT, name }))).toBe("AlreadyExists");
    expect(await codeOf(create({ kind: TEAM, name }))).toBe("OK");
    expect(await codeOf(create({ kind: BOT, name }, viewer()))).toBe("PermissionDenied");
  });

  it("is read by viewers of its tenant [platz.getBot] [pds.get-service-identity] [pds.get-service-account]", async () => {
    const bot = await create({ kind: BOT, description: "all of it", tags: ["a"] });
    expect(await get(bot?.id)).toEqual(bot);
    expect(await codeOf(get(bot?.id, as(other.tokens.owner), other.tenant))).toBe("NotFound");
    expect(await codeOf(get("nobody"))).toBe("NotFound");
  });

  it("is renamed, described, tagged, disabled and enabled [platz.updateBot] [pds.update-service-identity]", async () => {
    const bot = await create({ kind: BOT, tags: ["old"] });
    const change = async (set: object, options = editor()) =>
      (await people.principals.update({ login: login(), id: bot?.id ?? "", ...set }, options)).principal;
    const name = fresh("renamed");
    expect(await change({ name, description: "new", tags: { values: ["new"] } })).toMatchObject({
      name,
      description: "new",
      tags: ["new"],
      enabled: true,
    });
    expect(await change({ enabled: false })).toMatchObject({ name, tags: ["new"], enabled: false });
    expect(await change({ enabled: true, tags: {} })).toMatchObject({ enabled: true, tags: [] });
    const taken = await create({ kind: BOT });
    expect(await codeOf(change({ name: taken?.name }))).toBe("AlreadyExists");
    expect((await refusal(change({ name: "No Such Name" }))).fields).toEqual(["name"]);
    expect((await refusal(change({ adminRole: AdminRole.VIEWER }, admin()))).fields).toEqual(["admin_role"]);
    expect(await codeOf(change({ adminRole: AdminRole.VIEWER }))).toBe("PermissionDenied");
    expect((await refusal(change({ addMembers: [login()] }))).fields).toEqual(["add_members"]);
  });

  it("is deleted with its keys and roles, by an owner [platz.deleteBot] [pds.delete-service-identity] [pds.delete-service-account]", async () => {
    const bot = await people.bot("viewer");
    const { secret } = await people.apiKey(bot);
    const remove = (options = owner()) => people.principals.delete({ login: login(), id: bot }, options);
    expect(await codeOf(remove(editor()))).toBe("PermissionDenied");
    expect((await remove()).principal).toMatchObject({ id: bot, kind: BOT });
    await expect.poll(() => people.tries(secret)).toBe("Unauthenticated");
    expect(await codeOf(get(bot))).toBe("NotFound");
    expect(await codeOf(remove())).toBe("NotFound");
  });

  it("of another tenant is seen by its name where it is a member, and changed at home only", async () => {
    const bot = await create({ kind: BOT, description: "secret", tags: ["secret"] });
    await people.setRole(bot?.id ?? "", "viewer", other.tenant);
    const theirs = as(other.tokens.owner);
    const seen = await get(bot?.id, theirs, other.tenant);
    expect(seen).toMatchObject({ id: bot?.id, name: bot?.name, description: "", tags: [], createdBy: "" });
    const foreign = { login: other.tenant, id: bot?.id ?? "" };
    expect(await codeOf(people.principals.update({ ...foreign, enabled: false }, theirs))).toBe("PermissionDenied");
    expect(await codeOf(people.principals.delete(foreign, theirs))).toBe("PermissionDenied");
  });
});

describe("a team", () => {
  it("is made with its members [tsuru.team-create]", async () => {
    const user = await people.user();
    await people.setRole(user.login, "viewer");
    const members = [user.login, await people.bot()].sort();
    expect(await create({ kind: TEAM, members })).toMatchObject({ kind: TEAM, login: login(), members });
  });

  it("is read with its members [tsuru.team-info] [pds.get-team]", async () => {
    const bot = await people.bot();
    const id = await people.team([bot]);
    expect(await get(id)).toMatchObject({ id, kind: TEAM, members: [bot] });
  });

  it("is renamed, tagged, and changes its members [tsuru.team-update]", async () => {
    const [first, second] = [await people.bot(), await people.bot()];
    const id = await people.team([first]);
    const name = fresh("team");
    const change = { name, tags: { values: ["x"] }, addMembers: [second], removeMembers: [first] };
    const { principal } = await people.principals.update({ login: login(), id, ...change }, editor());
    expect(principal).toMatchObject({ name, tags: ["x"], members: [second] });
    expect(await get(id)).toEqual(principal);
  });

  it("goes when nobody is in it [tsuru.team-remove]", async () => {
    const bot = await people.bot();
    const id = await people.team([bot]);
    const remove = () => people.principals.delete({ login: login(), id }, owner());
    expect(await refusal(remove())).toMatchObject({ code: "FailedPrecondition" });
    await people.principals.update({ login: login(), id, removeMembers: [bot] }, owner());
    expect(await codeOf(remove())).toBe("OK");
    expect(await codeOf(get(id))).toBe("NotFound");
  });

  it("takes users and bots of the tenant only: no strangers, no teams", async () => {
    const id = await people.team();
    const stranger = (await people.user()).login;
    for (const member of [stranger, await people.team(), "nobody", id]) {
      const join = people.principals.update({ login: login(), id, addMembers: [member] }, owner());
      expect(await codeOf(join)).toBe("NotFound");
      expect(await codeOf(create({ kind: TEAM, members: [member] }, owner()))).toBe("NotFound");
    }
    expect((await get(id))?.members).toEqual([]);
  });

  it("lets nobody in whose token gives less than the team has", async () => {
    const bot = await people.bot();
    const team = await people.team([], "owner");
    const join = (token: string, id = team) =>
      codeOf(people.principals.update({ login: login(), id, addMembers: [bot] }, as(token)));
    expect(await join(platform.tokens.editor)).toBe("PermissionDenied");
    expect(await join(platform.tokens.owner)).toBe("OK");
    expect(await join(platform.tokens.editor, await people.team([], "editor"))).toBe("OK");
    const leave = { login: login(), id: team, removeMembers: [bot] };
    expect(await codeOf(people.principals.update(leave, editor()))).toBe("OK");
  });

  it("lets nobody in while it is disabled, when its rights do not show", async () => {
    const bot = await people.bot();
    const id = await people.team([], "owner");
    const change = (set: object, by = editor()) => codeOf(people.principals.update({ login: login(), id, ...set }, by));
    expect(await change({ enabled: false })).toBe("OK");
    expect(await change({ addMembers: [bot] })).toBe("FailedPrecondition");
    expect(await change({ enabled: true, addMembers: [bot] })).toBe("FailedPrecondition");
    expect(await change({ enabled: true }, owner())).toBe("OK");
  });
});

describe("a user", () => {
  it("is made by an operator, with a tenant and a project [tsuru.user-create] [deis.auth-register]", async () => {
    const name = fresh("ada");
    const asked = { kind: USER, name, email: "ada@example.org", description: "founder" };
    const { principal } = await people.principals.create(asked, admin());
    expect(principal).toMatchObject({ id: name, login: name, kind: USER, name, email: "ada@example.org" });
    const { db } = platform.platform;
    expect(await tenantStore.get(db, name)).toMatchObject({ login: name, createdBy: name });
    const token = await people.console(name);
    expect(await codeOf(people.principals.get({ login: name, id: name }, as(token)))).toBe("OK");
    const { projects } = await platform.client(ProjectService).list({ tenant: name }, as(token));
    expect(projects).toMatchObject([{ tenant: name, isDefaultProject: true }]);
    expect(await codeOf(people.principals.create(asked, admin()))).toBe("AlreadyExists");
  });

  it("does not get the login of an organization, whose owner it would be", async () => {
    const { db, clock } = platform.platform;
    const name = fresh("acme");
    const [createdAt, createdBy] = [clock(), login()];
    await tenantStore.ensure(db, { login: name, name, createdBy, createdAt, updatedAt: createdAt });
    expect(await codeOf(people.principals.create({ kind: USER, name }, admin()))).toBe("AlreadyExists");
    expect(await codeOf(people.principals.get({ id: name }, admin()))).toBe("NotFound");
  });

  it.each([
    ["a user in a tenant", () => ({ kind: USER, login: login() }), "login"],
    ["a bot in no tenant", () => ({ kind: BOT, login: "" }), "login"],
    ["a bot with an e-mail address", () => ({ kind: BOT, email: "a@example.org" }), "email"],
    ["a bot with members", () => ({ kind: BOT, members: ["a"] }), "members"],
    ["a group", () => ({ kind: PrincipalKind.GROUP }), "kind"],
  ])("%s is not made", async (_, asked, field) => {
    expect(await refusal(create(asked(), admin()))).toMatchObject({ code: "InvalidArgument", fields: [field] });
  });

  it("is not made by others, and no bot of a tenant that does not exist", async () => {
    expect(await codeOf(people.principals.create({ kind: USER, name: fresh("u") }, owner()))).toBe("PermissionDenied");
    expect(await codeOf(create({ kind: BOT, login: "no-such-tenant" }, admin()))).toBe("NotFound");
  });

  it("gets and loses the admin role, and is disabled, by operators only [platz.updateUser]", async () => {
    const user = await people.user();
    await people.setRole(user.login, "owner");
    const change = (set: object, options = admin(), tenant = "") =>
      people.principals.update({ login: tenant, id: user.login, ...set }, options);
    expect((await change({ adminRole: AdminRole.VIEWER })).principal?.adminRole).toBe(AdminRole.VIEWER);
    expect((await change({ adminRole: AdminRole.UNSPECIFIED })).principal?.adminRole).toBeUndefined();
    const self = as(user.token);
    expect(await codeOf(change({ adminRole: AdminRole.EDITOR }, self, user.login))).toBe("PermissionDenied");
    for (const options of [owner(), self]) {
      const tenant = options === self ? user.login : login();
      expect(await codeOf(change({ enabled: false }, options, tenant))).toBe("PermissionDenied");
    }
    expect((await change({ enabled: false })).principal?.enabled).toBe(false);
    await expect.poll(() => people.tries(user.token)).toBe("Unauthenticated");
    await change({ enabled: true });
    await expect.poll(() => people.tries(user.token)).toBe("OK");
  });

  it("changes the own name and description, which no other owner of the personal tenant may", async () => {
    const [ada, bob] = [await people.user("ada"), await people.user("bob")];
    await people.setRole(bob.login, "owner", ada.login);
    const change = (token: string, set: object, tenant = ada.login) =>
      people.principals.update({ login: tenant, id: ada.login, ...set }, as(token));
    const { principal } = await change(ada.token, { name: "Ada L.", description: "first" });
    expect(principal).toMatchObject({ id: ada.login, name: "Ada L.", description: "first" });
    expect(await codeOf(change(ada.token, { tags: { values: ["vip"] } }))).toBe("PermissionDenied");
    expect(await codeOf(change(bob.token, { name: "Mallory" }))).toBe("PermissionDenied");
    await people.setRole(ada.login, "viewer");
    expect(await codeOf(change(platform.tokens.owner, { name: "Mallory" }, login()))).toBe("PermissionDenied");
    expect(await codeOf(change(bob.token, { name: "Mallory" }, bob.login))).toBe("NotFound");
  });
});
