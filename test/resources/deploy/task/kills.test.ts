import { eq, sql } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { TaskState } from "../../../../gen/ts/deploy/v1/task_pb.js";
import type { Database } from "../../../../src/db/database.js";
import type { Platform } from "../../../../src/platform.js";
import { deployments } from "../../../../src/resources/deploy/deployment/table.js";
import type { Step, StepContext, StepOutcome, Work } from "../../../../src/resources/deploy/task/work.js";
import { needsPostgres, postgresUrl } from "../../../support/database.js";
import { startTaskWorld, step, type TaskWorld, type TestDeployment } from "./tasks.js";

let world: TaskWorld;
beforeAll(async () => {
  world = await startTaskWorld();
});
afterAll(() => world.close());

/** A worker that dies at its nth write or effect: before it, or right after it. */
interface Kill {
  readonly at: number;
  readonly isDone: boolean;
}

class Killed extends Error {}

/** What one attempt does to the world, until it dies. */
interface Life {
  readonly platform: Platform;
  /** Runs it unless the worker dies before. */
  act<T>(work: () => Promise<T>): Promise<T>;
}

function lifeOf(kill: Kill | undefined): Life {
  let acts = 0;
  let isDead = false;
  const act = async <T>(work: () => Promise<T>): Promise<T> => {
    if (isDead) throw new Killed();
    const isLast = acts++ === kill?.at;
    if (isLast) isDead = true;
    if (isLast && !kill?.isDone) throw new Killed();
    const answer = await work();
    if (isLast) throw new Killed();
    return answer;
  };
  const db = new Proxy(world.platform.db, {
    get(inner, name: keyof Database) {
      const method = inner[name];
      if (name !== "transaction" && name !== "execute" && name !== "update") return method;
      return (...args: never[]) => act(() => (method as (...all: never[]) => Promise<unknown>).apply(inner, args));
    },
  });
  return { platform: { ...world.platform, db }, act };
}

/** How a step goes, as far as it is up to it. */
type Course = "done" | "skipped" | "waits" | "failed";

interface Script {
  readonly courses: readonly Course[];
  readonly undo: readonly Course[];
  readonly kills: readonly Kill[];
  /** After how many attempts it is canceled; never when there are fewer. */
  readonly cancelAfter: number;
}

const courses: readonly Course[] = ["done", "done", "skipped", "waits", "failed"];
const scripts: fc.Arbitrary<Script> = fc.record({
  courses: fc.array(fc.constantFrom(...courses), { minLength: 1, maxLength: 4 }),
  undo: fc.array(fc.constantFrom<Course>("done", "waits", "failed"), { maxLength: 2 }),
  kills: fc.array(fc.record({ at: fc.nat({ max: 14 }), isDone: fc.boolean() }), { maxLength: 8 }),
  cancelAfter: fc.nat({ max: 16 }),
});

/** A deployment whose steps write down in a journal what they do. */
async function journaled({ courses, undo }: Pick<Script, "courses" | "undo">) {
  const journal: string[] = [];
  const waited = new Set<string>();
  let life = lifeOf(undefined);
  const scripted = (name: string, course: Course): Step =>
    step(name, async (context: StepContext): Promise<StepOutcome> => {
      await life.act(async () => void journal.push(name));
      await context.log(`${name} runs`);
      if (course === "waits" && !waited.has(name)) {
        waited.add(name);
        return { type: "wait", message: "not yet", afterMs: 1 };
      }
      await context.write(async (tx) => {
        await tx
          .update(deployments)
          .set({ description: sql`${deployments.description} || ${`${name} `}` })
          .where(eq(deployments.id, context.deployment.id));
      });
      return course === "failed" ? { type: "failed", message: `${name} is broken` } : doneAs(course);
    });
  const work: Work = {
    steps: () => courses.map((course, index) => scripted(`s${index}`, course)),
    undo: () => undo.map((course, index) => scripted(`u${index}`, course)),
    async ended(tx, task, end) {
      await tx
        .update(deployments)
        .set({ reported: sql`${deployments.reported} || ${`${end} `}` })
        .where(eq(deployments.id, task.deployment));
    },
  };
  const deployment = await world.deployment(work);
  return {
    deployment,
    journal,
    async attempt(kill?: Kill): Promise<void> {
      life = lifeOf(kill);
      await world.attempt(deployment.id, { platform: life.platform }).catch((error: unknown) => {
        if (!(error instanceof Killed)) throw error;
      });
    },
  };
}

const doneAs = (course: Course): StepOutcome =>
  course === "skipped" ? { type: "skipped", message: "need not be" } : { type: "done" };

async function isOpen(deployment: TestDeployment): Promise<boolean> {
  return (await deployment.states()).some((state) => ["queued", "running", "canceling"].includes(state));
}

/** Steps never go back: what was done is not done again, and nothing of the next one happens before. */
function expectForward(journal: readonly string[], order: readonly string[]): void {
  const places = journal.map((name) => order.indexOf(name));
  expect(places).toEqual(places.toSorted((one, other) => one - other));
}

it("whenever workers die, each step is done once, in order, and the task ends as it should, once", async () => {
  await fc.assert(
    fc.asyncProperty(scripts, async (script) => {
      const { deployment, journal, attempt } = await journaled(script);
      const uuid = await deployment.add();
      const named = { project: deployment.project, uuid };
      let isCanceled = false;
      const kills = [...script.kills];
      for (let attempts = 0; await isOpen(deployment); attempts += 1) {
        expect(attempts).toBeLessThan(60);
        if (attempts === script.cancelAfter) {
          isCanceled = await world.client.cancel(named, world.owner).then(
            () => true,
            () => false,
          );
        }
        await attempt(kills.shift());
      }
      const task = await deployment.row(uuid);
      const main = script.courses.map((_, index) => `s${index}`);
      const undo = script.undo.map((_, index) => `u${index}`);
      expectForward(journal, [...main, ...undo]);
      const failsAt = script.courses.indexOf("failed");
      const allDone = main.every((name) => task.steps.some((one) => one.name === name && isDone(one.state)));
      if (task.state === "succeeded") expect([failsAt, allDone]).toEqual([-1, true]);
      else if (task.state === "failed") expect([failsAt >= 0, isCanceled]).toEqual([true, false]);
      else expect([task.state, isCanceled]).toEqual(["canceled", true]);
      if (!isCanceled) expect(task.state).toBe(failsAt < 0 ? "succeeded" : "failed");
      const isUndone = task.state !== "succeeded" && task.startedAt !== null;
      expect(undo.filter((name) => journal.includes(name))).toEqual(isUndone ? undo : []);
      // A death repeats one step at most, and a step that waits is run again.
      const waits = [...script.courses, ...script.undo].filter((course) => course === "waits").length;
      expect(journal.length - new Set(journal).size).toBeLessThanOrEqual(script.kills.length - kills.length + waits);
      const shown = await deployment.shown();
      // What is written on its way in is written once but for the step that was repeated, and ends are written once.
      expect(shown.reported).toBe(`${task.state} `);
      expectForward(shown.description.trim() === "" ? [] : shown.description.trim().split(" "), [...main, ...undo]);
      expect(shown.phase).toBe(task.state === "failed" ? "failed" : "idle");
      expect([task.leaseOwner, task.leaseUntil]).toEqual([null, null]);
    }),
    { numRuns: 60 },
  );
}, 240_000);

const isDone = (state: string): boolean => state === "succeeded" || state === "skipped";

it("without deaths nothing is done twice", async () => {
  const { deployment, journal, attempt } = await journaled({ courses: ["done", "skipped", "done"], undo: [] });
  await deployment.add();
  await deployment.add();
  for (let attempts = 0; attempts < 2; attempts += 1) await attempt();
  expect(journal).toEqual(["s0", "s1", "s2", "s0", "s1", "s2"]);
  expect(await deployment.states()).toEqual(["succeeded", "succeeded"]);
});

it.skipIf(postgresUrl === undefined)(
  `two attempts at once end each task once, and what they write is in order (${needsPostgres})`,
  async () => {
    await fc.assert(
      fc.asyncProperty(scripts, fc.integer({ min: 2, max: 3 }), async (script, many) => {
        const { deployment } = await journaled(script);
        const uuid = await deployment.add();
        for (let rounds = 0; await isOpen(deployment); rounds += 1) {
          expect(rounds).toBeLessThan(60);
          await Promise.all(Array.from({ length: many }, () => world.attempt(deployment.id)));
        }
        const order = [...script.courses.map((_, index) => `s${index}`), ...script.undo.map((_, index) => `u${index}`)];
        const shown = await deployment.shown();
        expectForward(shown.description.trim() === "" ? [] : shown.description.trim().split(" "), order);
        expect(shown.reported).toBe(`${(await deployment.row(uuid)).state} `);
        const { task } = await world.client.get({ project: deployment.project, uuid }, world.owner);
        expect(task?.state).toBe(script.courses.includes("failed") ? TaskState.FAILED : TaskState.SUCCEEDED);
      }),
      { numRuns: 20 },
    );
  },
  240_000,
);
