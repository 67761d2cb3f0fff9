import { and, eq, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { tenantMembers } from "../../api/member/table.js";
import type { TenantRoleName } from "../../api/roles.js";
import { roleBindings } from "../../iam/access/table.js";
import { principals } from "../../iam/principal/table.js";
import { type DeploySettings, deploySettings } from "./table.js";

type Given = DeploySettings["defaultRoles"][number];

/** Who has come into a tenant, and how. */
export interface Arrival {
  readonly tenant: string;
  readonly principal: string;
  readonly event: Given["event"];
  readonly now: Date;
}

/** The strongest first. */
const builtIn: readonly TenantRoleName[] = ["owner", "editor", "viewer", "guest"];

/**
 * Gives a new member or team the roles that the tenant gives by itself; to be called in the transaction that makes it.
 * A stronger built-in role that it has stays. New members get them only if they are users.
 */
export async function giveDefaultRoles(tx: Database, arrival: Arrival): Promise<void> {
  const given = await rolesFor(tx, arrival);
  const { tenant, principal, now } = arrival;
  const strongest = builtIn.find((role) => given.includes(role));
  if (strongest !== undefined) {
    const weaker = sql.raw(`array_position(array['owner','editor','viewer','guest'], excluded.role)`);
    await tx
      .insert(tenantMembers)
      .values({ tenant, member: principal, role: strongest, createdAt: now })
      .onConflictDoUpdate({
        target: [tenantMembers.tenant, tenantMembers.member],
        set: { role: strongest },
        setWhere: sql`${weaker} < array_position(array['owner','editor','viewer','guest'], ${tenantMembers.role})`,
      });
  }
  const custom = given.filter((role) => !builtIn.some((name) => name === role));
  if (custom.length === 0) return;
  const binding = { scope: "tenant", tenant, principal, createdBy: "", createdAt: now } as const;
  await tx
    .insert(roleBindings)
    .values(custom.map((customRole) => ({ ...binding, id: sql`gen_random_uuid()`, customRole })))
    .onConflictDoNothing();
}

/** The roles that are given; until the transaction ends they stay among the default ones, and so none is deleted. */
async function rolesFor(tx: Database, { tenant, principal, event }: Arrival): Promise<string[]> {
  const kind = event === "member_added" ? "user" : "team";
  const [row] = await tx
    .select({ settings: deploySettings.settings })
    .from(deploySettings)
    .innerJoin(principals, and(eq(principals.id, principal), eq(principals.kind, kind)))
    .where(eq(deploySettings.tenant, tenant))
    .for("share", { of: deploySettings });
  return (row?.settings.defaultRoles ?? []).filter((given) => given.event === event).map(({ role }) => role);
}
