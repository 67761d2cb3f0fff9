import { sql } from "drizzle-orm";
import { boolean, check, index, pgTable, text, timestamp, uuid } from "drizzle-orm/pg-core";

/** What operators tell everybody. */
export const notices = pgTable(
  "notices",
  {
    id: uuid().primaryKey(),
    text: text().notNull(),
    kind: text({ enum: ["info", "incident", "change"] }).notNull(),
    pinned: boolean().notNull().default(false),
    createdBy: text().notNull(),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    resolvedAt: timestamp({ withTimezone: true }),
  },
  (t) => [
    index("notices_created").on(t.createdAt),
    check("notices_kind", sql`${t.kind} in ('info', 'incident', 'change')`),
  ],
);

/** What was added to a notice later. */
export const noticeReplies = pgTable(
  "notice_replies",
  {
    id: uuid().primaryKey(),
    notice: uuid()
      .notNull()
      .references(() => notices.id, { onDelete: "cascade" }),
    text: text().notNull(),
    kind: text({ enum: ["update", "resolved"] }).notNull(),
    createdBy: text().notNull(),
    createdAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    index("notice_replies_notice").on(t.notice),
    check("notice_replies_kind", sql`${t.kind} in ('update', 'resolved')`),
  ],
);
