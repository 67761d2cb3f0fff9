import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProjectRole, TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { CredentialKind } from "../../../../gen/ts/iam/v1/credential_pb.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { type Asked, tokensOf } from "../../support/tokens.js";
import { fresh, peopleOf } from "./people.js";
import { newSshKey } from "./ssh-keys.js";

let platform: TestPlatform;
let other: TestTenant;
let people: ReturnType<typeof peopleOf>;
let tokens: ReturnType<typeof tokensOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  other = await platform.newTenant();
  people = peopleOf(platform);
  tokens = tokensOf(platform);
});
afterAll(() => platform.close());

const methods = ["Create", "Update", "Rotate", "Delete", "Get", "List"].map(
  (name) => `/iam.v1.CredentialService/${name}`,
);
const create = (token: string, principal = "", login = platform.tenant) =>
  refusal(people.credentials.create({ login, principal, kind: CredentialKind.API_KEY, name: fresh("k") }, as(token)));

describe("a token with nothing but the methods of credentials", () => {
  let narrow: string;
  beforeAll(async () => {
    narrow = await tokens.secretOf({ permissions: [{ subject: platform.tenant, methods }] });
  });

  it("cannot make a key that carries all its owner may do", async () => {
    const { code, message } = await create(narrow);
    expect([code, message]).toEqual(["PermissionDenied", expect.stringMatching("the calling token does not")]);
  });

  it("nor one of a bot or team with a role, be it in the tenant or in a project only", async () => {
    for (const principal of [await people.bot("viewer"), await people.team([], "guest"), await people.bot("owner")]) {
      expect((await create(narrow, principal)).code).toBe("PermissionDenied");
    }
  });

  it("nor give an SSH key a way in", async () => {
    const asked = {
      login: platform.tenant,
      kind: CredentialKind.SSH_PUBLIC_KEY,
      name: fresh("k"),
      publicKey: newSshKey(),
    };
    expect(await codeOf(people.credentials.create(asked, as(narrow)))).toBe("PermissionDenied");
  });

  it("nor learn the new secret of a key, nor make one good again; but it may end them", async () => {
    const key = await people.apiKey(await people.bot("viewer"));
    const named = { login: platform.tenant, uuid: key.uuid };
    const update = (change: object) => codeOf(people.credentials.update({ ...named, ...change }, as(narrow)));
    expect(await codeOf(people.credentials.rotate(named, as(narrow)))).toBe("PermissionDenied");
    expect(await update({ expires: { seconds: 600n } })).toBe("PermissionDenied");
    expect(await update({ name: fresh("n") })).toBe("OK");
    expect(await update({ enabled: false })).toBe("OK");
    expect(await update({ enabled: true })).toBe("PermissionDenied");
    expect(await codeOf(people.credentials.delete(named, as(narrow)))).toBe("OK");
  });

  it("may make a key that is worth nothing", async () => {
    expect((await create(narrow, await people.bot())).code).toBe("OK");
  });
});

describe("a key", () => {
  const inTenant = (role: TenantRole, project = ProjectRole.OWNER): Asked => ({
    tenantRoles: { [platform.tenant]: role },
    projectRoles: { [platform.project]: project },
    permissions: [{ subject: platform.tenant, methods }],
  });

  it.each([
    ["the roles of the token", TenantRole.VIEWER, "viewer", "OK"],
    ["more than the token has", TenantRole.VIEWER, "editor", "PermissionDenied"],
    ["all that the token has", TenantRole.OWNER, "owner", "OK"],
  ] as const)("with %s is made, or not", async (_, role, held, expected) => {
    const token = await tokens.secretOf(inTenant(role));
    expect((await create(token, await people.bot(held))).code).toBe(expected);
  });

  it("is held only against what its bot may do in the tenant, not elsewhere", async () => {
    const bot = await people.bot("viewer");
    await people.setRole(bot, "owner", other.tenant);
    const token = await tokens.secretOf(inTenant(TenantRole.VIEWER, ProjectRole.VIEWER));
    expect((await create(token, bot)).code).toBe("OK");
  });

  it("is not made for a bot that is disabled, which may come back with any role", async () => {
    const bot = await people.bot("owner");
    const key = await people.apiKey(bot);
    const owner = as(platform.tokens.owner);
    await people.principals.update({ login: platform.tenant, id: bot, enabled: false }, owner);
    expect((await create(platform.tokens.owner, bot)).code).toBe("FailedPrecondition");
    const rotate = people.credentials.rotate({ login: platform.tenant, uuid: key.uuid }, owner);
    expect(await codeOf(rotate)).toBe("FailedPrecondition");
  });

  it("of oneself makes the next one", async () => {
    const user = await people.user();
    const first = await people.apiKey("", user.token, user.login);
    const second = await people.apiKey("", first.secret, user.login);
    expect(await codeOf(people.credentials.list({ login: user.login }, as(second.secret)))).toBe("OK");
  });

  it("of oneself carries more than a token that lacks one tenant", async () => {
    const user = await people.user();
    await people.setRole(user.login, "viewer");
    const asked = {
      tenantRoles: { [user.login]: TenantRole.OWNER },
      projectRoles: { [user.project]: ProjectRole.OWNER },
    };
    const token = await tokens.secretOf(asked, user.token);
    expect((await create(token, "", user.login)).code).toBe("PermissionDenied");
    const every = { projectRoles: { "*": "owner" }, tenantRoles: { "*": "owner" } } as const;
    const all = await platform.token({ owner: user.login, ...every, adminRole: null });
    expect((await create(all, "", user.login)).code).toBe("OK");
  });
});

describe("somebody else's credentials", () => {
  it("of a user are there for nobody else, whoever owns the personal tenant or the platform", async () => {
    const [ada, bob] = [await people.user("ada"), await people.user("bob")];
    await people.setRole(bob.login, "owner", ada.login);
    const key = await people.apiKey("", ada.token, ada.login);
    const named = { login: ada.login, uuid: key.uuid };
    const { credentials } = people;
    for (const token of [bob.token, platform.adminToken]) {
      const calls = [
        credentials.get(named, as(token)),
        credentials.update({ ...named, enabled: false }, as(token)),
        credentials.rotate(named, as(token)),
        credentials.delete(named, as(token)),
        credentials.list({ login: ada.login, principal: ada.login }, as(token)),
        credentials.create({ login: ada.login, principal: ada.login, kind: 1, name: "spy" }, as(token)),
      ];
      expect(await Promise.all(calls.map(codeOf))).toEqual(calls.map(() => "NotFound"));
      expect((await credentials.list({ login: ada.login }, as(token))).credentials).toEqual([]);
    }
    expect((await credentials.get(named, as(ada.token))).credential).toMatchObject({ uuid: key.uuid, enabled: true });
  });

  it("of a bot are there for the owners of its tenant only", async () => {
    const bot = await people.bot("viewer");
    await people.setRole(bot, "owner", other.tenant);
    const { uuid } = await people.apiKey(bot);
    const { credentials } = people;
    const foreign = { login: other.tenant, uuid };
    const token = as(other.tokens.owner);
    expect(await codeOf(credentials.get(foreign, token))).toBe("NotFound");
    expect(await codeOf(credentials.rotate(foreign, token))).toBe("NotFound");
    expect(await codeOf(credentials.list({ login: other.tenant, principal: bot }, token))).toBe("NotFound");
    expect((await create(other.tokens.owner, bot, other.tenant)).code).toBe("NotFound");
    const own = { login: platform.tenant, uuid };
    expect(await codeOf(credentials.get(own, token))).toBe("PermissionDenied");
    expect(await codeOf(credentials.get(own, as(platform.tokens.editor)))).toBe("PermissionDenied");
    expect(await codeOf(credentials.get(own))).toBe("Unauthenticated");
  });

  it("are none for who is unknown", async () => {
    expect((await create(platform.tokens.owner, "nobody")).code).toBe("NotFound");
  });
});
