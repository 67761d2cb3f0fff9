import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needs } from "../../support/tools.js";
import { closeServer } from "../sign-in/support/identity-provider.js";
import { type SignInSite, startSite } from "../sign-in/support/site.js";

const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
const post = { method: "POST", headers: { "x-slipway-console": "1" } };

/** What a browser does with the cookies, as no test without one can show. */
describe.skipIf(!needs("chromium"))("in a browser", () => {
  let site: SignInSite;
  let browser: Browser;
  let foreign: Server;
  let foreignUrl: string;
  beforeAll(async () => {
    site = await startSite();
    browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
    foreign = createServer(
      (_, res) => void res.setHeader("content-type", "text/html").end("<title>another site</title>"),
    );
    foreign.listen(0, "127.0.0.1");
    await once(foreign, "listening");
    // To browsers localhost and 127.0.0.1 are two sites.
    foreignUrl = `http://localhost:${(foreign.address() as AddressInfo).port}/`;
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await closeServer(foreign);
    await site.close();
  });

  /** The status of a POST that a page makes; "refused" when the browser does not let it read the answer. */
  const postFrom = (page: Page, path: string, init: object = post) =>
    page.evaluate(
      ([url, options]) =>
        fetch(url, { credentials: "include", ...options }).then(
          ({ status }) => status,
          () => "refused" as const,
        ),
      [`${site.platform.url}${path}`, init] as const,
    );

  it("a sign-in that another site leads to holds, and that site can do nothing with it", async () => {
    const { url } = site.platform;
    const page = await (await browser.newContext()).newPage();
    site.idp.subject = "ada";
    await page.goto(foreignUrl);
    const login = `${url}/auth/session/login?provider=oidc&return-to=/reference`;
    await Promise.all([
      page.waitForURL(`${url}/reference`),
      page.evaluate(`void location.assign(${JSON.stringify(login)})`),
    ]);
    // That page's policy lets it connect to nothing: another of this server asks.
    await page.goto(`${url}/livez`);
    expect(await postFrom(page, "/auth/session/refresh")).toBe(200);
    expect(await page.evaluate("document.cookie")).toBe("");
    await page.goto(foreignUrl);
    expect(await postFrom(page, "/auth/session/refresh")).toBe("refused");
    expect(await postFrom(page, "/auth/session/logout", { method: "POST", mode: "no-cors" })).toBe(0);
    await page.goto(`${url}/livez`);
    expect(await postFrom(page, "/auth/session/refresh")).toBe(200);
    expect(await postFrom(page, "/auth/session/logout")).toBe(204);
    expect(await postFrom(page, "/auth/session/refresh")).toBe(401);
  });
});
