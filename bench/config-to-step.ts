import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type CallOptions, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { pino } from "pino";
import { ConfigService } from "../gen/ts/deploy/v1/config_pb.js";
import { DeploymentService } from "../gen/ts/deploy/v1/deployment_pb.js";
import { EnvironmentService } from "../gen/ts/deploy/v1/environment_pb.js";
import { NamespaceService, NamespaceState } from "../gen/ts/deploy/v1/namespace_pb.js";
import { ConnectionState, TargetService } from "../gen/ts/deploy/v1/target_pb.js";
import { type Task, TaskService, TaskState } from "../gen/ts/deploy/v1/task_pb.js";
import { migrate } from "../src/db/migrate.js";
import { addJob } from "../src/jobs/jobs.js";
import { startWorker } from "../src/jobs/worker.js";
import { openServer } from "./auth.js";
import { type BenchRun, compare, percentile } from "./measure.js";
import { databasesOf, type Slipway, scratchFolder, startSlipway, within } from "./processes.js";

const goalMs = 200;
const waitMs = 60_000;
const pollMs = 50;
/** A change and a bare job each by itself. */
const pauseMs = 50;

/** From the answer to a change of a configuration to the begin of its task's first step; and a bare job for comparison. */
export async function configToStep(run: BenchRun): Promise<void> {
  const changes = run.short ? 3 : 50;
  for (const { name, open } of databasesOf(run)) {
    const dataDir = join(await scratchFolder(run), "data");
    const slipway = await startSlipway(run, { dataDir, databaseUrl: await open(), timeScale: 100 });
    const change = await openDeployment(slipway);
    const job = await openBareJob(run, await open());
    const samples: { ours: number; baseline: number }[] = [];
    await change(0);
    await job();
    for (let i = 1; i <= changes; i++) {
      samples.push({ ours: await change(i), baseline: await job() });
      await sleep(pauseMs);
    }
    const at = (share: number) =>
      [
        percentile(
          samples.map(({ ours }) => ours),
          share,
        ),
        percentile(
          samples.map(({ baseline }) => baseline),
          share,
        ),
      ] as const;
    run.report(compare(`config-to-step.${name}.p50`, "ms", ...at(0.5)));
    run.report(compare(`config-to-step.${name}.p99`, "ms", ...at(0.99), { below: goalMs }));
    await slipway.stop();
  }
}

/** A deployment that runs; the returned function changes its configuration and answers how long that took to begin. */
async function openDeployment({ info }: Slipway): Promise<(value: number) => Promise<number>> {
  const { project, url, tokens } = info;
  const transport = createGrpcTransport({ baseUrl: url });
  const by: CallOptions = { headers: { authorization: `Bearer ${tokens.owner}` }, timeoutMs: waitMs };
  const tasks = createClient(TaskService, transport);
  const ended = async (task: Task | undefined): Promise<Task> => {
    const answer = await until(async () => (await tasks.get({ project, uuid: task?.uuid ?? "" }, by)).task, hasEnded);
    if (answer.state !== TaskState.SUCCEEDED) throw new Error(`the task ended badly: ${answer.message}`);
    return answer;
  };
  const place = await openPlace(info, transport, by);
  const source = { source: { case: "image", value: { image: "registry.example/shop:1" } } } as const;
  const { deployment, task } = await createClient(DeploymentService, transport).create(
    { project, ...place, name: "bench", source },
    by,
  );
  await ended(task);
  const configs = createClient(ConfigService, transport);
  return async (value) => {
    const patch = { setVariables: [{ name: "VALUE", value: String(value) }] };
    const answer = await configs.update({ project, deployment: deployment?.uuid ?? "", patch }, by);
    const answered = Date.now();
    const [first] = (await ended(answer.task)).steps;
    if (first?.startedAt === undefined) throw new Error("the task has no steps");
    // It may have begun before the answer was read.
    return Math.max(0, timestampMs(first.startedAt) - answered);
  };
}

/** An environment, and a target with a namespace: the Kubernetes of the platform itself. */
async function openPlace(
  { project, kubeconfig }: Slipway["info"],
  transport: ReturnType<typeof createGrpcTransport>,
  by: CallOptions,
) {
  const environments = createClient(EnvironmentService, transport);
  const { environment } = await environments.create({ project, name: "bench" }, by);
  const targets = createClient(TargetService, transport);
  const source = { case: "kubeconfig", value: await readFile(kubeconfig, "utf8") } as const;
  const target = (await targets.create({ project, name: "bench", source }, by)).target?.uuid ?? "";
  await until(
    async () => (await targets.get({ project, uuid: target }, by)).target,
    ({ connection }) => connection === ConnectionState.CONNECTED,
  );
  const namespaces = createClient(NamespaceService, transport);
  const namespace = (await namespaces.create({ project, target, name: "bench" }, by)).namespace?.uuid ?? "";
  await until(
    async () => (await namespaces.get({ project, uuid: namespace }, by)).namespace,
    ({ state }) => state === NamespaceState.ACTIVE,
  );
  return { environment: environment?.uuid ?? "", target, namespace };
}

/** A worker with a single task, which does nothing; the returned function answers how long a job took to begin. */
async function openBareJob(run: BenchRun, databaseUrl: string | undefined): Promise<() => Promise<number>> {
  const log = pino({ level: "silent" });
  const server = await openServer(run, databaseUrl);
  await migrate(server, log);
  let begin = (): void => {};
  const worker = await startWorker(server, { tasks: { bare: async () => begin() }, concurrency: 4, log });
  run.onEnd(() => worker.stop());
  return async () => {
    const begun = new Promise<number>((resolve) => {
      begin = () => resolve(performance.now());
    });
    await addJob(server.db, "bare", {});
    const added = performance.now();
    return Math.max(0, (await within(waitMs, "a bare job", begun)) - added);
  };
}

const hasEnded = ({ state }: Task): boolean =>
  [TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELED, TaskState.EXPIRED].includes(state);

async function until<T>(read: () => Promise<T | undefined>, fits: (value: T) => boolean): Promise<T> {
  const end = performance.now() + waitMs;
  while (performance.now() < end) {
    const value = await read();
    if (value !== undefined && fits(value)) return value;
    await sleep(pollMs);
  }
  throw new Error(`it is not as it should be after ${waitMs} ms`);
}
