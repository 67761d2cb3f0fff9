import { sql } from "drizzle-orm";
import { expect } from "vitest";
import type { TestPlatform } from "../../support/platform.js";

/** Returns once a session of this database waits for a lock, or the call has ended without. */
export async function waitsOrEnds({ platform }: TestPlatform, call: Promise<unknown>): Promise<void> {
  let hasEnded = false;
  const end = () => {
    hasEnded = true;
  };
  call.then(end, end);
  const waiting = sql`
    select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  await expect
    .poll(async () => hasEnded || (await platform.db.execute(waiting)).rows.length > 0, { timeout: 10_000 })
    .toBe(true);
}
