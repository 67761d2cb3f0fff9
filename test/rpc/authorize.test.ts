import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { AdminRole, ProjectRole, TenantRole, Visibility } from "../../gen/ts/api/v1/common_pb.js";
import { TenantService } from "../../gen/ts/api/v1/tenant_pb.js";
import { AccessService } from "../../gen/ts/iam/v1/access_pb.js";
import type { Caller, Rights } from "../../src/caller.js";
import { decide } from "../../src/rpc/decide.js";
import { isRead, type MethodPolicy, policyOf } from "../../src/rpc/method-options.js";
import { rights } from "./support/callers.js";

const subjects = ["p1", "p2", "acme", "*", ""];
const paths = ["/t.S/Get", "/t.S/Set"];
const subject = fc.constantFrom(...subjects);
const roles = <Role extends number>(...all: Role[]) => fc.subarray(all);

const parts = ["p1/environments/x", "p1/deployments/x", "p2/environments/x"];
const part = fc.constantFrom(...parts);
const methodsBy = (names: fc.Arbitrary<string>) =>
  fc
    .array(fc.tuple(names, fc.subarray(paths)))
    .map((entries) => new Map(entries.map(([name, methods]) => [name, new Set(methods)] as const)));

const anyRights: fc.Arbitrary<Rights> = fc.record({
  adminRole: fc.constantFrom(undefined, AdminRole.EDITOR, AdminRole.VIEWER),
  projectRoles: fc.array(fc.tuple(subject, fc.constantFrom(0, 1, 2, 3))).map((entries) => new Map(entries)),
  tenantRoles: fc.array(fc.tuple(subject, fc.constantFrom(0, 1, 2, 3, 4))).map((entries) => new Map(entries)),
  partRoles: fc.array(fc.tuple(part, fc.constantFrom(0, 1, 2, 3))).map((entries) => new Map(entries)),
  projectMethods: methodsBy(fc.oneof(subject, part)),
  tenantMethods: methodsBy(subject),
});

const anyCaller: fc.Arbitrary<Caller> = fc.record({
  user: fc.constant("u"),
  teams: fc.constant([]),
  grants: fc.constant(undefined),
  tokenId: fc.constant("t"),
  tokenType: fc.constant("api" as const),
  expiresAt: fc.constant(new Date("2100-01-01")),
  granted: anyRights,
  owner: anyRights,
  permissions: methodsBy(fc.oneof(subject, part)),
});

const someField = AccessService.method.check.input.field.environment;
const anyPolicy: fc.Arbitrary<MethodPolicy> = fc
  .record({
    path: fc.constantFrom(...paths),
    visibility: fc.constantFrom(0, 1, 2, 3),
    projectRoles: roles(ProjectRole.UNSPECIFIED, ProjectRole.OWNER, ProjectRole.EDITOR, ProjectRole.VIEWER),
    tenantRoles: roles(TenantRole.OWNER, TenantRole.EDITOR, TenantRole.VIEWER, TenantRole.GUEST),
    adminRoles: roles(AdminRole.EDITOR, AdminRole.VIEWER),
    anyTenant: fc.boolean(),
    environmentField: fc.constantFrom(undefined, someField),
    deploymentField: fc.constantFrom(undefined, someField),
  })
  .map(({ anyTenant, ...policy }) => ({
    ...policy,
    chargeable: false,
    audited: true,
    reads: false,
    auditedAhead: true,
    projectScope: { kind: policy.projectRoles.length > 0 ? "project" : "none" } as const,
    tenantScope: { kind: policy.tenantRoles.length === 0 ? "none" : anyTenant ? "anyTenant" : "tenant" } as const,
    projectField: undefined,
    tenantField: undefined,
  }));

const anySubject = fc.record({
  project: fc.option(subject, { nil: undefined }),
  tenant: fc.option(subject, { nil: undefined }),
  environment: fc.constantFrom(undefined, "x", "y"),
  deployment: fc.constantFrom(undefined, "x", "y"),
});
type Subject = Parameters<typeof decide>[2];

const anything = [anyPolicy, anyCaller, anySubject] as const;
const nothing = {
  user: "u",
  teams: [],
  grants: undefined,
  tokenId: "t",
  tokenType: "api",
  expiresAt: new Date("2100-01-01"),
  owner: rights(),
  permissions: new Map(),
} as const;
const may = (...question: Parameters<typeof decide>) => decide(...question).allowed;

function check(property: (policy: MethodPolicy, caller: Caller, about: Subject) => void) {
  fc.assert(
    fc.property(...anything, (policy, caller, about) => property(policy, caller, about)),
    { numRuns: 2_000 },
  );
}

describe("decide", () => {
  it("agrees with the rule written out", () => {
    check((policy, caller, about) => {
      const { project, tenant, environment, deployment } = about;
      const { granted, owner, permissions } = caller;
      const single = (name: string) => permissions.get(name)?.has(policy.path) === true;
      const inList = (list: readonly number[], role: number | undefined) => !!role && list.includes(role);
      const custom = (methods: Rights["projectMethods"], name: string) => methods.get(name)?.has(policy.path) === true;
      const names = [
        ...(project ? [project] : []),
        ...(environment && policy.environmentField ? [`${project}/environments/${environment}`] : []),
        ...(deployment && policy.deploymentField ? [`${project}/deployments/${deployment}`] : []),
      ];
      const projectHolds = (rights: Rights) =>
        inList(policy.projectRoles, rights.projectRoles.get(project ?? "")) ||
        names.some((name) => name !== project && inList(policy.projectRoles, rights.partRoles.get(name))) ||
        names.some((name) => custom(rights.projectMethods, name));
      const byProject =
        policy.projectScope.kind === "project" &&
        !!project &&
        (projectHolds(granted) || (names.some(single) && projectHolds(owner)));
      const tenantHolds = (rights: Rights, name: string) =>
        inList(policy.tenantRoles, rights.tenantRoles.get(name)) || custom(rights.tenantMethods, name);
      const inTenant = (name: string) => tenantHolds(granted, name) || (single(name) && tenantHolds(owner, name));
      const isAboutProject = policy.projectScope.kind === "project" && !!project;
      const byTenant =
        policy.tenantScope.kind === "anyTenant"
          ? subjects.some(inTenant)
          : policy.tenantScope.kind === "tenant" && !isAboutProject && !!tenant && inTenant(tenant);
      const byAdmin =
        granted.adminRole === AdminRole.EDITOR ||
        inList(policy.adminRoles, granted.adminRole) ||
        (granted.adminRole === AdminRole.VIEWER && isRead(policy));
      const expected =
        policy.visibility !== Visibility.PRIVATE && (policy.visibility !== 0 || byProject || byTenant || byAdmin);
      expect(may(policy, caller, about)).toBe(expected);
    });
  });

  it("never lets anybody reach a private method", () => {
    check((policy, caller, about) => {
      const closed = { ...policy, visibility: Visibility.PRIVATE };
      expect(may(closed, caller, about) || may(closed, undefined, about)).toBe(false);
    });
  });

  it("tells the anonymous to sign in, and everybody else why not", () => {
    check((policy, caller, about) => {
      const restricted = { ...policy, visibility: Visibility.UNSPECIFIED };
      expect(decide(restricted, undefined, about)).toMatchObject({ allowed: false, kind: "unauthenticated" });
      const decision = decide(restricted, caller, about);
      if (!decision.allowed) expect(decision).toMatchObject({ kind: "denied", message: expect.stringMatching(/\w/) });
    });
  });

  it("gives nothing to permissions that the owner could not use, nor to admin methods", () => {
    check((policy, caller, about) => {
      const restricted = { ...policy, visibility: Visibility.UNSPECIFIED };
      expect(may(restricted, { ...caller, granted: rights(), owner: rights() }, about)).toBe(false);
      const adminOnly = { ...restricted, projectRoles: [], tenantRoles: [], adminRoles: [AdminRole.EDITOR] };
      const owner = rights({ adminRole: AdminRole.EDITOR });
      const none = { ...adminOnly, projectScope: { kind: "none" }, tenantScope: { kind: "none" } } as const;
      expect(may(none, { ...caller, granted: rights(), owner }, about)).toBe(false);
    });
  });

  it("never takes away by adding a right", () => {
    check((policy, caller, about) => {
      const { granted } = caller;
      const stronger = { ...caller, granted: { ...granted, adminRole: AdminRole.EDITOR } };
      if (may(policy, caller, about)) expect(may(policy, stronger, about)).toBe(true);
    });
  });

  it("keeps a project's role in its project", () => {
    const policy = policyOf(ClusterService.method.get);
    const caller: Caller = { ...nothing, granted: rights({ projectRoles: new Map([["p1", ProjectRole.VIEWER]]) }) };
    expect(may(policy, caller, { project: "p1" })).toBe(true);
    expect(may(policy, caller, { project: "p2" })).toBe(false);
    expect(may(policy, caller, {})).toBe(false);
    expect(may(policyOf(ClusterService.method.create), caller, { project: "p1" })).toBe(false);
  });

  it("keeps an environment's role in its environment, and from methods that ask for none", () => {
    const inEnvironment = {
      ...nothing,
      granted: rights({ partRoles: new Map([["p1/environments/x", ProjectRole.OWNER]]) }),
    };
    const list = policyOf(AccessService.method.listRoleBindings);
    expect(decide(list, inEnvironment, { project: "p1", environment: "x" })).toMatchObject({ ground: "project role" });
    expect(may(list, inEnvironment, { project: "p1" })).toBe(false);
    expect(may(list, inEnvironment, { project: "p1", environment: "y" })).toBe(false);
    expect(may(list, inEnvironment, { project: "p2", environment: "x" })).toBe(false);
    expect(may(list, inEnvironment, { project: "p1", deployment: "x" })).toBe(false);
    expect(may(policyOf(ClusterService.method.get), inEnvironment, { project: "p1", environment: "x" })).toBe(false);
  });

  it("does not take a tenant for a project of the same name, nor the other way round", () => {
    const list = policyOf(AccessService.method.listRoleBindings);
    const methods = new Map([["same", new Set([list.path])]]);
    const inTenant: Caller = { ...nothing, granted: rights({ tenantMethods: methods }) };
    expect(decide(list, inTenant, { tenant: "same" })).toMatchObject({ ground: "custom role" });
    expect(may(list, inTenant, { project: "same" })).toBe(false);
    const inProject: Caller = { ...nothing, granted: rights({ projectMethods: methods }) };
    expect(decide(list, inProject, { project: "same" })).toMatchObject({ ground: "custom role" });
    expect(may(list, inProject, { tenant: "same" })).toBe(false);
  });

  it("does not let a custom role of a project make tenants", () => {
    const create = policyOf(TenantService.method.create);
    const methods = new Map([["p1", new Set([create.path])]]);
    expect(may(create, { ...nothing, granted: rights({ projectMethods: methods }) }, {})).toBe(false);
    expect(may(create, { ...nothing, granted: rights({ tenantMethods: methods }) }, {})).toBe(true);
  });

  it("lets a single permission do what its owner may", () => {
    const policy = policyOf(ClusterService.method.get);
    const permissions = new Map([["p1", new Set([policy.path])]]);
    const owner = rights({ projectRoles: new Map([["p1", ProjectRole.OWNER]]) });
    expect(may(policy, { ...nothing, granted: rights(), owner, permissions }, { project: "p1" })).toBe(true);
    expect(
      may(
        policyOf(ClusterService.method.list),
        { ...nothing, granted: rights(), owner, permissions },
        { project: "p1" },
      ),
    ).toBe(false);
    expect(may(policy, { ...nothing, granted: rights(), permissions }, { project: "p1" })).toBe(false);
  });
});
