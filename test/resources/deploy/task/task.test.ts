import { Code } from "@connectrpc/connect";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { StepState, TaskKind, TaskState } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { wakeTasks } from "../../../../src/resources/deploy/task/queue.js";
import { as } from "../../../support/platform.js";
import { code, gate, named, noting, startTaskWorld, step, type TaskWorld } from "./tasks.js";

let world: TaskWorld;
beforeAll(async () => {
  world = await startTaskWorld();
});
afterAll(() => world.close());

it("a task shows its steps, their times and its log [platz.getDeploymentTask, pds.get-task]", async () => {
  const deployment = await world.deployment({
    steps: () => [
      step("resolve", async ({ log }) => {
        await log("image has digest sha256:1");
        return { type: "done", message: "resolved" };
      }),
      step("release-job", async () => ({ type: "skipped", message: "there is none" })),
      step("apply"),
    ],
  });
  const uuid = await deployment.add({ kind: "release", reason: "new image" });
  const before = await world.get(deployment, uuid);
  expect(before).toMatchObject({ state: TaskState.QUEUED, kind: TaskKind.RELEASE, steps: [], stepsDone: 0 });
  expect((await deployment.shown()).phase).toBe("working");
  await deployment.finish();
  const task = await world.get(deployment, uuid);
  expect(task).toMatchObject({ state: TaskState.SUCCEEDED, actor: "ada", reason: "new image", stepsDone: 3 });
  expect(task.steps.map(({ name, state, message }) => [name, state, message])).toEqual([
    ["resolve", StepState.SUCCEEDED, "resolved"],
    ["release-job", StepState.SKIPPED, "there is none"],
    ["apply", StepState.SUCCEEDED, ""],
  ]);
  expect(task.steps.every(({ startedAt, finishedAt }) => startedAt !== undefined && finishedAt !== undefined)).toBe(
    true,
  );
  expect(task.log).toMatchObject([{ number: 1n, step: "resolve", text: "image has digest sha256:1" }]);
  expect(task.finishedAt).toBeDefined();
  expect((await deployment.shown()).phase).toBe("idle");
});

it("tasks are listed newest first, by deployment, environment, target and state, in pages [platz.allDeploymentTasks]", async () => {
  const [one, other] = [await world.deployment({ steps: () => [] }), await world.deployment({ steps: () => [] })];
  const ids = [await one.add(), await one.add(), await one.add(), await one.add()];
  const foreign = await other.add();
  await world.attempt(one.id);
  const list = async (request: object) => await world.client.list({ project: one.project, ...request }, world.owner);
  const uuids = async (request: object) => (await list(request)).tasks.map(({ uuid }) => uuid);
  const newest = ids.toReversed();
  expect(await uuids({ deployment: one.id })).toEqual(newest);
  expect(await uuids({ environment: one.environment })).toEqual(newest);
  expect(await uuids({ target: one.target })).toEqual(newest);
  expect(await uuids({ deployment: one.id, states: [TaskState.SUCCEEDED] })).toEqual(newest.slice(3));
  expect(await uuids({ deployment: one.id, states: [TaskState.UNSPECIFIED] })).toEqual([]);
  expect(await uuids({})).toEqual(expect.arrayContaining([foreign, ...newest]));
  const first = await list({ deployment: one.id, pageSize: 3 });
  expect(first.tasks.map(({ uuid }) => uuid)).toEqual(newest.slice(0, 3));
  const second = await list({ deployment: one.id, pageSize: 3, pageToken: first.nextPageToken });
  expect([second.tasks.map(({ uuid }) => uuid), second.nextPageToken]).toEqual([newest.slice(3), ""]);
  await expect(list({ pageToken: "bogus" })).rejects.toEqual(code(Code.InvalidArgument));
});

it("what is not within the caller's scope is NOT_FOUND", async () => {
  const deployment = await world.deployment({ steps: () => [] });
  const other = await world.deployment({ steps: () => [] });
  const uuid = await deployment.add();
  const tenant = await world.test.newTenant();
  const { project, id, environment } = deployment;
  const calls = [
    world.client.get({ project: tenant.project, uuid }, as(tenant.tokens.owner)),
    world.client.cancel({ project: tenant.project, uuid }, as(tenant.tokens.owner)),
    world.client.retry({ project: tenant.project, uuid }, as(tenant.tokens.owner)),
    world.client.list({ project: tenant.project, deployment: id }, as(tenant.tokens.owner)),
    world.client.get({ project, environment: other.environment, uuid }, world.owner),
    world.client.cancel({ project, deployment: other.id, uuid }, world.owner),
    world.client.list({ project, environment: other.environment, deployment: id }, world.owner),
    world.client.watch({ project, environment: other.environment, uuid }, world.owner)[Symbol.asyncIterator]().next(),
  ];
  await Promise.all(calls.map((call) => expect(call).rejects.toEqual(code(Code.NotFound))));
  await expect(world.client.cancel({ project, uuid }, as(world.test.tokens.viewer))).rejects.toEqual(
    code(Code.PermissionDenied),
  );
  expect((await world.client.get({ project, environment, uuid }, world.owner)).task?.state).toBe(TaskState.QUEUED);
});

it("a task that waits is canceled at once, and what it held is free [tsuru.event-cancel, tsuru.app-unlock]", async () => {
  const ends: unknown[] = [];
  const deployment = await world.deployment({
    steps: () => [step("never")],
    ended: async (_tx, task, end, message) => void ends.push([task.id, end, message]),
  });
  const uuid = await deployment.add();
  const { task } = await world.client.cancel(named(deployment, uuid), world.owner);
  expect(task).toMatchObject({ state: TaskState.CANCELED, message: `it was canceled by ${world.test.tenant}` });
  expect(ends).toEqual([[uuid, "canceled", task?.message]]);
  expect((await deployment.shown()).phase).toBe("idle");
  await expect(world.client.cancel(named(deployment, uuid), world.owner)).rejects.toEqual(
    code(Code.FailedPrecondition),
  );
});

it("a task that runs ends at the end of its step, and is undone [tsuru.event-cancel]", async () => {
  const ran: string[] = [];
  const held = gate();
  const deployment = await world.deployment({
    steps: () => [
      step("first", async () => {
        await held.pass();
        ran.push("first");
        return { type: "done" };
      }),
      noting(ran, "second"),
    ],
    undo: (_task, end) => [noting(ran, "undo-first", `undo ${end}`)],
  });
  const uuid = await deployment.add();
  const working = world.attempt(deployment.id);
  await held.arrived;
  for (let times = 0; times < 2; times += 1) {
    const { task } = await world.client.cancel(named(deployment, uuid), world.owner);
    expect(task?.state).toBe(TaskState.CANCELING);
  }
  held.open();
  await working;
  const task = await world.get(deployment, uuid);
  expect(ran).toEqual(["first", "undo canceled"]);
  expect(task.state).toBe(TaskState.CANCELED);
  expect(task.steps.map(({ name, state }) => [name, state])).toEqual([
    ["first", StepState.SUCCEEDED],
    ["second", StepState.WAITING],
    ["undo-first", StepState.SUCCEEDED],
  ]);
});

it("a step that waits is where a task can be canceled, unless it is past that point", async () => {
  const waiting = step("wait", async () => ({ type: "wait", message: "not yet", afterMs: 60_000 }));
  const deployment = await world.deployment({ steps: () => [waiting] });
  const uuid = await deployment.add();
  await world.attempt(deployment.id);
  expect(await world.get(deployment, uuid)).toMatchObject({ state: TaskState.RUNNING, message: "not yet" });
  await world.client.cancel(named(deployment, uuid), world.owner);
  await world.attempt(deployment.id);
  expect((await world.get(deployment, uuid)).state).toBe(TaskState.CANCELED);
  const late = await world.deployment({ steps: () => [waiting], uncancelable: () => "it has removed objects" });
  const removing = await late.add({ kind: "delete" });
  await world.attempt(late.id);
  expect((await late.shown()).phase).toBe("deleting");
  await expect(world.client.cancel(named(late, removing), world.owner)).rejects.toThrow("it has removed objects");
});

it("a cancellation that comes while its task passes that point is too late", async () => {
  const ran: string[] = [];
  const held = gate();
  const deployment = await world.deployment({
    steps: () => [
      step("activate", async () => {
        await held.pass();
        return { type: "done" };
      }),
      step("routes", async () => {
        ran.push("routes");
        return ran.length > 1 ? { type: "done" } : { type: "wait", message: "", afterMs: 1 };
      }),
    ],
    undo: () => [noting(ran, "undo")],
    uncancelable: ({ steps }) => (steps[0]?.state === "succeeded" ? "it is active" : undefined),
  });
  const uuid = await deployment.add();
  const working = world.attempt(deployment.id);
  await held.arrived;
  expect((await world.client.cancel(named(deployment, uuid), world.owner)).task?.state).toBe(TaskState.CANCELING);
  held.open();
  await working;
  await deployment.finish();
  expect([ran, (await world.get(deployment, uuid)).state]).toEqual([["routes", "routes"], TaskState.SUCCEEDED]);
});

it("a step that fails ends its task, which is undone, shows why, and can be retried from there", async () => {
  let isBroken = true;
  const ran: string[] = [];
  const deployment = await world.deployment({
    steps: () => [
      noting(ran, "first"),
      step("second", async () => {
        ran.push("second");
        return isBroken ? { type: "failed", message: "the image cannot be pulled" } : { type: "done" };
      }),
    ],
  });
  const uuid = await deployment.add({ unitsAfter: 7 });
  await deployment.finish();
  expect(await world.get(deployment, uuid)).toMatchObject({
    state: TaskState.FAILED,
    message: "the image cannot be pulled",
  });
  expect(await deployment.shown()).toMatchObject({ phase: "failed", phaseMessage: "the image cannot be pulled" });
  isBroken = false;
  const { task } = await world.client.retry(named(deployment, uuid), world.owner);
  expect(task).toMatchObject({
    state: TaskState.QUEUED,
    retryOf: uuid,
    actor: world.test.tenant,
    kind: TaskKind.RESTART,
  });
  expect((await deployment.row(task?.uuid ?? "")).unitsAfter).toBe(7);
  await deployment.finish();
  expect(ran).toEqual(["first", "second", "second"]);
  expect((await deployment.shown()).version).toBe(2);
  expect((await deployment.shown()).phase).toBe("idle");
  const again = world.client.retry(named(deployment, uuid), world.owner);
  await expect(again).rejects.toThrow(`see task ${task?.uuid}`);
  const done = world.client.retry(named(deployment, task?.uuid ?? ""), world.owner);
  await expect(done).rejects.toEqual(code(Code.FailedPrecondition));
});

it("a retry does again what was undone, and what its kind says; a canceled task in between does not count", async () => {
  const ran: string[] = [];
  const broken = step("third", async () => ({ type: "failed", message: "no" }));
  const steps = [noting(ran, "first"), noting(ran, "second"), broken];
  const undone = await world.deployment({ steps: () => steps, undo: () => [step("undo")] });
  const kept = await world.deployment({ steps: () => steps, retry: async () => ({ redo: ["second"], release: 3 }) });
  for (const deployment of [undone, kept]) {
    const uuid = await deployment.add();
    await deployment.finish();
    await world.client.cancel(named(deployment, await deployment.add()), world.owner);
    ran.length = 0;
    const { task } = await world.client.retry(named(deployment, uuid), world.owner);
    expect(task?.release).toBe(deployment === kept ? 3 : 0);
    await deployment.finish();
    expect(ran).toEqual(deployment === kept ? ["second"] : ["first", "second"]);
  }
});

it("a log keeps its newest lines", async () => {
  const deployment = await world.deployment({
    steps: () => [
      step("talk", async ({ log, task, write }) => {
        await write(async (tx) => {
          await tx.execute(sql`
            insert into task_log_lines (task, number, at, step, text)
            select ${task.id}::uuid, n, now(), 'talk', 'line' from generate_series(1, 2098) n`);
        });
        // At once, as careless steps do.
        await Promise.all([log("almost"), log("x".repeat(10_000))]);
        return { type: "done" };
      }),
    ],
  });
  const uuid = await deployment.add();
  await deployment.finish();
  const { log } = await world.get(deployment, uuid);
  expect(log).toHaveLength(1_000);
  expect(log.map(({ number }) => number).slice(-2)).toEqual([2_099n, 2_100n]);
  expect(log.slice(-2).map(({ text }) => text.length)).toEqual(expect.arrayContaining([6, 4_000]));
  const { rows } = await world.platform.db.execute(sql`
    select min(number)::int as first, count(*)::int as count from task_log_lines where task = ${uuid}`);
  expect(rows).toEqual([{ first: 101, count: 2_000 }]);
});

it("what a task waits for wakes it, and nothing else does", async () => {
  const { db } = world.platform;
  const jobs = async (id: string) => {
    const { rows } = await db.execute<{ key: string }>(sql`
      select key from graphile_worker.jobs where key = ${`deployment.tasks:${id}`} and run_at <= now()`);
    return rows.length;
  };
  const targetOf = async (id: string): Promise<string> => {
    const { rows } = await db.execute<{ target: string }>(sql`select target from deployments where id = ${id}`);
    return rows[0]?.target ?? "";
  };
  const idle = await world.deployment({ steps: () => [] });
  await wakeTasks(db, await targetOf(idle.id), [idle.id, "what somebody wrote"]);
  expect(await jobs(idle.id)).toBe(0);
  const busy = await world.deployment({
    steps: () => [step("wait", async () => ({ type: "wait", message: "", afterMs: 60_000 }))],
  });
  await busy.add();
  await world.attempt(busy.id);
  await db.execute(sql`select graphile_worker.remove_job(${`deployment.tasks:${busy.id}`})`);
  const target = await targetOf(busy.id);
  await wakeTasks(db, crypto.randomUUID(), [busy.id]);
  expect(await jobs(busy.id)).toBe(0);
  await wakeTasks(db, target, [busy.id]);
  await wakeTasks(db, target, [busy.id, idle.id]);
  expect(await jobs(busy.id)).toBe(1);
});
