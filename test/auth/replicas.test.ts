import { and, eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { TokenService } from "../../gen/ts/api/v1/token_pb.js";
import { projectMembers, tenantMembers } from "../../src/resources/api/member/table.js";
import { tenantStore } from "../../src/resources/api/tenant/store.js";
import { customRoles, roleBindings } from "../../src/resources/iam/access/table.js";
import { principalStore } from "../../src/resources/iam/principal/store.js";
import { principals, teamMembers } from "../../src/resources/iam/principal/table.js";
import { codeOf } from "../resources/support/refusals.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../support/platform.js";
import { type SecondServer, startSecond } from "./support/second.js";

let platform: TestPlatform;
let second: SecondServer;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  second = await startSecond(platform);
});
afterAll(async () => {
  await second?.close();
  await platform?.close();
});

/** Somebody who comes to a right in a way of the test's own, and a token that carries all of it. */
async function newcomer({ project }: TestTenant, give: (user: string) => Promise<unknown>): Promise<string> {
  const { db, clock, newId } = platform.platform;
  const user = `u-${newId().slice(-12)}`;
  await principalStore.ensureUser(db, user, clock());
  await give(user);
  const all = { "*": "owner" } as const;
  const token = await platform.token({ owner: user, projectRoles: all, tenantRoles: all, adminRole: null });
  // Known to the second server from now on.
  expect(await second.list(token, project)).toBe("OK");
  return token;
}

const member = (tenant: string) => (user: string) =>
  tenantStore.setMember(platform.platform.db, tenant, user, "viewer", platform.platform.clock());

/** A team that is a member of the tenant, and somebody in it. */
function inTeam({ tenant }: TestTenant, team: string) {
  return async (user: string) => {
    const { db, clock } = platform.platform;
    const now = clock();
    const stamps = { createdAt: now, updatedAt: now };
    await db.insert(principals).values({ id: team, kind: "team", tenant, name: team, ...stamps });
    await db.insert(teamMembers).values({ team, member: user, createdAt: now });
    await member(tenant)(team);
  };
}

/** A custom role with the right to list clusters, bound in the project. */
function withRole({ tenant, project }: TestTenant, role: string) {
  return async (principal: string) => {
    const { db, clock, newId } = platform.platform;
    const createdAt = clock();
    const permissions = ["api.v1.ClusterService.List"];
    const stamps = { createdAt, updatedAt: createdAt };
    await db.insert(customRoles).values({ id: role, tenant, name: role, scope: "project", permissions, ...stamps });
    const binding = { id: newId(), scope: "project", project, principal, customRole: role, createdBy: tenant } as const;
    await db.insert(roleBindings).values({ ...binding, createdAt });
  };
}

/** What is given, and how it is taken away at the database that both share. */
interface Right {
  give(tenant: TestTenant, id: string): (user: string) => Promise<unknown>;
  take(tenant: TestTenant, id: string): Promise<unknown>;
}

const db = () => platform.platform.db;
const rights: [string, Right][] = [
  [
    "a member is removed",
    {
      give: ({ tenant }) => member(tenant),
      take: ({ tenant }) =>
        db()
          .delete(tenantMembers)
          .where(and(eq(tenantMembers.tenant, tenant), eq(tenantMembers.role, "viewer"))),
    },
  ],
  [
    "a role is lowered",
    {
      give: ({ tenant }) => member(tenant),
      take: ({ tenant }) =>
        db()
          .update(tenantMembers)
          .set({ role: "guest" })
          .where(and(eq(tenantMembers.tenant, tenant), eq(tenantMembers.role, "viewer"))),
    },
  ],
  [
    "a member of a project is removed",
    {
      give:
        ({ project }) =>
        (user) =>
          db().insert(projectMembers).values({ project, member: user, role: "viewer", createdAt: new Date() }),
      take: ({ project }) => db().delete(projectMembers).where(eq(projectMembers.project, project)),
    },
  ],
  [
    "a team loses a member",
    { give: inTeam, take: (_, team) => db().delete(teamMembers).where(eq(teamMembers.team, team)) },
  ],
  ["a team is deleted", { give: inTeam, take: (_, team) => db().delete(principals).where(eq(principals.id, team)) }],
  [
    "a team is disabled",
    { give: inTeam, take: (_, team) => db().update(principals).set({ enabled: false }).where(eq(principals.id, team)) },
  ],
  [
    "a custom role changes",
    {
      give: withRole,
      take: (_, role) =>
        db()
          .update(customRoles)
          .set({ permissions: ["api.v1.ClusterService.Get"] })
          .where(eq(customRoles.id, role)),
    },
  ],
  [
    "a role binding is deleted",
    { give: withRole, take: (_, role) => db().delete(roleBindings).where(eq(roleBindings.customRole, role)) },
  ],
];

describe("on another server it holds at once that", () => {
  it.each(rights)("%s", async (_, { give, take }) => {
    const tenant = await platform.newTenant();
    const id = platform.platform.newId();
    const token = await newcomer(tenant, give(tenant, id));
    await take(tenant, id);
    await expect.poll(() => second.list(token, tenant.project), { timeout: 10_000 }).toBe("PermissionDenied");
  });

  it("a token is revoked", async () => {
    const { token, secret } = await platform
      .client(TokenService)
      .create({ description: "short-lived", projectRoles: { [platform.project]: 3 } }, as(platform.tokens.owner));
    expect(await second.list(secret)).toBe("OK");
    await platform.client(TokenService).revoke({ uuid: token?.uuid ?? "" }, as(platform.tokens.owner));
    await expect.poll(() => second.list(secret), { timeout: 10_000 }).toBe("Unauthenticated");
    expect(await codeOf(platform.client(TokenService).list({}, as(secret)))).toBe("Unauthenticated");
  });

  it("a token gives less", async () => {
    const client = platform.client(TokenService);
    const { project } = platform;
    const owner = as(platform.tokens.owner);
    const { token, secret } = await client.create({ description: "less", projectRoles: { [project]: 3 } }, owner);
    expect(await second.list(secret)).toBe("OK");
    await client.update({ uuid: token?.uuid ?? "" }, owner);
    await expect.poll(() => second.list(secret), { timeout: 10_000 }).toBe("PermissionDenied");
  });

  it("a user is disabled", async () => {
    const tenant = await platform.newTenant();
    expect(await second.list(tenant.tokens.viewer, tenant.project)).toBe("OK");
    await db().update(principals).set({ enabled: false }).where(eq(principals.id, tenant.tenant));
    await expect
      .poll(() => second.list(tenant.tokens.viewer, tenant.project), { timeout: 10_000 })
      .toBe("Unauthenticated");
  });

  it("and open streams end", async () => {
    const tenant = await platform.newTenant();
    const client = platform.client(ClusterService, second.transport);
    const options = { ...as(tenant.tokens.viewer), timeoutMs: 20_000 };
    const watching = codeOf(
      (async () => {
        for await (const _ of client.watchStatus({ project: tenant.project }, options));
      })(),
    );
    await expect.poll(() => second.list(tenant.tokens.viewer, tenant.project)).toBe("OK");
    await db().update(principals).set({ enabled: false }).where(eq(principals.id, tenant.tenant));
    expect(await watching).toBe("Unauthenticated");
  });
});
