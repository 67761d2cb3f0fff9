import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AdminRole, ProjectRole, TenantRole } from "../../gen/ts/api/v1/common_pb.js";
import {
  cutToOwner,
  deploymentSubject,
  environmentSubject,
  expandPermissions,
  firstBeyond,
  type Memberships,
  rightsOf,
} from "../../src/auth/rights.js";
import type { Grants, Rights } from "../../src/caller.js";

const names = fc.constantFrom("a", "b", "c", "d");
const projectRole = fc.constantFrom(ProjectRole.OWNER, ProjectRole.EDITOR, ProjectRole.VIEWER);
const tenantRole = fc.constantFrom(TenantRole.OWNER, TenantRole.EDITOR, TenantRole.VIEWER, TenantRole.GUEST);
const adminRole = fc.option(fc.constantFrom(AdminRole.EDITOR, AdminRole.VIEWER), { nil: undefined });
const roles = <R>(role: fc.Arbitrary<R>, keys: fc.Arbitrary<string>) =>
  fc.array(fc.tuple(keys, role)).map((pairs) => new Map(pairs));
const methodSets = fc.array(fc.constantFrom("/x/Get", "/x/List")).map((methods) => new Set(methods));
const parts = names.map((project) => environmentSubject(project, "e"));
const rights: fc.Arbitrary<Rights> = fc.record({
  adminRole,
  projectRoles: roles(projectRole, names),
  tenantRoles: roles(tenantRole, names),
  partRoles: roles(projectRole, parts),
  projectMethods: roles(methodSets, fc.oneof(names, parts)),
  tenantMethods: roles(methodSets, names),
});
const rules = { expand: (name: string) => new Set([`/${name}`]), admits: () => true };
const subjects = fc.oneof(names, fc.constant("*"));
const grants: fc.Arbitrary<Grants> = fc.record({
  adminRole,
  projectRoles: roles(projectRole, subjects),
  tenantRoles: roles(tenantRole, subjects),
  permissions: roles(fc.array(fc.constantFrom("/x/Get", "/x/List")), subjects),
});

describe("rightsOf", () => {
  const memberships = (tenant: TenantRole | undefined, direct: ProjectRole | undefined) =>
    rightsOf(
      {
        adminRole: undefined,
        tenants: tenant === undefined ? [] : [{ tenant: "t", role: tenant }],
        projects: tenant === undefined && direct === undefined ? [] : [{ project: "p", tenant: "t", role: direct }],
        bindings: [],
      },
      rules,
    );

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

  it("lets a custom role of a tenant reach into its projects, and no other role out of its place", () => {
    const bindings: Memberships["bindings"] = [
      { tenant: "t", subject: "t", role: undefined, permissions: ["A"] },
      { tenant: undefined, subject: "p2", role: undefined, permissions: ["B", "C"] },
      { tenant: undefined, subject: environmentSubject("p1", "e"), role: ProjectRole.EDITOR, permissions: [] },
      { tenant: undefined, subject: deploymentSubject("p1", "d"), role: undefined, permissions: ["D"] },
    ];
    const projects = ["p1", "p2"].map((project) => ({ project, tenant: "t", role: undefined }));
    const elsewhere = { project: "p3", tenant: "other", role: undefined };
    const held = rightsOf({ adminRole: undefined, tenants: [], projects: [...projects, elsewhere], bindings }, rules);
    expect(held).toEqual({
      adminRole: undefined,
      tenantRoles: new Map(),
      projectRoles: new Map(),
      partRoles: new Map([["p1/environments/e", ProjectRole.EDITOR]]),
      tenantMethods: new Map([["t", new Set(["/A"])]]),
      projectMethods: new Map([
        ["p1", new Set(["/A"])],
        ["p2", new Set(["/A", "/B", "/C"])],
        ["p1/deployments/d", new Set(["/D"])],
      ]),
    });
  });

  it("keeps a tenant and a project of the same name apart", () => {
    const bindings: Memberships["bindings"] = [
      { tenant: "same", subject: "same", role: undefined, permissions: ["A"] },
    ];
    const held = rightsOf({ adminRole: undefined, tenants: [], projects: [], bindings }, rules);
    expect([...held.tenantMethods.keys()]).toEqual(["same"]);
    expect(held.projectMethods.size).toBe(0);
  });
});

describe("cutToOwner", () => {
  it("never gives more than the token grants, nor more than the owner has", () => {
    fc.assert(
      fc.property(grants, rights, (granted, owner) => {
        const cut = cutToOwner(granted, owner, rules);
        for (const kind of ["projectRoles", "tenantRoles"] as const) {
          for (const [subject, role] of cut[kind]) {
            expect(role).toBeGreaterThanOrEqual(owner[kind].get(subject) ?? Number.POSITIVE_INFINITY);
            const asked = [granted[kind].get(subject), granted[kind].get("*")].filter((r) => r !== undefined);
            expect(role).toBeGreaterThanOrEqual(Math.min(...asked));
          }
        }
        for (const [part, role] of cut.partRoles) {
          expect(role).toBeGreaterThanOrEqual(owner.partRoles.get(part) ?? Number.POSITIVE_INFINITY);
          const named = [part, part.slice(0, 1), "*"].map((name) => granted.projectRoles.get(name) ?? 99);
          expect(role).toBeGreaterThanOrEqual(Math.min(...named));
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
        const cut = cutToOwner(granted, owner, rules);
        for (const [subject, role] of owner.projectRoles) {
          const asked = granted.projectRoles.get(subject) ?? granted.projectRoles.get("*");
          if (asked !== undefined) expect(cut.projectRoles.get(subject)).toBeLessThanOrEqual(Math.max(role, asked));
        }
      }),
    );
  });
});

describe("cutToOwner, with custom roles", () => {
  const readsOnly = {
    admits: (method: string, roles: { project: ProjectRole | undefined; tenant: TenantRole | undefined }) =>
      roles.project === ProjectRole.OWNER ||
      roles.tenant === TenantRole.OWNER ||
      (method.endsWith("List") && !!(roles.project ?? roles.tenant)),
  };

  it("keeps the owner's methods that the granted role admits in the same place, and no others", () => {
    fc.assert(
      fc.property(grants, rights, (granted, owner) => {
        const cut = cutToOwner(granted, owner, readsOnly);
        for (const kind of ["project", "tenant"] as const) {
          const owned = kind === "project" ? owner.projectMethods : owner.tenantMethods;
          const roles: ReadonlyMap<string, number> = kind === "project" ? granted.projectRoles : granted.tenantRoles;
          const kept = kind === "project" ? cut.projectMethods : cut.tenantMethods;
          for (const [subject, methods] of owned) {
            const project = subject.split("/")[0] ?? "";
            const role = Math.min(...[subject, project, "*"].map((name) => roles.get(name) ?? 99));
            for (const method of methods) {
              const admitted = role === 1 || (role !== 99 && method.endsWith("List"));
              expect(kept.get(subject)?.has(method) ?? false).toBe(admitted);
            }
          }
          expect([...kept.keys()].every((subject) => owned.has(subject))).toBe(true);
        }
      }),
    );
  });
});

describe("firstBeyond", () => {
  it("finds nothing beyond in what was cut, nor in what is one's own", () => {
    fc.assert(
      fc.property(grants, rights, (granted, owner) => {
        expect(firstBeyond(owner, owner)).toBeUndefined();
        expect(firstBeyond(cutToOwner(granted, owner, rules), owner)).toBeUndefined();
      }),
    );
  });

  const none: Rights = {
    adminRole: undefined,
    projectRoles: new Map(),
    tenantRoles: new Map(),
    partRoles: new Map(),
    projectMethods: new Map(),
    tenantMethods: new Map(),
  };
  const inProject = (role: ProjectRole): Rights => ({ ...none, projectRoles: new Map([["p", role]]) });
  const inPart = (role: ProjectRole): Rights => ({ ...none, partRoles: new Map([["p/environments/e", role]]) });
  const method = (subject: string): Rights => ({ ...none, projectMethods: new Map([[subject, new Set(["/x/Get"])]]) });
  it.each([
    ["a weaker role", inProject(ProjectRole.OWNER), inProject(ProjectRole.EDITOR), "the role owner in project p"],
    [
      "an environment's role for the project's",
      inProject(ProjectRole.VIEWER),
      inPart(ProjectRole.OWNER),
      "the role viewer",
    ],
    ["the project's role for an environment's", inPart(ProjectRole.EDITOR), inProject(ProjectRole.OWNER), undefined],
    ["an editor's role for a method", method("p"), inProject(ProjectRole.EDITOR), "the method /x/Get in project p"],
    ["an owner's role for a method", method("p"), inProject(ProjectRole.OWNER), undefined],
    ["a method of the project, in an environment", method("p/environments/e"), method("p"), undefined],
    ["a method of an environment, in the project", method("p"), method("p/environments/e"), "the method /x/Get"],
    [
      "a method of a tenant of the same name",
      method("p"),
      { ...none, tenantMethods: new Map([["p", new Set(["/x/Get"])]]) },
      "the method /x/Get",
    ],
    ["no admin role", { ...none, adminRole: AdminRole.VIEWER }, none, "the admin role"],
    ["an admin editor", inProject(ProjectRole.OWNER), { ...none, adminRole: AdminRole.EDITOR }, undefined],
  ])("with %s", (_, wanted, holder, expected) => {
    const beyond = firstBeyond(wanted, holder);
    if (expected === undefined) expect(beyond).toBeUndefined();
    else expect(beyond).toContain(expected);
  });
});

describe("expandPermissions", () => {
  it("writes * out as every subject of the owner, and nothing else", () => {
    fc.assert(
      fc.property(grants, rights, ({ permissions }, owner) => {
        const expanded = expandPermissions(permissions, owner);
        expect(expanded.has("*")).toBe(false);
        const everywhere = permissions.get("*") ?? [];
        const { projectRoles, tenantRoles, partRoles, projectMethods, tenantMethods } = owner;
        const held: ReadonlyMap<string, unknown>[] = [projectRoles, tenantRoles, partRoles];
        const given = [...projectMethods, ...tenantMethods].filter(([, methods]) => methods.size > 0);
        for (const subject of [...held.flatMap((roles) => [...roles.keys()]), ...given.map(([name]) => name)]) {
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
