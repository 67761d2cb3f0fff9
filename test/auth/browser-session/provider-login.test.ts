import { eq } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AuthService } from "../../../gen/ts/iam/v1/auth_pb.js";
import { browserSessionRoutes } from "../../../src/auth/browser-session/routes.js";
import { loginAttempts, loginCodes, sessions } from "../../../src/resources/iam/auth/table.js";
import { principals } from "../../../src/resources/iam/principal/table.js";
import { codeOf } from "../../resources/support/refusals.js";
import { as } from "../../support/platform.js";
import { newBrowser } from "../sign-in/support/browser.js";
import { codeChallenge, type SignInSite, startSite } from "../sign-in/support/site.js";
import { type ConsolePage, openPage } from "./support/page.js";

let site: SignInSite;
let url: string;
let page: ConsolePage;
beforeAll(async () => {
  site = await startSite();
  url = site.platform.url;
});
afterAll(() => site.close());
beforeEach(() => {
  site.idp.subject = "ada";
  site.idp.refuses = false;
  page = openPage(url);
});

const login = (query = "provider=oidc&return-to=/clusters") => `${url}/auth/session/login?${query}`;
const rows = () => site.platform.platform.db;

/** Follows a sign-in until it is back at the console's callback, which is not asked yet. */
const untilCallback = (browser = page.browser, begin = login()) =>
  browser.follow(begin, `${url}/auth/session/callback`).then(({ href }) => href);
/** Where an answer leads, within this server. */
const pathOf = (answer: Response) => (answer.headers.get("location") ?? "").replace(url, "");

describe("signing in at an identity provider", () => {
  it("ends at the path that was asked for, with a session that can be renewed", async () => {
    const back = await page.browser.follow(login("provider=oidc&return-to=/clusters?all=1"), `${url}/clusters`);
    expect(back.href).toBe(`${url}/clusters?all=1`);
    const { status, body } = await page.refresh();
    expect(status).toBe(200);
    const who = await site.auth.whoAmI({}, as(body.accessToken));
    expect([who.principal?.id, who.tokenType]).toEqual(["ada@oidc", 2]);
    expect((await page.logout()).status).toBe(204);
    expect((await page.refresh()).status).toBe(401);
  });

  it("sets cookies that scripts do not see: for the way there one that comes back, for the session a strict one", async () => {
    const begun = await page.browser.get(login());
    expect([begun.status, begun.headers.get("cache-control")]).toEqual([303, "no-store"]);
    expect(begun.headers.getSetCookie()).toEqual([
      expect.stringMatching(
        /^slipway_console_[\w-]{16}=[\w-]{43}\.[\w-]+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/,
      ),
    ]);
    const answer = await page.browser.get(await untilCallback());
    expect([answer.status, pathOf(answer), answer.headers.get("cache-control")]).toEqual([
      303,
      "/clusters",
      "no-store",
    ]);
    const [session, past] = answer.headers.getSetCookie();
    expect(session).toMatch(/^slipway_session=slipb_[\w-]+; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(past).toMatch(/^slipway_console_[\w-]{16}=; Max-Age=0; Path=\/; HttpOnly; SameSite=Lax$/);
  });

  it("comes back to the callback that clients have: providers need no other", async () => {
    const begun = await page.browser.get(login());
    const query = new URL(begun.headers.get("location") ?? "").searchParams;
    expect(query.get("redirect_uri")).toBe(`${url}/auth/oidc/callback`);
    expect(query.get("code_challenge_method")).toBe("S256");
  });

  it("goes on in several tabs at once", async () => {
    const first = await untilCallback();
    const second = await untilCallback(page.browser, login("provider=google&return-to=/second"));
    expect(pathOf(await page.browser.get(first))).toBe("/clusters");
    expect(pathOf(await page.browser.get(second))).toBe("/second");
    expect((await page.refresh()).status).toBe(200);
  });

  it("leaves few cookies behind, however many are begun, and the newest go on", async () => {
    const long = login(`provider=oidc&return-to=/${"x".repeat(1_000)}`);
    for (let times = 0; times < 12; times += 1) {
      const { headers } = await page.browser.get(long);
      await page.browser.get(`${url}/auth/oidc?redirect-url=http://127.0.0.1:1/`);
      const ended = headers.getSetCookie().filter((cookie) => cookie.includes("Max-Age=0"));
      expect(ended.length).toBe(times < 5 ? 0 : 1);
    }
    const sent = page.browser.cookies(url);
    expect(sent.filter((name) => name.startsWith("slipway_console_"))).toHaveLength(5);
    expect(sent.filter((name) => name.startsWith("slipway_login_"))).toHaveLength(5);
    expect(pathOf(await page.browser.get(await untilCallback()))).toBe("/clusters");
  });

  it("begins nothing for who only looks", async () => {
    const before = await rows().$count(loginAttempts);
    expect((await page.browser.get(login(), { method: "HEAD" })).status).toBe(204);
    expect(await rows().$count(loginAttempts)).toBe(before);
  });
});

describe("a sign-in that fails", () => {
  const failed = "/sign-in?error=permission_denied&return-to=";

  it("ends at the console's page for it when the user refuses, or is disabled", async () => {
    site.idp.refuses = true;
    const refused = await page.browser.get(await untilCallback());
    expect([refused.status, pathOf(refused)]).toEqual([303, `${failed}%2Fclusters`]);
    expect(refused.headers.getSetCookie()).toEqual([expect.stringMatching(/^slipway_console_[\w-]{16}=; Max-Age=0/)]);
    site.idp.refuses = false;
    await page.browser.get(await untilCallback(page.browser, login()));
    await rows().update(principals).set({ enabled: false }).where(eq(principals.id, "ada@oidc"));
    const disabled = await page.browser.get(await untilCallback());
    expect(pathOf(disabled)).toBe("/sign-in?error=unauthenticated&return-to=%2Fclusters");
    expect((await page.refresh()).status).toBe(401);
    await rows().update(principals).set({ enabled: true }).where(eq(principals.id, "ada@oidc"));
  });

  it("ends there when the provider is unknown or away", async () => {
    for (const [query, path] of [
      ["provider=nobody&return-to=/a", "/sign-in?error=not_found&return-to=%2Fa"],
      ["", "/sign-in?error=not_found&return-to=%2F"],
      ["provider=gone", "/sign-in?error=unavailable&return-to=%2F"],
    ] as const) {
      const answer = await page.browser.get(login(query));
      expect([query, answer.status, pathOf(answer)]).toEqual([query, 303, path]);
    }
  });

  it("ends there when it comes too late, or a second time", async () => {
    const providerCallback = (await page.browser.follow(login(), `${url}/auth/oidc/callback`)).href;
    await rows().delete(loginAttempts);
    const late = await page.browser.follow(providerCallback, `${url}/sign-in`);
    expect(late.href).toBe(`${url}/sign-in?error=unauthenticated&return-to=%2F`);
    const callback = await untilCallback();
    expect(pathOf(await page.browser.get(callback))).toBe("/clusters");
    expect(pathOf(await page.browser.get(callback))).toBe(`${failed}%2F`);
    // Whoever has the browser has not got hold of its code as well: that session goes on.
    expect((await page.refresh()).status).toBe(200);
  });

  it("ends there in a browser that did not begin it, whose session stays what it was", async () => {
    const mallory = openPage(url);
    site.idp.subject = "mallory";
    const planted = await untilCallback(mallory.browser);
    site.idp.subject = "ada";
    await page.browser.get(await untilCallback());
    const answer = await page.browser.get(planted);
    expect(pathOf(answer)).toBe(`${failed}%2F`);
    expect(answer.headers.getSetCookie().some((cookie) => cookie.startsWith("slipway_session"))).toBe(false);
    const { body } = await page.refresh();
    expect((await site.auth.whoAmI({}, as(body.accessToken))).principal?.id).toBe("ada@oidc");
  });

  it("ends there with a code that is worthless without the browser's cookie", async () => {
    const callback = new URL(await untilCallback());
    const code = callback.searchParams.get("code") ?? "";
    // Whoever reads the URL has no verifier.
    const grant = { case: "authorizationCode", value: { code, codeVerifier: "a".repeat(43) } } as const;
    expect(await codeOf(site.platform.client(AuthService).exchangeToken({ grant }))).toBe("Unauthenticated");
    const other = new URL(await untilCallback(newBrowser()));
    other.searchParams.set("state", callback.searchParams.get("state") ?? "");
    const answer = await page.browser.get(other.href);
    expect(pathOf(answer)).toBe("/sign-in?error=unauthenticated&return-to=%2Fclusters");
  });

  it("says nothing that a URL has brought", async () => {
    for (const query of [
      "error=<script>alert(1)</script>",
      "error=Your+account+is+locked,+call+555",
      "error=permission_denied&state=x",
      "error=ok",
      "code=x&state=y",
      "",
    ]) {
      const answer = await page.browser.get(`${url}/auth/session/callback?${query}`);
      const error = new URL(answer.headers.get("location") ?? "", url).searchParams.get("error");
      expect([query, answer.status]).toEqual([query, 303]);
      expect(["permission_denied", "unauthenticated"]).toContain(error);
      expect(await answer.text()).toBe("");
    }
  });
});

describe("a sign-in that cannot be recorded", () => {
  it("does not begin, and is told so like others: by the console's page, or in JSON", async () => {
    const { platform } = site.platform;
    const routes = browserSessionRoutes(platform, () => Promise.reject(new Error("the disk is full")));
    const before = await rows().$count(loginAttempts);
    const answerOf = (path: string, headers: Record<string, string> = {}) => {
      const query = new URLSearchParams("provider=oidc&return-to=/clusters");
      const trace = { requestId: "r", traceId: "t", spanId: "s", sampled: false };
      const origin = { trace, peer: { address: "192.0.2.1", userAgent: "" } };
      const request = { method: "", params: {}, query, rawQuery: `${query}`, headers, origin };
      return routes
        .find((route) => route.path === path)
        ?.handle({ ...request, body: () => Promise.resolve(Buffer.of()) });
    };
    for (const path of ["/auth/session/login", "/auth/session/callback"]) {
      const location = "/sign-in?error=unavailable&return-to=%2Fclusters";
      expect(await answerOf(path)).toMatchObject({ status: 303, headers: { location, "cache-control": "no-store" } });
    }
    const refused = await answerOf("/auth/session/refresh", { "x-slipway-console": "1", origin: url });
    expect(refused).toMatchObject({ status: 503, headers: { "retry-after": "1", "cache-control": "no-store" } });
    expect(JSON.parse(String(refused?.body)).code).toBe("unavailable");
    expect(await rows().$count(loginAttempts)).toBe(before);
  });
});

describe("the console's callback", () => {
  it("is no redirect URL for others", async () => {
    const redirectUrl = `${url}/auth/session/callback`;
    const foreign = "https://slipway.example.com/auth/session/callback";
    expect(await codeOf(site.auth.startLogin({ provider: "oidc", redirectUrl: foreign, codeChallenge }))).toBe(
      "InvalidArgument",
    );
    // On the loopback everything is allowed, as for any program there; its token is not taken.
    const back = await page.browser.follow(`${url}/auth/oidc?redirect-url=${redirectUrl}`, redirectUrl);
    const answer = await page.browser.get(back.href);
    expect(pathOf(answer)).toMatch(/^\/sign-in\?error=permission_denied/);
    expect((await page.refresh()).status).toBe(401);
  });

  it("leaves no session that can be used when nobody comes", async () => {
    await untilCallback();
    const open = await rows().select().from(sessions).innerJoin(loginCodes, eq(loginCodes.session, sessions.id));
    const unused = open.filter(({ login_codes: { usedAt } }) => usedAt === null);
    expect(unused.length).toBeGreaterThan(0);
    for (const { sessions: session } of unused) {
      expect(session.refreshDigest).toBeNull();
      expect(session.expiresAt.getTime() - session.createdAt.getTime()).toBe(60_000);
    }
  });
});
