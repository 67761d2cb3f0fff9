import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { addJob } from "../../../../src/jobs/jobs.js";
import type { ProbeResult } from "../../../../src/resources/api/health/hysteresis.js";
import { runProbes } from "../../../../src/resources/api/health/prober.js";
import {
  allProbes,
  type Finding,
  type PaymentProbe,
  type Probe,
  paymentProbe,
} from "../../../../src/resources/api/health/probes.js";
import { partitionHealthStore, probeStore } from "../../../../src/resources/api/health/store.js";
import { publishTask } from "../../../../src/resources/api/ip/jobs.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";
import { clustersOf } from "../../support/clusters.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 15_000, interval: 20 });
const look = async (name: string): Promise<readonly Finding[]> => {
  const probe = allProbes(platform.platform).find((one) => one.name === name);
  if (probe === undefined) throw new Error(`there is no probe ${name}`);
  return await probe.run();
};

describe("the probes", () => {
  it("write, read and hear of it by the change feed", async () => {
    expect(await look("heartbeat")).toMatchObject([
      { probe: "database", status: "healthy" },
      { probe: "changes", status: "healthy" },
    ]);
  });

  const jobs = async () => (await look("jobs"))[0];
  const noJobs = () => platform.platform.db.execute(sql`delete from graphile_worker._private_jobs`);

  it("see jobs that wait too long, and those that were given up, but none that a newer one has replaced", async () => {
    const { db } = platform.platform;
    await noJobs();
    expect(await jobs()).toMatchObject({ status: "healthy" });
    await addJob(db, "later", {}, { runAt: new Date(Date.now() + 3_600_000), key: "later" });
    expect(await jobs()).toMatchObject({ status: "healthy" });
    await addJob(db, "late", {}, { runAt: new Date(Date.now() - 300_000), key: "late" });
    expect(await jobs()).toMatchObject({ status: "degraded", message: "changes are carried out late" });
    await db.execute(sql`update graphile_worker._private_jobs set attempts = max_attempts where key = 'late'`);
    expect(await jobs()).toMatchObject({ status: "degraded", message: "some changes could not be carried out" });
    await db.execute(sql`update graphile_worker._private_jobs set key = null where key = 'late'`);
    expect(await jobs()).toMatchObject({ status: "healthy" });
  });

  it("see the jobs of a tenant only beside those of another", async () => {
    const { db } = platform.platform;
    await noJobs();
    const other = await platform.newTenant();
    const { uuid } = await clustersOf(platform).create();
    const before = new Date(Date.now() - 300_000);
    const isLate = async (key: string, payload: Record<string, unknown>) => {
      await addJob(db, "some.task", payload, { runAt: before, key });
      return (await jobs())?.status === "degraded";
    };
    // By cluster, by project, by tenant, a hundred of them; something unknown is one more tenant's.
    await db.execute(sql`update graphile_worker._private_jobs set run_at = ${before.toISOString()}::timestamptz`);
    expect(await jobs()).toMatchObject({ status: "healthy" });
    for (let made = 0; made < 5; made++) {
      expect(await isLate(`cluster-${made}`, { id: uuid })).toBe(false);
      expect(await isLate(`inside-${made}`, { cluster: uuid })).toBe(false);
      expect(await isLate(`project-${made}`, { project: platform.project })).toBe(false);
      expect(await isLate(`tenant-${made}`, { tenant: platform.tenant })).toBe(false);
    }
    expect(await isLate("other", { project: other.project })).toBe(true);
    await noJobs();
    expect(await isLate("unknown", { id: "nothing's id" })).toBe(false);
    expect(await isLate("unknown again", { anything: 1 })).toBe(false);
    expect(await isLate("tenant", { tenant: platform.tenant })).toBe(true);
    await noJobs();
    // What cron queues is the platform's own.
    expect(await isLate("cron", { _cron: { ts: "2030-01-01T00:00:00Z" } })).toBe(true);
    await noJobs();
  });

  it("do not mind jobs that fail inside of clusters, however many tenants' they are", async () => {
    const { db } = platform.platform;
    await noJobs();
    const tenants = [platform, await platform.newTenant(), await platform.newTenant()];
    const giveUp = () => db.execute(sql`update graphile_worker._private_jobs set attempts = max_attempts`);
    for (const { project } of tenants) await addJob(db, publishTask, { project }, { key: `inside:${project}` });
    await giveUp();
    expect(await jobs()).toMatchObject({ status: "healthy" });
    for (const { project } of tenants) await addJob(db, "some.task", { project }, { key: `some:${project}` });
    await giveUp();
    expect(await jobs()).toMatchObject({ status: "degraded", message: "some changes could not be carried out" });
    await noJobs();
  });

  it("ask a payment processor where there is one, and wait for none that hangs", async () => {
    const { log } = platform.platform;
    expect(allProbes(platform.platform).map(({ name }) => name)).not.toContain("payment");
    const told = (check: PaymentProbe["check"]) => paymentProbe({ check }, log, 50).run();
    expect(await told(async () => "pong")).toEqual([
      { probe: "payment", partition: "", status: "healthy", message: "" },
    ]);
    const ill = [{ probe: "payment", partition: "", status: "degraded", message: "payments cannot be made" }];
    expect(await told(() => Promise.reject(new Error("sk_live_1 is no key")))).toEqual(ill);
    let signal: AbortSignal | undefined;
    expect(
      await told((given) => {
        signal = given;
        return new Promise(() => {});
      }),
    ).toEqual(ill);
    await until(() => expect(signal?.aborted).toBe(true));
    const names = allProbes(platform.platform, [paymentProbe({ check: async () => {} }, log)]).map(({ name }) => name);
    expect(names).toContain("payment");
  });

  it("pass on what the followers of the partitions report, and keep their reasons", async () => {
    expect(await look("kubernetes")).toEqual([]);
    const at = new Date("2030-01-01T00:00:00Z");
    const seen = { partition: "eqx-mu4", reachable: false, message: "connect ECONNREFUSED 10.0.0.1", at };
    await partitionHealthStore.report(platform.platform.db, seen);
    const [finding] = await look("kubernetes");
    expect(finding).toMatchObject({ partition: "eqx-mu4", status: "degraded", observedAt: at });
    expect(JSON.stringify(finding)).not.toContain("10.0.0.1");
  });

  it("look at storage and machines by what is known of the clusters", async () => {
    const { db } = platform.platform;
    const found = async () => new Map((await look("inside of clusters")).map(({ probe, status }) => [probe, status]));
    expect(await found()).toEqual(
      new Map([
        ["storage", "healthy"],
        ["machines", "healthy"],
      ]),
    );
    for (const tenant of [platform, await platform.newTenant()]) await clustersOf(platform, tenant).create();
    // While they are being created nothing is expected of them.
    expect(await found()).toEqual(
      new Map([
        ["storage", "healthy"],
        ["machines", "healthy"],
      ]),
    );
    await db.execute(sql`
      update clusters set status_state = 'Succeeded', api_server_ready = 'True', nodes_ready = 'False'`);
    expect(await found()).toEqual(
      new Map([
        ["storage", "healthy"],
        ["machines", "degraded"],
      ]),
    );
    await db.execute(sql`update clusters set api_server_ready = 'False', nodes_ready = 'Unknown'`);
    expect(await found()).toEqual(
      new Map([
        ["storage", "degraded"],
        ["machines", "healthy"],
      ]),
    );
    await db.execute(sql`update clusters set api_server_ready = 'True', nodes_ready = 'True'`);
    expect(await found()).toEqual(
      new Map([
        ["storage", "healthy"],
        ["machines", "healthy"],
      ]),
    );
  });
});

describe("the prober", () => {
  let stop = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const start = (...probes: Probe[]): void => {
    stop = new AbortController();
    running = runProbes(platform.platform, probes, stop.signal);
  };
  afterEach(async () => {
    stop.abort();
    await running;
  });
  const good: ProbeResult = { status: "healthy", message: "" };
  const bad: ProbeResult = { status: "unhealthy", message: "ill" };
  const states = async () =>
    new Map(
      (await probeStore.list(platform.platform.db)).map(({ probe, status, streak }) => [probe, { status, streak }]),
    );

  /** A probe that says what it is told; counts how often it was asked. */
  function tellingProbe(name: string, result: ProbeResult) {
    const probe = {
      result,
      looks: 0,
      name,
      everyMs: 20,
      deadlineMs: 1_000,
      async run() {
        probe.looks += 1;
        return [{ probe: name, partition: "", ...probe.result }];
      },
    };
    return probe;
  }

  it("writes what changes after enough results, and goes on from what is written", async () => {
    const probe = tellingProbe("steady", good);
    start(probe);
    await until(async () => expect((await states()).get("steady")).toEqual({ status: "healthy", streak: 0 }));
    probe.result = bad;
    await until(async () => expect((await states()).get("steady")).toEqual({ status: "unhealthy", streak: 0 }));
    stop.abort();
    await running;
    const again = tellingProbe("steady", good);
    start({ ...again, everyMs: 3_600_000 });
    // Another process takes over: one good result is not enough for it either.
    await until(async () => expect((await states()).get("steady")).toEqual({ status: "unhealthy", streak: -1 }));
  });

  it("is not held up by a probe that hangs or fails, and says nothing for it", async () => {
    const hanging: Probe = { name: "hanging", everyMs: 20, deadlineMs: 50, run: () => new Promise(() => {}) };
    const failing: Probe = { name: "failing", everyMs: 20, deadlineMs: 50, run: () => Promise.reject(new Error("no")) };
    const probe = tellingProbe("lively", good);
    start(hanging, failing, probe);
    const failures = (name: string) =>
      platform.lines.filter(({ msg, probe: of }) => msg === "a probe failed" && of === name).length;
    await until(() => {
      expect(failures("hanging")).toBeGreaterThan(1);
      expect(failures("failing")).toBeGreaterThan(1);
      expect(probe.looks).toBeGreaterThan(2);
    });
    const written = await states();
    expect(written.get("lively")).toMatchObject({ status: "healthy" });
    expect(written.has("hanging") || written.has("failing")).toBe(false);
  });
});
