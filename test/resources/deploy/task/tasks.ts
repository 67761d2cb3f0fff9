import { type Code, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { asc, eq, sql } from "drizzle-orm";
import { expect } from "vitest";
import { type Task, type TaskLogLine, TaskService } from "../../../../gen/ts/deploy/v1/task_pb.js";
import type { Platform } from "../../../../src/platform.js";
import { settlePhase } from "../../../../src/resources/deploy/deployment/phase.js";
import { deployments } from "../../../../src/resources/deploy/deployment/table.js";
import { environments } from "../../../../src/resources/deploy/environment/table.js";
import { targetNamespaces } from "../../../../src/resources/deploy/namespace/table.js";
import { targets } from "../../../../src/resources/deploy/target/table.js";
import type { AttemptLimits } from "../../../../src/resources/deploy/task/attempt.js";
import { queueTasks } from "../../../../src/resources/deploy/task/queue.js";
import { taskRunner } from "../../../../src/resources/deploy/task/runner.js";
import { registerTask } from "../../../../src/resources/deploy/task/service.js";
import { type NewTask, taskStore } from "../../../../src/resources/deploy/task/store.js";
import { deploymentTasks } from "../../../../src/resources/deploy/task/table.js";
import type { Step, TaskKindName, TaskRow, Work, Works } from "../../../../src/resources/deploy/task/work.js";
import { createLifecycle } from "../../../../src/rpc/drain.js";
import { listen } from "../../../../src/rpc/listen.js";
import { createHandler } from "../../../../src/rpc/server.js";
import {
  as,
  startPlatform,
  type TestPlatform,
  type TestPlatformOptions,
  type TestTenant,
} from "../../../support/platform.js";

/** A platform whose tasks do what the tests say, and that no worker works on unless a test starts one. */
export interface TaskWorld {
  readonly test: TestPlatform;
  readonly platform: Platform;
  readonly works: Works;
  readonly client: ReturnType<typeof createClient<typeof TaskService>>;
  readonly owner: ReturnType<typeof as>;
  /** A deployment whose tasks do this, of the usual tenant unless told. */
  deployment(work: Work, of?: TestTenant): Promise<TestDeployment>;
  /** A task as the API shows it, with its log. */
  get(deployment: TestDeployment, uuid: string): Promise<Task & { readonly log: readonly TaskLogLine[] }>;
  /** One attempt, as a worker makes it. */
  attempt(deployment: string, how?: Partial<AttemptHow>): Promise<void>;
  close(): Promise<void>;
}

export interface AttemptHow {
  readonly platform: Platform;
  readonly limits: AttemptLimits;
  readonly signal: AbortSignal;
}

/** A deployment that is only in the database. */
export interface TestDeployment {
  readonly id: string;
  readonly project: string;
  readonly environment: string;
  readonly target: string;
  add(order?: Partial<NewTask>): Promise<string>;
  row(task: string): Promise<TaskRow>;
  /** States of its tasks, oldest first. */
  states(): Promise<string[]>;
  shown(): Promise<typeof deployments.$inferSelect>;
  /** Attempts until nothing of it is to be done now. */
  finish(how?: Partial<AttemptHow>): Promise<void>;
}

const kinds = ["create", "release", "scale", "start", "stop", "restart", "move", "delete", "route", "action"] as const;

/** A step. */
export const step = (name: string, run: Step["run"] = async () => ({ type: "done" })): Step => ({ name, run });

/** Names a task of a deployment in a request. */
export const named = ({ project, id }: TestDeployment, uuid: string) => ({ project, deployment: id, uuid });
/** An error with that code. */
export const code = (expected: Code) => expect.objectContaining({ code: expected });

/** A gate that a step waits at. */
export function gate() {
  let open = (): void => undefined;
  let arrive = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const arrived = new Promise<void>((resolve) => (arrive = resolve));
  const pass = (): Promise<void> => {
    arrive();
    return opened;
  };
  return { open, arrived, pass };
}

/** A step that only notes that it ran. */
export const noting = (ran: string[], name: string, note = name) =>
  step(name, async () => {
    ran.push(note);
    return { type: "done" };
  });

export async function startTaskWorld(options: TestPlatformOptions = {}): Promise<TaskWorld> {
  const test = await startPlatform({ background: false, ...options });
  const { platform } = test;
  const scripts = new Map<string, Work>();
  const workOf = ({ deployment }: TaskRow): Work => scripts.get(deployment) ?? { steps: () => [] };
  const scripted: Work = {
    steps: (task) => workOf(task).steps(task),
    undo: (task, end) => workOf(task).undo?.(task, end) ?? [],
    uncancelable: (task) => workOf(task).uncancelable?.(task),
    retry: async (tx, task, order) => (await workOf(task).retry?.(tx, task, order)) ?? {},
    ended: async (tx, task, end, message) => await workOf(task).ended?.(tx, task, end, message),
  };
  const works = Object.fromEntries(kinds.map((kind) => [kind, scripted])) as Record<TaskKindName, Work>;
  const server = await serveTasks(test, works);
  const owner = as(test.tokens.owner);
  const attempt: TaskWorld["attempt"] = async (deployment, { platform: own = platform, limits, signal } = {}) => {
    const context = { signal: signal ?? new AbortController().signal, attempt: 1, log: own.log };
    await taskRunner(own, works, limits)({ deployment }, context);
  };
  return {
    test,
    platform,
    works,
    client: server.client,
    owner,
    attempt,
    async get(deployment, uuid) {
      const { task, log } = await server.client.get(named(deployment, uuid), owner);
      if (task === undefined) throw new Error("no task was answered");
      return { ...task, log };
    },
    async deployment(work, of = test) {
      const made = await newDeployment(platform, of.project, attempt);
      scripts.set(made.id, work);
      return made;
    },
    async close() {
      await server.close();
      await test.close();
    },
  };
}

/** TaskService alone, behind the interceptors of the whole. */
async function serveTasks({ open, platform, config }: TestPlatform, works: Works) {
  const { principals } = open;
  const { log, clock, newId } = platform;
  const lifecycle = createLifecycle();
  const server = createHandler({
    routes: (router) => registerTask(router, platform, works),
    authenticate: (token) => principals.authenticate(token),
    refresh: (token) => principals.refresh(token),
    watchCaller: (caller, onOutdated) => principals.watch(caller, onOutdated),
    admitted: (subject) => platform.standings.demand(subject),
    writeAudit: async () => {},
    ...{ log, clock, newId, lifecycle },
    limits: {
      readMaxBytes: config.maxMessageBytes,
      rateLimit: { calls: 0, seconds: 1 },
      tokenRateLimit: { calls: 0, seconds: 1 },
      anonymousStreams: config.anonymousStreams,
      anonymousStreamsPerNetwork: config.anonymousStreamsPerNetwork,
      tokenStreams: config.tokenStreams,
    },
    corsOrigins: [],
    trustedProxies: [],
    httpRoutes: [],
  });
  const listener = await listen(server.handler, { host: "127.0.0.1", port: 0 });
  lifecycle.setReady(true);
  const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${listener.port}` });
  return {
    client: createClient(TaskService, transport),
    close: () => lifecycle.drain(listener, { graceMs: 500 }),
  };
}

let made = 0;

async function newDeployment(
  platform: Platform,
  project: string,
  attempt: TaskWorld["attempt"],
): Promise<TestDeployment> {
  const { db, clock, newId } = platform;
  const now = clock();
  const stamps = { createdAt: now, updatedAt: now };
  const name = `d-${++made}`;
  const [id, environment, target, namespace] = [newId(), newId(), newId(), newId()];
  await db.insert(environments).values({ id: environment, project, name, ...stamps });
  await db.insert(targets).values({ id: target, project, name, kubeconfigSealed: "none", ...stamps });
  await db.insert(targetNamespaces).values({ id: namespace, project, target, name, ...stamps });
  const place = { project, environment, target, namespace };
  await db.insert(deployments).values({ id, name, objectName: name, kind: "app", ...place, ...stamps });
  const row = async (task: string): Promise<TaskRow> => {
    const [found] = await db.select().from(deploymentTasks).where(eq(deploymentTasks.id, task));
    if (found === undefined) throw new Error("there is no such task");
    return found;
  };
  const states = async (): Promise<string[]> =>
    (
      await db
        .select({ state: deploymentTasks.state })
        .from(deploymentTasks)
        .where(eq(deploymentTasks.deployment, id))
        .orderBy(asc(deploymentTasks.id))
    ).map(({ state }) => state);
  return {
    ...{ id, project, environment, target, row, states },
    add: (order = {}) =>
      db.transaction(async (tx) => {
        await tx.execute(sql`select from deployments where id = ${id} for update`);
        const createdAt = clock();
        const whole = { id: newId(), project, deployment: id, kind: "restart", actor: "ada", createdAt } as const;
        const task = await taskStore.insert(tx, { ...whole, executeAt: createdAt, ...order });
        await settlePhase(tx, id);
        await queueTasks(tx, id, task.state === "scheduled" ? task.executeAt : undefined);
        return task.id;
      }),
    async shown() {
      const [found] = await db.select().from(deployments).where(eq(deployments.id, id));
      if (found === undefined) throw new Error("there is no such deployment");
      return found;
    },
    async finish(how = {}) {
      for (let attempts = 0; attempts < 200; attempts += 1) {
        const open = await states();
        if (!open.some((state) => state === "queued" || state === "running" || state === "canceling")) return;
        await attempt(id, how);
      }
      throw new Error("it does not come to an end");
    },
  };
}
