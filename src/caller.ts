import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { AdminRole, ProjectRole, TenantRole } from "../gen/ts/api/v1/common_pb.js";
import { DomainError } from "./errors.js";

/** The roles that somebody holds now: subject (project uuid or tenant login) to role. */
export interface Rights {
  readonly adminRole: AdminRole | undefined;
  readonly projectRoles: ReadonlyMap<string, ProjectRole>;
  readonly tenantRoles: ReadonlyMap<string, TenantRole>;
}

/**
 * Who is calling. `granted` is what the token gives, already cut to what its
 * owner may do now; `owner` is what the owner may do now, against which single
 * permissions are held.
 */
export interface Caller {
  /** Login of the token's owner. */
  readonly user: string;
  /** The token's uuid (jti). */
  readonly tokenId: string;
  readonly tokenType: "api" | "console";
  /** When the token ends. */
  readonly expiresAt: Date;
  readonly granted: Rights;
  readonly owner: Rights;
  /** Subject to method names ("/api.v1.ClusterService/Get"); subjects are expanded, never "*". */
  readonly permissions: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Where the authenticate interceptor leaves the caller; undefined means anonymous. */
export const callerKey = createContextKey<Caller | undefined>(undefined, { description: "caller" });

/** The caller of a method that needs one; the interceptors have let it through. */
export function callerOf(context: HandlerContext): Caller {
  const caller = context.values.get(callerKey);
  if (caller === undefined) throw new DomainError("unauthenticated", "a token is required");
  return caller;
}
