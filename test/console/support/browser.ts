import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { AuthService } from "../../../gen/ts/iam/v1/auth_pb.js";
import { newSecret } from "../../../src/auth/secrets.js";
import { passwordResets } from "../../../src/resources/iam/principal/table.js";
import { packageRoot } from "../../../src/root.js";
import { startPlatform, type TestPlatform, type TestPlatformOptions } from "../../support/platform.js";
import { ensureConsole } from "./build.js";

/** The console, served by a platform, and a browser to look at it. */
export interface ConsoleSite {
  readonly platform: TestPlatform;
  readonly browser: Browser;
  /** Who signs in: the owner of `platform.tenant`. */
  readonly user: { readonly username: string; readonly password: string };
  /** A visitor with cookies of their own, who is not signed in. */
  visit(options?: BrowserContextOptions): Promise<Visit>;
  /** A visitor who is signed in and at a path. */
  visitSignedIn(path: string, options?: BrowserContextOptions): Promise<Visit>;
  close(): Promise<void>;
}

/** A browser's window, and what went wrong in it. */
export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of scripts, lines of the console that are errors, violations of the content security policy. */
  readonly errors: string[];
}

/** What `setPassword` gives. */
export const password = "correct horse battery";
const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts a platform with the console and a user with a password, and a browser; close it at the end of the file. */
export async function openConsole(options: TestPlatformOptions = {}): Promise<ConsoleSite> {
  ensureConsole();
  const platform = await startPlatform({ ...options, env: { SLIPWAY_PASSWORD_SIGN_IN: "on", ...options.env } });
  await setPassword(platform, platform.tenant);
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: flags });
  const user = { username: platform.tenant, password };
  const visit = async (context: BrowserContextOptions = {}) => {
    const opened = await browser.newContext({
      baseURL: platform.url,
      viewport: { width: 1280, height: 800 },
      ...context,
    });
    const page = await opened.newPage();
    return { page, context: opened, errors: errorsOf(page) };
  };
  return {
    platform,
    browser,
    user,
    visit,
    async visitSignedIn(path, context) {
      const visitor = await visit(context);
      await visitor.page.goto(path);
      await signIn(visitor.page, user);
      await visitor.page.waitForURL((url) => url.pathname === path);
      return visitor;
    },
    async close() {
      await browser.close();
      await platform.close();
    },
  };
}

/** Signs in at the sign-in page. */
export async function signIn(page: Page, user: ConsoleSite["user"]): Promise<void> {
  await page.getByLabel("User name").fill(user.username);
  await page.getByLabel("Password").and(page.locator("input")).fill(user.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

/** Waits until an expression holds in the page. Its policy forbids what Playwright itself does for expressions. */
export async function waitUntil(page: Page, expression: string): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await page.evaluate(`Boolean(${expression})`))) {
    if (Date.now() > end) throw new Error(`this does not become true: ${expression}`);
    await page.waitForTimeout(50);
  }
}

/** Ends the sessions of the user, as a new password does. */
export async function endSessions({ platform }: ConsoleSite): Promise<void> {
  await setPassword(platform, platform.tenant);
}

/** Keeps a picture of the page in .cache/screenshots, for people to look at. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = join(packageRoot(), ".cache", "screenshots");
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled" });
}

/** What axe has to say against a page; empty when nothing. */
export async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe());
  return await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<AxeResults> } };
    const { violations } = await axe.run();
    return violations.map(
      ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html, target }) => `${target} ${html}`).join("; ")}`,
    );
  });
}

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string; readonly target: readonly string[] }[];
  }[];
}

let source: string | undefined;

// A policy that forbids foreign scripts does not hold for what is evaluated from outside.
function axe(): string {
  source ??= (createRequire(import.meta.url)("axe-core") as { source: string }).source;
  return source;
}

function chromiumPath(): string {
  return process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";
}

// Who is not signed in yet is told so by a 401, which browsers write down as an error.
const isExpected = (line: string): boolean => /status of 401 .*\/auth\/session\/(refresh|password)$/.test(line);

function errorsOf(page: Page): string[] {
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    const line = `${message.text()} ${message.location().url}`;
    if (message.type() === "error" && !isExpected(line)) errors.push(line);
  });
  // As text: the tests are compiled without the types of browsers.
  const content = `document.addEventListener("securitypolicyviolation", (event) => {
    console.error("content security policy: " + event.violatedDirective + " " + event.blockedURI);
  });`;
  void page.addInitScript({ content });
  return errors;
}

/** Gives a user the password of the tests; sessions that there are end. */
export async function setPassword({ platform, client }: TestPlatform, login: string): Promise<void> {
  const { db, clock, newId } = platform;
  const { secret, digest } = newSecret("passwordReset", newId());
  const expiresAt = new Date(clock().getTime() + 3_600_000);
  await db.insert(passwordResets).values({ digest, principal: login, createdBy: "root", expiresAt });
  const proof = { case: "resetCode", value: secret } as const;
  await client(AuthService).setPassword({ username: login, proof, newPassword: password });
}
