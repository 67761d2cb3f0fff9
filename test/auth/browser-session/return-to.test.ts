import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { returnPath } from "../../../src/auth/browser-session/return-to.js";
import { type SignInSite, startSite } from "../sign-in/support/site.js";
import { openPage } from "./support/page.js";

/** Every origin of the loopback, and a hostile one: to each a browser may resolve what it is led to. */
const bases = ["http://127.0.0.1:8080/sign-in", "https://slipway.example.com/auth/session/callback?x=1"];
const sharp = ["/", "\\", "//", "/\\", "\t", "\n", "\r", "\0", " ", ".", "..", ":", "@", "?", "#", "%2f", "%5c", "%09"];
const words = [
  "evil.example.com",
  "javascript:alert(1)",
  "https:",
  "http:",
  "data:text/html,x",
  "clusters",
  "é",
  "\u2028",
];
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...sharp), fc.constantFrom(...words), fc.string({ maxLength: 4, unit: "binary" })), {
    maxLength: 8,
  })
  .map((parts) => parts.join(""));

function expectOwn(path: string): void {
  expect(path).toMatch(/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/);
  for (const base of bases) expect(new URL(path, base).origin).toBe(new URL(base).origin);
}

describe("where a sign-in leads to", () => {
  it("is a path of this origin, whatever is asked for", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          hostile,
          hostile.map((text) => `/${text}`),
          fc.webUrl(),
        ),
        (asked) => {
          expectOwn(returnPath(asked));
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it("is the path that was asked for, where that is one", () => {
    const part = fc.stringMatching(/^[A-Za-z0-9_-]{1,10}$/);
    const path = fc
      .tuple(fc.array(part, { maxLength: 5 }), fc.option(part))
      .map(([parts, query]) => `/${parts.join("/")}${query === null ? "" : `?name=${query}`}`);
    fc.assert(
      fc.property(path, (asked) => {
        expect(returnPath(asked)).toBe(asked);
      }),
    );
    expect(returnPath("/projects/a?tab=logs&since=5m#end")).toBe("/projects/a?tab=logs&since=5m#end");
  });

  it("is / for what browsers take for another site, or is no path", () => {
    for (const asked of [
      "",
      "clusters",
      "//evil.example.com",
      "/\\evil.example.com",
      "\\\\evil.example.com",
      "/\t/evil.example.com",
      "/\n/evil.example.com",
      "/.//evil.example.com",
      "/a/..//evil.example.com",
      "/a/%2e%2e//evil.example.com",
      "https://evil.example.com",
      "https:evil.example.com",
      "javascript:alert(1)",
      " /clusters",
      "/clusters\r\nset-cookie: a=b",
      "/é",
      "/auth/session/login?provider=a",
      "/a/../auth/session/login",
      `/${"x".repeat(1_024)}`,
      null,
      undefined,
    ]) {
      expect([asked, returnPath(asked)]).toEqual([asked, "/"]);
    }
  });
});

describe("the whole way through a sign-in", () => {
  let site: SignInSite;
  beforeAll(async () => {
    site = await startSite();
  });
  afterAll(() => site.close());

  it("stays on this server, also when the browser brings another path back", async () => {
    const { url } = site.platform;
    site.idp.subject = "ada";
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          hostile,
          hostile.map((text) => `/${text}`),
        ),
        async (asked) => {
          const { browser } = openPage(url);
          const begin = `${url}/auth/session/login?provider=oidc&return-to=${encodeURIComponent(asked)}`;
          const callback = await browser.follow(begin, `${url}/auth/session/callback`);
          expectOwn((await browser.get(callback.href)).headers.get("location") ?? "");
        },
      ),
      { numRuns: 15 },
    );
    // Over http another program of the host can plant a cookie with a path of its own.
    const planted = Buffer.from("//evil.example.com").toString("base64url");
    const { browser } = openPage(url);
    const begun = await browser.get(`${url}/auth/session/login?provider=oidc&return-to=/a`);
    const [name = "", value = ""] = (begun.headers.getSetCookie()[0] ?? "").split(/[=;]/);
    const provider = begun.headers.get("location") ?? "";
    const callback = await browser.follow(provider, `${url}/auth/session/callback`);
    const cookie = `${name}=${value.split(".")[0]}.${planted}`;
    const answer = await fetch(callback, { redirect: "manual", headers: { cookie } });
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/"]);
  });
});
