import { useQuery } from "@connectrpc/connect-query";
import { Button } from "@mantine/core";
import { Link } from "wouter";
import { type Target, TargetService } from "../../../../gen/ts/deploy/v1/target_pb.js";
import { useProject } from "../../app/project.js";
import { Icon } from "../../kit/icons.js";
import { Page as PageBody, PageHeader } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { Ago } from "../../kit/time.js";
import { type Column, VirtualTable } from "../../kit/virtual-table.js";
import { TargetMenu } from "./target-menu.js";
import { connectionOf, targetHealth } from "./target-state.js";

const hrefOf = ({ project, uuid }: Target): string => `/projects/${project}/targets/${uuid}`;

const columns: readonly Column<Target>[] = [
  {
    id: "name",
    header: "Name",
    width: 120,
    grow: 1,
    sort: ({ name }) => name,
    text: ({ name, uuid, description }) => `${name} ${uuid} ${description}`,
    cell: (target) => (
      <Link href={hrefOf(target)} tabIndex={-1}>
        {target.name}
      </Link>
    ),
  },
  {
    id: "connection",
    header: "Connection",
    width: 135,
    sort: ({ connection }) => connectionOf(connection).text,
    text: ({ connection, connectionMessage }) => `${connectionOf(connection).text} ${connectionMessage}`,
    cell: ({ connection, connectionMessage }) => (
      <StatusBadge tone={connectionOf(connection).tone} title={connectionMessage || undefined}>
        {connectionOf(connection).text}
      </StatusBadge>
    ),
  },
  {
    id: "health",
    header: "Health",
    width: 120,
    priority: 1,
    sort: ({ health }) => targetHealth(health).text,
    text: ({ health }) => targetHealth(health).text,
    cell: ({ health, healthMessage }) => (
      <StatusBadge tone={targetHealth(health).tone} title={healthMessage || undefined}>
        {targetHealth(health).text}
      </StatusBadge>
    ),
  },
  {
    id: "why",
    header: "Why",
    width: 150,
    grow: 2,
    priority: 4,
    cell: ({ connectionMessage, healthMessage }) => {
      const words = connectionMessage === "" ? healthMessage : connectionMessage;
      return <span title={words}>{words}</span>;
    },
  },
  {
    id: "kind",
    header: "Cluster",
    width: 110,
    priority: 3,
    text: ({ cluster }) => (cluster === "" ? "foreign" : "project"),
    cell: ({ cluster }) => (cluster === "" ? "Foreign" : "Of the project"),
  },
  {
    id: "version",
    header: "Kubernetes",
    width: 100,
    priority: 2,
    text: ({ kubernetesVersion }) => kubernetesVersion,
    cell: ({ kubernetesVersion }) => kubernetesVersion || "–",
  },
  {
    id: "seen",
    header: "Answered",
    width: 125,
    priority: 5,
    cell: ({ lastSeenAt }) => <Ago at={lastSeenAt} none="Never" />,
  },
];

const keyOf = ({ uuid }: Target): string => uuid;
const actions = (target: Target) => <TargetMenu target={target} />;

/** The targets of the project, and whether they can be reached. */
export function Page() {
  const { uuid: project } = useProject();
  const { data, error, refetch } = useQuery(TargetService.method.list, { project }, { refetchInterval: 5_000 });
  const newHref = `/projects/${project}/targets/new`;
  return (
    <PageBody fill>
      <PageHeader title="Targets">
        <Button component={Link} href={newHref} leftSection={<Icon name="plus" size={14} />} data-new>
          New target
        </Button>
      </PageHeader>
      {error !== null && data === undefined ? (
        <Problem error={error} what="The targets could not be listed" onRetry={() => void refetch()} />
      ) : (
        <VirtualTable
          label="Targets"
          rows={data?.targets}
          rowKey={keyOf}
          columns={columns}
          href={hrefOf}
          actions={actions}
          initialSort={{ column: "name", descending: false }}
          empty={
            <>
              <p>
                No targets yet. A target is a Kubernetes cluster on which deployments run: one of the project, or any
                other.
              </p>
              <Button component={Link} href={newHref}>
                Create the first target
              </Button>
            </>
          }
        />
      )}
    </PageBody>
  );
}
