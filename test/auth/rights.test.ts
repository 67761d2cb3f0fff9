import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AdminRole, ProjectRole, TenantRole } from "../../gen/ts/api/v1/common_pb.js";
import { cutToOwner, expandPermissions, type Grants, rightsOf } from "../../src/auth/rights.js";
import type { Rights } from "../../src/caller.js";

const names = fc.constantFrom("a", "b", "c", "d");
const projectRole = fc.constantFrom(ProjectRole.OWNER, ProjectRole.EDITOR, ProjectRole.VIEWER);
const tenantRole = fc.constantFrom(TenantRole.OWNER, TenantRole.EDITOR, TenantRole.VIEWER, TenantRole.GUEST);
const adminRole = fc.option(fc.constantFrom(AdminRole.EDITOR, AdminRole.VIEWER), { nil: undefined });
const roles = <R>(role: fc.Arbitrary<R>, keys: fc.Arbitrary<string>) =>
  fc.array(fc.tuple(keys, role)).map((pairs) => new Map(pairs));
const rights: fc.Arbitrary<Rights> = fc.record({
  adminRole,
  projectRoles: roles(projectRole, names),
  tenantRoles: roles(tenantRole, names),
});
const subjects = fc.oneof(names, fc.constant("*"));
const grants: fc.Arbitrary<Grants> = fc.record({
  adminRole,
  projectRoles: roles(projectRole, subjects),
  tenantRoles: roles(tenantRole, subjects),
  permissions: roles(fc.array(fc.constantFrom("/x/Get", "/x/List")), subjects),
});

describe("rightsOf", () => {
  const memberships = (tenant: TenantRole | undefined, direct: ProjectRole | undefined) =>
    rightsOf({
      adminRole: undefined,
      tenants: tenant === undefined ? [] : [{ tenant: "t", role: tenant }],
      projects: tenant === undefined && direct === undefined ? [] : [{ project: "p", tenant: "t", role: direct }],
    });

  it.each([
    [TenantRole.OWNER, undefined, ProjectRole.OWNER],
    [TenantRole.EDITOR, undefined, ProjectRole.EDITOR],
    [TenantRole.VIEWER, undefined, ProjectRole.VIEWER],
    [TenantRole.GUEST, undefined, undefined],
    [TenantRole.VIEWER, ProjectRole.OWNER, ProjectRole.OWNER],
    [TenantRole.OWNER, ProjectRole.VIEWER, ProjectRole.OWNER],
    [undefined, ProjectRole.EDITOR, ProjectRole.EDITOR],
    [undefined, undefined, undefined],
  ])("tenant role %s and project role %s give the project role %s", (tenant, direct, expected) => {
    expect(memberships(tenant, direct).projectRoles.get("p")).toBe(expected);
  });

  it("makes a guest of the tenant of whoever has only a project", () => {
    expect(memberships(undefined, ProjectRole.VIEWER).tenantRoles.get("t")).toBe(TenantRole.GUEST);
    expect(memberships(TenantRole.VIEWER, ProjectRole.OWNER).tenantRoles.get("t")).toBe(TenantRole.VIEWER);
    expect(memberships(undefined, undefined).tenantRoles.size).toBe(0);
  });
});

describe("cutToOwner", () => {
  it("never gives more than the token grants, nor more than the owner has", () => {
    fc.assert(
      fc.property(grants, rights, (granted, owner) => {
        const cut = cutToOwner(granted, owner);
        for (const kind of ["projectRoles", "tenantRoles"] as const) {
          for (const [subject, role] of cut[kind]) {
            expect(role).toBeGreaterThanOrEqual(owner[kind].get(subject) ?? Number.POSITIVE_INFINITY);
            const asked = [granted[kind].get(subject), granted[kind].get("*")].filter((r) => r !== undefined);
            expect(role).toBeGreaterThanOrEqual(Math.min(...asked));
          }
        }
        if (cut.adminRole !== undefined) {
          expect(cut.adminRole).toBe(Math.max(granted.adminRole ?? 99, owner.adminRole ?? 99));
        }
      }),
    );
  });

  it("gives all that both allow", () => {
    fc.assert(
      fc.property(grants, rights, (granted, owner) => {
        const cut = cutToOwner(granted, owner);
        for (const [subject, role] of owner.projectRoles) {
          const asked = granted.projectRoles.get(subject) ?? granted.projectRoles.get("*");
          if (asked !== undefined) expect(cut.projectRoles.get(subject)).toBeLessThanOrEqual(Math.max(role, asked));
        }
      }),
    );
  });
});

describe("expandPermissions", () => {
  it("writes * out as every subject of the owner, and nothing else", () => {
    fc.assert(
      fc.property(grants, rights, ({ permissions }, owner) => {
        const expanded = expandPermissions(permissions, owner);
        expect(expanded.has("*")).toBe(false);
        const everywhere = permissions.get("*") ?? [];
        for (const subject of [...owner.projectRoles.keys(), ...owner.tenantRoles.keys()]) {
          for (const method of everywhere) expect(expanded.get(subject)?.has(method)).toBe(true);
        }
        for (const [subject, methods] of expanded) {
          for (const method of methods) {
            expect(permissions.get(subject)?.includes(method) || everywhere.includes(method)).toBe(true);
          }
        }
      }),
    );
  });
});
