import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { parse, stringify } from "yaml";
import { newUser, password } from "../auth/browser-session/support/users.js";
import { newBrowser } from "../auth/sign-in/support/browser.js";
import { type SignInSite, startSite } from "../auth/sign-in/support/site.js";
import { openProgram, type UserProgram } from "./support/program.js";

// Each command is a process of its own, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let site: SignInSite;
let user: UserProgram;
beforeAll(async () => {
  site = await startSite({ SLIPWAY_PASSWORD_SIGN_IN: "on", SLIPWAY_ADMIT_TENANTS: "automatic" });
});
afterAll(() => site.close());
beforeEach(async () => {
  await user?.close();
  user = await openProgram();
});
afterAll(() => user.close());

const url = () => site.platform.url;
const printedUrl = /^ {2}(http\S+)$/m;

/** Signs in through a browser as an account of the provider. */
async function signIn(subject: string, ...more: string[]) {
  site.idp.subject = subject;
  const login = user.start(["login", "--url", url(), "--provider", "oidc", "--no-browser", ...more]);
  const [, there = ""] = await login.printed(printedUrl);
  const callback = await browse(there);
  const page = await fetch(callback);
  return { outcome: await login.outcome, page: await page.text(), status: page.status };
}

/** Goes where a browser is sent, until it is to come back to the client. */
async function browse(from: string): Promise<string> {
  const browser = newBrowser();
  let at = from;
  for (let steps = 0; steps < 15; steps += 1) {
    const to = (await browser.get(at)).headers.get("location");
    if (to === null) throw new Error(`the browser stays at ${at}`);
    at = new URL(to, at).href;
    if (new URL(at).pathname === "/callback") return at;
  }
  throw new Error("the browser is sent on and on");
}

describe("signing in through a browser", () => {
  it("keeps a session in a context of its own, with the default project, and ends it", async () => {
    site.idp.accounts.set("ada", { nickname: "ada", name: "Ada" });
    const { outcome, page, status } = await signIn("ada");
    expect(outcome.code).toBe(0);
    expect([status, page]).toEqual([200, expect.stringContaining("This page can be closed")]);
    expect(outcome.stderr).toMatch(/signed in at \S+ as ada@oidc[\s\S]*project ada@oidc\//);
    expect(await user.run(["whoami", "-o", "name"])).toMatchObject({ code: 0, stdout: "ada@oidc\n" });
    expect(await user.run(["cluster", "list"])).toMatchObject({ code: 0 });
    const before = parse(await user.config()).contexts[0].session.accessToken as string;
    expect((await user.run(["logout"])).code).toBe(0);
    expect(await user.config()).not.toContain("Token");
    const over = await user.run(["whoami"]);
    expect(over).toMatchObject({ code: 3, stderr: expect.stringContaining("slipway login --context") });
    const stolen = await user.run(["whoami", "--url", url()], { env: { SLIPWAY_TOKEN: before } });
    expect(stolen.code).toBe(3);
  });

  it("takes no answer but its own, and says what the provider says", async () => {
    site.idp.subject = "bob";
    site.idp.accounts.set("bob", { nickname: "bob" });
    const login = user.start(["login", "--url", url(), "--provider", "oidc", "--no-browser"]);
    const [, there = ""] = await login.printed(printedUrl);
    const callback = await browse(there);
    const forged = new URL(callback);
    forged.searchParams.set("state", "another");
    expect((await fetch(forged)).status).toBe(400);
    expect((await fetch(new URL("/", callback))).status).toBe(404);
    expect((await fetch(callback)).status).toBe(200);
    expect((await login.outcome).code).toBe(0);
  });

  it("asks which provider where there are several, and knows the wrong ones", async () => {
    const which = await user.run(["login", "--url", url(), "--no-browser"]);
    expect(which).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--provider: google, azure, oidc, github"),
    });
    const wrong = await user.run(["login", "--url", url(), "--provider", "oicd", "--no-browser"]);
    expect(wrong).toMatchObject({ code: 5, stderr: expect.stringContaining("There are: google") });
  });
});

describe("signing in with a password", () => {
  it("reads it from standard input, or asks at the terminal without showing it", async () => {
    const login = await newUser(site.platform);
    const wrong = await user.run(["login", "--url", url(), "--user", login, "--password-stdin"], { input: "wrong\n" });
    expect(wrong.code).toBe(3);
    expect(wrong.stderr).not.toContain("wrong\n");
    const piped = await user.run(["login", "--url", url(), "--user", login, "--password-stdin"], {
      input: `${password}\n`,
    });
    expect(piped).toMatchObject({ code: 0, stderr: expect.stringContaining(`as ${login}`) });
    expect(await user.run(["whoami", "-o", "name"])).toMatchObject({ stdout: `${login}\n` });
    const asked = user.atTerminal(`slipway login --url ${url()} --user ${login} --password`);
    await asked.printed(/Password of .*: /);
    asked.child.stdin.write(`${password}x\u007f\r`);
    const { code, stdout } = await asked.outcome;
    expect(code).toBe(0);
    expect(stdout).toContain("signed in");
    expect(stdout).not.toContain(password);
    const none = await user.run(["login", "--url", url(), "--user", login, "--password"]);
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining("--password-stdin") });
  });
});

describe("a session", () => {
  const file = () => join(user.home, ".config", "slipway", "config.yaml");
  async function expire(): Promise<void> {
    const config = parse(await readFile(file(), "utf8"));
    config.contexts[0].session.expiresAt = "2020-01-01T00:00:00.000Z";
    await writeFile(file(), stringify(config));
  }

  it("is renewed by one of many processes that need it, time and again", async () => {
    site.idp.accounts.set("eve", { nickname: "eve" });
    await signIn("eve");
    for (const round of [1, 2]) {
      const before = parse(await user.config()).contexts[0].session.refreshToken as string;
      await expire();
      const all = await Promise.all(Array.from({ length: 4 }, () => user.run(["whoami", "-o", "name"])));
      expect([round, ...all]).toEqual([round, ...all.map(() => ({ code: 0, stdout: "eve@oidc\n", stderr: "" }))]);
      expect(parse(await user.config()).contexts[0].session.refreshToken).not.toBe(before);
    }
  });

  it("is renewed when the server refuses its token, and what ended says how to sign in again", async () => {
    site.idp.accounts.set("kim", { nickname: "kim" });
    await signIn("kim", "--context", "work");
    const config = parse(await user.config());
    const { refreshToken } = config.contexts[0].session;
    config.contexts[0].session.accessToken = "no-longer-good";
    await writeFile(file(), stringify(config));
    expect(await user.run(["whoami", "-o", "name"])).toMatchObject({ code: 0, stdout: "kim@oidc\n" });
    // A refresh token that comes twice ends the session.
    const spent = parse(await user.config());
    spent.contexts[0].session.refreshToken = refreshToken;
    await writeFile(file(), stringify(spent));
    await expire();
    const over = await user.run(["whoami"]);
    expect(over).toMatchObject({ code: 3, stderr: expect.stringContaining("slipway login --context work") });
  });

  it("a lock whose holder has died is taken over", async () => {
    site.idp.accounts.set("lou", { nickname: "lou" });
    await signIn("lou");
    await expire();
    const { hostname } = await import("node:os");
    // No process has the highest id there can be.
    await writeFile(`${file()}.lock`, `4194304 ${hostname()} 0 0`);
    expect(await user.run(["whoami", "-o", "name"])).toMatchObject({ code: 0, stdout: "lou@oidc\n" });
  });
});

describe("login --dev", () => {
  it("takes the token that npm start has written, of any role", async () => {
    const { tokens, tenant, project } = site.platform;
    const dev = { url: url(), tenant, project, tokens: { ...tokens, admin: site.platform.adminToken } };
    await writeFile(join(user.home, "dev.json"), JSON.stringify(dev));
    expect((await user.run(["login", "--dev", "dev.json"])).code).toBe(0);
    expect(await user.run(["whoami", "-o", "name"])).toMatchObject({ stdout: `${tenant}\n` });
    expect((await user.run(["login", "--dev", "dev.json", "--as", "admin"])).code).toBe(0);
    expect(await user.run(["whoami", "-o", "name"])).toMatchObject({ stdout: "root\n" });
    expect((await user.run(["login", "--dev", "dev.json", "--as", "king"])).stderr).toContain(
      "owner, editor, viewer, admin",
    );
    const none = await user.run(["login", "--dev"]);
    expect(none).toMatchObject({ code: 5, stderr: expect.stringContaining("npm start") });
  });
});
