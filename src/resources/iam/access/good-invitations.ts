import { eq } from "drizzle-orm";
import type { Caller } from "../../../caller.js";
import type { Database } from "../../../db/database.js";
import type { Platform } from "../../../platform.js";
import { callerWith } from "./built-in.js";
import { type CustomRoleRow, customRoleStore } from "./role-store.js";
import { mayGiveRole, methodBeyond, methodsGiven } from "./rules.js";
import { boundScope } from "./scope.js";
import { roleBindings } from "./table.js";

/** What tells whether an invitation is good. */
export type InvitationSources = Pick<Platform, "methods" | "rightsOf">;

type Invitation = typeof roleBindings.$inferSelect;

/**
 * Ids of the invitations of an e-mail address that are worth something: an invitation is worth no more than its
 * maker could give today, so that who was put out leaves no way back in. The others wait, and whoever makes them
 * again stands for them.
 */
export async function goodInvitations(
  db: Database,
  { methods, rightsOf }: InvitationSources,
  email: string,
): Promise<string[]> {
  if (email === "") return [];
  const rows = await db.select().from(roleBindings).where(eq(roleBindings.email, email.toLowerCase()));
  const custom = await customRoleStore.among(
    db,
    rows.flatMap(({ customRole }) => customRole ?? []),
  );
  const makers = new Map<string, Caller | undefined>();
  for (const maker of new Set(rows.map(({ createdBy }) => createdBy))) {
    const rights = await rightsOf(maker);
    makers.set(maker, rights && callerWith(rights, maker));
  }
  return rows
    .filter((row) => couldGive(methods, makers.get(row.createdBy), row, custom.get(row.customRole ?? "")))
    .map(({ id }) => id);
}

function couldGive(
  methods: Platform["methods"],
  maker: Caller | undefined,
  row: Invitation,
  custom: CustomRoleRow | undefined,
): boolean {
  if (maker === undefined) return false;
  const scope = boundScope(row);
  if (row.builtInRole !== null) return mayGiveRole(maker, scope, row.builtInRole);
  if (custom === undefined) return false;
  return methodBeyond(maker, methods, scope, methodsGiven(methods, custom.scope, custom.permissions)) === undefined;
}
