import { describe, expect, it } from "vitest";
import { parseProviders } from "../../../src/providers.js";

const google = { id: "google", kind: "google", clientId: "me", clientSecret: "hush-hush" };
const files: Readonly<Record<string, string>> = { "/secret": "from the file\n", "/empty": "\n" };
const read = (path: string): string => {
  const text = files[path];
  if (text === undefined) throw Object.assign(new Error(`no such file: ${path}`), { code: "ENOENT" });
  return text;
};
const parse = (...providers: unknown[]) => parseProviders(JSON.stringify(providers), read);
const faultsOf = (...providers: unknown[]): string => {
  try {
    parse(...providers);
    return "";
  } catch (error) {
    return (error as Error).message;
  }
};

describe("the providers file", () => {
  it("says nothing where there is none", () => expect(parseProviders(undefined)).toEqual([]));

  it("is YAML, and fills in what a kind has by itself", () => {
    const [github, azure] = parseProviders(
      `
- id: github
  kind: github
  clientId: me
  clientSecretFile: /secret
- id: work
  kind: azure
  name: Work
  issuer: 11111111-2222-3333-4444-555555555555
  clientId: me
  clientSecret: hush
  scopes: [profile]
  groupsClaim: groups
`,
      read,
    );
    expect(github).toMatchObject({
      name: "github",
      issuer: "",
      clientSecret: "from the file",
      scopes: ["read:user", "user:email"],
      endpoints: { authorization: "https://github.com/login/oauth/authorize" },
    });
    expect(azure).toMatchObject({
      name: "Work",
      issuer: "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
      scopes: ["openid", "profile"],
      groupsClaim: "groups",
    });
    expect(parse(google)[0]).toMatchObject({ issuer: "https://accounts.google.com", groupsClaim: undefined });
  });

  it("refuses ids that are parts of other paths", () => {
    for (const id of ["logout", "callback", "session"]) {
      expect(faultsOf({ ...google, id })).toBe(`providers: providers[0].id must not be ${id}`);
    }
  });

  it("names every fault in one error, and no secret", () => {
    const faults = faultsOf(
      { ...google, clientSecretFile: "/secret" },
      { ...google, id: "logout", color: "red" },
      { ...google, id: "Not:good" },
      { kind: "saml", id: "x" },
      "text",
      { id: "a", kind: "oidc", issuer: "http://example.com", clientId: 7, clientSecretFile: "/gone" },
      { id: "b", kind: "azure", issuer: "common", clientId: "me", clientSecretFile: "/empty" },
      { id: "c", kind: "oidc", clientId: "me", clientSecret: "" },
      { id: "d", kind: "github", clientId: "me", clientSecret: "x", endpoints: { user: "ftp://x", more: "y" } },
      google,
    );
    expect(faults).toBe(
      [
        "providers: providers[0] must have either clientSecret or clientSecretFile",
        "providers[1] has fields that kind google does not know: color",
        "providers[1].id must not be logout",
        "providers[2].id must be 1 to 24 lower-case letters, digits and dashes",
        "providers[3].kind must be one of github, azure, google, oidc",
        "providers[4] must be a map",
        "providers[5].issuer must be an https URL (http only on the loopback) without user and fragment",
        "providers[5].clientId must be a text that is not empty",
        "providers[5].clientSecretFile cannot be read: ENOENT",
        "providers[6].issuer must name one tenant, not common",
        "providers[6].clientSecretFile names an empty file",
        "providers[7].issuer must be a text that is not empty",
        "providers[7].clientSecret must be a text that is not empty",
        "providers[8].endpoints has unknown fields: more",
        "providers[8].endpoints.user must be an https URL (http only on the loopback) without user and fragment",
        "there are several providers with the id google",
      ].join("; "),
    );
    expect(faults).not.toContain("hush");
  });

  it("does not show a line of a file that is no YAML", () => {
    for (const broken of ["- id: google\n  clientSecret: 'hush-hush\n", "- clientSecret: *hush-hush\n"]) {
      expect(() => parseProviders(broken)).toThrow(/^providers: the file is no valid YAML/);
      expect(() => parseProviders(broken)).not.toThrow(/hush/);
    }
    expect(() => parseProviders("id: google")).toThrow("the file must hold a list");
  });
});
