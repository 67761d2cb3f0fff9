import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Button } from "@mantine/core";
import { Link } from "wouter";
import type { Cluster } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { useProject } from "../../app/project.js";
import { Icon } from "../../kit/icons.js";
import { Page as PageBody, PageHeader } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { Progress } from "../../kit/progress.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { Ago } from "../../kit/time.js";
import { LiveDot } from "../../kit/use-watch.js";
import { type Column, VirtualTable } from "../../kit/virtual-table.js";
import { ClusterMenu } from "./cluster-menu.js";
import { machinesText, phaseOf } from "./status.js";
import { useClusters } from "./use-clusters.js";

/** Where a cluster is shown. */
const hrefOf = ({ project, uuid }: Cluster): string => `/projects/${project}/clusters/${uuid}`;

const columns: readonly Column<Cluster>[] = [
  {
    id: "name",
    header: "Name",
    width: 120,
    grow: 2,
    sort: ({ name }) => name,
    text: ({ name, uuid }) => `${name} ${uuid}`,
    cell: (cluster) => (
      <Link href={hrefOf(cluster)} tabIndex={-1}>
        {cluster.name}
      </Link>
    ),
  },
  {
    id: "status",
    header: "Status",
    width: 150,
    sort: ({ status }) => phaseOf(status).text,
    text: ({ status }) => phaseOf(status).text,
    cell: ({ status }) => {
      const { text, tone } = phaseOf(status);
      return (
        <StatusBadge tone={tone} title={status?.lastErrors[0]?.description}>
          {text}
        </StatusBadge>
      );
    },
  },
  {
    id: "progress",
    header: "Progress",
    width: 150,
    priority: 2,
    sort: ({ status }) => status?.progress ?? 0,
    cell: ({ name, status }) => {
      const { isBusy, tone } = phaseOf(status);
      return isBusy ? <Progress value={status?.progress ?? 0} label={`Progress of ${name}`} tone={tone} /> : null;
    },
  },
  {
    id: "version",
    header: "Kubernetes",
    width: 110,
    priority: 3,
    sort: ({ kubernetes }) => kubernetes?.version ?? "",
    text: ({ kubernetes }) => kubernetes?.version ?? "",
    cell: ({ kubernetes }) => kubernetes?.version,
  },
  {
    id: "machines",
    header: "Machines",
    width: 90,
    priority: 4,
    align: "end",
    sort: ({ workers }) => workers.reduce((sum, { maxsize }) => sum + maxsize, 0),
    cell: machinesText,
  },
  {
    id: "partition",
    header: "Partition",
    width: 130,
    grow: 1,
    priority: 5,
    sort: ({ partition }) => partition,
    text: ({ partition }) => partition,
    cell: ({ partition }) => partition,
  },
  {
    id: "created",
    header: "Created",
    width: 140,
    priority: 6,
    sort: ({ createdAt }) => (createdAt === undefined ? 0 : timestampMs(createdAt)),
    cell: ({ createdAt }) => <Ago at={createdAt} />,
  },
];

const keyOf = ({ uuid }: Cluster): string => uuid;
const actions = (cluster: Cluster) => <ClusterMenu cluster={cluster} inRow />;

/** The clusters of the project, live. */
export function Page() {
  const { uuid: project } = useProject();
  const { clusters, error, refetch, watch } = useClusters(project);
  const newHref = `/projects/${project}/clusters/new`;
  return (
    <PageBody fill>
      <PageHeader title="Clusters" badge={<LiveDot watch={watch} />}>
        <Button component={Link} href={newHref} leftSection={<Icon name="plus" size={14} />} data-new>
          New cluster
        </Button>
      </PageHeader>
      {error !== null && clusters === undefined ? (
        <Problem error={error} what="The clusters could not be listed" onRetry={() => void refetch()} />
      ) : (
        <VirtualTable
          label="Clusters"
          rows={clusters}
          rowKey={keyOf}
          columns={columns}
          href={hrefOf}
          actions={actions}
          initialSort={{ column: "name", descending: false }}
          empty={
            <>
              <p>No clusters yet. A cluster is a Kubernetes of your own, ready in minutes.</p>
              <Button component={Link} href={newHref}>
                Create the first cluster
              </Button>
            </>
          }
        />
      )}
    </PageBody>
  );
}
