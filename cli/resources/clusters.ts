import type { Cluster, ClusterSchema } from "../../gen/ts/api/v1/cluster_pb.js";
import { shortAge } from "../duration.js";
import { pick } from "../find.js";
import type { Kind } from "../output.js";
import type { Session } from "../session.js";

const load = () => import("../../gen/ts/api/v1/cluster_pb.js");
/** A client for clusters. */
export const clusters = async (session: Session) => session.client((await load()).ClusterService);

/** Clusters as they are printed. */
export const clusterKind: Kind<typeof ClusterSchema> = {
  schema: async () => (await load()).ClusterSchema,
  name: ({ name }) => name,
  columns: [
    { header: "NAME", value: ({ name }) => name },
    { header: "STATUS", value: statusOf },
    { header: "PROGRESS", value: ({ status }) => `${status?.progress ?? 0}%` },
    { header: "VERSION", value: ({ kubernetes }) => kubernetes?.version },
    { header: "PARTITION", value: ({ partition }) => partition },
    { header: "MACHINES", value: machinesOf },
    { header: "AGE", value: ageOf },
    { header: "UUID", value: ({ uuid }) => uuid, wide: true },
    { header: "API-SERVER", value: ({ status }) => status?.apiServerReady, wide: true },
    { header: "NODES", value: ({ status }) => status?.nodesReady, wide: true },
    { header: "LAST-ERROR", value: ({ status }) => status?.lastErrors.at(-1)?.description, wide: true },
  ],
};

/** A cluster of the project by name or uuid. */
export async function findCluster(session: Session, reference: string): Promise<Cluster> {
  const project = await session.project();
  const { clusters: found } = await (await clusters(session)).list({ project });
  return pick(found, reference, {
    kind: "cluster",
    id: ({ uuid }) => uuid,
    name: ({ name }) => name,
    list: "slipway cluster list",
  });
}

function statusOf({ status, deletedAt }: Cluster): string {
  if (deletedAt !== undefined) return `Delete/${status?.type === "Delete" ? status.state : "Pending"}`;
  return status === undefined ? "" : `${status.type}/${status.state}`;
}

function machinesOf({ workers }: Cluster): string {
  const sum = (of: "minsize" | "maxsize"): number => workers.reduce((total, worker) => total + worker[of], 0);
  return `${sum("minsize")}-${sum("maxsize")}`;
}

function ageOf({ createdAt }: Cluster): string {
  return createdAt === undefined ? "" : shortAge(Date.now() - Number(createdAt.seconds) * 1_000);
}
