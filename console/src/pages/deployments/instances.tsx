import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import type { Deployment } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { type Instance, InstanceState, RuntimeService } from "../../../../gen/ts/deploy/v1/runtime_pb.js";
import { Confirm } from "../../kit/confirm.js";
import { Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { Ago } from "../../kit/time.js";
import classes from "./detail.module.css";
import { refreshOthers } from "./refresh-others.js";
import { instanceState } from "./state.js";

/** The instances of a deployment, asked for again whenever what it shows changes. */
export function useInstances({ project, uuid, revision }: Deployment) {
  const query = useQuery(
    RuntimeService.method.listInstances,
    { project, deployment: uuid },
    { refetchInterval: 10_000, retry: false },
  );
  const { refetch } = query;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new revision is the reason to ask
  useEffect(() => {
    // A rollout tells many revisions in a moment.
    const timer = setTimeout(() => void refetch(), 400);
    return () => clearTimeout(timer);
  }, [revision, refetch]);
  return { ...query, instances: query.data?.instances };
}

/** What runs: pods and how they are. */
export function Instances({ deployment }: { deployment: Deployment }) {
  const { instances, error, refetch } = useInstances(deployment);
  const [evicted, setEvicted] = useState<Instance>();
  const evict = useMutation(RuntimeService.method.evictInstance);
  const queryClient = useQueryClient();
  const { project, uuid } = deployment;
  const confirm = async () => {
    await evict.mutateAsync({ project, deployment: uuid, instance: evicted?.name ?? "" });
    notifications.show({ message: `${evicted?.name} is leaving.` });
    refreshOthers(queryClient);
  };
  return (
    <Section title="Instances">
      {error !== null && instances === undefined ? (
        <Problem error={error} what="The instances cannot be listed" onRetry={() => void refetch()} />
      ) : (
        <div className={classes.tableBox}>
          <table className={classes.table} aria-busy={instances === undefined}>
            <thead>
              <tr>
                <th scope="col">Instance</th>
                <th scope="col">State</th>
                <th scope="col">Process</th>
                <th scope="col">Release</th>
                <th scope="col">Restarts</th>
                <th scope="col">Node</th>
                <th scope="col">Created</th>
                <th scope="col">
                  <span>Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {instances?.map((instance) => (
                <Row key={instance.name} instance={instance} onEvict={() => setEvicted(instance)} />
              ))}
              {(instances ?? []).length === 0 && (
                <tr>
                  <td colSpan={8}>{instances === undefined ? "Looking…" : "Nothing runs now."}</td>
                </tr>
              )}
            </tbody>
          </table>
        </div>
      )}
      <Confirm
        key={evicted?.name}
        opened={evicted !== undefined}
        title={`Evict ${evicted?.name}`}
        action="Evict"
        onClose={() => setEvicted(undefined)}
        onConfirm={confirm}
      >
        The instance ends, and another one takes its place, on another node where there is one.
      </Confirm>
    </Section>
  );
}

function Row({ instance, onEvict }: { instance: Instance; onEvict: () => void }) {
  const { name, state, message, process, release, restarts, node, createdAt } = instance;
  const { text, tone } = instanceState(state);
  const query = `instance=${encodeURIComponent(name)}`;
  return (
    <tr>
      <td>
        <span className={classes.mono}>{name}</span>
        {message !== "" && <div className={classes.dimmed}>{message}</div>}
      </td>
      <td data-fixed>
        <StatusBadge tone={tone}>{text}</StatusBadge>
      </td>
      <td data-fixed>{process}</td>
      <td data-fixed>{release === 0 ? "–" : release}</td>
      <td data-fixed>{restarts}</td>
      <td data-fixed>{node === "" ? "–" : node}</td>
      <td data-fixed>
        <Ago at={createdAt} />
      </td>
      <td data-fixed>
        <span className={classes.nowrap}>
          <Button
            component={Link}
            href={`?tab=logs&${query}`}
            variant="default"
            size="compact-xs"
            aria-label={`Logs of ${name}`}
          >
            Logs
          </Button>
          <Button
            component={Link}
            href={`?tab=shell&${query}`}
            variant="default"
            size="compact-xs"
            aria-label={`Shell in ${name}`}
            disabled={state !== InstanceState.READY}
          >
            Shell
          </Button>
          <Button variant="default" size="compact-xs" onClick={onEvict} aria-label={`Evict ${name}`}>
            Evict
          </Button>
        </span>
      </td>
    </tr>
  );
}
