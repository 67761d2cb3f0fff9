import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Deployment, DeploymentPhase } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import {
  type Route,
  RouteService,
  RouteServiceCreateRequestSchema,
  RouteState,
} from "../../../../gen/ts/deploy/v1/route_pb.js";
import type { Task } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { Confirm } from "../../kit/confirm.js";
import type { LayoutItem } from "../../kit/form/layout.js";
import { ProtoForm } from "../../kit/form/proto-form.js";
import { Icon } from "../../kit/icons.js";
import { Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { StatusBadge } from "../../kit/status-badge.js";
import classes from "./detail.module.css";
import { refreshOthers } from "./refresh-others.js";
import { routeState } from "./state.js";
import { TaskProgress } from "./task-progress.js";
import { TrafficForm } from "./traffic-form.js";
import { usePlaces } from "./use-places.js";

const waiting = new Set([RouteState.PENDING, RouteState.DELETING]);

/** The hostnames of a deployment. */
export function RoutesTab({ deployment }: { deployment: Deployment }) {
  const { project, uuid } = deployment;
  const { data, error, refetch } = useQuery(
    RouteService.method.list,
    { project, deployment: uuid },
    // A route that waits for its router or certificate has no task that would tell.
    { refetchInterval: ({ state }) => (state.data?.routes.some((route) => waiting.has(route.state)) ? 2_000 : 15_000) },
  );
  const queryClient = useQueryClient();
  const [adding, setAdding] = useState(false);
  const [followed, setFollowed] = useState<string>();
  const follow = (task: Task | undefined) => {
    setFollowed(task?.uuid);
    refreshOthers(queryClient);
  };
  if (error !== null && data === undefined)
    return <Problem error={error} what="The routes could not be listed" onRetry={() => void refetch()} />;
  return (
    <>
      <Section
        title="Hostnames"
        actions={
          <Button
            variant="default"
            leftSection={<Icon name="plus" size={14} />}
            onClick={() => setAdding(true)}
            disabled={adding || deployment.phase === DeploymentPhase.DELETED}
          >
            Add a hostname
          </Button>
        }
      >
        {adding && (
          <NewRoute
            deployment={deployment}
            onDone={(task) => {
              setAdding(false);
              if (task !== undefined) follow(task);
            }}
          />
        )}
        <Routes deployment={deployment} routes={data?.routes} onTask={follow} />
      </Section>
      {followed !== undefined && (
        <TaskProgress key={followed} project={project} uuid={followed} onRetry={setFollowed} />
      )}
    </>
  );
}

function Routes({
  deployment,
  routes,
  onTask,
}: {
  deployment: Deployment;
  routes: readonly Route[] | undefined;
  onTask: (task: Task | undefined) => void;
}) {
  const [removed, setRemoved] = useState<Route>();
  const [divided, setDivided] = useState<string>();
  const remove = useMutation(RouteService.method.delete);
  const { project, uuid: deploymentId } = deployment;
  const shared = routes?.find(({ uuid }) => uuid === divided);
  const confirm = async () => {
    if (removed === undefined) return;
    const { uuid, hostname } = removed;
    const { task } = await remove.mutateAsync({ project, deployment: deploymentId, uuid });
    notifications.show({ message: `${hostname} is being removed.` });
    onTask(task);
  };
  return (
    <>
      <div className={classes.tableBox}>
        <table className={classes.table} aria-busy={routes === undefined}>
          <thead>
            <tr>
              <th scope="col">Hostname</th>
              <th scope="col">State</th>
              <th scope="col">Leads to</th>
              <th scope="col">Router</th>
              <th scope="col">Encryption</th>
              <th scope="col">Requests</th>
              <th scope="col">
                <span>Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {routes?.map((route) => (
              <Row
                key={route.uuid}
                route={route}
                onRemove={() => setRemoved(route)}
                onDivide={deployment.processes.length === 0 ? undefined : () => setDivided(route.uuid)}
              />
            ))}
            {routes?.length === 0 && (
              <tr>
                <td colSpan={7}>No hostname yet. With one, the deployment is reached from outside of its cluster.</td>
              </tr>
            )}
          </tbody>
        </table>
      </div>
      {shared !== undefined && (
        <TrafficForm
          key={shared.uuid}
          deployment={deployment}
          route={shared}
          onClose={() => setDivided(undefined)}
          onTask={onTask}
        />
      )}
      <Confirm
        key={removed?.uuid}
        opened={removed !== undefined}
        title={`Remove ${removed?.hostname}`}
        name={removed?.hostname ?? ""}
        action="Remove"
        onClose={() => setRemoved(undefined)}
        onConfirm={confirm}
      >
        Requests to this hostname find nothing from then on, and others may take it.
      </Confirm>
    </>
  );
}

function Row({
  route,
  onRemove,
  onDivide,
}: {
  route: Route;
  onRemove: () => void;
  onDivide: (() => void) | undefined;
}) {
  const { url, hostname, path, state, message, process, service, port, router, tls, traffic } = route;
  const { text, tone } = routeState(state);
  return (
    <tr>
      <td>
        {url === "" ? (
          `${hostname}${path}`
        ) : (
          <a href={url} target="_blank" rel="noreferrer">
            {hostname}
            {path === "/" ? "" : path}
          </a>
        )}
        {message !== "" && <div className={classes.dimmed}>{message}</div>}
      </td>
      <td data-fixed>
        <StatusBadge tone={tone}>{text}</StatusBadge>
      </td>
      <td data-fixed>{[process || service || "web", port].filter(Boolean).join(", ")}</td>
      <td data-fixed>{router}</td>
      <td data-fixed>{encryption[tls?.certificate.case ?? "none"]}</td>
      <td>
        {traffic.length === 0
          ? "All to the active release"
          : traffic
              .map(
                ({ release, percent }) =>
                  `${percent} % to ${release === 0 ? "the active release" : `release ${release}`}`,
              )
              .join(", ")}
      </td>
      <td data-fixed>
        <span className={classes.nowrap}>
          {onDivide !== undefined && (
            <Button
              variant="default"
              size="compact-xs"
              onClick={onDivide}
              aria-label={`Divide requests of ${hostname}`}
            >
              Divide
            </Button>
          )}
          <Button variant="default" size="compact-xs" onClick={onRemove} aria-label={`Remove ${hostname}`}>
            Remove
          </Button>
        </span>
      </td>
    </tr>
  );
}

const encryption = { none: "None", router: "As the router", secret: "A secret", clusterIssuer: "An issuer" } as const;

function NewRoute({ deployment, onDone }: { deployment: Deployment; onDone: (task: Task | undefined) => void }) {
  const { project, uuid, target, processes } = deployment;
  const create = useMutation(RouteService.method.create);
  const { targets } = usePlaces(project);
  const routers = targets?.find((each) => each.uuid === target)?.routers ?? [];
  const isChart = processes.length === 0;
  const layout: readonly LayoutItem[] = [
    {
      field: "hostname",
      hint: "A name below the router's domain unless set",
      placeholder: "shop.example.com",
      autoFocus: true,
    },
    { field: "path", hint: "What paths begin with; all unless set", placeholder: "/" },
    {
      field: "router",
      choices: routers.map(({ name, domain }) => ({
        value: name,
        label: domain === "" ? name : `${name} (${domain})`,
      })),
      hint: routers.length === 0 ? "The target has none: add one there first" : "The target's default one unless set",
    },
    isChart
      ? { field: "service", hint: "Name of the chart's Service" }
      : { field: "process", choices: processes.map(({ name }) => ({ value: name, label: name })) },
    { field: "port", hint: "Its name; the first unless set" },
    {
      oneof: "tls.certificate",
      label: "Encryption",
      hint: "As the router has it unless set",
      members: [
        { field: "secret", label: "A TLS secret, by its uuid" },
        { field: "cluster_issuer", label: "A cert-manager issuer" },
      ],
    },
  ];
  return (
    <ProtoForm
      schema={RouteServiceCreateRequestSchema}
      id={`route:new:${uuid}`}
      initial={{ project, deployment: uuid }}
      layout={layout}
      action="Add the hostname"
      onSubmit={async (message) => {
        const { task, route } = await create.mutateAsync(message);
        notifications.show({ message: `${route?.hostname} is being made.` });
        onDone(task);
      }}
      onCancel={() => onDone(undefined)}
    />
  );
}
