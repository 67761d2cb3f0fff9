import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProjectService } from "../../../gen/ts/api/v1/project_pb.js";
import { TenantService } from "../../../gen/ts/api/v1/tenant_pb.js";
import { acceptAccount } from "../../../src/auth/sign-in/accept.js";
import { roleBindings } from "../../../src/resources/iam/access/table.js";
import { principalStore } from "../../../src/resources/iam/principal/store.js";
import { as } from "../../support/platform.js";
import { newBrowser } from "./support/browser.js";
import { loopback, type SignInSite, startSite } from "./support/site.js";

let site: SignInSite;
beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site.close());

const whoAmI = async (provider: string, subject: string) =>
  await site.auth.whoAmI({}, as(await site.tokenOf(provider, subject)));
const rows = async (query: string, values: unknown[] = []) =>
  (await site.platform.database.server.pool.query(query, values)).rows;

describe("the first sign-in", () => {
  it("makes the user, the personal tenant that waits for admission, and its default project", async () => {
    const picture = "https://example.com/grace.png";
    site.idp.accounts.set("g-1", {
      nickname: "grace",
      name: "Grace",
      picture,
      email: "g@example.com",
      email_verified: true,
    });
    const token = await site.tokenOf("google", "g-1");
    const { tenant, tenantMembers } = await site.platform
      .client(TenantService)
      .get({ login: "grace@google" }, as(token));
    const profile = { name: "Grace", email: "g@example.com", avatarUrl: picture, oauthProvider: 3 };
    expect(tenant).toMatchObject({ login: "grace@google", ...profile, admitted: false, createdBy: "grace@google" });
    expect(tenantMembers).toMatchObject([{ id: "grace@google", role: 1 }]);
    const { projects } = await site.platform.client(ProjectService).list({}, as(token));
    expect(projects).toMatchObject([{ tenant: "grace@google", isDefaultProject: true }]);
    const { principal, projectRoles } = await site.auth.whoAmI({}, as(token));
    expect(principal).toMatchObject({ id: "grace@google", ...profile, enabled: true });
    expect(projectRoles).toEqual({ [projects[0]?.uuid ?? ""]: 1 });
  });

  it("happens once: the second keeps all, and takes over what the provider says now", async () => {
    site.idp.accounts.set("g-2", {
      nickname: "barbara",
      name: "Barbara",
      email: "b@example.com",
      email_verified: true,
    });
    const first = await whoAmI("google", "g-2");
    site.idp.accounts.set("g-2", { nickname: "renamed", name: "Barbara L", email: "other@example.com" });
    const second = await whoAmI("google", "g-2");
    expect(second.principal).toMatchObject({ id: "barbara@google", name: "Barbara L", email: "" });
    expect(second.projectRoles).toEqual(first.projectRoles);
    const seconds = (at: { seconds: bigint } | undefined) => at?.seconds ?? 0n;
    expect(seconds(second.principal?.signedInAt)).toBeGreaterThanOrEqual(seconds(first.principal?.signedInAt));
    expect(await rows("select count(*)::int as n from projects where tenant = 'barbara@google'")).toEqual([{ n: 1 }]);
  });

  it("never makes two accounts one user, whatever they call themselves", async () => {
    const same = { nickname: "eve", email: "eve@example.com", email_verified: true };
    for (const subject of ["e-1", "e-2"]) site.idp.accounts.set(subject, same);
    const ids = [await whoAmI("google", "e-1"), await whoAmI("google", "e-2"), await whoAmI("azure", "e-1")];
    expect(ids[0]?.principal?.id).toBe("eve@google");
    expect(ids[1]?.principal?.id).toMatch(/^eve-[0-9a-f]{8}@google$/);
    expect(ids[2]?.principal?.id).toBe("eve@azure");
  });

  it("takes over neither a user nor an organization that bears the login", async () => {
    const { db, clock } = site.platform.platform;
    await principalStore.ensureUser(db, "root@google", clock(), "editor");
    await rows(
      "insert into tenants (login, name, created_by, created_at, updated_at) values ('corp@google', 'corp', 'x', now(), now())",
    );
    for (const nickname of ["root", "corp"]) {
      site.idp.accounts.set(nickname, { nickname });
      const { principal, tenantRoles } = await whoAmI("google", nickname);
      expect(principal?.id).toMatch(new RegExp(`^${nickname}-[0-9a-f]{8}@google$`));
      expect(Object.keys(tenantRoles)).toEqual([principal?.id]);
    }
  });

  it("makes one user of an account that signs in several times at once", async () => {
    const { db, clock, newId, signIn, methods, rightsOf } = site.platform.platform;
    const provider = signIn.providers[0];
    if (provider === undefined) throw new Error("there is no provider");
    const account = { subject: "twin", nickname: "twin", name: "", email: "", avatarUrl: "", groups: undefined };
    const accept = () =>
      acceptAccount(db, provider, account, { now: clock(), newId, admitted: true, methods, rightsOf });
    expect(new Set(await Promise.all([accept(), accept(), accept()]))).toEqual(new Set(["twin@google"]));
    expect(await rows("select count(*)::int as n from principals where id like 'twin%'")).toEqual([{ n: 1 }]);
  });

  it("refuses an account without a name of its own", async () => {
    const { db, clock, newId, signIn, methods, rightsOf } = site.platform.platform;
    const provider = signIn.providers[0];
    if (provider === undefined) throw new Error("there is no provider");
    for (const subject of ["", "a\u0000", "x".repeat(256)]) {
      const account = { subject, nickname: "x", name: "", email: "", avatarUrl: "", groups: undefined };
      const accepted = acceptAccount(db, provider, account, { now: clock(), newId, admitted: true, methods, rightsOf });
      await expect(accepted).rejects.toThrow("does not say which account");
    }
  });
});

describe("a disabled user", () => {
  it("does not sign in, and nothing of the user changes", async () => {
    site.idp.accounts.set("mallory", { nickname: "mallory", name: "Mallory" });
    const token = await site.tokenOf("google", "mallory");
    await rows("update principals set enabled = false where id = 'mallory@google'");
    site.idp.accounts.set("mallory", { nickname: "mallory", name: "Renamed" });
    await expect(site.signIn("google", "mallory")).rejects.toThrow(
      "401 at /auth/google/callback: this account is disabled",
    );
    expect(await rows("select name from principals where id = 'mallory@google'")).toEqual([{ name: "Mallory" }]);
    await expect
      .poll(() =>
        site.auth.whoAmI({}, as(token)).then(
          () => "in",
          () => "out",
        ),
      )
      .toBe("out");
  });
});

describe("groups", () => {
  const groupsOf = async (provider: string, groups: unknown): Promise<string[]> => {
    site.idp.accounts.set("grouped", { nickname: "grouped", groups });
    return (await whoAmI(provider, "grouped")).teams;
  };

  it("are those that the provider names at each sign-in", async () => {
    expect(await groupsOf("azure", ["ops", "dev", "dev"])).toEqual(["group:dev@azure", "group:ops@azure"]);
    expect(await groupsOf("azure", ["dev", "new one"])).toEqual(["group:dev@azure", "group:new one@azure"]);
    expect(await rows("select kind, name from principals where id = 'group:ops@azure'")).toEqual([
      { kind: "group", name: "ops" },
    ]);
    expect(await groupsOf("azure", [])).toEqual([]);
  });

  it("of one provider do not touch those of another, nor teams", async () => {
    const { tenant } = site.platform;
    const stamps = "now(), now()";
    await groupsOf("azure", ["dev"]);
    await rows(
      `insert into principals (id, kind, tenant, name, created_at, updated_at)
      values ('team-1', 'team', $1, 'team', ${stamps})`,
      [tenant],
    );
    await rows(`insert into principals (id, kind, name, created_at, updated_at)
      values ('group:dev@my-azure', 'group', 'dev', ${stamps})`);
    await rows(`insert into team_members (team, member, created_at)
      values ('team-1', 'grouped@azure', now()), ('group:dev@my-azure', 'grouped@azure', now())`);
    expect(await groupsOf("azure", [])).toEqual(["group:dev@my-azure", "team-1"]);
  });

  it("are not looked at where the provider has no claim for them", async () => {
    expect(await groupsOf("google", ["ops"])).toEqual([]);
  });
});

describe("invitations by e-mail", () => {
  const invite = async (email: string): Promise<void> => {
    const { db, clock, newId } = site.platform.platform;
    const { tenant } = site.platform;
    const row = { id: newId(), scope: "tenant", tenant, email, builtInRole: "viewer", createdBy: tenant } as const;
    await db.insert(roleBindings).values({ ...row, createdAt: clock() });
  };

  it("are accepted by who signs in with that address, if it is verified", async () => {
    await invite("new@example.com");
    const account = { nickname: "newcomer", email: "New@Example.com" };
    site.idp.accounts.set("newcomer", account);
    expect(Object.keys((await whoAmI("oidc", "newcomer")).tenantRoles)).toEqual(["newcomer@oidc"]);
    site.idp.accounts.set("newcomer", { ...account, email_verified: true });
    const { tenantRoles } = await whoAmI("oidc", "newcomer");
    expect(tenantRoles).toEqual({ "newcomer@oidc": 1, [site.platform.tenant]: 3 });
  });
});

describe("GitHub", () => {
  it("signs in with the user name and the verified primary address", async () => {
    site.github.user = { id: 42, login: "Octo-Cat", name: "Octo", avatar_url: "https://example.com/o.png" };
    site.github.emails = [{ email: "octo@example.com", primary: true, verified: true }];
    const { principal } = await whoAmI("github", "");
    expect(principal).toMatchObject({
      id: "octo-cat@github",
      name: "Octo",
      email: "octo@example.com",
      oauthProvider: 1,
    });
    expect(await rows("select subject from identities where principal = 'octo-cat@github'")).toEqual([
      { subject: "42" },
    ]);
  });

  it("is asked with PKCE, and a code that it does not know is refused", async () => {
    const browser = newBrowser();
    const first = await browser.get(`${site.platform.url}/auth/github?redirect-url=${loopback}`);
    const url = new URL(first.headers.get("location") ?? "");
    expect(url.searchParams.get("code_challenge_method")).toBe("S256");
    url.searchParams.set("code_challenge", "x".repeat(43));
    const callback = await browser.follow(url.href, `${site.platform.url}/auth/github/callback`);
    expect((await browser.get(callback.href)).status).toBe(401);
  });

  it("that answers nonsense is away", async () => {
    site.github.emails = { message: "not a list" } as never;
    await expect(site.signIn("github", "")).rejects.toThrow("502 at /auth/github/callback");
  });
});
