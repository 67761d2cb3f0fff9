import { type Command, Option } from "commander";
import type { TaskLogLine } from "../../gen/ts/deploy/v1/task_pb.js";
import { Failure } from "../failure.js";
import { isUuid } from "../find.js";
import { several, wholeNumber } from "../flags.js";
import { placeOf } from "../resources/deployments.js";
import { enumValueOf } from "../resources/enums.js";
import { addEnvironment, type EnvironmentFlag, environmentOf } from "../resources/environments.js";
import { examples } from "../resources/examples.js";
import { followTask } from "../resources/follow-task.js";
import { live, printLive } from "../resources/live.js";
import { targetOf } from "../resources/namespaces.js";
import { allTokenPages } from "../resources/pages.js";
import { taskKind, tasks } from "../resources/tasks.js";
import { isoOf } from "../resources/times.js";
import { run } from "../run.js";
import type { Session } from "../session.js";
import { printable } from "../table.js";

const states = ["queued", "scheduled", "running", "canceling", "succeeded", "failed", "canceled", "expired"];

interface Place extends EnvironmentFlag {
  readonly deployment?: string;
}

interface ListFlags extends Place {
  readonly target?: string;
  readonly state?: readonly string[];
  readonly limit?: number;
}

type WaitFlags = Place & { readonly wait?: boolean };

/** `slipway task`: the work that changes of deployments make. */
export function taskCommands(group: Command): void {
  const list = addPlace(group.command("list").alias("ls"))
    .description("list the tasks of the project, newest first")
    .option("--target <target>", "only those on this target: its name or uuid")
    .addOption(
      new Option(
        "--state <state>",
        `only those in this state (${states.join(", ")}); may come several times`,
      ).argParser(several),
    )
    .option("--limit <count>", "how many at most; 100 unless told", wholeNumber(1, 10_000))
    .action(run(listTasks));
  examples(list, "slipway task list --deployment web", "slipway task list --state running --state queued");
  ofTask(group.command("get"), "show one task; -o yaml has its steps").action(
    run(async (session, uuid: string, flags: Place) => {
      const { task } = await (await tasks(session)).get(await taskPlace(session, uuid, flags));
      if (task !== undefined) await session.out.one(taskKind, task);
    }),
  );
  const watch = addPlace(group.command("watch"))
    .description("show a task until it ends, failing if it does; without one all tasks and their changes, until Ctrl-C")
    .argument("[task]", "its uuid")
    .action(run(watchTasks));
  examples(
    watch,
    "slipway task watch 0198c0de-0000-7000-8000-000000000000",
    "slipway task watch --deployment web -o json",
  );
  ofTask(group.command("logs"), "print the log of a task")
    .option("-f, --follow", "go on until it ends")
    .action(run(printLog));
  addChanges(group);
}

function addChanges(group: Command): void {
  ofTask(group.command("cancel"), "cancel a task: at once if it waits, at the end of its step if it runs").action(
    run(async (session, uuid: string, flags: Place) => {
      const { task } = await (await tasks(session)).cancel(await taskPlace(session, uuid, flags));
      if (task !== undefined) await session.out.one(taskKind, task);
    }),
  );
  ofTask(group.command("retry"), "do again what a failed task has not done, as a new task")
    .option("--wait", "wait until it has ended, and show how it goes")
    .action(
      run(async (session, uuid: string, flags: WaitFlags) => {
        const place = await taskPlace(session, uuid, flags);
        const { task } = await (await tasks(session)).retry(place);
        if (task === undefined) return;
        if (flags.wait === true) await followTask(session, task, `task ${task.uuid}`);
        const shown =
          flags.wait === true ? (await (await tasks(session)).get({ ...place, uuid: task.uuid })).task : task;
        if (shown !== undefined) await session.out.one(taskKind, shown);
      }),
    );
}

function addPlace(command: Command): Command {
  return addEnvironment(command, "of this environment: its name or uuid").option(
    "--deployment <deployment>",
    "of this deployment: its name or uuid",
  );
}

function ofTask(command: Command, description: string): Command {
  return addPlace(command).description(description).argument("<task>", "its uuid");
}

async function placeFrom(session: Session, flags: Place) {
  if (flags.deployment !== undefined) return await placeOf(session, flags.deployment, flags);
  return { project: await session.project(), environment: await environmentOf(session, flags), deployment: "" };
}

async function taskPlace(session: Session, uuid: string, flags: Place) {
  if (!isUuid(uuid)) {
    throw new Failure("usage", `"${uuid}" is no uuid of a task`, ["slipway task list tells which there are."]);
  }
  return { ...(await placeFrom(session, flags)), uuid };
}

async function listTasks(session: Session, flags: ListFlags): Promise<void> {
  const { TaskState } = await import("../../gen/ts/deploy/v1/task_pb.js");
  const wanted = (flags.state ?? []).map((word) => {
    const value = enumValueOf(TaskState, word);
    if (value === undefined) throw new Failure("usage", `"${word}" is no state`, [`There are: ${states.join(", ")}.`]);
    return value;
  });
  const place = { ...(await placeFrom(session, flags)), target: (await targetOf(session, flags)) ?? "" };
  const client = await tasks(session);
  const found = await allTokenPages(async (pageToken, pageSize) => {
    const answer = await client.list({ ...place, states: wanted, pageToken, pageSize });
    return { items: answer.tasks, nextPageToken: answer.nextPageToken };
  }, flags.limit ?? 100);
  await session.out.list(taskKind, found);
}

async function watchTasks(session: Session, uuid: string | undefined, flags: Place): Promise<void> {
  const client = await tasks(session);
  if (uuid !== undefined && session.out.format === "table") {
    const { task } = await client.get(await taskPlace(session, uuid, flags));
    if (task !== undefined) await followTask(session, task, `task ${uuid}`);
    return;
  }
  const place = uuid === undefined ? await placeFrom(session, flags) : await taskPlace(session, uuid, flags);
  const open = (resumeToken: string, signal: AbortSignal) => client.watch({ ...place, resumeToken }, { signal });
  await printLive(session, taskKind, open, ({ task }) => (task === undefined ? [] : [task]));
}

async function printLog(session: Session, uuid: string, flags: Place & { readonly follow?: boolean }): Promise<void> {
  const place = await taskPlace(session, uuid, flags);
  const client = await tasks(session);
  const print = await linePrinter(session);
  if (flags.follow !== true) {
    for (const line of (await client.get(place)).log) print(line);
    return;
  }
  let last = 0n;
  const open = (resumeToken: string, signal: AbortSignal) =>
    client.watch({ ...place, resumeToken, afterLine: last }, { signal });
  for await (const { log } of live(session, open)) {
    for (const line of log) {
      if (line.number <= last) continue;
      last = line.number;
      print(line);
    }
  }
}

async function linePrinter(session: Session): Promise<(line: TaskLogLine) => void> {
  if (session.out.format === "json") {
    const [{ toJson }, { TaskLogLineSchema }] = await Promise.all([
      import("@bufbuild/protobuf"),
      import("../../gen/ts/deploy/v1/task_pb.js"),
    ]);
    return (line) => void process.stdout.write(`${JSON.stringify(toJson(TaskLogLineSchema, line))}\n`);
  }
  return ({ time, step, text }) => void process.stdout.write(`${isoOf(time)} ${step}: ${printable(text)}\n`);
}
