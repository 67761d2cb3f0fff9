import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkRedirect,
  redirectParameter,
  redirectTargets,
  withParameters,
} from "../../../src/auth/sign-in/redirects.js";
import { DomainError } from "../../../src/errors.js";

const targets = redirectTargets([
  "https://console.example.com",
  "https://app.example.com/signed-in?from=slipway",
  "https://xn--exmple-cua.com",
]);

const allowed = [
  "http://127.0.0.1:1/",
  "http://127.0.0.1:65535/a/b?c=d&e=%20",
  "http://localhost:8080/callback",
  "http://[::1]:9000/callback",
  "http://127.0.0.1/callback",
  "https://console.example.com/",
  "https://console.example.com/any/path?x=y",
  "https://console.example.com:443/",
  "https://app.example.com/signed-in?from=slipway",
  "https://xn--exmple-cua.com/",
];

const refused = [
  "",
  "callback",
  "/callback",
  "//evil.com",
  "//console.example.com/",
  "https:console.example.com",
  "https:/console.example.com",
  "https:///console.example.com",
  "https:\\\\console.example.com",
  "https://console.example.com\\@evil.com",
  "https://evil.com\\.console.example.com",
  "https://console.example.com@evil.com/",
  "https://console.example.com:pass@evil.com/",
  "https://user@console.example.com/",
  "http://127.0.0.1@evil.com/",
  "http://127.0.0.1:80@evil.com/",
  "https://console.example.com#@evil.com/",
  "https://console.example.com/#token",
  "https://console.example.com:8443/",
  "https://console.example.com./",
  "https://evil.console.example.com/",
  "https://console.example.com.evil.com/",
  "https://console.example.co/",
  "http://console.example.com/",
  "https://app.example.com/",
  "https://app.example.com/signed-in",
  "https://app.example.com/signed-in?from=slipway&more=1",
  "https://app.example.com/signed-in/../signed-in?from=evil",
  "javascript:alert(1)",
  "javascript://127.0.0.1/%0aalert(1)",
  "data:text/html,x",
  "file:///etc/passwd",
  "ftp://127.0.0.1/",
  "slipway://callback",
  "http://0x7f.1/",
  "http://0x7f000001/",
  "http://2130706433/",
  "http://0177.0.0.1/",
  "http://127.1/",
  "http://127.0.0.1.evil.com/",
  "http://localhost.evil.com/",
  "http://localhost./",
  "http://127.0.0.2:80/",
  "http://0.0.0.0/",
  "http://[::ffff:127.0.0.1]/",
  "http://[0:0:0:0:0:0:0:1]/",
  "http://127%2e0.0.1/",
  "http://127.0.0.1%00.evil.com/",
  "http://127.0.0.1%2f@evil.com/",
  "https://127.0.0.1:8443/",
  "https://exämple.com/",
  "https://ｃonsole.example.com/",
  "https://console。example.com/",
  " https://console.example.com/",
  "https://console.example.com/ ",
  "https://console.example.com/\n",
  "ht\ntps://console.example.com/",
  "http://127.0.0.1:80\t/",
  "https://console.example.com/\u0000",
  "http://127.0.0.1:99999/",
  "http://127.0.0.1:-1/",
  "http://127.0.0.1:1/?token=mine",
  "http://127.0.0.1:1/?a=b&code=mine",
  "http://127.0.0.1:1/?%73tate=mine",
  `http://127.0.0.1/${"x".repeat(5_000)}`,
];

const verdict = (url: string): string => {
  try {
    checkRedirect(url, targets);
    return "allowed";
  } catch (error) {
    return error instanceof DomainError ? error.kind : "defect";
  }
};

describe("redirect URLs", () => {
  it.each(allowed)("allows %s", (url) => expect(verdict(url)).toBe("allowed"));
  it.each(refused)("refuses %j", (url) => expect(verdict(url)).toBe("invalid"));

  it("reads schemes and hosts in any case", () => {
    expect(checkRedirect("HTTPS://Console.EXAMPLE.com/Path", targets)).toBe("https://console.example.com/Path");
    expect(checkRedirect("HTTP://LOCALHOST:1/", targets)).toBe("http://localhost:1/");
  });

  it("never leads to another host than a configured one or the loopback", () => {
    const hosts = ["console.example.com", "app.example.com", "xn--exmple-cua.com", "127.0.0.1", "localhost", "[::1]"];
    const part = fc.constantFrom(
      ...hosts,
      "evil.com",
      "@",
      ":",
      "/",
      "\\",
      "?",
      "#",
      ".",
      "%2f",
      "%40",
      "\t",
      "//",
      "http:",
      "https:",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const text = `http${parts.join("")}`;
        for (const url of [text, `https://${parts.join("")}`, `http://${parts.join("")}`]) {
          if (verdict(url) !== "allowed") continue;
          expect(hosts).toContain(new URL(checkRedirect(url, targets)).hostname);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("SLIPWAY_REDIRECT_URLS", () => {
  it("names every entry that is no https origin or URL", () => {
    const entries = [
      "https://ok.example.com",
      "http://plain.example.com",
      "console.example.com",
      "https://a@b.example.com",
    ];
    expect(() => redirectTargets(entries)).toThrow(
      'SLIPWAY_REDIRECT_URLS: not an https origin or URL (http only on the loopback): "http://plain.example.com", "console.example.com", "https://a@b.example.com"',
    );
  });

  it("allows an origin only with its own port, and a URL only to the letter", () => {
    const own = redirectTargets(["https://localhost:8443", "https://example.com/"]);
    expect(checkRedirect("https://localhost:8443/x", own)).toBe("https://localhost:8443/x");
    expect(checkRedirect("https://example.com", own)).toBe("https://example.com/");
    expect(() => checkRedirect("https://example.com/x", own)).toThrow("neither on the loopback");
  });
});

describe("the parameter redirect-url", () => {
  it.each([
    ["redirect-url=http://127.0.0.1:1/cb?a=b&c=d", "http://127.0.0.1:1/cb?a=b&c=d"],
    ["redirect-url=http%3A%2F%2F127.0.0.1%3A1%2Fcb%3Fa%3Db%26c%3Dd&x=y", "http://127.0.0.1:1/cb?a=b&c=d"],
    ["x=y&redirect-url=http:%2F%2F127.0.0.1/", "http://127.0.0.1/"],
    ["redirect-url=HTTPS://example.com/%20", "HTTPS://example.com/%20"],
    ["redirect-url=", ""],
    ["redirect-url=%zz", "%zz"],
  ])("reads %s", (query, url) => expect(redirectParameter(query)).toBe(url));

  it("must be there", () => {
    for (const query of ["", "x=y", "my-redirect-url=http://127.0.0.1/"]) {
      expect(() => redirectParameter(query)).toThrow("the parameter redirect-url is missing");
    }
  });
});

it("adds parameters behind those that are there", () => {
  expect(withParameters("http://h/", { token: "t" })).toBe("http://h/?token=t");
  expect(withParameters("http://h/?", { token: "t" })).toBe("http://h/?token=t");
  expect(withParameters("http://h/?a=%20b&c", { code: "x", state: "a b&c" })).toBe(
    "http://h/?a=%20b&c&code=x&state=a+b%26c",
  );
});
