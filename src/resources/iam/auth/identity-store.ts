import { and, eq, inArray, like } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import type { PrincipalRow } from "../principal/store.js";
import { identities, principals, teamMembers } from "../principal/table.js";

export const identityStore = {
  /** The user that an account of a provider is, kept as it is until the transaction ends. */
  async find(tx: Database, provider: string, subject: string): Promise<PrincipalRow | undefined> {
    const [row] = await tx
      .select({ principal: principals })
      .from(identities)
      .innerJoin(principals, eq(principals.id, identities.principal))
      .where(and(eq(identities.provider, provider), eq(identities.subject, subject)))
      .for("no key update", { of: principals });
    return row?.principal;
  },

  async insert(tx: Database, row: typeof identities.$inferInsert): Promise<void> {
    await tx.insert(identities).values(row);
  },

  /** Makes a principal; undefined when the id is taken. */
  async insertPrincipal(tx: Database, row: typeof principals.$inferInsert): Promise<PrincipalRow | undefined> {
    const [inserted] = await tx.insert(principals).values(row).onConflictDoNothing().returning();
    return inserted;
  },

  async change(tx: Database, id: string, set: Partial<typeof principals.$inferInsert>): Promise<void> {
    await tx.update(principals).set(set).where(eq(principals.id, id));
  },

  /** Ids of the groups of a provider that the user belongs to. */
  async groups(tx: Database, member: string, provider: string): Promise<string[]> {
    const rows = await tx
      .select({ team: teamMembers.team })
      .from(teamMembers)
      .where(and(eq(teamMembers.member, member), like(teamMembers.team, `group:%@${provider}`)));
    return rows.map(({ team }) => team);
  },

  /** Makes the groups exist, and the user a member of them. */
  async join(tx: Database, member: string, groups: ReadonlyMap<string, string>, now: Date): Promise<void> {
    if (groups.size === 0) return;
    // In the order of the keys, so that two sign-ins at once do not wait for each other in a circle.
    const sorted = [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
    const stamps = { createdAt: now, updatedAt: now };
    await tx
      .insert(principals)
      .values(sorted.map(([id, name]) => ({ id, kind: "group" as const, name, ...stamps })))
      .onConflictDoNothing();
    await tx
      .insert(teamMembers)
      .values(sorted.map(([team]) => ({ team, member, createdAt: now })))
      .onConflictDoNothing();
  },

  async leave(tx: Database, member: string, groups: readonly string[]): Promise<void> {
    if (groups.length === 0) return;
    await tx.delete(teamMembers).where(and(eq(teamMembers.member, member), inArray(teamMembers.team, [...groups])));
  },
};
