import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { sql } from "drizzle-orm";
import pg from "pg";
import pino from "pino";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type EmbeddedServer, openEmbedded } from "../../src/db/embedded.js";
import { embeddedSessions } from "../../src/db/embedded-sessions.js";

const log = pino({ level: "silent" });
const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 10 });

describe("embedded database", () => {
  let server: EmbeddedServer;
  const count = async () => {
    const { rows } = await server.db.execute(sql`select count(*)::int as n from items`);
    return rows[0]?.n;
  };

  beforeAll(async () => {
    server = await openEmbedded({ directory: undefined, log });
    await server.db.execute(sql`create table items (id int primary key)`);
  });
  afterAll(() => server.close());

  test("answers a ping", async () => {
    await server.ping(AbortSignal.timeout(5_000));
  });

  test("others wait for a transaction and see none of it before its commit", async () => {
    let outside: Promise<unknown> | undefined;
    await server.db.transaction(async (tx) => {
      await tx.execute(sql`insert into items values (1)`);
      outside = count();
      await new Promise((resolve) => setTimeout(resolve, 20));
      await tx.execute(sql`insert into items values (2)`);
    });
    expect(await outside).toBe(2);
  });

  test("a transaction that is rolled back takes nobody else's writes with it", async () => {
    let other: Promise<unknown> | undefined;
    const failed = server.db.transaction(async (tx) => {
      await tx.execute(sql`insert into items values (10)`);
      other = server.db.execute(sql`insert into items values (11)`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      tx.rollback();
    });
    await expect(failed).rejects.toThrow();
    await other;
    const { rows } = await server.db.execute(sql`select id from items where id >= 10`);
    expect(rows).toEqual([{ id: 11 }]);
  });

  test("sessions may give different statements the same name", async () => {
    const one = await server.connect({ name: "one" });
    const two = await server.connect({ name: "two" });
    const ask = async (client: pg.Client, text: string) => (await client.query({ name: "same", text })).rows;
    for (let round = 0; round < 3; round += 1) {
      expect(await ask(one, "select 1 as n")).toEqual([{ n: 1 }]);
      expect(await ask(two, "select 'two' as t")).toEqual([{ t: "two" }]);
    }
    await one.end();
    await two.end();
    const left = () => server.db.execute(sql`select 1 from pg_prepared_statements where name like '%:same'`);
    await until(async () => expect((await left()).rows).toEqual([]));
  });

  test("many queries at once get their own answers", async () => {
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, n) =>
        server.pool.query({ name: "echo", text: "select $1::int as n", values: [n] }),
      ),
    );
    expect(answers.map(({ rows }) => rows[0].n)).toEqual(answers.map((_, n) => n));
  });

  test("an answer larger than any buffer arrives whole", async () => {
    const { rows } = await server.pool.query("select repeat('x', 3000000) as text");
    expect(rows[0].text).toHaveLength(3_000_000);
  });

  test("a failed statement leaves the session usable, with PostgreSQL's code", async () => {
    await expect(server.pool.query("select 1 / 0")).rejects.toMatchObject({ code: "22012" });
    await expect(server.pool.query("selec")).rejects.toMatchObject({ code: "42601" });
    expect((await server.pool.query("select 1 as n")).rows).toEqual([{ n: 1 }]);
  });

  test("notifications reach the sessions that listen", async () => {
    const listener = await server.connect({ name: "listener" });
    const heard: (string | undefined)[] = [];
    listener.on("notification", ({ payload }) => heard.push(payload));
    await listener.query("listen tests");
    await server.db.execute(sql`select pg_notify('tests', 'hello')`);
    await until(() => expect(heard).toEqual(["hello"]));
    await listener.end();
  });

  test("a connection that vanishes in its transaction gives the database back", async () => {
    const client = await server.pool.connect();
    await client.query("begin");
    await client.query("insert into items values (20)");
    client.release(new Error("lost"));
    const { rows } = await server.db.execute(sql`select 1 from items where id = 20`);
    expect(rows).toEqual([]);
  });
});

test("a transaction that is left open is rolled back, and waiting for it has an end", async () => {
  const database = await PGlite.create();
  const sessions = embeddedSessions(database, { waitMs: 50, idleInTransactionMs: 400 }, log);
  const connect = async () => {
    const client = new pg.Client({ stream: () => sessions.open(), user: "postgres" });
    client.on("error", () => {});
    await client.connect();
    return client;
  };
  const idle = await connect();
  const waiting = await connect();
  await idle.query("begin");
  await expect(waiting.query("select 1")).rejects.toThrow("busy with another transaction");
  // Each attempt waits anew; none of them may keep the idle transaction alive.
  await until(async () => expect((await (await connect()).query("select 1 as n")).rows).toEqual([{ n: 1 }]));
  await expect(idle.query("select 1")).rejects.toThrow();
  await sessions.close();
  await database.close();
});

test("a directory has one owner at a time, and a killed one leaves nothing in the way", async () => {
  const parent = await mkdtemp(join(tmpdir(), "embedded-"));
  const directory = join(parent, "db");
  const program = fileURLToPath(new URL("embedded-process.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", program, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(child.stdout, "data");
    await expect(openEmbedded({ directory, log })).rejects.toThrow(`${directory} is in use by process ${child.pid};`);
    child.kill("SIGKILL");
    await once(child, "exit");
    const server = await openEmbedded({ directory, log });
    const { rows } = await server.db.execute(sql`select id from kept`);
    expect(rows).toEqual([{ id: 1 }]);
    await expect(openEmbedded({ directory, log })).rejects.toThrow(`is in use by process ${process.pid};`);
    await server.close();
    await (await openEmbedded({ directory, log })).close();
  } finally {
    child.kill("SIGKILL");
    await rm(parent, { recursive: true, force: true });
  }
});
