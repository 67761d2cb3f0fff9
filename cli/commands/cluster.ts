import type { Command } from "commander";
import { confirmed } from "../confirmed.js";
import { setsFields } from "../fields.js";
import { followCluster } from "../progress/cluster.js";
import { clusterKind, clusters, findCluster } from "../resources/clusters.js";
import { type NewWorkers, newWorkers, workerFields } from "../resources/worker-groups.js";
import { run } from "../run.js";
import type { Session } from "../session.js";
import { addClusterChanges } from "./cluster-change.js";

interface CreateFlags {
  readonly partition?: string;
  readonly kubernetes?: string;
  readonly workers?: readonly NewWorkers[];
  readonly wait?: boolean;
}

/** `slipway cluster`: Kubernetes clusters. */
export function clusterCommands(group: Command): void {
  group
    .command("list")
    .alias("ls")
    .description("list the clusters of the project")
    .action(
      run(async (session) => {
        const project = await session.project();
        const { clusters: found } = await (await clusters(session)).list({ project });
        await session.out.list(clusterKind, found);
      }),
    );
  group
    .command("get")
    .description("show one cluster")
    .argument("<cluster>", "its name or uuid")
    .action(
      run(async (session, reference: string) => {
        const { uuid, project } = await findCluster(session, reference);
        const { cluster } = await (await clusters(session)).get({ uuid, project });
        if (cluster !== undefined) await session.out.one(clusterKind, cluster);
      }),
    );
  addCreate(group);
  addClusterChanges(group);
  group
    .command("delete")
    .description("delete a cluster with everything in it")
    .argument("<cluster>", "its name or uuid")
    .option("--wait", "wait until it is gone")
    .option("-y, --yes", "do not ask")
    .action(
      run(async (session, reference: string, options: { readonly wait?: boolean; readonly yes?: boolean }) => {
        const { uuid, project, name } = await findCluster(session, reference);
        await confirmed(options, `Delete the cluster ${name} with everything in it?`);
        const { cluster } = await (await clusters(session)).delete({ uuid, project });
        if (options.wait === true) return await followCluster(session, { uuid, project, name }, "Delete");
        if (cluster !== undefined) await session.out.one(clusterKind, cluster);
      }),
    );
}

function addCreate(group: Command): void {
  const command = group
    .command("create")
    .description("order a cluster; it costs money from when it runs")
    .argument("<name>", "2 to 12 lower case letters, digits and dashes")
    .option("--partition <id>", "where it lives; the default one unless told")
    .option("--kubernetes <version>", "as in 1.33.2; the default one unless told")
    .option(
      "--workers <group>",
      "a worker group, as in name=default,machine-type=TYPE,min=1,max=3; may come several times",
      newWorkers,
    )
    .option("--wait", "wait until it is ready")
    .action(run(create));
  setsFields(command, {
    "kubernetes.version": "--kubernetes",
    ...workerFields,
  });
}

async function create(session: Session, name: string, options: CreateFlags): Promise<void> {
  const project = await session.project();
  const { cluster } = await (await clusters(session)).create({
    project,
    name,
    ...(options.partition === undefined ? {} : { partition: options.partition }),
    ...(options.kubernetes === undefined ? {} : { kubernetes: { version: options.kubernetes } }),
    workers: [...(options.workers ?? [])],
  });
  if (cluster === undefined) return;
  if (options.wait === true) await followCluster(session, { uuid: cluster.uuid, project, name }, "Create");
  const shown =
    options.wait === true ? (await (await clusters(session)).get({ uuid: cluster.uuid, project })).cluster : cluster;
  if (shown !== undefined) await session.out.one(clusterKind, shown);
}
