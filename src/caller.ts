import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { AdminRole, ProjectRole, TenantRole } from "../gen/ts/api/v1/common_pb.js";
import { DomainError } from "./errors.js";

/**
 * What somebody holds now, by subject. Projects and tenants are kept apart: a tenant may bear any login,
 * even one that reads like the uuid of somebody else's project.
 */
export interface Rights {
  readonly adminRole: AdminRole | undefined;
  /** Built-in roles, by the project's uuid. */
  readonly projectRoles: ReadonlyMap<string, ProjectRole>;
  /** Built-in roles by the tenant's login. */
  readonly tenantRoles: ReadonlyMap<string, TenantRole>;
  /**
   * Built-in roles in environments and deployments of projects, by what `environmentSubject` and
   * `deploymentSubject` (src/auth/rights.ts) name.
   */
  readonly partRoles: ReadonlyMap<string, ProjectRole>;
  /**
   * Methods ("/api.v1.ClusterService/Get") that custom roles give in projects, environments and
   * deployments, also by a role in the project's tenant.
   */
  readonly projectMethods: ReadonlyMap<string, ReadonlySet<string>>;
  /** Methods that custom roles give in tenants, those that have an effect only in their projects too. */
  readonly tenantMethods: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * Who is calling. `granted` is what the token gives, already cut to what its
 * owner may do now; `owner` is what the owner may do now, against which single
 * permissions are held.
 */
export interface Caller {
  /** Id of the principal that owns the token: a user's login, a bot's or a team's uuid. */
  readonly user: string;
  /** Ids of the teams and groups whose rights the owner shares. */
  readonly teams: readonly string[];
  /** The token's uuid (jti), or that of the API key. */
  readonly tokenId: string;
  /** An API key counts as an API token that carries all. */
  readonly tokenType: "api" | "console";
  /** When the token ends; an API key may have no end. */
  readonly expiresAt: Date | undefined;
  /** What an API token was given, as it is stored; undefined when it carries all that its owner may do. */
  readonly grants: Grants | undefined;
  readonly granted: Rights;
  readonly owner: Rights;
  /** Subject to method names ("/api.v1.ClusterService/Get"); subjects are expanded, never "*". */
  readonly permissions: ReadonlyMap<string, ReadonlySet<string>>;
}

/** What a token grants: role by subject, methods by subject; the subject "*" means every one that the owner has. */
export interface Grants {
  readonly adminRole: AdminRole | undefined;
  readonly projectRoles: ReadonlyMap<string, ProjectRole>;
  readonly tenantRoles: ReadonlyMap<string, TenantRole>;
  readonly permissions: ReadonlyMap<string, readonly string[]>;
}

/** Where the authenticate interceptor leaves the caller; undefined means anonymous. */
export const callerKey = createContextKey<Caller | undefined>(undefined, { description: "caller" });

/** The caller of a method that needs one; the interceptors have let it through. */
export function callerOf(context: HandlerContext): Caller {
  const caller = context.values.get(callerKey);
  if (caller === undefined) throw new DomainError("unauthenticated", "a token is required");
  return caller;
}

/** What a call names. */
export interface CallSubject {
  readonly project?: string | undefined;
  readonly tenant?: string | undefined;
  readonly environment?: string | undefined;
  readonly deployment?: string | undefined;
}
