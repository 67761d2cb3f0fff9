import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { problemOf } from "../../../clients/ts/src/problem.js";
import { expiryOf, sessionTokens } from "../../../clients/ts/src/session-tokens.js";
import { ClusterService } from "../../../gen/ts/api/v1/cluster_pb.js";
import { TokenService } from "../../../gen/ts/api/v1/token_pb.js";
import { DeploymentService } from "../../../gen/ts/deploy/v1/deployment_pb.js";
import { AuthService } from "../../../gen/ts/iam/v1/auth_pb.js";
import { newSecret } from "../../../src/auth/secrets.js";
import { ensurePersonalTenant } from "../../../src/resources/api/tenant/personal.js";
import { passwordResets } from "../../../src/resources/iam/principal/table.js";
import { answer } from "../../../src/rpc/http-types.js";
import { listen } from "../../../src/rpc/listen.js";
import { deploymentsOf } from "../../resources/deploy/deployment/deployments.js";
import { as, startPlatform, type TestPlatform } from "../../support/platform.js";
import { entries } from "./support/entries.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false, env: { SLIPWAY_PASSWORD_SIGN_IN: "on" } });
});
afterAll(() => platform.close());

const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => "OK",
    (error: unknown) => Code[problemOf(error).code],
  );

/** A token that does not hold any more. */
async function endedToken(): Promise<string> {
  const token = await platform.token({
    owner: platform.tenant,
    projectRoles: { "*": "owner" },
    tenantRoles: {},
    adminRole: null,
  });
  const { tokenId } = await platform.client(AuthService).whoAmI({}, as(token));
  await platform.client(TokenService).revoke({ uuid: tokenId }, as(token));
  return token;
}

/** Gives a token for each renewal, as long as there are any, and counts. */
function renewals(...tokens: (string | undefined)[]) {
  const counted = { count: 0, renew: async () => tokens[counted.count++] };
  return counted;
}

describe.each(entries)("a client that renews ($name)", ({ open }) => {
  it("renews once for all calls that fail together, and calls again", async () => {
    const renewal = renewals(platform.tokens.owner);
    const slipway = open({ url: platform.url, token: await endedToken(), renew: renewal.renew });
    const auth = slipway.client(AuthService);
    const answers = await Promise.all(Array.from({ length: 20 }, () => auth.whoAmI({})));
    expect(new Set(answers.map(({ principal }) => principal?.id))).toEqual(new Set([platform.tenant]));
    await auth.whoAmI({});
    expect(renewal.count).toBe(1);
  });

  it("renews again when the token of the renewal has ended, too", async () => {
    const renewal = renewals(await endedToken(), platform.tokens.owner);
    const slipway = open({ url: platform.url, token: await endedToken(), renew: renewal.renew });
    const auth = slipway.client(AuthService);
    expect(await codeOf(auth.whoAmI({}))).toBe("Unauthenticated");
    expect(await codeOf(auth.whoAmI({}))).toBe("OK");
    expect(renewal.count).toBe(2);
  });

  it("uses what the source tells after a renewal", async () => {
    let told = await endedToken();
    const renew = async () => {
      told = platform.tokens.owner;
      return told;
    };
    const auth = open({ url: platform.url, token: () => told, renew }).client(AuthService);
    expect((await auth.whoAmI({})).principal?.id).toBe(platform.tenant);
    const other = await platform.newTenant();
    told = other.tokens.owner;
    expect((await auth.whoAmI({})).principal?.id).toBe(other.tenant);
  });

  it("answers UNAUTHENTICATED when nothing is renewed, and why renewing failed", async () => {
    const token = await endedToken();
    const without = open({ url: platform.url, token, renew: async () => undefined }).client(AuthService);
    expect(await codeOf(without.whoAmI({}))).toBe("Unauthenticated");
    const failing = open({ url: platform.url, token, renew: () => Promise.reject(new Error("signed out")) });
    await expect(failing.client(AuthService).whoAmI({})).rejects.toThrow("signed out");
  });

  it("renews for streams that begin", async () => {
    const all = await deploymentsOf(platform, await platform.newTenant());
    const { uuid } = await all.create();
    const token = new Headers(all.owner.headers).get("authorization")?.slice("Bearer ".length);
    const renewal = renewals(token);
    const slipway = open({ url: platform.url, token: await endedToken(), renew: renewal.renew });
    const stop = new AbortController();
    const stream = slipway.client(DeploymentService).watch({ project: all.project }, { signal: stop.signal });
    const first = await stream[Symbol.asyncIterator]().next();
    expect(first.value?.deployment?.uuid).toBe(uuid);
    expect(renewal.count).toBe(1);
    stop.abort();
  });

  it("gives its token to no other server, whoever leads a call there", async () => {
    const seen: (string | undefined)[] = [];
    const elsewhere = await listen(
      (req, res) => {
        seen.push(req.headers.authorization);
        req.resume();
        answer(res, 404, {}, "");
      },
      { host: "127.0.0.1", port: 0 },
    );
    const other = `http://127.0.0.1:${elsewhere.port}`;
    const leading = await listen(
      (req, res) => {
        req.resume();
        answer(res, 307, { location: `${other}${req.url}` }, "");
      },
      { host: "127.0.0.1", port: 0 },
    );
    const token = platform.tokens.owner;
    const redirected = open({ url: `http://127.0.0.1:${leading.port}`, token });
    expect(await codeOf(redirected.client(AuthService).whoAmI({}))).not.toBe("OK");
    const turning: Interceptor = (next) => (req) => next({ ...req, url: req.url.replace(platform.url, other) });
    const turned = open({ url: platform.url, token, interceptors: [turning] });
    expect(await codeOf(turned.client(AuthService).whoAmI({}))).not.toBe("OK");
    expect(seen.every((header) => header === undefined)).toBe(true);
    await Promise.all([elsewhere, leading].map((server) => server.close({ graceMs: 0 })));
  });

  it("does not show its token", async () => {
    const token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzZWNyZXQifQ.c2VjcmV0LXNpZ25hdHVyZQ";
    const clusters = open({ url: platform.url, token }).client(ClusterService);
    const problem = problemOf(await clusters.list({ project: platform.project }).catch((error: unknown) => error));
    expect(problem.code).toBe(Code.Unauthenticated);
    expect(JSON.stringify(problem)).not.toContain(token.slice(-20));
    const foreign = new Error(`request with authorization: Bearer ${token} failed at https://me:${token}@host/`);
    expect(problemOf(foreign).message).toBe(
      "request with authorization: Bearer [redacted] failed at https://[redacted]@host/",
    );
  });
});

describe("the tokens of a session", () => {
  const password = "correct horse battery";

  /** Signs a new user in. */
  async function signIn(login: string) {
    const { db, newId, clock } = platform.platform;
    await ensurePersonalTenant(db, login, { now: clock(), newId });
    const { secret, digest } = newSecret("passwordReset", newId());
    const expiresAt = new Date(Date.now() + 3_600_000);
    await db.insert(passwordResets).values({ digest, principal: login, createdBy: "root", expiresAt });
    const auth = platform.client(AuthService);
    await auth.setPassword({ username: login, proof: { case: "resetCode", value: secret }, newPassword: password });
    return auth.exchangeToken({ grant: { case: "password", value: { username: login, password } } });
  }

  describe.each(entries)("($name)", ({ name, open }) => {
    it("go on with one exchange for many calls, and end when the session does", async () => {
      const login = `user-${name.replaceAll(/\W+/g, "-")}`;
      const signedIn = await signIn(login);
      const kept = [signedIn.refreshToken];
      // The client asks the session for tokens, and the session asks the client for new ones.
      const slipway = open({ url: platform.url, token: () => session.token(), renew: () => session.renew() });
      const auth = slipway.client(AuthService);
      const session = sessionTokens({
        refreshToken: signedIn.refreshToken,
        exchange: (refreshToken) => auth.exchangeToken({ grant: { case: "refreshToken", value: { refreshToken } } }),
        onTokens: ({ refreshToken }) => void kept.push(refreshToken),
      });
      const answers = await Promise.all(Array.from({ length: 10 }, () => auth.whoAmI({})));
      expect(new Set(answers.map(({ principal }) => principal?.id))).toEqual(new Set([login]));
      expect(kept).toHaveLength(2);
      const before = await session.token();
      expect(await session.renew()).not.toBe(before);
      expect(await session.token()).not.toBe(before);
      expect(new Set(kept).size).toBe(3);
      await auth.logout({});
      expect(await codeOf(auth.whoAmI({}))).toBe("Unauthenticated");
      expect(kept).toHaveLength(3);
    });
  });

  const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;
  const seconds = () => Math.floor(Date.now() / 1000);

  /** A session whose token was made an hour ago and has some seconds left. */
  function session(left: number, exchange: () => string) {
    const exchanged: string[] = [];
    const accessToken = jwt({ iat: seconds() - 3_600, exp: seconds() + left });
    const tokens = sessionTokens({
      refreshToken: "first",
      accessToken,
      exchange: async (refreshToken) => {
        exchanged.push(refreshToken);
        return { accessToken: exchange(), refreshToken: "second" };
      },
    });
    return { ...tokens, exchanged, accessToken };
  }

  it("are renewed when most of their time is over, and used to their end when that fails", async () => {
    const next = jwt({ iat: seconds(), exp: seconds() + 3_600 });
    const young = session(3_600, () => next);
    expect(await young.token()).toBe(young.accessToken);
    const old = session(60, () => next);
    expect([await old.token(), await old.token(), old.exchanged]).toEqual([next, next, ["first"]]);
    const away = () => {
      throw new ConnectError("away", Code.Unavailable);
    };
    const lonely = session(60, away);
    expect(await lonely.token()).toBe(lonely.accessToken);
    await expect(session(-1, away).token()).rejects.toThrow("away");
  });

  it("are kept before they are used, also by calls that come meanwhile", async () => {
    const next = jwt({ iat: seconds(), exp: seconds() + 3_600 });
    const seen: string[] = [];
    const tokens = sessionTokens({
      refreshToken: "first",
      exchange: async () => ({ accessToken: next, refreshToken: "second" }),
      onTokens: async ({ refreshToken }) => {
        const meanwhile = tokens.token().then(() => seen.push("used"));
        await new Promise((resolve) => setTimeout(resolve, 20));
        seen.push(`kept ${refreshToken}`);
        void meanwhile;
      },
    });
    await tokens.token();
    await expect.poll(() => seen).toEqual(["kept second", "used"]);
  });

  it("are not renewed with every call where the clock is an hour ahead of the server's", async () => {
    const next = jwt({ iat: seconds() - 3_600, exp: seconds() - 3_000 });
    const ahead = session(-3_000, () => next);
    expect([await ahead.token(), await ahead.token(), ahead.exchanged]).toEqual([next, next, ["first"]]);
  });

  it("are not asked for again when the session has ended", async () => {
    const over = session(-1, () => {
      throw new ConnectError("the session has ended", Code.Unauthenticated);
    });
    for (const call of [over.token, over.renew, over.token]) await expect(call()).rejects.toThrow("has ended");
    expect(over.exchanged).toEqual(["first"]);
  });

  it("tells when a token ends", () => {
    expect(expiryOf(jwt({ exp: 1_800_000_000, name: "Zoë" }))).toEqual(new Date(1_800_000_000_000));
    for (const none of ["", "slipk_0_x", "a.b.c", jwt({}), jwt({ exp: "soon" })])
      expect(expiryOf(none)).toBeUndefined();
  });
});
