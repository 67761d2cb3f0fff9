import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Button } from "@mantine/core";
import { useMemo } from "react";
import { Link } from "wouter";
import type { Deployment } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { useProject } from "../../app/project.js";
import { Icon } from "../../kit/icons.js";
import { Page as PageBody, PageHeader } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { Ago } from "../../kit/time.js";
import { LiveDot } from "../../kit/use-watch.js";
import { type Column, VirtualTable } from "../../kit/virtual-table.js";
import { DeploymentMenu } from "./deployment-menu.js";
import classes from "./detail.module.css";
import { FirstSteps } from "./first-steps.js";
import { hrefOf, listHref } from "./paths.js";
import { healthOf, phaseOf, replicasOf, sourceText } from "./state.js";
import { useDeployments } from "./use-deployments.js";
import { usePlaces } from "./use-places.js";

const nameColumn: Column<Deployment> = {
  id: "name",
  header: "Name",
  width: 110,
  grow: 2,
  sort: ({ name }) => name,
  text: ({ name, uuid, kind, description }) => `${name} ${uuid} ${kind} ${description}`,
  cell: (deployment) => (
    <Link href={hrefOf(deployment)} tabIndex={-1}>
      {deployment.name}
    </Link>
  ),
};

const stateColumns: readonly Column<Deployment>[] = [
  {
    id: "source",
    header: "Source",
    width: 160,
    grow: 3,
    priority: 4,
    sort: ({ source }) => sourceText(source),
    text: ({ source }) => sourceText(source),
    cell: ({ source }) => <span title={sourceText(source)}>{sourceText(source)}</span>,
  },
  {
    id: "phase",
    header: "Phase",
    width: 105,
    priority: 2,
    sort: ({ phase }) => phaseOf(phase).text,
    text: ({ phase, phaseMessage }) => `${phaseOf(phase).text} ${phaseMessage}`,
    cell: ({ phase, phaseMessage }) => (
      <StatusBadge tone={phaseOf(phase).tone} title={phaseMessage || undefined}>
        {phaseOf(phase).text}
      </StatusBadge>
    ),
  },
  {
    id: "health",
    header: "Health",
    width: 125,
    grow: 3,
    sort: ({ health }) => healthOf(health).text,
    text: ({ health, healthMessage }) => `${healthOf(health).text} ${healthMessage}`,
    cell: ({ health, healthMessage, phaseMessage }) => {
      const { text, tone } = healthOf(health);
      const words = healthMessage || phaseMessage;
      return (
        <span className={classes.health} title={words || undefined}>
          <StatusBadge tone={tone}>{text}</StatusBadge>
          <span className={classes.dimmed}>{words}</span>
        </span>
      );
    },
  },
  {
    id: "instances",
    header: "Ready",
    width: 75,
    priority: 1,
    align: "end",
    sort: (deployment) => replicasOf(deployment).ready,
    cell: (deployment) => {
      const { ready, wanted } = replicasOf(deployment);
      return deployment.processes.length === 0 ? "–" : `${ready}/${wanted}`;
    },
  },
  {
    id: "release",
    header: "Release",
    width: 85,
    priority: 3,
    align: "end",
    sort: ({ activeRelease }) => activeRelease,
    cell: ({ activeRelease }) => (activeRelease === 0 ? "–" : activeRelease),
  },
  {
    id: "created",
    header: "Created",
    width: 125,
    priority: 6,
    sort: ({ createdAt }) => (createdAt === undefined ? 0 : timestampMs(createdAt)),
    cell: ({ createdAt }) => <Ago at={createdAt} />,
  },
];

function columnsOf(nameOf: (uuid: string) => string): readonly Column<Deployment>[] {
  return [
    nameColumn,
    {
      id: "environment",
      header: "Environment",
      width: 115,
      grow: 1,
      priority: 5,
      sort: ({ environment }) => nameOf(environment),
      text: ({ environment }) => nameOf(environment),
      cell: ({ environment }) => nameOf(environment),
    },
    ...stateColumns,
  ];
}

const keyOf = ({ uuid }: Deployment): string => uuid;
const actions = (deployment: Deployment) => <DeploymentMenu deployment={deployment} />;
const href = (deployment: Deployment): string => hrefOf(deployment);

/** The deployments of the project, live. */
export function Page() {
  const { uuid: project } = useProject();
  const { deployments, error, refetch, watch } = useDeployments(project);
  const places = usePlaces(project);
  const columns = useMemo(() => columnsOf(places.nameOf), [places.nameOf]);
  return (
    <PageBody fill>
      <PageHeader title="Deployments">
        <LiveDot watch={watch} />
        <Button
          component={Link}
          href={`${listHref(project)}/new`}
          leftSection={<Icon name="plus" size={14} />}
          data-new
        >
          New deployment
        </Button>
      </PageHeader>
      {error !== null && deployments === undefined ? (
        <Problem error={error} what="The deployments could not be listed" onRetry={() => void refetch()} />
      ) : (
        <VirtualTable
          label="Deployments"
          rows={deployments}
          rowKey={keyOf}
          columns={columns}
          href={href}
          actions={actions}
          initialSort={{ column: "name", descending: false }}
          empty={<FirstSteps places={places} project={project} />}
        />
      )}
    </PageBody>
  );
}
