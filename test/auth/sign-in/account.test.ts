import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accountOfClaims, accountOfGithub, loginsFor } from "../../../src/auth/sign-in/account.js";
import { cookieOf, serverCookie } from "../../../src/auth/sign-in/cookies.js";

describe("the login of a new user", () => {
  it.each([
    ["Ada.L", "ada.l@github"],
    ["ada@example.com", "ada@github"],
    ["Ada Lovelace!", "ada-lovelace@github"],
    ["group:admins", "group-admins@github"],
    ["--..", "user@github"],
    ["Ünïcode", "n-code@github"],
    ["", "user@github"],
  ])("is made of %j", (nickname, login) => {
    expect(loginsFor({ nickname, subject: "1" }, "github")[0]).toBe(login);
  });

  it("is always a name that operators may give, and another one for another account", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), fc.string(), (nickname, a, b) => {
        fc.pre(a !== b);
        const logins = loginsFor({ nickname, subject: a }, "x".repeat(24));
        const others = loginsFor({ nickname, subject: b }, "x".repeat(24));
        for (const login of logins) expect(login).toMatch(/^[a-z0-9]([a-z0-9._@-]{0,62}[a-z0-9])$/);
        expect(logins[2]).not.toBe(others[2]);
        expect(new Set(logins).size).toBe(3);
      }),
    );
  });
});

describe("claims", () => {
  const read = (claims: Record<string, unknown>, groups?: string) => accountOfClaims({ sub: "1", ...claims }, groups);

  it("give an address only when it is verified", () => {
    const email = "ada@example.com";
    expect(read({ email }).email).toBe("");
    expect(read({ email, email_verified: false }).email).toBe("");
    expect(read({ email, email_verified: "no" }).email).toBe("");
    expect(read({ email, email_verified: true }).email).toBe(email);
    expect(read({ email, xms_edov: "1" }).email).toBe(email);
    expect(read({ email: "no address", email_verified: true }).email).toBe("");
    expect(read({ email: { odd: true }, email_verified: true }).email).toBe("");
  });

  it("give a login by nickname, user name, address or subject", () => {
    expect(read({ nickname: "nick", preferred_username: "user" }).nickname).toBe("nick");
    expect(read({ preferred_username: "ada@corp.example" }).nickname).toBe("ada@corp.example");
    expect(read({ email: "ada@example.com" }).nickname).toBe("ada@example.com");
    expect(read({ nickname: " \n" }).nickname).toBe("1");
  });

  it("give groups only where they are asked for, each once, and 200 at most", () => {
    expect(read({ groups: ["a"] }).groups).toBe(undefined);
    expect(read({}, "groups").groups).toEqual([]);
    expect(read({ groups: "a" }, "groups").groups).toEqual(["a"]);
    const odd = ["a", "b", "a", 7, null, "", " ", "x\u0000", "y".repeat(201)];
    expect(read({ groups: odd }, "groups").groups).toEqual(["a", "b"]);
    expect(read({ groups: Array.from({ length: 500 }, (_, at) => `g${at}`) }, "groups").groups).toHaveLength(200);
  });

  it("give one line for a name, and a picture that is a URL of the web", () => {
    expect(read({ name: ` Ada\n${"x".repeat(500)}` }).name).toBe(`Ada ${"x".repeat(124)}`);
    expect(read({ picture: "javascript:alert(1)" }).avatarUrl).toBe("");
    expect(read({ picture: "https://example.com/a.png" }).avatarUrl).toBe("https://example.com/a.png");
  });
});

it("GitHub's answers give the primary address if it is verified", () => {
  const user = { id: 7, login: "ada", name: null, avatar_url: "https://example.com/a.png" };
  const emails = [
    { email: "other@example.com", primary: false, verified: true },
    { email: "ada@example.com", primary: true, verified: true },
  ];
  expect(accountOfGithub(user, emails)).toEqual({
    subject: "7",
    nickname: "ada",
    name: "",
    email: "ada@example.com",
    avatarUrl: "https://example.com/a.png",
    groups: undefined,
  });
  expect(accountOfGithub(user, [{ email: "ada@example.com", primary: true, verified: false }, null]).email).toBe("");
  expect(accountOfGithub({ id: "7" }, []).subject).toBe("");
});

it("cookies are found by their whole name, and are secure over https", () => {
  expect(cookieOf("a=1; slipway_login_x=v=w; b=2", "slipway_login_x")).toBe("v=w");
  expect(cookieOf("slipway_login_xy=1", "slipway_login_x")).toBe(undefined);
  expect(cookieOf(undefined, "a")).toBe(undefined);
  expect(serverCookie("n", "v", { seconds: 600, secure: true })).toBe(
    "n=v; Max-Age=600; Path=/; HttpOnly; SameSite=Lax; Secure",
  );
});

it("an address is verified by who names it: the ID token or the userinfo endpoint", () => {
  const read = (idToken: Record<string, unknown>, userinfo: Record<string, unknown>) =>
    accountOfClaims({ sub: "1", ...idToken }, undefined, userinfo).email;
  const verified = { email: "mine@example.org", email_verified: true };
  expect(read(verified, { email: "boss@example.org" })).toBe("mine@example.org");
  expect(read({ ...verified, xms_edov: true }, { email: "boss@example.org", email_verified: false })).toBe(
    "mine@example.org",
  );
  expect(read({ email: "boss@example.org" }, verified)).toBe("mine@example.org");
  expect(read({ email_verified: true }, { email: "boss@example.org" })).toBe("");
});
