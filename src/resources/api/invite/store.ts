import { and, eq, gt, isNull, lte, type SQL } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { invites } from "./table.js";

export type InviteRow = typeof invites.$inferSelect;

/** Into what an invitation leads: a tenant, or a project. */
export type InviteTarget =
  | { readonly tenant: string; readonly project: null }
  | { readonly tenant: null; readonly project: string };

/** Invitations; one that was used or has expired is never answered. */
export const inviteStore = {
  async insert(db: Database, row: typeof invites.$inferInsert): Promise<void> {
    await db.insert(invites).values(row);
  },

  async pending(db: Database, digest: string, now: Date): Promise<InviteRow | undefined> {
    const [row] = await db
      .select()
      .from(invites)
      .where(isPending(now, eq(invites.digest, digest)));
    return row;
  },

  /** The invitations that can still be used, the oldest first. */
  pendingInto(db: Database, target: InviteTarget, now: Date): Promise<InviteRow[]> {
    return db
      .select()
      .from(invites)
      .where(isPending(now, leadsInto(target)))
      .orderBy(invites.createdAt, invites.digest);
  },

  /** How many invitations lead there that can still be used. */
  async countInto(db: Database, target: InviteTarget, now: Date): Promise<number> {
    return await db.$count(invites, isPending(now, leadsInto(target)));
  },

  /** Those that nobody used in time are of no use to anybody. */
  async removeExpired(db: Database, target: InviteTarget, now: Date): Promise<void> {
    await db.delete(invites).where(and(isNull(invites.joinedAt), lte(invites.expiresAt, now), leadsInto(target)));
  },

  /** Uses an invitation up; false when somebody else was faster, or it is no longer good. */
  async use(db: Database, digest: string, by: string, now: Date): Promise<boolean> {
    const rows = await db
      .update(invites)
      .set({ joinedAt: now, joinedBy: by })
      .where(isPending(now, eq(invites.digest, digest)))
      .returning({ digest: invites.digest });
    return rows.length > 0;
  },

  /** Withdraws an invitation that leads there; false when there is none that can still be used. */
  async withdraw(db: Database, target: InviteTarget, digest: string, now: Date): Promise<boolean> {
    const rows = await db
      .delete(invites)
      .where(isPending(now, and(eq(invites.digest, digest), leadsInto(target))))
      .returning({ digest: invites.digest });
    return rows.length > 0;
  },
};

const isPending = (now: Date, where: SQL | undefined): SQL | undefined =>
  and(isNull(invites.joinedAt), gt(invites.expiresAt, now), where);

const leadsInto = (target: InviteTarget): SQL =>
  target.project === null ? eq(invites.tenant, target.tenant) : eq(invites.project, target.project);
