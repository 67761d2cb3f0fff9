import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AdminRole, ProjectRole, TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { environmentSubject, firstBeyond } from "../../../../src/auth/rights.js";
import type { Rights } from "../../../../src/caller.js";
import {
  reaches,
  refuseBeyondToken,
  refuseUnfit,
  rightsWithin,
} from "../../../../src/resources/iam/credential/rules.js";

const none: Rights = {
  adminRole: undefined,
  projectRoles: new Map(),
  tenantRoles: new Map(),
  partRoles: new Map(),
  projectMethods: new Map(),
  tenantMethods: new Map(),
};
const map = <T>(value: fc.Arbitrary<T>, keys: string[]) =>
  fc.array(fc.tuple(fc.constantFrom(...keys), value)).map((pairs) => new Map(pairs));
const methods = fc.array(fc.constantFrom("/x/Get", "/x/List")).map((names) => new Set(names));
const projectRole = fc.constantFrom(ProjectRole.OWNER, ProjectRole.EDITOR, ProjectRole.VIEWER);
const rights: fc.Arbitrary<Rights> = fc.record({
  adminRole: fc.constantFrom(undefined, AdminRole.EDITOR, AdminRole.VIEWER),
  projectRoles: map(projectRole, ["p", "q"]),
  tenantRoles: map(fc.constantFrom(TenantRole.OWNER, TenantRole.VIEWER), ["t", "u"]),
  partRoles: map(projectRole, [environmentSubject("p", "e"), environmentSubject("q", "e")]),
  projectMethods: map(methods, ["p", "q", environmentSubject("p", "e")]),
  tenantMethods: map(methods, ["t", "u"]),
});

describe("the rights within a tenant", () => {
  it("are those in the tenant and its projects, and never more than all", () => {
    fc.assert(
      fc.property(rights, (all) => {
        const within = rightsWithin(all, "t", ["p"]);
        expect(firstBeyond(within, all)).toBeUndefined();
        expect(within.adminRole).toBeUndefined();
        expect([...within.tenantRoles.keys(), ...within.tenantMethods.keys()].filter((t) => t !== "t")).toEqual([]);
        const places = [...within.projectRoles.keys(), ...within.partRoles.keys(), ...within.projectMethods.keys()];
        expect(places.filter((place) => !/^p(\/|$)/.test(place))).toEqual([]);
        expect(within.projectRoles.get("p")).toBe(all.projectRoles.get("p"));
        expect(within.partRoles.get(environmentSubject("p", "e"))).toBe(
          all.partRoles.get(environmentSubject("p", "e")),
        );
        expect(within.tenantRoles.get("t")).toBe(all.tenantRoles.get("t"));
      }),
    );
  });
});

describe("a credential", () => {
  const verdict = (user: string, owner: Rights, granted: Rights, within: Rights): boolean => {
    try {
      refuseBeyondToken({ user, owner, granted }, "bot", within);
      return true;
    } catch (error) {
      expect(error).toMatchObject({ kind: "denied" });
      return false;
    }
  };

  it("of another principal is never worth more than the calling token", () => {
    fc.assert(
      fc.property(rights, rights, rights, (owner, granted, within) => {
        expect(verdict("ada", owner, granted, within)).toBe(firstBeyond(within, granted) === undefined);
      }),
    );
  });

  it("of oneself needs a token with all that one may do but the admin role", () => {
    fc.assert(
      fc.property(rights, rights, (owner, granted) => {
        const wanted = { ...owner, adminRole: undefined };
        expect(verdict("bot", owner, granted, none)).toBe(firstBeyond(wanted, granted) === undefined);
        expect(verdict("bot", owner, wanted, none)).toBe(true);
      }),
    );
  });

  it.each([
    ["the user's own", { id: "ada", kind: "user", tenant: null }, "ada", "ada", true],
    ["another owner's of a personal tenant", { id: "ada", kind: "user", tenant: null }, "bob", "ada", false],
    ["the user's own elsewhere", { id: "ada", kind: "user", tenant: null }, "ada", "acme", false],
    ["a bot's of the tenant", { id: "b", kind: "bot", tenant: "acme" }, "ada", "acme", true],
    ["a team's of the tenant", { id: "b", kind: "team", tenant: "acme" }, "ada", "acme", true],
    ["a bot's of another tenant", { id: "b", kind: "bot", tenant: "evil" }, "ada", "acme", false],
    ["a group's", { id: "group:g@p", kind: "group", tenant: null }, "ada", "acme", false],
  ] as const)("%s can be reached or not", (_, principal, user, login, reached) => {
    expect(reaches(user, login, principal)).toBe(reached);
  });

  it.each([
    ["client_secret", "user", "", "precondition"],
    ["client_secret", "team", "", "precondition"],
    ["ssh_public_key", "user", "", "invalid"],
    ["api_key", "user", "ssh-ed25519 AAAA", "invalid"],
  ] as const)("a %s of a %s is refused with the key %j", (kind, owner, key, reason) => {
    expect(() => refuseUnfit(kind, owner, key)).toThrow(expect.objectContaining({ kind: reason }));
  });

  it.each([
    ["client_secret", "bot", ""],
    ["api_key", "team", ""],
    ["ssh_public_key", "bot", "ssh-ed25519 AAAA"],
  ] as const)("a %s of a %s is fine", (kind, owner, key) => {
    expect(() => refuseUnfit(kind, owner, key)).not.toThrow();
  });
});
