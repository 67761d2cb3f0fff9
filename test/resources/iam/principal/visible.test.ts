import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AdminRole, TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { PrincipalKind } from "../../../../gen/ts/iam/v1/principal_pb.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { fresh, peopleOf } from "../credential/people.js";

let platform: TestPlatform;
let people: ReturnType<typeof peopleOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
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

describe("what a tenant sees of a user", () => {
  it("is the name; its editors also see the address, and nobody the admin role [platz.getUser] [pds.get-user]", async () => {
    const name = fresh("eve");
    await people.principals.create({ kind: USER, name, email: "eve@example.org", description: "x" }, admin());
    await people.principals.update({ id: name, adminRole: AdminRole.VIEWER, tags: { values: ["t"] } }, admin());
    expect(await codeOf(get(name))).toBe("NotFound");
    await people.setRole(name, "guest");
    const hidden = { id: name, kind: USER, login: name, name, description: "", tags: [] };
    expect(await get(name)).toMatchObject({ ...hidden, email: "" });
    for (const options of [owner(), editor()]) {
      const seen = await get(name, options);
      expect(seen).toMatchObject({ ...hidden, email: "eve@example.org" });
      expect(seen?.adminRole).toBeUndefined();
    }
    for (const options of [as(await people.console(name)), admin()]) {
      const seen = await people.principals.get({ login: name, id: name }, options);
      expect(seen.principal).toMatchObject({ email: "eve@example.org", adminRole: AdminRole.VIEWER, tags: ["t"] });
    }
  });
});

describe("the list", () => {
  let tenant: TestTenant;
  let made: Record<"bot" | "team" | "guest" | "foreign", string>;
  beforeAll(async () => {
    tenant = await platform.newTenant();
    const make = async (kind: PrincipalKind, tags: string[]) =>
      (await create({ login: tenant.tenant, kind, tags }, as(tenant.tokens.owner)))?.id ?? "";
    made = {
      bot: await make(BOT, ["red", "blue"]),
      team: await make(TEAM, ["blue"]),
      guest: (await people.user()).login,
      foreign: await people.bot("editor", tenant.tenant),
    };
    await people.setRole(made.guest, "guest", tenant.tenant);
  });
  const list = async (filter: object = {}, options = as(tenant.tokens.viewer)) =>
    (await people.principals.list({ login: tenant.tenant, ...filter }, options)).principals.map(({ id }) => id);

  it("has users and bots by kind and id [platz.allUsers] [platz.allBots] [pds.list-account-users] [pds.list-service-identities] [pds.list-service-accounts]", async () => {
    const users = [tenant.tenant, made.guest].sort();
    const bots = [made.bot, made.foreign].sort();
    expect(await list()).toEqual([...users, ...bots, made.team]);
    expect(await list({ kind: USER })).toEqual(users);
    expect(await list({ kind: BOT })).toEqual(bots);
  });

  it("has teams, users of a role, and what bears a tag [tsuru.team-list] [tsuru.user-list]", async () => {
    expect(await list({ kind: TEAM })).toEqual([made.team]);
    expect(await list({ role: TenantRole.OWNER })).toEqual([tenant.tenant]);
    expect(await list({ role: TenantRole.GUEST })).toEqual([made.guest]);
    expect(await list({ role: TenantRole.EDITOR, kind: BOT })).toEqual([made.foreign]);
    expect(await list({ tag: "blue" })).toEqual([made.bot, made.team]);
    expect(await list({ tag: "red", kind: TEAM })).toEqual([]);
  });

  it("comes in pages that miss nobody", async () => {
    const seen: string[] = [];
    let page: bigint | undefined = 0n;
    while (page !== undefined) {
      const asked = { login: tenant.tenant, paging: { page, count: 2n } };
      const answer = await people.principals.list(asked, as(tenant.tokens.viewer));
      seen.push(...answer.principals.map(({ id }) => id));
      page = answer.nextPage;
    }
    expect(seen).toEqual(await list());
  });

  it("has everybody for operators, and for nobody else", async () => {
    const all = await list({ login: "", paging: { count: 1_000n } }, admin());
    expect(all).toEqual(expect.arrayContaining([...Object.values(made), "root", login()]));
    expect(await codeOf(list({ login: "" }, owner()))).toBe("PermissionDenied");
    expect(await codeOf(list({}, owner()))).toBe("PermissionDenied");
    expect((await refusal(list({ login: "", role: TenantRole.OWNER }, admin()))).fields).toEqual(["role"]);
  });
});
