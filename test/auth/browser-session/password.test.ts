import { eq } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AuthService } from "../../../gen/ts/iam/v1/auth_pb.js";
import { PrincipalService } from "../../../gen/ts/iam/v1/principal_pb.js";
import { digestOf, newSecret } from "../../../src/auth/secrets.js";
import { sessions } from "../../../src/resources/iam/auth/table.js";
import { principals } from "../../../src/resources/iam/principal/table.js";
import { codeOf } from "../../resources/support/refusals.js";
import { as, startPlatform, type TestPlatform } from "../../support/platform.js";
import { type ConsolePage, openPage } from "./support/page.js";
import { newUser, password } from "./support/users.js";

let site: TestPlatform;
let user: string;
let page: ConsolePage;
let now: Date | undefined;
beforeAll(async () => {
  const env = { SLIPWAY_PASSWORD_SIGN_IN: "on", SLIPWAY_ACCESS_TOKEN_SECONDS: "600", SLIPWAY_SESSION_SECONDS: "7200" };
  site = await startPlatform({ background: false, env, clock: () => now ?? new Date() });
});
afterAll(() => site.close());
beforeEach(async () => {
  now = undefined;
  user = await newUser(site);
  page = openPage(site.url);
});

const auth = () => site.client(AuthService);
const holds = (token: string): Promise<string> => codeOf(auth().whoAmI({}, as(token)));
const later = (seconds: number): void => {
  now = new Date((now ?? new Date()).getTime() + seconds * 1_000);
};
const sessionsOf = (principal: string) =>
  site.platform.db.select().from(sessions).where(eq(sessions.principal, principal));

describe("signing in with a password", () => {
  it("answers an access token of a session, and sets the cookie that renews it", async () => {
    now = new Date();
    const answer = await page.password(user, password);
    expect(answer.status).toBe(200);
    expect(Object.keys(answer.body).sort()).toEqual(["accessToken", "expiresAt", "sessionExpiresAt"]);
    const who = await auth().whoAmI({}, as(answer.body.accessToken));
    expect([who.principal?.id, who.tokenType]).toEqual([user, 2]);
    // Tokens count in whole seconds.
    expect(Math.ceil((Date.parse(answer.body.expiresAt) - now.getTime()) / 1_000)).toBe(600);
    const [session] = await sessionsOf(user);
    expect(answer.body.sessionExpiresAt).toBe(session?.expiresAt.toISOString());
    expect(answer.headers.getSetCookie()).toHaveLength(1);
    const cookie = answer.headers.getSetCookie()[0] ?? "";
    expect(cookie).toMatch(
      /^slipway_session=slipb_[0-9a-f]{32}_[\w-]{43}; Max-Age=7200; Path=\/; HttpOnly; SameSite=Strict$/,
    );
    expect(session?.refreshDigest).toBe(digestOf(/=([^;]+)/.exec(cookie)?.[1] ?? ""));
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("content-type")).toBe("application/json");
  });

  it("answers 401 for a wrong password and an unknown name alike, and sets no cookie", async () => {
    const wrong = await page.password(user, "wrong");
    const unknown = await page.password("nobody-of-that-name", password);
    expect([wrong.status, wrong.body.code]).toEqual([401, "unauthenticated"]);
    expect([unknown.status, unknown.body]).toEqual([401, wrong.body]);
    expect([...wrong.headers.getSetCookie(), ...unknown.headers.getSetCookie()]).toEqual([]);
  });

  it("counts guesses together with those of ExchangeToken, and says how long to wait", async () => {
    now = new Date();
    const grant = { case: "password", value: { username: user, password: "wrong" } } as const;
    for (let guesses = 0; guesses < 3; guesses += 1) await page.password(user, "wrong");
    for (let guesses = 0; guesses < 2; guesses += 1) await codeOf(auth().exchangeToken({ grant }));
    const answer = await page.password(user, password);
    expect([answer.status, answer.body.code]).toEqual([429, "resource_exhausted"]);
    expect(answer.headers.get("retry-after")).toBe("1");
    // Of a name that does not exist the same is known in both places, too.
    const stranger = { case: "password", value: { username: "a-stranger", password } } as const;
    for (let guesses = 0; guesses < 5; guesses += 1) await codeOf(auth().exchangeToken({ grant: stranger }));
    expect((await page.password("a-stranger", password)).status).toBe(429);
  });

  it("refuses what is no name and password, without a word of it", async () => {
    const bad = [
      "{",
      "[]",
      "null",
      '"text"',
      "{}",
      { username: user },
      { password: "hidden-word" },
      { username: user, password: 1234567 },
      { username: user, password: "" },
      { username: user, password: "hidden-word", more: 1 },
      { username: "x".repeat(257), password: "hidden-word" },
      { username: user, password: "hidden-word".repeat(200) },
      { username: "a\u0000b", password: "hidden-word" },
    ];
    for (const body of bad) {
      const answer = await page.post("/auth/session/password", body);
      expect([body, answer.status, answer.body.code]).toEqual([body, 400, "invalid_argument"]);
      expect(answer.body.message).not.toMatch(/hidden-word|1234567/);
    }
    const long = await page.post("/auth/session/password", { username: user, password: "x".repeat(70_000) });
    expect([long.status, long.body.code]).toEqual([413, "invalid_argument"]);
    const form = await page.post("/auth/session/password", "username=a", {
      "content-type": "application/x-www-form-urlencoded",
    });
    expect(form.status).toBe(400);
  });

  it("writes no password, cookie or token into the log", async () => {
    const { body, headers } = await page.password(user, password);
    await page.password(user, "a-wrong-password");
    await page.refresh();
    const log = JSON.stringify(site.lines);
    const cookie = /slipb_\w+/.exec(headers.getSetCookie()[0] ?? "")?.[0] ?? "none";
    for (const secret of [password, "a-wrong-password", body.accessToken, cookie]) expect(log).not.toContain(secret);
  });
});

describe("renewing a session", () => {
  it("brings another token of the same session, and leaves cookie and session as they are", async () => {
    const first = await page.password(user, password);
    const second = await page.refresh();
    expect(second.status).toBe(200);
    expect(second.headers.getSetCookie()).toEqual([]);
    expect(second.body.accessToken).not.toBe(first.body.accessToken);
    expect(second.body.sessionExpiresAt).toBe(first.body.sessionExpiresAt);
    expect(await Promise.all([first, second].map(({ body }) => holds(body.accessToken)))).toEqual(["OK", "OK"]);
    expect(await sessionsOf(user)).toMatchObject([{ refreshes: 1, endedAt: null }]);
  });

  it("holds when tabs renew at once, and when an answer was lost", async () => {
    await page.password(user, password);
    const answers = await Promise.all(Array.from({ length: 6 }, () => page.refresh()));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
    // Nobody has read any of these answers: the cookie is as good as before.
    const again = await page.refresh();
    expect(await holds(again.body.accessToken)).toBe("OK");
    expect(await sessionsOf(user)).toMatchObject([{ refreshes: 7, endedAt: null }]);
  });

  it("answers 401 without a cookie, and for one that is made up, and touches no other session", async () => {
    expect((await page.refresh()).status).toBe(401);
    await page.password(user, password);
    const [session] = await sessionsOf(user);
    const { secret } = newSecret("browserCookie", session?.id ?? "");
    const refreshToken = newSecret("refreshToken", session?.id ?? "").secret;
    for (const value of ["", "x", secret, refreshToken, `${secret}x`, secret.toUpperCase()]) {
      const answer = await openPage(site.url).post("/auth/session/refresh", undefined, {
        cookie: `slipway_session=${value}`,
      });
      expect([value, answer.status, answer.body.code]).toEqual([value, 401, "unauthenticated"]);
      expect(answer.headers.getSetCookie()).toEqual([]);
    }
    expect((await page.refresh()).status).toBe(200);
  });

  it("takes no cookie as a refresh token, and no refresh token as a cookie", async () => {
    const { headers } = await page.password(user, password);
    const cookie = /slipb_[\w-]+/.exec(headers.getSetCookie()[0] ?? "")?.[0] ?? "";
    const grant = (refreshToken: string) => ({ grant: { case: "refreshToken", value: { refreshToken } } as const });
    expect(await codeOf(auth().exchangeToken(grant(cookie)))).toBe("Unauthenticated");
    expect((await page.refresh()).status).toBe(200);
    const program = await auth().exchangeToken({
      grant: { case: "password", value: { username: user, password } },
    });
    const other = openPage(site.url);
    const header = { cookie: `slipway_session=${program.refreshToken}` };
    expect((await other.post("/auth/session/refresh", undefined, header)).status).toBe(401);
    expect((await auth().exchangeToken(grant(program.refreshToken))).principal?.id).toBe(user);
  });

  it("gives tokens that end with the session, and none after it", async () => {
    now = new Date();
    const first = await page.password(user, password);
    later(7_200 - 300);
    const last = await page.refresh();
    expect(last.body.expiresAt.slice(0, 19)).toBe(first.body.sessionExpiresAt.slice(0, 19));
    later(300);
    expect((await page.refresh()).status).toBe(401);
    expect(await holds(last.body.accessToken)).toBe("Unauthenticated");
  });
});

describe("the end of a session", () => {
  it("comes with logout: its tokens end at once, and the browser forgets the cookie", async () => {
    const { body } = await page.password(user, password);
    const renewed = await page.refresh();
    const other = openPage(site.url);
    await other.password(user, password);
    const answer = await page.logout();
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([
      204,
      ["slipway_session=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict"],
    ]);
    expect(await Promise.all([body, renewed.body].map((each) => holds(each.accessToken)))).toEqual([
      "Unauthenticated",
      "Unauthenticated",
    ]);
    expect((await page.refresh()).status).toBe(401);
    expect((await other.refresh()).status).toBe(200);
    expect((await page.logout()).status).toBe(204);
  });

  it("comes with AuthService.Logout of one of its tokens", async () => {
    const { body } = await page.password(user, password);
    await auth().logout({}, as(body.accessToken));
    expect((await page.refresh()).status).toBe(401);
  });

  it("comes with a new password", async () => {
    const { body } = await page.password(user, password);
    const proof = { case: "currentPassword", value: password } as const;
    await auth().setPassword({ username: user, proof, newPassword: "another horse battery" });
    expect(await holds(body.accessToken)).toBe("Unauthenticated");
    expect((await page.refresh()).status).toBe(401);
    expect((await page.password(user, "another horse battery")).status).toBe(200);
  });

  it("comes when the user is disabled or deleted", async () => {
    const { body } = await page.password(user, password);
    await site.platform.db.update(principals).set({ enabled: false }).where(eq(principals.id, user));
    expect((await page.refresh()).status).toBe(401);
    expect(await holds(body.accessToken)).toBe("Unauthenticated");
    expect((await page.password(user, password)).status).toBe(401);
    const gone = await newUser(site);
    const other = openPage(site.url);
    const { accessToken } = (await other.password(gone, password)).body;
    await site.client(PrincipalService).delete({ login: gone, id: gone }, as(accessToken));
    expect((await other.refresh()).status).toBe(401);
  });

  it("is not slipped through by a renewal at the same moment", async () => {
    const { body } = await page.password(user, password);
    const answers = await Promise.all([
      page.refresh(),
      auth().logout({}, as(body.accessToken)),
      page.refresh(),
      page.refresh(),
    ]);
    const tokens = answers.flatMap((answer) => ("status" in answer && answer.status === 200 ? answer.body : []));
    expect(await Promise.all(tokens.map(({ accessToken }) => holds(accessToken)))).toEqual(
      tokens.map(() => "Unauthenticated"),
    );
  });
});

describe("where passwords are off", () => {
  it("answers 400 and says so", async () => {
    const other = await startPlatform({ background: false });
    const answer = await openPage(other.url).password("demo", password);
    expect([answer.status, answer.body.code]).toEqual([400, "failed_precondition"]);
    await other.close();
  });
});
