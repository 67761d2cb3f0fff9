import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import { principalStore } from "../principal/store.js";
import type { BindingFilter } from "./binding-list.js";
import { bindingStore } from "./binding-store.js";
import type { Scope } from "./scope.js";

/** Who shall hold a role, as a request says it. */
export type AskedHolder =
  | { readonly case: "principal" | "email"; readonly value: string }
  | { readonly case: undefined; readonly value?: undefined };

/** Who holds a role: a principal, or an e-mail address (in lower case) that waits for its user. */
export type Holder =
  | { readonly principal: string; readonly email: null }
  | { readonly principal: null; readonly email: string };

interface Place {
  readonly scope: Scope;
  /** The tenant of the scope. */
  readonly tenant: string | null;
  readonly now: Date;
  /** Ids of the identity providers whose groups can hold roles. */
  readonly providers: readonly string[];
}

const groupName = /^group:[^@:]{1,128}@([a-z0-9-]{1,64})$/;

/** Finds out who shall hold a role; throws "missing" for whom the scope's tenant does not know. */
export async function holderOf(tx: Database, asked: AskedHolder, place: Place): Promise<Holder> {
  if (asked.case === undefined) throw invalidField("holder", "name a principal or an e-mail address");
  if (asked.case === "principal") return { principal: await knownPrincipal(tx, asked.value, place), email: null };
  const email = asked.value.toLowerCase();
  const [user, another] = await bindingStore.usersOf(tx, email);
  if (user !== undefined && another === undefined) return { principal: user, email: null };
  if (place.scope.kind === "platform") {
    throw new DomainError("missing", "no user, or more than one, has that e-mail address: admins cannot be invited");
  }
  return { principal: null, email };
}

async function knownPrincipal(tx: Database, id: string, { scope, tenant, now, providers }: Place): Promise<string> {
  const provider = groupName.exec(id)?.[1];
  if (scope.kind !== "platform" && provider !== undefined && providers.includes(provider)) {
    await bindingStore.ensureGroup(tx, id, now);
    return id;
  }
  const row = await principalStore.get(tx, id);
  // Bots and teams of others are nobody here, until somebody brought them in.
  const isForeign = row !== undefined && row.tenant !== null && row.tenant !== tenant;
  if (row === undefined || (isForeign && (tenant === null || !(await bindingStore.isIn(tx, tenant, id))))) {
    throw new DomainError("missing", `principal ${id} does not exist`);
  }
  if (scope.kind === "platform" && row.kind !== "user") {
    throw invalidField("principal", "only users can be admins");
  }
  return id;
}

/** The filter for what somebody holds. */
export function heldBy(holder: Holder): Pick<BindingFilter, "principals" | "email"> {
  return holder.principal === null ? { email: holder.email } : { principals: [holder.principal] };
}
