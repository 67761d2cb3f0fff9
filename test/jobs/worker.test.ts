import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { sql } from "drizzle-orm";
import pino from "pino";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { addJob, pruneJobQueues } from "../../src/jobs/jobs.js";
import { startWorker, type Worker, type WorkerOptions } from "../../src/jobs/worker.js";
import { needsPostgres, openTestDatabase, postgresUrl, type TestDatabase } from "../support/database.js";

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 20 });

let database: TestDatabase;
let workers: Worker[];
let lines: string[];

beforeEach(async () => {
  database = await openTestDatabase();
  workers = [];
  lines = [];
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await database.close();
});

async function start(tasks: WorkerOptions["tasks"], options: Partial<WorkerOptions> = {}): Promise<Worker> {
  const log = pino({ level: "debug" }, { write: (line: string) => lines.push(line) });
  // So slow a poll that what runs was notified.
  const worker = await startWorker(database.server, { tasks, concurrency: 2, pollMs: 60_000, log, ...options });
  workers.push(worker);
  return worker;
}

const jobsLeft = async (): Promise<number> => {
  const { rows } = await database.server.db.execute(sql`select count(*)::int as n from graphile_worker._private_jobs`);
  return Number(rows[0]?.n);
};
/** Moves the retries of failed jobs to now. */
const retryNow = () => database.server.db.execute(sql`update graphile_worker._private_jobs set run_at = now()`);

describe("jobs", () => {
  test("a job runs once its transaction is committed, and not when it is rolled back", async () => {
    const { db } = database.server;
    const ran: unknown[] = [];
    await start({ note: async (payload) => void ran.push(payload) });
    await db
      .transaction(async (tx) => {
        await addJob(tx, "note", { which: "rolled back" });
        tx.rollback();
      })
      .catch(() => {});
    await db.transaction((tx) => addJob(tx, "note", { which: "committed" }));
    await until(async () => expect(await jobsLeft()).toBe(0));
    expect(ran).toEqual([{ which: "committed" }]);
  });

  test("with two workers each job runs exactly once", async () => {
    const { db } = database.server;
    const ran: number[] = [];
    const tasks: WorkerOptions["tasks"] = { count: async (payload) => void ran.push((payload as { n: number }).n) };
    await start(tasks, { pollMs: 200 });
    await start(tasks, { pollMs: 200 });
    const wanted = Array.from({ length: 50 }, (_, n) => n);
    for (const n of wanted) await addJob(db, "count", { n });
    await until(async () => expect(await jobsLeft()).toBe(0));
    expect(ran.sort((left, right) => left - right)).toEqual(wanted);
  });

  test("a failed job is tried again with the next attempt's number, and its payload is not logged", async () => {
    const attempts: number[] = [];
    await start(
      {
        flaky: async (_payload, { attempt }) => {
          attempts.push(attempt);
          if (attempt === 1) throw new Error("not yet");
        },
      },
      { pollMs: 100 },
    );
    await addJob(database.server.db, "flaky", { password: "correct horse" });
    await until(() => expect(attempts).toEqual([1]));
    await until(async () => {
      await retryNow();
      expect(await jobsLeft()).toBe(0);
    });
    expect(attempts).toEqual([1, 2]);
    const failure = lines.find((line) => line.includes("job failed"));
    expect(JSON.parse(failure!)).toMatchObject({ task: "flaky", attempt: 1, err: { message: "not yet" } });
    expect(lines.join("")).not.toContain("correct horse");
  });

  test("after the last attempt a job is given up", async () => {
    await start({ broken: () => Promise.reject(new Error("never")) });
    await addJob(database.server.db, "broken", {}, { maxAttempts: 1 });
    await until(() => expect(lines.some((line) => line.includes("job failed for the last time"))).toBe(true));
  });

  test("an attempt ends at its deadline even if the handler does not listen", async () => {
    const signals: AbortSignal[] = [];
    await start(
      {
        slow: (_payload, { signal }) => {
          signals.push(signal);
          return new Promise(() => {});
        },
      },
      { deadlineMs: 50 },
    );
    await addJob(database.server.db, "slow", {});
    await until(() => expect(lines.some((line) => line.includes("no end after 50 ms"))).toBe(true));
    expect(signals[0]?.aborted).toBe(true);
  });

  test("jobs of one queue run one after the other, in order", async () => {
    const { db } = database.server;
    const events: string[] = [];
    await start(
      {
        step: async (payload) => {
          const { n } = payload as { n: number };
          events.push(`begin ${n}`);
          await new Promise((resolve) => setTimeout(resolve, 20));
          events.push(`end ${n}`);
        },
      },
      { pollMs: 50, concurrency: 4 },
    );
    await db.transaction(async (tx) => {
      for (const n of [1, 2, 3]) await addJob(tx, "step", { n }, { queue: "line" });
    });
    await until(async () => expect(await jobsLeft()).toBe(0));
    expect(events).toEqual(["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"]);
    await pruneJobQueues(db);
    const { rows } = await db.execute(sql`select count(*)::int as n from graphile_worker._private_job_queues`);
    expect(rows[0]?.n).toBe(0);
  });

  test("a key replaces the waiting job", async () => {
    const { db } = database.server;
    const ran: unknown[] = [];
    await addJob(db, "note", { n: 1 }, { key: "one" });
    await addJob(db, "note", { n: 2 }, { key: "one" });
    await start({ note: async (payload) => void ran.push(payload) });
    await until(async () => expect(await jobsLeft()).toBe(0));
    expect(ran).toEqual([{ n: 2 }]);
  });

  test("a stop waits for running jobs within the grace and frees the rest for others", async () => {
    const { db } = database.server;
    const finished: string[] = [];
    const begun: string[] = [];
    const patient = await start({
      quick: async () => {
        begun.push("quick");
        await new Promise((resolve) => setTimeout(resolve, 200));
        finished.push("quick");
      },
    });
    await addJob(db, "quick", {});
    await until(() => expect(begun).toEqual(["quick"]));
    await patient.stop();
    expect(finished).toEqual(["quick"]);

    const hasty = await start({ endless: () => new Promise(() => begun.push("endless")) }, { graceMs: 50 });
    await addJob(db, "endless", {});
    await until(() => expect(begun).toEqual(["quick", "endless"]));
    await hasty.stop();
    await start({ endless: async () => void finished.push("endless") });
    await until(() => expect(finished).toEqual(["quick", "endless"]));
    workers = workers.slice(2);
  });

  test("a job that was locked by a worker of an earlier process is taken over", async () => {
    const { db } = database.server;
    await addJob(db, "note", {}, { queue: "line" });
    await db.execute(
      sql`update graphile_worker._private_jobs set locked_by = 'pool-gone', locked_at = now(), attempts = 1`,
    );
    await db.execute(sql`update graphile_worker._private_job_queues set locked_by = 'pool-gone', locked_at = now()`);
    const attempts: number[] = [];
    await start({ note: async (_payload, { attempt }) => void attempts.push(attempt) }, { pollMs: 200 });
    await until(async () => expect(await jobsLeft()).toBe(0));
    expect(attempts).toEqual([2]);
  });
});

describe.skipIf(postgresUrl === undefined)(`jobs over several connections (${needsPostgres})`, () => {
  test("the job of a killed worker process is finished by another", async () => {
    const program = fileURLToPath(new URL("worker-process.ts", import.meta.url));
    const child = spawn(process.execPath, ["--import", "tsx", program, database.url!], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await addJob(database.server.db, "stuck", {});
      await once(child.stdout, "data");
      const attempts: number[] = [];
      await start({ stuck: async (_payload, { attempt }) => void attempts.push(attempt) }, { pollMs: 200 });
      child.kill("SIGKILL");
      await until(async () => expect(await jobsLeft()).toBe(0));
      expect(attempts).toEqual([2]);
    } finally {
      child.kill("SIGKILL");
    }
  });

  test("a living worker's jobs are not taken, though its connection is lost and regained", async () => {
    const { db } = database.server;
    const begun: number[] = [];
    let finish = (): void => {};
    const tasks: WorkerOptions["tasks"] = {
      long: (_payload, { attempt }) => {
        begun.push(attempt);
        return new Promise((resolve) => (finish = resolve));
      },
    };
    await start(tasks, { pollMs: 100 });
    await addJob(db, "long", {});
    await until(() => expect(begun).toEqual([1]));
    await start(tasks, { pollMs: 100 });
    const { rows } = await db.execute(sql`
      select pg_terminate_backend(pid) as killed from pg_stat_activity
      where application_name like 'slipway test worker%' and datname = current_database()`);
    expect(rows).toHaveLength(2);
    // Two sweeps of the other worker.
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(begun).toEqual([1]);
    finish();
    await until(async () => expect(await jobsLeft()).toBe(0));
  });

  test("a worker that loses its database goes on when it is back", async () => {
    const { db } = database.server;
    const ran: unknown[] = [];
    await start({ note: async (payload) => void ran.push(payload) }, { pollMs: 100 });
    await db.execute(sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`);
    await addJob(db, "note", { n: 1 });
    // It comes back after a pause that grows with each attempt.
    await vi.waitFor(() => expect(ran).toEqual([{ n: 1 }]), { timeout: 50_000, interval: 50 });
  }, 60_000);
});
