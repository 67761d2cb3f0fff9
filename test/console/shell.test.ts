import { EventEmitter, once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningApi, serveApi } from "../../src/commands/api.js";
import { needs } from "../support/tools.js";
import {
  type ConsoleSite,
  endSessions,
  openConsole,
  screenshot,
  signIn,
  violationsOf,
  waitUntil,
} from "./support/browser.js";
import { firstLoad } from "./support/first-load.js";

describe.skipIf(!needs("chromium"))("the shell of the console", () => {
  let site: ConsoleSite;
  let clusters: string;
  beforeAll(async () => {
    site = await openConsole();
    clusters = `/projects/${site.platform.project}/clusters`;
  }, 180_000);
  afterAll(() => site?.close());

  it("loads at most 300 kB before it shows something", () => {
    const { files, gzipBytes } = firstLoad();
    console.log(`first load of the console: ${(gzipBytes / 1000).toFixed(1)} kB gzip in ${files.length} files`);
    expect(files.length).toBeGreaterThan(1);
    expect(gzipBytes).toBeLessThan(300_000);
  });

  it("asks who is there, says when the password is wrong, and leads to the page that was asked for", async () => {
    const { page, errors } = await site.visit();
    await page.goto(`${clusters}?from=mail`);
    await page.waitForURL("**/sign-in?return-to=*");
    await signIn(page, { ...site.user, password: "wrong" });
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").innerText()).toBe("The user name or the password is wrong.");
    expect(await violationsOf(page)).toEqual([]);
    await signIn(page, site.user);
    await page.waitForURL(`**${clusters}?from=mail`);
    await page.getByRole("heading", { name: "Clusters" }).waitFor();
    await page.getByText("No clusters yet").waitFor();
    expect(await page.title()).toBe("Clusters · Slipway");
    expect(errors).toEqual([]);
  });

  it("does not lead to another site after signing in", async () => {
    const { page } = await site.visit();
    await page.goto("/sign-in?return-to=//example.com/x");
    await signIn(page, site.user);
    await page.waitForURL(`**${clusters}`);
    expect(new URL(page.url()).origin).toBe(site.platform.url);
  });

  it("keeps no token in storage, and goes on after a reload by the cookie", async () => {
    const { page, context, errors } = await site.visitSignedIn(clusters);
    await page.getByRole("heading", { name: "Clusters" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Clusters" }).waitFor();
    const stored = await page.evaluate<string>("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])");
    expect(stored).not.toMatch(/eyJ/);
    expect(await page.evaluate<string>("document.cookie")).toBe("");
    expect((await context.cookies()).some(({ httpOnly, sameSite }) => httpOnly && sameSite === "Strict")).toBe(true);
    expect(errors).toEqual([]);
  });

  it("renews its token before it ends", async () => {
    const { page, errors } = await site.visit();
    await page.clock.install();
    await page.goto(clusters);
    await signIn(page, site.user);
    await page.getByText("No clusters yet").waitFor();
    const renewal = page.waitForResponse("**/auth/session/refresh");
    await page.clock.fastForward("01:00:00");
    expect((await renewal).status()).toBe(200);
    await page.getByRole("link", { name: "New cluster" }).click();
    await page.getByText("Min. machines").first().waitFor();
    expect(errors).toEqual([]);
  });

  it("comes back after an expired session with what was typed", async () => {
    const { page } = await site.visitSignedIn(`${clusters}/new`);
    await page.getByLabel("Name").first().fill("kept");
    await page.getByRole("button", { name: "Add a worker group" }).click();
    await page.getByRole("group", { name: "Worker group 2" }).waitFor();
    await endSessions(site);
    await page.getByRole("button", { name: "Create cluster" }).click();
    await page.getByText("Your session has ended").waitFor();
    await signIn(page, site.user);
    await page.waitForURL(`**${clusters}/new`);
    await page.getByText("What you typed before was kept").waitFor();
    expect(await page.getByLabel("Name").first().inputValue()).toBe("kept");
    await page.getByRole("group", { name: "Worker group 2" }).waitFor();
    await page.getByRole("button", { name: "Start over" }).click();
    expect(await page.getByLabel("Name").first().inputValue()).toBe("");
  });

  it("keeps what was typed over other pages and a reload, until it is given up", async () => {
    const { page } = await site.visitSignedIn(`${clusters}/new`);
    const name = page.getByLabel("Name").first();
    await name.fill("half");
    await waitUntil(page, "JSON.stringify({ ...sessionStorage }).includes('half')");
    await page.getByRole("link", { name: "Clusters" }).first().click();
    await page.getByRole("link", { name: "New cluster" }).click();
    await page.getByText("What you typed before was kept").waitFor();
    await page.reload();
    await page.getByText("What you typed before was kept").waitFor();
    expect(await name.inputValue()).toBe("half");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("link", { name: "New cluster" }).click();
    await name.waitFor();
    expect(await name.inputValue()).toBe("");
  });

  it("signs out in all tabs", async () => {
    const { page, context } = await site.visitSignedIn(clusters);
    const other = await context.newPage();
    await other.goto(clusters);
    await other.getByRole("heading", { name: "Clusters" }).waitFor();
    await page.getByRole("button", { name: /^Account of/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByText("You are signed out").waitFor();
    await other.getByText("You are signed out").waitFor();
    await other.goto(clusters);
    await other.waitForURL("**/sign-in?*");
  });

  it("stays signed out when a renewal is answered after that", async () => {
    const { page, errors } = await site.visit();
    await page.clock.install();
    await page.goto(clusters);
    await signIn(page, site.user);
    await page.getByText("No clusters yet").waitFor();
    const [asked, released] = [new EventEmitter(), new EventEmitter()];
    const [isAsked, isReleased] = [once(asked, "now"), once(released, "now")];
    await page.route("**/auth/session/refresh", async (route) => {
      const response = await route.fetch();
      asked.emit("now");
      await isReleased;
      await route.fulfill({ response });
    });
    await page.clock.fastForward("01:00:00");
    await isAsked;
    await page.getByRole("button", { name: /^Account of/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByText("You are signed out").waitFor();
    const late = page.waitForResponse("**/auth/session/refresh");
    released.emit("now");
    expect((await late).status()).toBe(200);
    await page.clock.runFor(5_000);
    expect(await page.getByText("You are signed out").isVisible()).toBe(true);
    expect(new URL(page.url()).pathname).toBe("/sign-in");
    expect(errors).toEqual([]);
  });

  it("says why a sign-in at a provider failed, in no words that a link has brought", async () => {
    const { page } = await site.visit();
    for (const [error, shown] of [
      ["permission_denied", "The sign-in was refused"],
      ["Your account is locked, call 555", "The sign-in failed. Try again."],
      ["constructor", "The sign-in failed. Try again."],
    ] as const) {
      await page.goto(`/sign-in?error=${encodeURIComponent(error)}`);
      await page.getByRole("alert").getByText(shown).waitFor();
      expect(await page.getByRole("alert").innerText()).not.toContain("555");
    }
  });

  it("changes its theme and keeps it from the first paint on", async () => {
    const { page } = await site.visitSignedIn(clusters, { colorScheme: "light" });
    const scheme = () => page.evaluate<string>("document.documentElement.dataset.mantineColorScheme");
    expect(await scheme()).toBe("light");
    await page.getByRole("button", { name: /^Theme of the system/ }).click();
    await page.getByRole("button", { name: /^Light theme/ }).click();
    expect(await scheme()).toBe("dark");
    await page.route("**/assets/index-*.js", (route) => route.abort());
    await page.reload({ waitUntil: "commit" });
    await waitUntil(page, "document.body !== null && document.documentElement.dataset.mantineColorScheme");
    expect(await scheme()).toBe("dark");
  });

  it("is used by keys", async () => {
    const { page } = await site.visitSignedIn(`${clusters}/new`);
    await page.getByRole("heading", { name: "New cluster" }).click();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog", { name: "Keys" }).waitFor({ state: "hidden" });
    await page.keyboard.press("g");
    await page.keyboard.press("c");
    await page.waitForURL(`**${clusters}`);
    await page.getByText("No clusters yet").waitFor();
    await page.keyboard.press("/");
    await waitUntil(page, "document.activeElement.matches('[data-filter]')");
    await page.keyboard.press("Escape");
    await page.evaluate("document.activeElement.blur()");
    await page.keyboard.press("n");
    await page.waitForURL(`**${clusters}/new`);
    await page.goto(clusters);
    await page.getByText("No clusters yet").waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await waitUntil(page, "document.activeElement.id === 'main'");
  });

  it("tells what is not there", async () => {
    const { page, errors } = await site.visitSignedIn("/no-such-page");
    await page.getByRole("heading", { name: "Page not found" }).waitFor();
    await page.goto("/projects/01890000-0000-7000-8000-000000000000/clusters");
    await page.getByRole("heading", { name: "No such project" }).waitFor();
    await page.goto(`${clusters}/01890000-0000-7000-8000-000000000000`);
    await page.getByRole("alert").getByText("The cluster could not be read").waitFor();
    expect(errors.filter((line) => !line.includes("status of 404"))).toEqual([]);
  });

  describe.each(["light", "dark"] as const)("in the %s theme", (colorScheme) => {
    it("has nothing that axe objects to, and fits into 360 pixels", async () => {
      const { page, errors } = await site.visit({ colorScheme });
      await page.goto("/sign-in");
      await page.getByLabel("User name").waitFor();
      await screenshot(page, `sign-in-${colorScheme}`);
      expect(await violationsOf(page)).toEqual([]);
      await signIn(page, site.user);
      await page.getByText("No clusters yet").waitFor();
      for (const [path, ready] of [
        [clusters, "No clusters yet"],
        [`${clusters}/new`, "Min. machines"],
        ["/no-such-page", "Page not found"],
      ] as const) {
        await page.setViewportSize({ width: 1280, height: 800 });
        await page.goto(path);
        await page.getByText(ready).first().waitFor();
        expect(await violationsOf(page)).toEqual([]);
        await page.setViewportSize({ width: 360, height: 740 });
        // Tables leave columns out as soon as they have seen their new width.
        for (const element of ["document.documentElement", "document.querySelector('main')"])
          await waitUntil(page, `${element}.scrollWidth <= ${element}.clientWidth`);
        expect(await violationsOf(page)).toEqual([]);
      }
      await page.getByRole("button", { name: "Open the menu" }).click();
      await page.getByRole("dialog").getByRole("link", { name: "Clusters" }).click();
      await page.waitForURL(`**${clusters}`);
      expect(errors).toEqual([]);
    });
  });
});

describe.skipIf(!needs("chromium"))("a server that goes away", () => {
  let site: ConsoleSite;
  let again: RunningApi | undefined;
  beforeAll(async () => {
    site = await openConsole();
  }, 180_000);
  afterAll(async () => {
    await again?.stop();
    await site?.close();
  });

  it("is told, loses nothing that was typed, and is found again", async () => {
    const { platform } = site;
    const clusters = `/projects/${platform.project}/clusters`;
    const { page } = await site.visitSignedIn(`${clusters}/new`);
    const list = await page.context().newPage();
    await list.goto(clusters);
    await list.getByText("Live", { exact: true }).waitFor();
    await page.getByLabel("Name").first().fill("patient");
    const { port } = new URL(platform.url);
    await platform.api.stop();
    await list.getByText("Slipway cannot be reached").waitFor();
    await page.getByRole("button", { name: "Create cluster" }).click();
    await page.getByText("Slipway cannot be reached; trying again").waitFor();
    await screenshot(page, "away-light");
    expect(await violationsOf(page)).toEqual([]);
    expect(await page.getByLabel("Name").first().inputValue()).toBe("patient");
    const { config, open, database } = platform;
    again = await serveApi(open, database.server, config, { host: "127.0.0.1", port: Number(port) });
    await page.getByText("Slipway cannot be reached; trying again").waitFor({ state: "hidden" });
    await list.getByText("Slipway cannot be reached").waitFor({ state: "hidden" });
    await list.getByText("Live", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Create cluster" }).click();
    await page.waitForURL(/clusters\/[0-9a-f-]{36}$/);
    await list.getByRole("link", { name: "patient" }).waitFor();
  });
});
