import { sql } from "drizzle-orm";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { openEmbedded } from "../../src/db/embedded.js";
import { migrate, pendingMigrations } from "../../src/db/migrate.js";
import { needsPostgres, openAgain, openEmptyDatabase, openTestDatabase, postgresUrl } from "../support/database.js";

const log = pino({ level: "silent" });

describe("migrations", () => {
  test("the embedded database is migrated once and then has nothing pending", async () => {
    const server = await openEmbedded({ directory: undefined, log });
    try {
      expect(await pendingMigrations(server)).toEqual(expect.arrayContaining(["0000_change_feed", "job queue"]));
      await migrate(server, log);
      expect(await pendingMigrations(server)).toEqual([]);
      await migrate(server, log);
      const { rows } = await server.db.execute(sql`select count(*)::int as n from drizzle.__drizzle_migrations`);
      expect(rows[0]?.n).toBeGreaterThan(0);
    } finally {
      await server.close();
    }
  });

  test("a test database is migrated", async () => {
    const database = await openTestDatabase();
    expect(await pendingMigrations(database.server)).toEqual([]);
    await database.close();
  });

  test.skipIf(postgresUrl === undefined)(`five replicas may migrate at once (${needsPostgres})`, async () => {
    const database = await openEmptyDatabase(postgresUrl!);
    const replicas = Array.from({ length: 5 }, () => openAgain(database.url!, 2));
    try {
      expect(await pendingMigrations(database.server)).toContain("0000_change_feed");
      await Promise.all(replicas.map((replica) => migrate(replica, log)));
      expect(await pendingMigrations(database.server)).toEqual([]);
      const { rows } = await database.server.db.execute(sql`
        select count(*)::int as n, count(distinct hash)::int as different from drizzle.__drizzle_migrations`);
      expect(rows[0]?.n).toBe(rows[0]?.different);
    } finally {
      await Promise.all(replicas.map((replica) => replica.close()));
      await database.close();
    }
  });
});
