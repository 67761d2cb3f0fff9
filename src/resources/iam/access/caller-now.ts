import type { Caller } from "../../../caller.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { aboutScope, type Scope } from "./scope.js";

type Method = "SetRoleBinding" | "DeleteRoleBinding" | "UpdateRole";

/**
 * The caller as of now, for what outlives the call: a role that is given or taken, or what its holders gain. Throws
 * "denied" for who may not call the method there any more, of which this server has not heard yet.
 */
export async function callerStillAt(
  platform: Platform,
  cached: Caller,
  { method, scope }: { readonly method: Method; readonly scope: Scope },
): Promise<Caller> {
  const caller = await platform.callerNow(cached);
  const path = `/iam.v1.AccessService/${method}`;
  if (platform.methods.decide(caller, path, aboutScope(scope))?.allowed === true) return caller;
  throw new DomainError("denied", `the calling token may not call ${path} there any more`);
}
