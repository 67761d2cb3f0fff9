import { newSecret } from "../../../src/auth/secrets.js";
import { projectMembers } from "../../../src/resources/api/member/table.js";
import { projectStore } from "../../../src/resources/api/project/store.js";
import type { AdminRoleName, ProjectRoleName, TenantRoleName } from "../../../src/resources/api/roles.js";
import { tenantStore } from "../../../src/resources/api/tenant/store.js";
import { issueToken, type TokenOrder } from "../../../src/resources/api/token/issue.js";
import { customRoles, roleBindings } from "../../../src/resources/iam/access/table.js";
import { credentials } from "../../../src/resources/iam/credential/table.js";
import { principalStore } from "../../../src/resources/iam/principal/store.js";
import { principals, teamMembers } from "../../../src/resources/iam/principal/table.js";
import type { TestPlatform } from "../../support/platform.js";

type Grants = Partial<Pick<TokenOrder, "permissions" | "projectRoles" | "tenantRoles" | "adminRole">>;

/** Where a role is held. */
export type Place = { readonly tenant: string } | { readonly project: string };

/** Accounts, memberships and tokens, written straight into the database. */
export function accountsOf({ platform }: TestPlatform) {
  const { db, clock, newId, tokens } = platform;
  const stamps = () => ({ createdAt: clock(), updatedAt: clock() });
  const issue = async (owner: string, type: "api" | "console", grants: Grants, ageSeconds = 0): Promise<string> => {
    const nothing = { permissions: {}, projectRoles: {}, tenantRoles: {}, adminRole: null };
    const now = new Date(clock().getTime() - ageSeconds * 1_000);
    const order = { id: newId(), owner, type, description: "matrix", ...nothing, ...grants };
    return (await issueToken(db, tokens, { ...order, now, seconds: 3_600 })).secret;
  };
  return {
    async user(id: string, adminRole?: AdminRoleName): Promise<string> {
      await principalStore.ensureUser(db, id, clock(), adminRole);
      return id;
    },
    /** A bot or a team of the tenant. */
    async made(kind: "bot" | "team", tenant: string, enabled = true): Promise<string> {
      const id = newId();
      await db.insert(principals).values({ id, kind, tenant, name: id, enabled, ...stamps() });
      return id;
    },
    async join(team: string, member: string): Promise<void> {
      await db.insert(teamMembers).values({ team, member, createdAt: clock() });
    },
    /** A tenant with a project, so that it cannot be deleted. */
    async tenant(login: string, owner: string): Promise<void> {
      await tenantStore.ensure(db, { login, name: login, createdBy: owner, admitted: true, ...stamps() });
      await tenantStore.setMember(db, login, owner, "owner", clock());
      await projectStore.insert(db, { id: newId(), tenant: login, name: "default", ...stamps() });
    },
    inTenant: (tenant: string, member: string, role: TenantRoleName): Promise<void> =>
      tenantStore.setMember(db, tenant, member, role, clock()),
    async inProject(project: string, member: string, role: ProjectRoleName): Promise<void> {
      await db.insert(projectMembers).values({ project, member, role, createdAt: clock() });
    },
    /** A built-in role in an environment or deployment of a project. */
    async inside(scope: "environment" | "deployment", project: string, subject: string, principal: string) {
      const binding = { scope, project, subject, principal, builtInRole: "owner", createdBy: "test" } as const;
      await db.insert(roleBindings).values({ id: newId(), ...binding, createdAt: clock() });
    },
    /** A custom role of these permissions, held at a tenant or at a project; answers its id. */
    async custom(tenant: string, place: Place, principal: string, permissions: string[]): Promise<string> {
      const scope = "tenant" in place ? "tenant" : "project";
      const id = newId();
      await db.insert(customRoles).values({ id, tenant, name: `r-${id}`, scope, permissions, ...stamps() });
      const binding = { scope, principal, customRole: id, createdBy: "test", createdAt: clock() } as const;
      await db.insert(roleBindings).values({ id: newId(), ...place, ...binding });
      return id;
    },
    console: (owner: string): Promise<string> => issue(owner, "console", {}),
    token: (owner: string, grants: Grants): Promise<string> => issue(owner, "api", grants),
    /** A token that ended an hour ago. */
    expired: (owner: string): Promise<string> => issue(owner, "console", {}, 7_200),
    async apiKey(principal: string, enabled = true): Promise<string> {
      const id = newId();
      const { secret, digest } = newSecret("apiKey", id);
      const row = { id, principal, kind: "api_key", name: id, enabled, digest, createdBy: "test" } as const;
      await db.insert(credentials).values({ ...row, rotatedAt: clock(), createdAt: clock() });
      return secret;
    },
  };
}

/** What `accountsOf` answers. */
export type Accounts = ReturnType<typeof accountsOf>;
