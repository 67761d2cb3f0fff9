import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TokenType } from "../../../../gen/ts/api/v1/token_pb.js";
import { ProviderKind } from "../../../../gen/ts/iam/v1/auth_pb.js";
import { PrincipalKind } from "../../../../gen/ts/iam/v1/principal_pb.js";
import { digestOf, newSecret } from "../../../../src/auth/secrets.js";
import { authBackground } from "../../../../src/resources/iam/auth/background.js";
import { credentials } from "../../../../src/resources/iam/credential/table.js";
import { newBrowser } from "../../../auth/sign-in/support/browser.js";
import { codeChallenge, loopback, type SignInSite, startSite, verifier } from "../../../auth/sign-in/support/site.js";
import { as } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";

let site: SignInSite;
beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site.close());

const query = async (text: string, values: unknown[] = []) =>
  (await site.platform.database.server.pool.query(text, values)).rows;
const byCode = (code: string, codeVerifier = verifier) =>
  site.auth.exchangeToken({ grant: { case: "authorizationCode", value: { code, codeVerifier } } });
const byRefresh = (refreshToken: string) =>
  site.auth.exchangeToken({ grant: { case: "refreshToken", value: { refreshToken } } });
const codeFor = async (subject: string): Promise<string> =>
  (await site.startLogin("oidc", subject)).searchParams.get("code") ?? "";
const holds = (token: string): Promise<string> => codeOf(site.auth.whoAmI({}, as(token)));
const secondsUntil = (at: { seconds: bigint } | undefined): number => Number(at?.seconds ?? 0n) - Date.now() / 1_000;

describe("GetAuthInfo", () => {
  it("tells everybody how to sign in [tsuru.auth-scheme] [tsuru.saml-metadata] [pds.get-oidc-info]", async () => {
    const info = await site.auth.getAuthInfo({});
    expect(info.providers.map(({ id, kind, name, issuer }) => ({ id, kind, name, issuer }))).toEqual([
      { id: "google", kind: ProviderKind.GOOGLE, name: "Google", issuer: site.idp.issuer },
      { id: "azure", kind: ProviderKind.AZURE, name: "Entra ID", issuer: site.idp.issuer },
      { id: "oidc", kind: ProviderKind.OIDC, name: "Our own", issuer: site.idp.issuer },
      { id: "github", kind: ProviderKind.GITHUB, name: "GitHub", issuer: "" },
      { id: "gone", kind: ProviderKind.OIDC, name: "Gone", issuer: "http://127.0.0.1:1" },
    ]);
    const { url } = site.platform;
    expect(info).toMatchObject({ passwordSignIn: false, issuer: url, jwksUrl: `${url}/.well-known/jwks.json` });
    const { keys } = (await (await fetch(info.jwksUrl)).json()) as { keys: unknown[] };
    expect(keys).not.toEqual([]);
  });
});

describe("StartLogin", () => {
  const start = (fields: { provider?: string; redirectUrl?: string }) =>
    refusal(site.auth.startLogin({ provider: "google", redirectUrl: loopback, codeChallenge, ...fields }));

  it("leads to a code and the client's own state [platz.startGoogleLogin]", async () => {
    site.idp.subject = "hopper";
    const state = "a state & more";
    const login = await site.auth.startLogin({
      provider: "google",
      redirectUrl: `${loopback}?a=%20b`,
      codeChallenge,
      state,
    });
    expect(secondsUntil(login.expiresAt)).toBeGreaterThan(500);
    const back = await newBrowser().follow(login.authorizationUrl, loopback);
    expect(back.href.startsWith(`${loopback}?a=%20b&code=slipc_`)).toBe(true);
    expect(back.searchParams.get("state")).toBe(state);
    expect(back.searchParams.has("token")).toBe(false);
  });

  it("leads to a configured origin or URL, and to no other", async () => {
    for (const redirectUrl of [
      "https://console.example.com/signed-in",
      "https://app.example.com/signed-in?from=slipway",
    ]) {
      expect((await start({ redirectUrl })).code).toBe("OK");
    }
    for (const redirectUrl of [
      "https://evil.example.com/",
      "https://console.example.com@evil.com/",
      "http://127.0.0.1.evil.com/",
    ]) {
      expect(await start({ redirectUrl })).toMatchObject({ code: "InvalidArgument", fields: ["redirect_url"] });
    }
  });

  it("refuses an unknown provider, and tells when one is away", async () => {
    expect((await start({ provider: "nobody" })).code).toBe("NotFound");
    expect((await start({ provider: "gone" })).code).toBe("Unavailable");
  });
});

describe("ExchangeToken with a code", () => {
  it("opens a session [platz.finishGoogleLogin] [pds.exchange-authorization-code] [tsuru.saml-callback]", async () => {
    site.idp.accounts.set("hopper", { nickname: "hopper", name: "Grace Hopper" });
    const answer = await byCode(await codeFor("hopper"));
    expect(answer.principal).toMatchObject({ id: "hopper@oidc", name: "Grace Hopper", kind: PrincipalKind.USER });
    expect(answer.refreshToken).toMatch(/^slipr_/);
    expect(secondsUntil(answer.expiresAt)).toBeGreaterThan(3_500);
    expect(secondsUntil(answer.sessionExpiresAt)).toBeGreaterThan(29 * 86_400);
    const me = await site.auth.whoAmI({}, as(answer.accessToken));
    expect(me).toMatchObject({ tokenType: TokenType.CONSOLE, tenantRoles: { "hopper@oidc": 1 } });
  });

  it("refuses all that is wrong in the same words", async () => {
    const code = await codeFor("hopper");
    const madeUp = newSecret("loginCode", site.platform.platform.newId()).secret;
    const other = `${code.slice(0, -1)}${code.endsWith("A") ? "B" : "A"}`;
    const refusals = await Promise.all([
      refusal(byCode("nonsense")),
      refusal(byCode(madeUp)),
      refusal(byCode(other)),
      refusal(byCode(code, `${verifier}x`)),
      refusal(byRefresh(code)),
    ]);
    expect(new Set(refusals.map(({ code, message }) => `${code} ${message}`)).size).toBe(1);
    expect(refusals[0]?.code).toBe("Unauthenticated");
    // None of that has spent it.
    expect((await byCode(code)).accessToken).toMatch(/^ey/);
  });

  it("refuses a code that is too old", async () => {
    const code = await codeFor("hopper");
    await query("update login_codes set expires_at = now() - interval '1 second' where digest = $1", [digestOf(code)]);
    expect(await codeOf(byCode(code))).toBe("Unauthenticated");
  });

  it("ends the session when the code comes again", async () => {
    const code = await codeFor("hopper");
    const { accessToken, refreshToken } = await byCode(code);
    expect(await codeOf(byCode(code))).toBe("Unauthenticated");
    expect(await codeOf(byRefresh(refreshToken))).toBe("Unauthenticated");
    await expect.poll(() => holds(accessToken)).toBe("Unauthenticated");
  });

  it("lets one of several win who bring a code at once, and ends the session", async () => {
    const code = await codeFor("hopper");
    const answers = await Promise.all([byCode(code), byCode(code), byCode(code)].map((call) => codeOf(call)));
    expect(answers.sort()).toEqual(["OK", "Unauthenticated", "Unauthenticated"]);
    const live = "select count(*)::int as n from tokens where session = $1 and revoked_at is null";
    const [row] = await query("select session from login_codes where digest = $1", [digestOf(code)]);
    expect(await query(live, [row?.session])).toEqual([{ n: 0 }]);
  });

  it("refuses a user who was disabled meanwhile", async () => {
    site.idp.accounts.set("late", { nickname: "late" });
    const code = await codeFor("late");
    await query("update principals set enabled = false where id = 'late@oidc'");
    expect(await refusal(byCode(code))).toMatchObject({ code: "Unauthenticated", message: "this account is disabled" });
  });
});

describe("ExchangeToken with a refresh token", () => {
  it("brings the next one, and the session ends when it would have [pds.refresh-token]", async () => {
    const first = await byCode(await codeFor("hopper"));
    const second = await byRefresh(first.refreshToken);
    const third = await byRefresh(second.refreshToken);
    expect(new Set([first, second, third].map(({ refreshToken }) => refreshToken)).size).toBe(3);
    expect(third.sessionExpiresAt).toEqual(first.sessionExpiresAt);
    expect(third.principal?.id).toBe("hopper@oidc");
    expect(await holds(first.accessToken)).toBe("OK");
    expect(await holds(third.accessToken)).toBe("OK");
  });

  it("ends the session when a spent one comes again", async () => {
    const first = await byCode(await codeFor("hopper"));
    const second = await byRefresh(first.refreshToken);
    expect(await codeOf(byRefresh(first.refreshToken))).toBe("Unauthenticated");
    expect(await codeOf(byRefresh(second.refreshToken))).toBe("Unauthenticated");
    for (const { accessToken } of [first, second]) await expect.poll(() => holds(accessToken)).toBe("Unauthenticated");
  });

  it("lets one of several win who use one at once, and ends the session", async () => {
    const { refreshToken } = await site.newSession("hopper");
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => byRefresh(refreshToken).catch((error) => ConnectError.from(error).code)),
    );
    const won = answers.filter((each) => typeof each === "object");
    expect(won).toHaveLength(1);
    expect(answers.filter((each) => each === Code.Unauthenticated)).toHaveLength(4);
    for (const { accessToken } of won) await expect.poll(() => holds(accessToken)).toBe("Unauthenticated");
  });

  it("refuses one that is made up, malformed, or of a session that is over", async () => {
    const { refreshToken } = await site.newSession("hopper");
    const madeUp = newSecret("refreshToken", site.platform.platform.newId()).secret;
    for (const wrong of ["nonsense", madeUp, `${refreshToken}x`])
      expect(await codeOf(byRefresh(wrong))).toBe("Unauthenticated");
    await query("update sessions set expires_at = now() where refresh_digest = $1", [digestOf(refreshToken)]);
    expect(await codeOf(byRefresh(refreshToken))).toBe("Unauthenticated");
  });

  it("gives no token that outlives the session", async () => {
    const { refreshToken } = await site.newSession("hopper");
    await query("update sessions set expires_at = now() + interval '100 seconds' where refresh_digest = $1", [
      digestOf(refreshToken),
    ]);
    expect(secondsUntil((await byRefresh(refreshToken)).expiresAt)).toBeLessThanOrEqual(100);
  });
});

describe("WhoAmI", () => {
  it("tells who calls and what the token gives [platz.authMe] [tsuru.user-info] [pds.whoami]", async () => {
    const { tenant, project, tokens } = site.platform;
    const me = await site.auth.whoAmI({}, as(tokens.editor));
    expect(me).toMatchObject({
      principal: { id: tenant, kind: PrincipalKind.USER, login: tenant },
      tokenType: TokenType.API,
      projectRoles: { [project]: 2 },
      tenantRoles: { [tenant]: 2 },
      teams: [],
    });
    expect(me.adminRole).toBe(undefined);
    expect(secondsUntil(me.expiresAt)).toBeGreaterThan(3_000);
    const admin = await site.auth.whoAmI({}, as(site.platform.adminToken));
    expect(admin).toMatchObject({ adminRole: 1, principal: { id: "root", adminRole: 1 } });
    expect(await codeOf(site.auth.whoAmI({}))).toBe("Unauthenticated");
  });
});

describe("Logout", () => {
  it("ends the token and its session [tsuru.logout]", async () => {
    const first = await site.newSession("hopper");
    const second = await byRefresh(first.refreshToken);
    await site.auth.logout({}, as(second.accessToken));
    for (const { accessToken } of [first, second]) await expect.poll(() => holds(accessToken)).toBe("Unauthenticated");
    expect(await codeOf(byRefresh(second.refreshToken))).toBe("Unauthenticated");
  });

  it("revokes an API token alone", async () => {
    const { tokens } = await site.platform.newTenant();
    await site.auth.logout({}, as(tokens.viewer));
    await expect.poll(() => holds(tokens.viewer)).toBe("Unauthenticated");
    expect(await holds(tokens.owner)).toBe("OK");
  });

  it("refuses an API key", async () => {
    const { db, newId, clock } = site.platform.platform;
    const { tenant } = site.platform;
    const id = newId();
    const { secret, digest } = newSecret("apiKey", id);
    const row = { id, principal: tenant, kind: "api_key", name: "key", digest, createdBy: tenant } as const;
    await db.insert(credentials).values({ ...row, rotatedAt: clock(), createdAt: clock() });
    expect(await holds(secret)).toBe("OK");
    expect(await codeOf(site.auth.logout({}, as(secret)))).toBe("FailedPrecondition");
  });
});

describe("passwords that are off", () => {
  it("are refused by ExchangeToken and SetPassword", async () => {
    const grant = { case: "password", value: { username: "root", password: "x" } } as const;
    expect(await codeOf(site.auth.exchangeToken({ grant }))).toBe("FailedPrecondition");
    const proof = { case: "currentPassword", value: "x" } as const;
    const set = site.auth.setPassword({ username: "root", proof, newPassword: "a new password" });
    expect(await codeOf(set)).toBe("FailedPrecondition");
  });
});

it("forgets what was over an hour ago, and nothing else", async () => {
  const over = await site.newSession("hopper");
  const live = await site.newSession("hopper");
  await query("update sessions set ended_at = now() - interval '2 hours' where refresh_digest = $1", [
    digestOf(over.refreshToken),
  ]);
  await codeFor("hopper");
  await query("update login_codes set expires_at = now() - interval '2 hours'");
  site.idp.subject = "hopper";
  await site.auth.startLogin({ provider: "oidc", redirectUrl: loopback, codeChallenge });
  await query("update login_attempts set expires_at = now() - interval '2 hours'");
  await site.auth.startLogin({ provider: "oidc", redirectUrl: loopback, codeChallenge });
  const { tasks, cron = [] } = authBackground(site.platform.platform);
  for (const { task } of cron) await tasks[task]?.(undefined, {} as never);
  expect(await query("select count(*)::int as n from login_codes")).toEqual([{ n: 0 }]);
  expect(await query("select count(*)::int as n from login_attempts")).toEqual([{ n: 1 }]);
  expect(await query("select count(*)::int as n from sessions where ended_at < now() - interval '1 hour'")).toEqual([
    { n: 0 },
  ]);
  await expect.poll(() => holds(over.accessToken)).toBe("Unauthenticated");
  expect(await holds(live.accessToken)).toBe("OK");
});
