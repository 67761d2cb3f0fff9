import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TenantService } from "../../../gen/ts/api/v1/tenant_pb.js";
import { AuthService } from "../../../gen/ts/iam/v1/auth_pb.js";
import { codeOf } from "../../resources/support/refusals.js";
import { as } from "../../support/platform.js";
import { newBrowser } from "./support/browser.js";
import { loopback, type SignInSite, startSite } from "./support/site.js";

let site: SignInSite;
beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site.close());

const begin = (provider: string, redirect = loopback): string =>
  `${site.platform.url}/auth/${provider}?redirect-url=${redirect}`;

/** Begins a sign-in, and goes on until the provider sends the browser back; answers that URL. */
async function beforeCallback(browser = newBrowser(), change: (url: URL) => void = () => {}): Promise<string> {
  site.idp.subject = "held";
  const first = await browser.get(begin("oidc"));
  const url = new URL(first.headers.get("location") ?? "");
  change(url);
  return (await browser.follow(url.href, `${site.platform.url}/auth/oidc/callback`)).href;
}

const countTokens = async (): Promise<number> => {
  const { rows } = await site.platform.database.server.pool.query("select count(*)::int as n from tokens");
  return rows[0].n;
};

describe("signing in by /auth/{provider}", () => {
  it("sends the browser back to the loopback with a token that works", async () => {
    site.idp.accounts.set("ada", { nickname: "Ada L", name: "Ada Lovelace", picture: "https://example.com/ada.png" });
    const back = await site.signIn("google", "ada");
    const token = back.searchParams.get("token") ?? "";
    const { principal, tokenType } = await site.auth.whoAmI({}, as(token));
    expect(principal).toMatchObject({
      id: "ada-l@google",
      name: "Ada Lovelace",
      avatarUrl: "https://example.com/ada.png",
    });
    expect(tokenType).toBe(2);
    const { tenants } = await site.platform.client(TenantService).list({}, as(token));
    expect(tenants.map(({ login }) => login)).toEqual(["ada-l@google"]);
  });

  it("keeps the other parameters of the redirect URL, encoded or not, to the letter", async () => {
    site.idp.subject = "ada";
    const plain = "http://127.0.0.1:49152/cb?a=1&b=%20x";
    for (const given of [plain, encodeURIComponent(plain)]) {
      const back = await newBrowser().follow(begin("google", given), "http://127.0.0.1:49152/cb");
      expect(back.href.startsWith(`${plain}&token=ey`)).toBe(true);
    }
  });

  it("asks the provider with PKCE, state and nonce, and tells caches and other sites nothing", async () => {
    const answer = await newBrowser().get(begin("oidc"));
    const query = new URL(answer.headers.get("location") ?? "").searchParams;
    expect(answer.status).toBe(302);
    expect(query.get("code_challenge_method")).toBe("S256");
    for (const name of ["code_challenge", "state", "nonce"]) expect(query.get(name)).toMatch(/^[\w-]{43}$/);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
    expect(answer.headers.getSetCookie()[0]).toMatch(/; Path=\/; HttpOnly; SameSite=Lax$/);
  });

  it("refuses a redirect URL that is not allowed before anything happens", async () => {
    for (const bad of [
      "https://evil.example.com",
      "https://console.example.com@evil.com",
      "//evil.com",
      "",
      "x".repeat(5_000),
    ]) {
      const answer = await newBrowser().get(begin("oidc", bad));
      expect([answer.status, answer.headers.get("location")]).toEqual([400, null]);
    }
    expect((await newBrowser().get(`${site.platform.url}/auth/oidc`)).status).toBe(400);
  });

  it("answers 404 for an unknown provider, 502 for one that is away, and goes on serving", async () => {
    expect((await newBrowser().get(begin("nobody"))).status).toBe(404);
    const away = await newBrowser().get(begin("gone"));
    expect([away.status, await away.text()]).toEqual([502, "Gone does not sign anybody in now; try again later\n"]);
    expect((await newBrowser().get(begin("oidc"))).status).toBe(302);
  });
});

describe("the callback", () => {
  it("takes each state once", async () => {
    const browser = newBrowser();
    const callback = await beforeCallback(browser);
    expect((await browser.get(callback)).status).toBe(303);
    const before = await countTokens();
    expect((await browser.get(callback)).status).toBe(401);
    expect(await countTokens()).toBe(before);
  });

  it("takes a state from one of two who bring it at once", async () => {
    const browser = newBrowser();
    const callback = await beforeCallback(browser);
    const statuses = (await Promise.all([browser.get(callback), browser.get(callback)])).map(({ status }) => status);
    expect(statuses.sort()).toEqual([303, 401]);
  });

  it("refuses a browser that did not begin the sign-in, and the state is spent", async () => {
    const browser = newBrowser();
    const callback = await beforeCallback(browser);
    const other = newBrowser();
    await other.get(begin("oidc"));
    expect((await other.get(callback)).status).toBe(403);
    expect((await browser.get(callback)).status).toBe(401);
  });

  it("refuses the state of another provider, and one that is made up", async () => {
    const browser = newBrowser();
    const callback = await beforeCallback(browser);
    expect((await browser.get(callback.replace("/oidc/", "/azure/"))).status).toBe(401);
    expect((await browser.get(`${site.platform.url}/auth/oidc/callback?code=x&state=made-up`)).status).toBe(401);
    expect((await browser.get(`${site.platform.url}/auth/oidc/callback?code=x`)).status).toBe(400);
    expect((await browser.get(callback)).status).toBe(303);
  });

  it.each(["nonce", "code_challenge"])("refuses an answer that was made for another %s", async (name) => {
    const browser = newBrowser();
    const callback = await beforeCallback(browser, (url) => url.searchParams.set(name, "x".repeat(43)));
    const answer = await browser.get(callback);
    expect([answer.status, answer.headers.get("location")]).toEqual([401, null]);
  });

  it("refuses a code that the provider does not know", async () => {
    const browser = newBrowser();
    const callback = new URL(await beforeCallback(browser));
    callback.searchParams.set("code", "stolen");
    expect((await browser.get(callback.href)).status).toBe(401);
  });

  it("tells of a refusal at the provider without its words", async () => {
    site.idp.refuses = true;
    const browser = newBrowser();
    const callback = await beforeCallback(browser);
    site.idp.refuses = false;
    expect(callback).toContain("said+no");
    const answer = await browser.get(callback);
    expect([answer.status, await answer.text()]).toEqual([403, "the sign-in was refused at Our own\n"]);
  });

  it("tells of an error at the provider without its words", async () => {
    const browser = newBrowser();
    const callback = new URL(await beforeCallback(browser));
    callback.searchParams.delete("code");
    callback.searchParams.set("error", "server_error");
    callback.searchParams.set("error_description", "<script>");
    const answer = await browser.get(callback.href);
    expect([answer.status, await answer.text()]).toEqual([
      502,
      "Our own does not sign anybody in now; try again later\n",
    ]);
  });

  it("does nothing for HEAD", async () => {
    const browser = newBrowser();
    const callback = await beforeCallback(browser);
    expect((await browser.get(callback, { method: "HEAD" })).status).toBe(204);
    expect((await browser.get(callback)).status).toBe(303);
    const head = await browser.get(begin("oidc"), { method: "HEAD" });
    expect([head.status, head.headers.get("location"), head.headers.getSetCookie()]).toEqual([204, null, []]);
  });

  it("refuses a sign-in that took too long", async () => {
    const browser = newBrowser();
    const callback = await beforeCallback(browser);
    await site.platform.database.server.pool.query(
      "update login_attempts set expires_at = now() - interval '1 second'",
    );
    expect((await browser.get(callback)).status).toBe(401);
  });
});

describe("signing out by /auth/logout/{provider}", () => {
  const logout = (headers: Record<string, string>, method = "GET") =>
    fetch(`${site.platform.url}/auth/logout/google`, { method, headers });

  it("revokes the token and its session", async () => {
    const authorization = `Bearer ${await site.tokenOf("google", "ada")}`;
    expect((await logout({ authorization }, "HEAD")).status).toBe(204);
    expect((await logout({ authorization })).status).toBe(200);
    expect((await logout({ authorization })).status).toBe(401);
    const again = site.platform.client(AuthService).whoAmI({}, { headers: { authorization } });
    await expect(codeOf(again)).resolves.toBe("Unauthenticated");
    const { rows } = await site.platform.database.server.pool.query(
      "select count(*)::int as n from sessions where ended_at is not null and principal = 'ada-l@google'",
    );
    expect(rows[0].n).toBe(1);
  });

  it("answers 401 without a token, and with one that does not hold", async () => {
    expect((await logout({})).status).toBe(401);
    expect((await logout({ authorization: "Bearer nonsense" })).status).toBe(401);
    expect((await logout({ authorization: "Basic YTpi" })).status).toBe(401);
  });
});

it("logs neither tokens nor codes nor states", async () => {
  const browser = newBrowser();
  const callback = new URL(await beforeCallback(browser));
  const back = new URL((await browser.get(callback.href)).headers.get("location") ?? "");
  await browser.get(callback.href);
  const log = JSON.stringify(site.platform.lines);
  const secrets = [
    callback.searchParams.get("code"),
    callback.searchParams.get("state"),
    back.searchParams.get("token"),
  ];
  for (const secret of secrets) {
    expect(secret).not.toBe(null);
    expect(log).not.toContain(secret);
  }
});
