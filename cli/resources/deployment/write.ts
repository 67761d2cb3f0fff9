import type { Command } from "commander";
import type { Deployment } from "../../../gen/ts/deploy/v1/deployment_pb.js";
import { Failure } from "../../failure.js";
import { setsFields } from "../../fields.js";
import { duration, pairs, several, wholeNumber } from "../../flags.js";
import { run } from "../../run.js";
import type { Session } from "../../session.js";
import { addChange, type ChangeFlags, changeFields, optionsOf, settle } from "../change.js";
import { addConfig, addUnset, type ConfigFlags, patchFields, patchOf, type UnsetFlags } from "../config-patch.js";
import { deploymentResource, deployments } from "../deployments.js";
import { addEnvironment, type EnvironmentFlag, environmentOf } from "../environments.js";
import { examples } from "../examples.js";
import { given } from "../given.js";
import { addLabelChanges, addLabels, changedLabels, type LabelFlags } from "../labels.js";
import { namespaceOf, targetOf } from "../namespaces.js";
import { findOne } from "../resource.js";
import { addProcesses, addProcessesFile, type ProcessFlags, processesFrom, processFields } from "./processes.js";
import { showChanged } from "./shown.js";
import { addSource, type SourceFlags, sourceFields, sourceFrom } from "./source.js";

interface RollbackFlags {
  readonly autoRollback?: boolean;
  readonly healthTimeout?: number;
}

interface CreateFlags extends EnvironmentFlag, SourceFlags, ProcessFlags, ConfigFlags, ChangeFlags, RollbackFlags {
  readonly target?: string;
  readonly namespace?: string;
  readonly replicas?: number;
  readonly description?: string;
  readonly label?: Record<string, string>;
}

interface UpdateFlags
  extends EnvironmentFlag,
    SourceFlags,
    ConfigFlags,
    UnsetFlags,
    ChangeFlags,
    RollbackFlags,
    LabelFlags {
  readonly name?: string;
  readonly description?: string;
  readonly processes?: string;
}

const fields = { ...sourceFields, ...patchFields("config.", "--env"), ...changeFields, labels: "--label" };

/** Adds `create`. */
export function addCreate(group: Command): void {
  const create = addRollback(
    addConfig(addProcesses(addSource(addChange(addLabels(addEnvironment(group.command("create"))))))),
  )
    .description("deploy an image or a chart")
    .argument("<name>", "its name, unique in its environment")
    .option("--target <target>", "where: its name or uuid; not needed when there is only one")
    .option("--namespace <namespace>", "the namespace there: its name or uuid; likewise")
    .option("--replicas <count>", "how many replicas of the process web, or of the first", wholeNumber(0, 1_000))
    .option("--env <name=value>", "a variable; may come several times", pairs)
    .option("--description <text>", "what it is for")
    .action(run(createDeployment));
  setsFields(create, { ...fields, ...processFields("processes"), "scale.replicas": "--replicas" });
  examples(
    create,
    "slipway deployment create web --image nginxinc/nginx-unprivileged:1.29 --port 8080 --replicas 2 --wait",
    "slipway deployment create packaged --chart demo-web --repo https://charts.example.com --chart-version 1.x --values values.yaml",
    "slipway deployment create api --image ghcr.io/acme/api:3 --env MODE=prod --secret DB_PASSWORD=db:password",
  );
}

/** Adds `update`. */
export function addUpdate(group: Command): void {
  const update = addRollback(
    addUnset(
      addConfig(addProcessesFile(addSource(addChange(addLabelChanges(addEnvironment(group.command("update"))))))),
    ),
  )
    .description("change a deployment; what is not named stays")
    .argument("<deployment>", "its name or uuid")
    .option("--name <name>", "another name")
    .option("--description <text>", "what it is for")
    .option("--env <name=value>", "set a variable; may come several times", pairs)
    .option("--unset-env <name>", "unset a variable; may come several times", several)
    .option("--no-auto-rollback", "do not undo a release that fails")
    .action(run(updateDeployment));
  setsFields(update, { ...fields, ...processFields("processes.processes"), "labels.labels": "--label" });
  examples(
    update,
    "slipway deployment update web --image nginxinc/nginx-unprivileged:1.28 --wait",
    "slipway deployment update web --label tier=front --auto-rollback",
    "slipway deployment update packaged --chart-version 1.2.0 --set replicas=3",
  );
}

function addRollback(command: Command): Command {
  return command
    .option("--auto-rollback", "undo a release that fails")
    .option("--health-timeout <duration>", "how long a release may take to become healthy; 10m unless told", duration);
}

async function createDeployment(session: Session, name: string, flags: CreateFlags): Promise<void> {
  const environment = await environmentOf(session, flags);
  const source = await sourceFrom(session, flags, environment);
  if (source === undefined) {
    throw new Failure("usage", "nothing says what to deploy", ["Give --image IMAGE, or --chart NAME and --repo URL."]);
  }
  const processes = await processesFrom(flags);
  const scaled = processes.some(({ name: each }) => each === "web") ? "web" : (processes[0]?.name ?? "web");
  const answer = await (await deployments(session)).create({
    project: await session.project(),
    environment,
    name,
    description: flags.description ?? "",
    target: (await targetOf(session, flags)) ?? "",
    namespace: (await namespaceOf(session, flags.namespace, flags.target)) ?? "",
    source,
    processes,
    scale: flags.replicas === undefined ? [] : [{ process: scaled, replicas: flags.replicas }],
    labels: flags.label ?? {},
    options: optionsOf(flags),
    ...given({ config: await patchOf(session, flags, environment), autoRollback: rollbackOf(flags) }),
  });
  const isSettled = await settle(session, flags, { tasks: [answer.task], title: `deployment ${name}` });
  await showChanged(session, answer.deployment, isSettled);
}

async function updateDeployment(session: Session, reference: string, flags: UpdateFlags): Promise<void> {
  const before = await findOne(session, deploymentResource, reference, given({ environment: flags.environment }));
  const changes = await changesOf(session, before, flags);
  if (Object.keys(changes).length === 0) {
    throw new Failure("usage", "nothing to change", ["slipway deployment update --help lists what can be changed."]);
  }
  // Labels are replaced as a whole: they must still be those that were read.
  const expectedVersion = flags.expectedVersion ?? (changes.labels === undefined ? undefined : before.version);
  const answer = await (await deployments(session)).update({
    project: before.project,
    environment: await environmentOf(session, flags),
    deployment: before.uuid,
    options: { ...optionsOf(flags), ...given({ expectedVersion }) },
    ...changes,
  });
  const isSettled = await settle(session, flags, { tasks: [answer.task], title: `deployment ${before.name}` });
  await showChanged(session, answer.deployment, isSettled);
}

async function changesOf(session: Session, before: Deployment, flags: UpdateFlags) {
  const { name, description } = flags;
  return given({
    name,
    description,
    labels: changedLabels(before.labels, flags),
    autoRollback: rollbackOf(flags, before),
    source: await sourceFrom(session, flags, before.environment, before.source),
    processes:
      flags.processes === undefined ? undefined : { processes: await processesFrom({ processes: flags.processes }) },
    config: await patchOf(session, flags, before.environment),
  });
}

function rollbackOf({ autoRollback, healthTimeout }: RollbackFlags, before?: Deployment) {
  if (autoRollback === undefined && healthTimeout === undefined) return undefined;
  const seconds = healthTimeout === undefined ? undefined : Math.round(healthTimeout / 1_000);
  return {
    enabled: autoRollback ?? before?.autoRollback?.enabled ?? false,
    timeoutSeconds: seconds ?? before?.autoRollback?.timeoutSeconds ?? 0,
  };
}
