import { and, desc, eq, gt, inArray, isNull } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { noticeReplies, notices } from "./table.js";

export type NoticeRow = typeof notices.$inferSelect;
export type NoticeReplyRow = typeof noticeReplies.$inferSelect;

/** A notice with its replies, the oldest first. */
export interface NoticeView extends NoticeRow {
  readonly replies: readonly NoticeReplyRow[];
}

const matches = (id: string) => eq(notices.id, id);

export const noticeStore = {
  async insert(db: Database, row: typeof notices.$inferInsert): Promise<void> {
    await db.insert(notices).values(row);
  },

  async get(db: Database, id: string): Promise<NoticeView | undefined> {
    return (await withReplies(db, await db.select().from(notices).where(matches(id))))[0];
  },

  /** Whether there is such a notice; it is kept from changing until the transaction ends. */
  async lock(tx: Database, id: string): Promise<NoticeRow | undefined> {
    const [row] = await tx.select().from(notices).where(matches(id)).for("update");
    return row;
  },

  async addReply(tx: Database, row: typeof noticeReplies.$inferInsert): Promise<void> {
    await tx.insert(noticeReplies).values(row);
  },

  /** Ends a notice and takes it off the pinned ones; false when it was ended before. */
  async resolve(tx: Database, id: string, now: Date): Promise<boolean> {
    const rows = await tx
      .update(notices)
      .set({ resolvedAt: now, pinned: false })
      .where(and(matches(id), isNull(notices.resolvedAt)))
      .returning({ id: notices.id });
    return rows.length > 0;
  },

  /** Pins it or takes it off; false when there is no such notice. */
  async pin(db: Database, id: string, pinned: boolean): Promise<boolean> {
    const rows = await db.update(notices).set({ pinned }).where(matches(id)).returning({ id: notices.id });
    return rows.length > 0;
  },

  async delete(tx: Database, id: string): Promise<void> {
    await tx.delete(notices).where(matches(id));
  },

  /** At most `limit` notices that are pinned and as many others that were made after a time, the newest first. */
  async present(db: Database, after: Date, limit: number): Promise<NoticeView[]> {
    const newestFirst = [desc(notices.createdAt), desc(notices.id)] as const;
    const pinned = db.select().from(notices).where(eq(notices.pinned, true));
    const others = db
      .select()
      .from(notices)
      .where(and(eq(notices.pinned, false), gt(notices.createdAt, after)));
    const rows = [
      ...(await pinned.orderBy(...newestFirst).limit(limit)),
      ...(await others.orderBy(...newestFirst).limit(limit)),
    ];
    // Between the two reads a notice may have changed sides.
    return await withReplies(db, [...new Map(rows.map((row) => [row.id, row])).values()]);
  },
};

async function withReplies(db: Database, rows: readonly NoticeRow[]): Promise<NoticeView[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const replies = await db
    .select()
    .from(noticeReplies)
    .where(inArray(noticeReplies.notice, ids))
    .orderBy(noticeReplies.createdAt, noticeReplies.id);
  return rows.map((row) => ({ ...row, replies: replies.filter(({ notice }) => notice === row.id) }));
}
