import { Code } from "@connectrpc/connect";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { StepState, TaskState } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { DomainError } from "../../../../src/errors.js";
import { startWorker } from "../../../../src/jobs/worker.js";
import { KubeError } from "../../../../src/kube/errors.js";
import { taskBackground } from "../../../../src/resources/deploy/task/background.js";
import { expireTasks } from "../../../../src/resources/deploy/task/expire.js";
import { LeaseLost } from "../../../../src/resources/deploy/task/lease.js";
import { pruneTasks } from "../../../../src/resources/deploy/task/prune.js";
import { mostOpenTasks, taskStore } from "../../../../src/resources/deploy/task/store.js";
import type { StepContext } from "../../../../src/resources/deploy/task/work.js";
import { code, gate, named, noting, startTaskWorld, step, type TaskWorld } from "./tasks.js";

let world: TaskWorld;
let skewMs = 0;
beforeAll(async () => {
  world = await startTaskWorld({ clock: () => new Date(Date.now() + skewMs) });
});
afterAll(() => world.close());

it("many workers run the tasks of a deployment one at a time, in their order, and those of others beside them", async () => {
  const order = new Map<string, string[]>();
  let running = 0;
  let most = 0;
  const busy = new Set<string>();
  const work = {
    steps: () =>
      ["a", "b"].map((name) =>
        step(name, async ({ task }: StepContext) => {
          expect(busy.has(task.deployment)).toBe(false);
          busy.add(task.deployment);
          most = Math.max(most, ++running);
          await new Promise((resolve) => setTimeout(resolve, 20));
          running -= 1;
          busy.delete(task.deployment);
          order.set(task.deployment, [...(order.get(task.deployment) ?? []), `${task.id} ${name}`]);
          return { type: "done" } as const;
        }),
      ),
  };
  const all = await Promise.all([1, 2, 3].map(() => world.deployment(work)));
  const added = new Map<string, string[]>();
  const { server } = world.test.database;
  const { tasks } = taskBackground(world.platform, world.works);
  const options = { tasks, concurrency: 2, log: world.platform.log, pollMs: 100 };
  const workers = [await startWorker(server, options), await startWorker(server, options)];
  for (let round = 0; round < 4; round += 1) {
    for (const each of all) added.set(each.id, [...(added.get(each.id) ?? []), await each.add()]);
  }
  for (const each of all) {
    await expect.poll(() => each.states(), { timeout: 30_000 }).toEqual(Array(4).fill("succeeded"));
    expect(order.get(each.id)).toEqual(added.get(each.id)?.flatMap((id) => [`${id} a`, `${id} b`]));
  }
  await Promise.all(workers.map((worker) => worker.stop()));
  // The embedded database has one connection, for which they wait.
  if (server.kind === "postgres") expect(most).toBeGreaterThan(1);
}, 60_000);

it("a task of a worker that goes away is taken over by another, from its step on", async () => {
  const ran: string[] = [];
  const held = gate();
  const deployment = await world.deployment({
    steps: () => [
      noting(ran, "first"),
      step("second", async ({ signal }) => {
        ran.push("second");
        if (ran.length > 2) return { type: "done" };
        await Promise.race([held.pass(), new Promise((resolve) => signal.addEventListener("abort", resolve))]);
        return { type: "wait", message: "", afterMs: 1 };
      }),
    ],
  });
  const { server } = world.test.database;
  const { tasks } = taskBackground(world.platform, world.works);
  const options = { tasks, concurrency: 1, log: world.platform.log, pollMs: 100, graceMs: 1 };
  const dying = await startWorker(server, options);
  await deployment.add();
  await held.arrived;
  await dying.stop();
  const next = await startWorker(server, options);
  await expect.poll(() => deployment.states(), { timeout: 30_000 }).toEqual(["succeeded"]);
  await next.stop();
  expect(ran).toEqual(["first", "second", "second"]);
}, 60_000);

it("a scheduled task begins when its time has come, after those that are due before it", async () => {
  const ran: string[] = [];
  const deployment = await world.deployment({
    steps: () => [
      step("note", async ({ task }) => {
        ran.push(task.reason);
        return { type: "done" };
      }),
    ],
  });
  const at = (seconds: number) => new Date(world.platform.clock().getTime() + seconds * 1_000);
  await deployment.add({ reason: "last", executeAt: at(600) });
  await deployment.add({ reason: "second", executeAt: at(300) });
  expect((await deployment.shown()).phase).toBe("idle");
  await world.attempt(deployment.id);
  expect([ran, await deployment.states()]).toEqual([[], ["scheduled", "scheduled"]]);
  await deployment.add({ reason: "first" });
  await deployment.finish();
  expect((await deployment.shown()).phase).toBe("idle");
  skewMs = 700_000;
  await world.attempt(deployment.id);
  await deployment.finish();
  skewMs = 0;
  expect(ran).toEqual(["first", "second", "last"]);
});

it("what cannot be undone is said, and does not hold the others up", async () => {
  const deployment = await world.deployment({
    steps: () => [step("apply", async () => ({ type: "failed", message: "it is refused" }))],
    undo: () => [step("undo-a", async () => ({ type: "failed", message: "gone" })), step("undo-b")],
  });
  const uuid = await deployment.add();
  const next = await deployment.add();
  await deployment.finish();
  const task = await world.get(deployment, uuid);
  expect(task.message).toBe("it is refused; what was done could not be undone: gone");
  expect(task.steps.map(({ state }) => state)).toEqual([StepState.FAILED, StepState.FAILED, StepState.SUCCEEDED]);
  expect((await world.get(deployment, next)).state).toBe(TaskState.FAILED);
});

it("what a step throws makes it wait, fail with its words, or be tried a few times", async () => {
  const thrown: unknown[] = [];
  const deployment = await world.deployment({
    steps: () => [
      step("do", async () => {
        const next = thrown.shift();
        if (next !== undefined) throw next;
        return { type: "done" };
      }),
    ],
  });
  thrown.push(new KubeError("timeout", "too late"), new DomainError("unavailable", "the registry is away"));
  const waiting = await deployment.add();
  await world.attempt(deployment.id);
  expect((await world.get(deployment, waiting)).message).toBe("the API server does not answer in time");
  await world.attempt(deployment.id);
  expect((await world.get(deployment, waiting)).message).toBe("the registry is away");
  await deployment.finish();
  expect((await world.get(deployment, waiting)).state).toBe(TaskState.SUCCEEDED);

  thrown.push(new KubeError("status", "the quota is exceeded", { code: 403 }));
  const refused = await deployment.add();
  await deployment.finish();
  expect(await world.get(deployment, refused)).toMatchObject({
    state: TaskState.FAILED,
    message: "the quota is exceeded",
  });

  thrown.push(...Array.from({ length: 9 }, () => new TypeError("secret-word is not a function")));
  const defect = await deployment.add();
  await deployment.finish();
  expect(thrown).toHaveLength(4);
  const shown = await world.get(deployment, defect);
  expect(shown.state).toBe(TaskState.FAILED);
  expect(JSON.stringify(shown.steps.map(({ message }) => message))).not.toContain("secret-word");
});

it("a lease that ran out and a deadline end in EXPIRED, and the next task goes on", async () => {
  const ends: string[] = [];
  const isStuck = { now: true };
  const deployment = await world.deployment({
    steps: () => [
      step("wait", async () => (isStuck.now ? { type: "wait", message: "", afterMs: 60_000 } : { type: "done" })),
    ],
    ended: async (_tx, _task, end) => void ends.push(end),
  });
  const [lapsed, late, next] = [await deployment.add(), await deployment.add(), await deployment.add()];
  await world.attempt(deployment.id);
  await expireTasks(world.platform, world.works);
  expect(await deployment.states()).toEqual(["running", "queued", "queued"]);
  await world.platform.db.execute(sql`update deployment_tasks set lease_until = now() where id = ${lapsed}`);
  await expireTasks(world.platform, world.works);
  expect(await deployment.states()).toEqual(["expired", "queued", "queued"]);
  expect((await world.get(deployment, lapsed)).steps).toMatchObject([{ state: StepState.FAILED }]);
  await world.attempt(deployment.id);
  const begun = await deployment.row(late);
  expect(begun.deadlineAt?.getTime()).toBe((begun.startedAt?.getTime() ?? 0) + 3 * 600_000 + 1_800_000);
  isStuck.now = false;
  skewMs = 3_600_001;
  await world.attempt(deployment.id);
  skewMs = 0;
  await deployment.finish();
  expect(await deployment.states()).toEqual(["expired", "expired", "succeeded"]);
  expect(ends).toEqual(["expired", "expired", "succeeded"]);
  expect((await world.get(deployment, late)).message).toContain("too long");
  expect((await world.get(deployment, next)).state).toBe(TaskState.SUCCEEDED);
  await expect(world.client.retry(named(deployment, late), world.owner)).rejects.toEqual(code(Code.FailedPrecondition));
});

it("an attempt that lost its lease writes nothing any more, and is told to stop", async () => {
  const held = gate();
  const outcomes: unknown[] = [];
  let aborted = false;
  const deployment = await world.deployment({
    steps: () => [
      step("write", async ({ signal, write, log }) => {
        if (outcomes.length > 0) return { type: "done" };
        outcomes.push("began");
        signal.addEventListener("abort", () => (aborted = true));
        await held.pass();
        outcomes.push(await write(async (tx) => void (await tx.execute(sql`select 1`))).catch((error) => error));
        outcomes.push(await log("late").catch((error) => error));
        return { type: "done" };
      }),
    ],
  });
  const uuid = await deployment.add();
  const first = world.attempt(deployment.id, { limits: { attemptMs: 30_000, renewMs: 20 } });
  await held.arrived;
  await world.attempt(deployment.id);
  await expect.poll(() => aborted, { timeout: 10_000 }).toBe(true);
  await first;
  held.open();
  await expect.poll(() => outcomes.length, { timeout: 10_000 }).toBe(3);
  expect(outcomes.slice(1).every((outcome) => outcome instanceof LeaseLost)).toBe(true);
  expect(await world.get(deployment, uuid)).toMatchObject({ state: TaskState.SUCCEEDED, log: [] });
});

it("a step that takes too long goes on in another attempt", async () => {
  let attempts = 0;
  const deployment = await world.deployment({
    steps: () => [
      step("long", async ({ signal, since }) => {
        attempts += 1;
        if (attempts === 3) return { type: "done", message: since.toISOString() };
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        return { type: "failed", message: "it went on" };
      }),
    ],
  });
  const uuid = await deployment.add();
  const limits = { attemptMs: 60, renewMs: 20 };
  await world.attempt(deployment.id, { limits });
  expect(await deployment.states()).toEqual(["running"]);
  await deployment.finish({ limits });
  const [shown] = (await world.get(deployment, uuid)).steps;
  expect(attempts).toBe(3);
  // It began when it began for the first time.
  expect(shown?.message).toBe((await deployment.row(uuid)).steps[0]?.startedAt);
});

it("idempotency keys name a task of their project for a week; a deployment has only so many open tasks", async () => {
  const { db, clock } = world.platform;
  const deployment = await world.deployment({ steps: () => [] });
  const uuid = await deployment.add({ idempotencyKey: "k", requestHash: "h" });
  const { project } = deployment;
  expect(await taskStore.earlierByKey(db, project, "k")).toMatchObject({ id: uuid, requestHash: "h" });
  expect(await taskStore.earlierByKey(db, (await world.test.newTenant()).project, "k")).toBeUndefined();
  await expect(deployment.add({ idempotencyKey: "k" })).rejects.toThrow();
  const later = new Date(clock().getTime() + 3_600_000);
  for (let more = 1; more < mostOpenTasks; more += 1) await deployment.add({ executeAt: later });
  await expect(deployment.add()).rejects.toThrow("cancel some");
  skewMs = 8 * 24 * 3_600_000;
  await pruneTasks(world.platform);
  skewMs = 0;
  expect(await taskStore.earlierByKey(db, project, "k")).toBeUndefined();
});

it("old tasks are forgotten but for the newest of each deployment, and deleted deployments with all of theirs", async () => {
  const { db } = world.platform;
  const deployment = await world.deployment({ steps: () => [] });
  for (let count = 0; count < 23; count += 1) await deployment.add();
  await deployment.finish();
  await pruneTasks(world.platform);
  expect(await deployment.states()).toHaveLength(23);
  const open = await deployment.add({ executeAt: new Date(world.platform.clock().getTime() + 3_600_000) });
  skewMs = 91 * 24 * 3_600_000;
  await pruneTasks(world.platform);
  skewMs = 0;
  expect(await deployment.states()).toHaveLength(21);
  await db.execute(sql`update deployments set phase = 'deleted', deleted_at = now() where id = ${deployment.id}`);
  await world.attempt(deployment.id);
  expect(await world.get(deployment, open)).toMatchObject({
    state: TaskState.CANCELED,
    message: "the deployment was deleted",
  });
  await pruneTasks(world.platform);
  expect(await deployment.states()).toHaveLength(21);
  await db.execute(sql`update deployments set deleted_at = now() - interval '8 days' where id = ${deployment.id}`);
  await pruneTasks(world.platform);
  expect(await deployment.states()).toEqual([]);
});
