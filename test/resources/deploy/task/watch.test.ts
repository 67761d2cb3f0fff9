import { Code } from "@connectrpc/connect";
import { sql } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type TaskServiceWatchResponse, TaskState } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { parseResumeToken, resumeToken } from "../../../../src/resources/deploy/resume.js";
import { startTaskWorld, step, type TaskWorld, type TestDeployment } from "./tasks.js";

let world: TaskWorld;
beforeAll(async () => {
  world = await startTaskWorld();
});
afterAll(() => world.close());

interface Watching {
  readonly project: string;
  readonly deployment?: string;
  readonly uuid?: string;
  readonly resumeToken?: string;
  readonly afterLine?: bigint;
}

/** Reads answers until told to leave; true when the stream ended by itself. */
async function read(
  request: Watching,
  onAnswer: (answer: TaskServiceWatchResponse) => boolean,
): Promise<{ isEnded: boolean }> {
  const connection = new AbortController();
  const options = { ...world.owner, signal: connection.signal };
  try {
    for await (const answer of world.client.watch(request, options)) {
      if (!onAnswer(answer)) {
        connection.abort();
        return { isEnded: false };
      }
    }
    return { isEnded: true };
  } finally {
    connection.abort();
  }
}

/** A deployment whose tasks talk while they run. */
const talkative = (lines: number) =>
  world.deployment({
    steps: () =>
      ["a", "b"].map((name) =>
        step(name, async ({ log }) => {
          for (let line = 0; line < lines; line += 1) await log(`${name} ${line}`);
          return { type: "done" };
        }),
      ),
  });

const endStates = new Set([TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELED, TaskState.EXPIRED]);

it("a watch of one task tells its states and all lines of its log, and ends with it", async () => {
  const deployment = await talkative(5);
  const uuid = await deployment.add();
  const states: TaskState[] = [];
  const lines: bigint[] = [];
  const watching = read({ project: deployment.project, uuid }, ({ task, log }) => {
    if (task !== undefined) states.push(task.state);
    lines.push(...log.map(({ number }) => number));
    return true;
  });
  await expect.poll(() => states, { timeout: 30_000 }).toEqual([TaskState.QUEUED]);
  await deployment.finish();
  expect(await watching).toEqual({ isEnded: true });
  expect(states.at(-1)).toBe(TaskState.SUCCEEDED);
  expect(lines).toEqual(Array.from({ length: 10 }, (_, index) => BigInt(index + 1)));
  // Whoever comes late has the end at once, and the lines that are asked for.
  const late: bigint[] = [];
  const end = await read({ project: deployment.project, uuid, afterLine: 7n }, ({ log }) => {
    late.push(...log.map(({ number }) => number));
    return true;
  });
  expect([end, late]).toEqual([{ isEnded: true }, [8n, 9n, 10n]]);
  const beyond: unknown[] = [];
  await read({ project: deployment.project, uuid, afterLine: 2n ** 63n - 1n }, ({ log }) => beyond.push(...log) === 0);
  expect(beyond).toEqual([]);
});

it("wherever the connection to one task breaks, no line is lost or told twice", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 8 }), async (drops) => {
      const deployment = await talkative(6);
      const uuid = await deployment.add();
      const working = deployment.finish();
      const lines: bigint[] = [];
      let token = "";
      let state: TaskState | undefined;
      const left = [...drops];
      for (let isEnded = false; !isEnded; ) {
        let more = left.shift() ?? Number.POSITIVE_INFINITY;
        const request = { project: deployment.project, uuid, resumeToken: token };
        ({ isEnded } = await read(request, (answer) => {
          lines.push(...answer.log.map(({ number }) => number));
          state = answer.task?.state;
          token = answer.resumeToken;
          more -= 1;
          return more > 0;
        }));
      }
      await working;
      expect(lines).toEqual(Array.from({ length: 12 }, (_, index) => BigInt(index + 1)));
      expect(state).toBe(TaskState.SUCCEEDED);
    }),
    { numRuns: 15 },
  );
}, 120_000);

it("wherever the connection to many tasks breaks, the last state of each is told", async () => {
  const tenant = await world.test.newTenant();
  const owner = { headers: { authorization: `Bearer ${tenant.tokens.owner}` } };
  const work = { steps: () => [step("a"), step("b")] };
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 8 }),
      fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 6 }),
      async (drops, orders) => {
        const all: TestDeployment[] = [];
        for (let count = 0; count < 3; count += 1) all.push(await world.deployment(work, tenant));
        const wanted = new Set<string>();
        const adding = (async () => {
          for (const order of orders) {
            const deployment = all[order];
            if (deployment !== undefined) wanted.add(await deployment.add());
          }
          await Promise.all(all.map((deployment) => deployment.finish()));
        })();
        const ended = new Set<string>();
        const isComplete = () => ended.size === orders.length;
        let token = "";
        const left = [...drops];
        while (!isComplete()) {
          let more = left.shift() ?? Number.POSITIVE_INFINITY;
          const revisions = new Map<string, bigint>();
          const connection = new AbortController();
          const request = { project: tenant.project, resumeToken: token };
          const answers = world.client.watch(request, { ...owner, signal: connection.signal });
          for await (const { task, resumeToken: next } of answers) {
            if (task === undefined) throw new Error("no task was answered");
            token = next;
            expect(task.revision).toBeGreaterThan(revisions.get(task.uuid) ?? 0n);
            revisions.set(task.uuid, task.revision);
            const isOurs = all.some(({ id }) => id === task.deployment);
            if (isOurs && endStates.has(task.state)) ended.add(task.uuid);
            more -= 1;
            if (more <= 0 || isComplete()) break;
          }
          connection.abort();
        }
        await adding;
        expect(ended).toEqual(wanted);
      },
    ),
    { numRuns: 12 },
  );
}, 120_000);

it("what is written in a transaction that commits late is told", async () => {
  const [slow, quick] = [await talkative(0), await talkative(0)];
  const uuid = await slow.add();
  const { db } = world.platform;
  let commit = (): void => undefined;
  let began = (): void => undefined;
  const committed = new Promise<void>((resolve) => (commit = resolve));
  const begun = new Promise<void>((resolve) => (began = resolve));
  const writing = db.transaction(async (tx) => {
    await tx.execute(sql`update deployment_tasks set message = 'late' where id = ${uuid}`);
    began();
    await committed;
  });
  if (world.test.database.server.kind === "embedded") {
    // There is one connection: nobody reads while a transaction is open.
    commit();
    await writing;
    return;
  }
  await begun;
  const other = await quick.add();
  let token = "";
  const project = slow.project;
  await read({ project }, ({ task, resumeToken: next }) => {
    token = next;
    return task?.uuid !== other;
  });
  commit();
  await writing;
  let message: string | undefined;
  await read({ project, resumeToken: token }, ({ task }) => {
    if (task?.uuid === uuid) message = task.message;
    return message === undefined;
  });
  expect(message).toBe("late");
});

it("attempts that change nothing are not told", async () => {
  const deployment = await world.deployment({
    steps: () => [step("wait", async () => ({ type: "wait", message: "not yet", afterMs: 60_000 }))],
  });
  const uuid = await deployment.add();
  const seen: string[] = [];
  const { project, id } = deployment;
  const watching = read({ project, deployment: id }, ({ task }) => {
    seen.push(`${task?.state} ${task?.message}`);
    return task?.state !== TaskState.CANCELED;
  });
  await expect.poll(() => seen.length, { timeout: 30_000 }).toBe(1);
  for (let attempts = 0; attempts < 5; attempts += 1) await world.attempt(id);
  await expect.poll(() => seen.at(-1), { timeout: 30_000 }).toBe(`${TaskState.RUNNING} not yet`);
  for (let attempts = 0; attempts < 5; attempts += 1) await world.attempt(id);
  await world.client.cancel({ project, uuid }, world.owner);
  await deployment.finish();
  await watching;
  expect(new Set(seen).size).toBe(seen.length);
});

it("a token that is none is refused, and one of a later time of the database begins anew", async () => {
  const deployment = await talkative(0);
  const uuid = await deployment.add();
  const { project, id } = deployment;
  for (const bad of [
    "bogus",
    resumeToken(2n ** 63n),
    resumeToken(5n).slice(1),
    Buffer.from('["-1",0]').toString("base64url"),
  ]) {
    const refused = read({ project, resumeToken: bad }, () => false);
    await expect(refused).rejects.toEqual(expect.objectContaining({ code: Code.InvalidArgument }));
  }
  const ahead = resumeToken(2n ** 62n);
  let told: string | undefined;
  await read({ project, deployment: id, resumeToken: ahead }, ({ task }) => {
    told = task?.uuid;
    return false;
  });
  expect(told).toBe(uuid);
});

it("tokens keep what they were made of", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), fc.nat(), (horizon, line) => {
      expect(parseResumeToken(resumeToken(horizon, line))).toEqual({ horizon, line });
    }),
  );
});
