import { sql } from "drizzle-orm";
import pino from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPostgres } from "../../src/db/database.js";
import { constraintOf, databaseError, sqlStateOf, withoutValues } from "../../src/db/errors.js";
import { DomainError } from "../../src/errors.js";
import { needsPostgres, openTestDatabase, postgresUrl, type TestDatabase } from "../support/database.js";

const log = pino({ level: "silent" });

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
  await database.server.db.execute(sql`create table owners (name text primary key)`);
  await database.server.db.execute(sql`
    create table pets (name text constraint pets_name unique, owner text constraint pets_owner references owners)`);
});
afterAll(() => database.close());

/** The error of a statement. */
async function failure(work: PromiseLike<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("the statement did not fail");
}

describe("errors of the database", () => {
  test("a broken unique constraint is named and means that the object exists", async () => {
    const { db } = database.server;
    await db.execute(sql`insert into pets (name) values (${"rex"})`);
    const error = await failure(db.execute(sql`insert into pets (name) values (${"rex"})`));
    expect(constraintOf(error)).toBe("pets_name");
    expect(sqlStateOf(error)).toBe("23505");
    expect(databaseError(error)).toMatchObject({ kind: "exists" });
  });

  test("a broken reference is a precondition", async () => {
    const error = await failure(database.server.db.execute(sql`insert into pets (owner) values ('nobody')`));
    expect(constraintOf(error)).toBe("pets_owner");
    expect(databaseError(error)).toMatchObject({ kind: "precondition" });
  });

  test("a defect has no meaning for the caller, and a domain error keeps its own", async () => {
    const { db } = database.server;
    expect(databaseError(await failure(db.execute(sql`select * from nowhere`)))).toBeUndefined();
    expect(databaseError(new Error("defect"))).toBeUndefined();
    const domain = new DomainError("missing", "no such pet");
    expect(databaseError(domain)).toBe(domain);
  });

  test("the loggable error tells what failed and no value of the query", async () => {
    const error = await failure(
      database.server.db.execute(sql`insert into pets (name, owner) values (${"rex"}, ${"s3cret"})`),
    );
    const clean = withoutValues(error) as Error;
    expect(clean).toMatchObject({ code: "23505", constraint: "pets_name" });
    expect(JSON.stringify({ ...clean, stack: clean.stack, message: clean.message })).not.toMatch(/s3cret|rex/);
    expect(clean.stack).toContain("database.test.ts");
  });

  test("other errors are logged as they are", () => {
    for (const error of [new Error("defect"), Object.assign(new Error("no such file"), { code: "ENOENT" })]) {
      expect(withoutValues(error)).toBe(error);
    }
  });
});

test("a server that is not there is unavailable, and asking does not end the process", async () => {
  const nowhere = openPostgres({
    url: "postgres://nobody@127.0.0.1:1/none",
    poolSize: 1,
    applicationName: "slipway test",
    connectTimeoutMs: 1_000,
    statementTimeoutMs: 1_000,
    log,
  });
  await expect(nowhere.ping()).rejects.toMatchObject({ kind: "unavailable" });
  expect(databaseError(await failure(nowhere.db.execute(sql`select 1`)))).toMatchObject({ kind: "unavailable" });
  await nowhere.close();
});

describe.skipIf(postgresUrl === undefined)(`limits of the pool (${needsPostgres})`, () => {
  const open = () =>
    openPostgres({
      url: database.url!,
      poolSize: 1,
      applicationName: "slipway limits",
      connectTimeoutMs: 300,
      statementTimeoutMs: 300,
      log,
    });

  test("a full pool is waited for only so long", async () => {
    const server = open();
    const taken = await server.pool.connect();
    expect(databaseError(await failure(server.db.execute(sql`select 1`)))).toMatchObject({ kind: "unavailable" });
    await expect(server.ping(AbortSignal.timeout(20))).rejects.toMatchObject({ kind: "unavailable" });
    taken.release();
    await server.ping();
    await server.close();
  });

  test("a statement that takes too long is ended", async () => {
    const server = open();
    expect(databaseError(await failure(server.db.execute(sql`select pg_sleep(60)`)))).toMatchObject({
      kind: "timeout",
    });
    await server.close();
  });

  test("a connection that is lost in use fails its query and no other", async () => {
    const server = open();
    const sleeping = failure(server.db.execute(sql`select pg_sleep(60)`));
    const kill = async () => {
      const { rows } = await database.server.db.execute(sql`
        select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'slipway limits' and state = 'active'`);
      return rows.length;
    };
    while ((await kill()) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(databaseError(await sleeping)).toMatchObject({ kind: "unavailable" });
    await server.ping();
    await server.close();
  });
});

describe.skipIf(postgresUrl === undefined)(`the reserved connection (${needsPostgres})`, () => {
  test("answers while the pool is full, and is opened anew when it was lost", async () => {
    const { pool, reserved, db } = database.server;
    const pid = async () => (await reserved.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`)).rows[0]?.pid;
    const held = await Promise.all(Array.from({ length: pool.options.max }, () => pool.connect()));
    const first = await pid().finally(() => {
      for (const client of held) client.release();
    });
    expect(await pid()).toBe(first);
    await db.execute(sql`select pg_terminate_backend(${first})`);
    await expect.poll(() => pid().catch(() => first)).not.toBe(first);
  });
});
