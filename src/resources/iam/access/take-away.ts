import type { Caller } from "../../../caller.js";
import type { Database } from "../../../db/database.js";
import type { Methods } from "../../../platform.js";
import { memberStore } from "../../api/member/store.js";
import type { BindingRow } from "./binding-list.js";
import { isBuiltIn } from "./built-in.js";
import { customRoleStore } from "./role-store.js";
import { methodsGiven, refuseMethodsBeyond, refuseStrongerRole } from "./rules.js";
import type { Scope } from "./scope.js";

/** A role that is to be taken away, or replaced by another. */
export interface TakenRole {
  readonly caller: Caller;
  readonly scope: Scope;
  readonly row: BindingRow;
  /** Whether a member of a tenant leaves it, and so its projects, too. */
  readonly leaves?: boolean;
}

/** Refuses to take away what the calling token could not give: a token of one permission puts no owner out. */
export async function refuseToTakeBeyond(
  tx: Database,
  methods: Methods,
  { caller, scope, row, leaves = false }: TakenRole,
): Promise<void> {
  if (!isBuiltIn(row.role)) {
    const custom = (await customRoleStore.among(tx, [row.role])).get(row.role);
    const given = custom === undefined ? [] : methodsGiven(methods, custom.scope, custom.permissions);
    return refuseMethodsBeyond(caller, methods, scope, given);
  }
  refuseStrongerRole(caller, scope, row.role);
  if (!leaves || scope.kind !== "tenant" || row.principal === null) return;
  for (const { project, role } of await memberStore.inProjectsOf(tx, scope.tenant, row.principal)) {
    refuseStrongerRole(caller, { kind: "project", project }, role);
  }
}
