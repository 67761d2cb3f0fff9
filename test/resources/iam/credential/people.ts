import { randomBytes } from "node:crypto";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { CredentialKind, CredentialService } from "../../../../gen/ts/iam/v1/credential_pb.js";
import { PrincipalKind, PrincipalService } from "../../../../gen/ts/iam/v1/principal_pb.js";
import type { TenantRoleName } from "../../../../src/resources/api/roles.js";
import { ensurePersonalTenant } from "../../../../src/resources/api/tenant/personal.js";
import { tenantStore } from "../../../../src/resources/api/tenant/store.js";
import { as, type TestPlatform } from "../../../support/platform.js";
import { codeOf } from "../../support/refusals.js";
import { tokensOf } from "../../support/tokens.js";

/** A name that nothing else bears. */
export const fresh = (prefix: string): string => `${prefix}-${randomBytes(4).toString("hex")}`;

/** A secret, and the credential that it is of. */
export interface Key {
  readonly uuid: string;
  readonly secret: string;
}

/** What the tests do with principals and credentials, by the owner of the platform's first tenant unless told. */
export function peopleOf(platform: TestPlatform) {
  const principals = platform.client(PrincipalService);
  const credentials = platform.client(CredentialService);
  const { db, clock, newId } = platform.platform;
  const login = platform.tenant;
  const by = platform.tokens.owner;
  const console = tokensOf(platform).console;
  const make = async (kind: PrincipalKind, init: { members?: string[]; tags?: string[] } = {}): Promise<string> => {
    const { principal } = await principals.create({ login, kind, name: fresh("p"), ...init }, as(by));
    return principal?.id ?? "";
  };
  return {
    principals,
    credentials,
    /** A bot of the first tenant, with a role there unless told none. */
    async bot(role?: TenantRoleName, tenant = login): Promise<string> {
      const id = await make(PrincipalKind.BOT);
      if (role !== undefined) await tenantStore.setMember(db, tenant, id, role, clock());
      return id;
    },
    /** A team of the first tenant, likewise. */
    async team(members: string[] = [], role?: TenantRoleName): Promise<string> {
      const id = await make(PrincipalKind.TEAM, { members });
      if (role !== undefined) await tenantStore.setMember(db, login, id, role, clock());
      return id;
    },
    setRole: (member: string, role: TenantRoleName, tenant = login) =>
      tenantStore.setMember(db, tenant, member, role, clock()),
    /** A user with a personal tenant, and a token of the kind that signing in makes. */
    async user(prefix = "u"): Promise<{ readonly login: string; readonly token: string; readonly project: string }> {
      const own = fresh(prefix);
      const project = await ensurePersonalTenant(db, own, { now: clock(), newId });
      return { login: own, token: await console(own), project };
    },
    console,
    /** An API key of a principal of the first tenant. */
    async apiKey(principal: string, token = by, tenant = login): Promise<Key> {
      const asked = { login: tenant, principal, kind: CredentialKind.API_KEY, name: fresh("key") };
      const { credential, secret } = await credentials.create(asked, as(token));
      return { uuid: credential?.uuid ?? "", secret };
    },
    /** How a read in the first tenant's project ends with that token. */
    tries: (secret: string): Promise<string> =>
      codeOf(platform.client(ClusterService).list({ project: platform.project }, as(secret))),
  };
}
