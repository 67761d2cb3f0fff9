import { Argument, type Command, InvalidArgumentError } from "commander";
import { Failure } from "../failure.js";
import { setsFields } from "../fields.js";
import { followCluster } from "../progress/cluster.js";
import { clusterKind, clusters, findCluster } from "../resources/clusters.js";
import { live } from "../resources/live.js";
import { type ChangedWorkers, changedWorkers, workerFields } from "../resources/worker-groups.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

interface UpdateFlags {
  readonly kubernetes?: string;
  readonly workers?: readonly ChangedWorkers[];
  readonly maintenance?: Window;
  readonly autoupdateKubernetes?: boolean;
  readonly autoupdateMachineImage?: boolean;
  readonly wait?: boolean;
}

const operations = ["reconcile", "maintain", "retry"] as const;

/** Adds the commands that change a cluster or follow it. */
export function addClusterChanges(group: Command): void {
  addUpdate(group);
  group
    .command("operate")
    .description(
      "reconcile: bring it to its desired state now; maintain: do now what its window would; retry: a failure",
    )
    .argument("<cluster>", "its name or uuid")
    .addArgument(new Argument("<operation>", "what to do").choices(operations))
    .option("--wait", "wait until it is done")
    .action(run(operate));
  group
    .command("watch")
    .description("tell how a cluster is, or all of the project, and each change, until Ctrl-C")
    .argument("[cluster]", "its name or uuid")
    .action(run(watch));
}

function addUpdate(group: Command): void {
  const command = group
    .command("update")
    .description("change a cluster; what is not named stays as it is")
    .argument("<cluster>", "its name or uuid")
    .option("--kubernetes <version>", "of the same minor version or the next one, never an older one")
    .option(
      "--workers <group>",
      "a worker group to change or to add, as in name=default,max=5; may come several times",
      changedWorkers,
    )
    .option("--maintenance <window>", "when updates may begin, in UTC, and for how long, as in 22:00+2h", windowOf)
    .option("--autoupdate-kubernetes", "install patch releases of Kubernetes")
    .option("--no-autoupdate-kubernetes", "do not")
    .option("--autoupdate-machine-image", "update the operating system of the workers")
    .option("--no-autoupdate-machine-image", "do not")
    .option("--wait", "wait until it is as wanted")
    .action(run(update));
  setsFields(command, {
    "kubernetes.version": "--kubernetes",
    "maintenance.time_window.duration": "--maintenance",
    ...workerFields,
  });
}

async function update(session: Session, reference: string, options: UpdateFlags): Promise<void> {
  const { kubernetes, workers = [], wait } = options;
  const maintenance = maintenanceOf(options);
  if (kubernetes === undefined && workers.length === 0 && maintenance === undefined) {
    throw new Failure("usage", "nothing is to change", ["slipway cluster update --help tells what can"]);
  }
  const { uuid, project, name } = await findCluster(session, reference);
  const client = await clusters(session);
  const { cluster } = await client.update({
    ...{ uuid, project, workers: [...workers] },
    ...(kubernetes === undefined ? {} : { kubernetes: { version: kubernetes } }),
    ...(maintenance === undefined ? {} : { maintenance }),
  });
  if (wait === true) await followCluster(session, { uuid, project, name }, "Reconcile");
  const shown = wait === true ? (await client.get({ uuid, project })).cluster : cluster;
  if (shown !== undefined) await session.out.one(clusterKind, shown);
}

function maintenanceOf({ maintenance, autoupdateKubernetes, autoupdateMachineImage }: UpdateFlags) {
  const changed = {
    ...(autoupdateKubernetes === undefined ? {} : { kubernetesAutoupdate: autoupdateKubernetes }),
    ...(autoupdateMachineImage === undefined ? {} : { machineimageAutoupdate: autoupdateMachineImage }),
    ...(maintenance === undefined ? {} : { timeWindow: maintenance }),
  };
  return Object.keys(changed).length === 0 ? undefined : changed;
}

async function operate(
  session: Session,
  reference: string,
  operation: (typeof operations)[number],
  options: { readonly wait?: boolean },
): Promise<void> {
  const { uuid, project, name, status } = await findCluster(session, reference);
  const [client, { Operate }] = await Promise.all([clusters(session), import("../../gen/ts/api/v1/cluster_pb.js")]);
  const asked = { reconcile: Operate.RECONCILE, maintain: Operate.MAINTAIN, retry: Operate.RETRY }[operation];
  const { cluster } = await client.operate({ uuid, project, operate: asked });
  if (options.wait === true) {
    // What is tried again may be any operation, everything else reconciles.
    const tried = (["Create", "Delete"] as const).find((type) => operation === "retry" && type === status?.type);
    return await followCluster(session, { uuid, project, name }, tried ?? "Reconcile");
  }
  if (cluster !== undefined) await session.out.one(clusterKind, cluster);
}

/** The status has no name: the clusters are read once more when one comes that is not known. */
async function watch(session: Session, reference?: string): Promise<void> {
  const project = await session.project();
  const client = await clusters(session);
  const only = reference === undefined ? {} : { uuid: (await findCluster(session, reference)).uuid };
  const print = session.out.stream(clusterKind);
  const known = new Map((await client.list({ project })).clusters.map((cluster) => [cluster.uuid, cluster]));
  for await (const { status } of live(session, (_, signal) => client.watchStatus({ ...only, project }, { signal }))) {
    if (status === undefined) continue;
    if (!known.has(status.uuid)) {
      for (const cluster of (await client.list({ project })).clusters) known.set(cluster.uuid, cluster);
    }
    const cluster = known.get(status.uuid);
    if (cluster !== undefined) await print({ ...cluster, status });
  }
}

interface Window {
  readonly begin: { readonly seconds: bigint };
  readonly duration: { readonly seconds: bigint };
}

/** Reads 22:00+2h or 22:00+90m. */
function windowOf(text: string): Window {
  const [, hours, minutes, length, unit] = /^([01]\d|2[0-3]):([0-5]\d)\+(\d{1,3})(h|m)$/.exec(text) ?? [];
  if (hours === undefined) throw new InvalidArgumentError("It must be HH:MM+LENGTH, as in 22:00+2h or 22:00+90m.");
  return {
    begin: { seconds: BigInt(Number(hours) * 3_600 + Number(minutes) * 60) },
    duration: { seconds: BigInt(Number(length) * (unit === "h" ? 3_600 : 60)) },
  };
}
