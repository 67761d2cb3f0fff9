import { ProjectService } from "../../../gen/ts/api/v1/project_pb.js";
import { TenantService } from "../../../gen/ts/api/v1/tenant_pb.js";
import { TokenService } from "../../../gen/ts/api/v1/token_pb.js";
import { AccessService } from "../../../gen/ts/iam/v1/access_pb.js";
import { CredentialService } from "../../../gen/ts/iam/v1/credential_pb.js";
import { PrincipalService } from "../../../gen/ts/iam/v1/principal_pb.js";
import { as, type TestPlatform } from "../../support/platform.js";
import { accountsOf } from "./accounts.js";

const users = ["editor", "viewer", "project-owner", "holder", "operator", "stranger"] as const;

/** Who wants more than they have in the platform's first tenant. */
export type User = (typeof users)[number];

/** What a call is made with. */
export type As = ReturnType<typeof as>;

/** Waits for what an attempt needs before it begins: a failure of that is none of the attempt's refusals. */
export async function prepare<T>(call: Promise<T>): Promise<T> {
  return await call.catch((cause: unknown) => {
    throw new Error("the attempt could not be prepared", { cause });
  });
}

/** The uuid of a token. */
export function idOf(jwt: string): string {
  const claims: { readonly jti: string } = JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString());
  return claims.jti;
}

/**
 * The editor and the viewer of the platform's first tenant, the owner of its project, who is a guest otherwise, the
 * holder of a custom role in it, an operator for viewing, and the owner of another tenant.
 */
export async function makeAttackers(platform: TestPlatform) {
  const { tenant, project } = platform;
  const accounts = accountsOf(platform);
  const other = await platform.newTenant();
  for (const user of users) await accounts.user(user, user === "operator" ? "viewer" : undefined);
  await accounts.inTenant(tenant, "editor", "editor");
  await accounts.inTenant(tenant, "viewer", "viewer");
  await accounts.inProject(project, "project-owner", "owner");
  await accounts.inTenant(other.tenant, "stranger", "owner");
  const role = await accounts.custom(tenant, { tenant }, "holder", ["iam.v1", "api.v1.TenantService"]);
  const [team, bot] = [await accounts.made("team", tenant), await accounts.made("bot", tenant)];
  for (const boss of [team, bot]) await accounts.inTenant(tenant, boss, "owner");
  const consoles = new Map<User, string>();
  for (const user of users) consoles.set(user, await accounts.console(user));
  const secretOf = (user: User): string => consoles.get(user) ?? "";
  const tokens = platform.client(TokenService);
  return {
    accounts,
    other,
    /** A team and a bot that are owners of the tenant. */
    team,
    bot,
    /** The custom role of the holder. */
    role,
    secretOf,
    by: (user: User): As => as(secretOf(user)),
    owner: async (): Promise<As> => as(await accounts.console(tenant)),
    /** A token of the tenant's owner for one method in the tenant and its project. */
    onlyFor: async (method: string): Promise<As> =>
      as(await accounts.token(tenant, { permissions: { [tenant]: [method], [project]: [method] } })),
    /** A token of the tenant's owner for viewing. */
    viewing: async (): Promise<As> => as(await accounts.token(tenant, { tenantRoles: { "*": "viewer" } })),
    /** A token of the operator that carries the admin role. */
    operating: async (): Promise<As> => as(await accounts.token("operator", { adminRole: "viewer" })),
    /** What all of them, and the owner, may do now. */
    rights: () => Promise.all([...users, tenant].map((user) => platform.platform.rightsOf(user))),
    tokens,
    /** Changes a user's token for viewing, by itself. */
    async raise(user: User, asked: object): Promise<unknown> {
      const secret = await accounts.token(user, { tenantRoles: { "*": "viewer" } });
      return await tokens.update({ uuid: idOf(secret), ...asked }, as(secret));
    },
    access: platform.client(AccessService),
    tenants: platform.client(TenantService),
    projects: platform.client(ProjectService),
    principals: platform.client(PrincipalService),
    credentials: platform.client(CredentialService),
  };
}

/** What `makeAttackers` answers. */
export type Attackers = Awaited<ReturnType<typeof makeAttackers>>;
