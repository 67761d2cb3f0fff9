import { AccessService } from "../../../../gen/ts/iam/v1/access_pb.js";
import { newSecret } from "../../../../src/auth/secrets.js";
import { issueToken } from "../../../../src/resources/api/token/issue.js";
import { deployments } from "../../../../src/resources/deploy/deployment/table.js";
import { environments } from "../../../../src/resources/deploy/environment/table.js";
import { targetNamespaces } from "../../../../src/resources/deploy/namespace/table.js";
import { targets } from "../../../../src/resources/deploy/target/table.js";
import { credentials } from "../../../../src/resources/iam/credential/table.js";
import { principals, teamMembers } from "../../../../src/resources/iam/principal/table.js";
import { as, type TestPlatform, type TestTenant } from "../../../support/platform.js";

/** Who holds roles in the tests, made straight in the database, and the client that gives them some. */
export function holdersOf(platform: TestPlatform) {
  const { db, clock, newId, keyring } = platform.platform;
  const insert = async (kind: "user" | "bot" | "team", id: string, row: { tenant?: string; email?: string }) => {
    const now = clock();
    const stamps = { createdAt: now, updatedAt: now };
    await db.insert(principals).values({ id, kind, name: `${kind}-${id.slice(-12)}`, ...row, ...stamps });
    return id;
  };
  const access = platform.client(AccessService);
  return {
    access,
    user: (email = "") => insert("user", `u-${newId().slice(-12)}`, { email }),
    bot: ({ tenant }: Pick<TestTenant, "tenant">) => insert("bot", newId(), { tenant }),
    async team({ tenant }: Pick<TestTenant, "tenant">, ...members: string[]) {
      const team = await insert("team", newId(), { tenant });
      for (const member of members) await db.insert(teamMembers).values({ team, member, createdAt: clock() });
      return team;
    },
    /** A new environment of the tenant's project. */
    async environment({ project }: Pick<TestTenant, "project">): Promise<string> {
      const [id, now] = [newId(), clock()];
      await db.insert(environments).values({ id, project, name: `e-${id}`, createdAt: now, updatedAt: now });
      return id;
    },
    /** A new environment of the tenant's project, and a deployment in it that has the same uuid. */
    async part({ project }: Pick<TestTenant, "project">): Promise<string> {
      const [id, target, namespace, now] = [newId(), newId(), newId(), clock()];
      const stamps = { createdAt: now, updatedAt: now };
      await db.insert(environments).values({ id, project, name: `e-${id}`, ...stamps });
      const kubeconfigSealed = await keyring.seal("kubeconfig");
      await db.insert(targets).values({ id: target, project, name: `t-${id}`, kubeconfigSealed, ...stamps });
      await db.insert(targetNamespaces).values({ id: namespace, project, target, name: "ns", ...stamps });
      const place = { project, environment: id, target, namespace };
      await db
        .insert(deployments)
        .values({ id, ...place, name: "app", objectName: `app-${id}`, kind: "app", ...stamps });
      return id;
    },
    /** An API key, which carries all that its principal may do. */
    async apiKey(principal: string): Promise<string> {
      const id = newId();
      const { secret, digest } = newSecret("apiKey", id);
      const now = clock();
      const stamps = { rotatedAt: now, createdAt: now, createdBy: "test" };
      await db.insert(credentials).values({ id, principal, kind: "api_key", name: id, digest, ...stamps });
      return secret;
    },
    /** A custom role of the tenant, made by its owner. */
    async role(tenant: TestTenant, scope: number, ...permissions: string[]): Promise<string> {
      const name = `role-${newId().slice(-12)}`;
      const by = as(tenant.tokens.owner);
      const { role } = await access.createRole({ login: tenant.tenant, name, scope, permissions }, by);
      return role?.id ?? "";
    },
    /** A token that permits these methods there and nothing else; the tenant's owner has it. */
    async permission({ tenant }: Pick<TestTenant, "tenant">, subject: string, methods: string[]): Promise<string> {
      const order = { id: newId(), owner: tenant, type: "api", description: "of single methods" } as const;
      const grants = { permissions: { [subject]: methods }, projectRoles: {}, tenantRoles: {}, adminRole: null };
      return (await issueToken(db, platform.platform.tokens, { ...order, ...grants, now: clock(), seconds: 3_600 }))
        .secret;
    },
  };
}
