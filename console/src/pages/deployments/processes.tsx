import { useMutation } from "@connectrpc/connect-query";
import { ActionIcon, Button, Group, NumberInput, Popover } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { type FormEvent, useState } from "react";
import {
  type Deployment,
  DeploymentService,
  type ProcessStatus,
  StopMode,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { ProcessKind, ProcessKindSchema } from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { enumText } from "../../kit/form/rules.js";
import { Icon } from "../../kit/icons.js";
import { Section } from "../../kit/page.js";
import { Problem, problemText } from "../../kit/problem.js";
import { StatusBadge, type Tone } from "../../kit/status-badge.js";
import classes from "./detail.module.css";

/** The processes of a deployment, and how many replicas of each run. */
export function Processes({ deployment }: { deployment: Deployment }) {
  return (
    <Section title="Processes">
      <div className={classes.tableBox}>
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">Process</th>
              <th scope="col">Kind</th>
              <th scope="col">Ready</th>
              <th scope="col">Replicas</th>
              <th scope="col">Why</th>
              <th scope="col">
                <span>Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {deployment.processes.map((process) => (
              <Row key={process.name} deployment={deployment} process={process} />
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}

const jobs = new Set([ProcessKind.JOB, ProcessKind.RELEASE_JOB]);

function Row({ deployment, process }: { deployment: Deployment; process: ProcessStatus }) {
  const { name, kind, replicas, readyReplicas, stopped, autoscale, message } = process;
  const isJob = jobs.has(kind);
  const tone: Tone = stopped || replicas === 0 ? "quiet" : readyReplicas >= replicas ? "good" : "busy";
  return (
    <tr>
      <td>{name}</td>
      <td data-fixed>{enumText(ProcessKindSchema, kind)}</td>
      <td data-fixed>
        {isJob ? "–" : <StatusBadge tone={tone}>{stopped ? "Stopped" : `${readyReplicas} of ${replicas}`}</StatusBadge>}
      </td>
      <td data-fixed>{isJob ? "–" : <Scale deployment={deployment} process={process} />}</td>
      <td>
        {autoscale === undefined ? "" : `By load: ${autoscale.minReplicas} to ${autoscale.maxReplicas}. `}
        {message}
      </td>
      <td data-fixed>
        <ProcessActions deployment={deployment} process={process} />
      </td>
    </tr>
  );
}

/** The wanted number of replicas: one more, one less, or another number. */
function Scale({
  deployment: { project, uuid },
  process: { name, replicas },
}: {
  deployment: Deployment;
  process: ProcessStatus;
}) {
  const [opened, setOpened] = useState(false);
  const [wanted, setWanted] = useState<string | number>(replicas);
  const scale = useMutation(DeploymentService.method.scale, {
    onSuccess: () => {
      setOpened(false);
      notifications.show({ message: `${name} is being scaled.` });
    },
  });
  const to = (count: number) => scale.mutate({ project, deployment: uuid, replicas: { [name]: count } });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (wanted !== "") to(Number(wanted));
  };
  const open = () => {
    setWanted(replicas);
    scale.reset();
    setOpened(true);
  };
  return (
    <Popover opened={opened} onChange={setOpened} trapFocus width={260} shadow="md" position="bottom-start">
      <Popover.Target>
        <Button
          variant="default"
          size="compact-xs"
          onClick={open}
          rightSection={<Icon name="edit" size={12} />}
          aria-label={`Scale ${name}, now ${replicas}`}
        >
          {replicas}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <form onSubmit={submit}>
          <NumberInput
            label={`Replicas of ${name}`}
            min={0}
            max={1_000}
            allowDecimal={false}
            value={wanted}
            onChange={setWanted}
            data-autofocus
          />
          {scale.error !== null && <Problem error={scale.error} what="Not scaled" />}
          <Group mt="xs" justify="flex-end">
            <Button type="submit" loading={scale.isPending} disabled={wanted === ""}>
              Scale
            </Button>
          </Group>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}

function ProcessActions({
  deployment: { project, uuid },
  process: { name, kind, stopped },
}: {
  deployment: Deployment;
  process: ProcessStatus;
}) {
  const told = {
    onSuccess: () => notifications.show({ message: `Started on ${name}.` }),
    onError: (error: unknown) => notifications.show({ color: "red", title: name, message: problemText(error) }),
  };
  const restart = useMutation(DeploymentService.method.restart, told);
  const start = useMutation(DeploymentService.method.start, told);
  const stop = useMutation(DeploymentService.method.stop, told);
  const invoke = useMutation(DeploymentService.method.invokeAction, told);
  const its = { project, deployment: uuid };
  if (kind === ProcessKind.RELEASE_JOB) return null;
  if (kind === ProcessKind.JOB) {
    const action = { case: "runJob", value: { process: name } } as const;
    return (
      <Button variant="default" size="compact-xs" onClick={() => invoke.mutate({ ...its, action })}>
        Run now
      </Button>
    );
  }
  return (
    <span className={classes.nowrap}>
      {stopped ? (
        <ActionIcon aria-label={`Start ${name}`} onClick={() => start.mutate({ ...its, processes: [name] })}>
          <Icon name="up" size={15} />
        </ActionIcon>
      ) : (
        <>
          <ActionIcon aria-label={`Restart ${name}`} onClick={() => restart.mutate({ ...its, processes: [name] })}>
            <Icon name="refresh" size={15} />
          </ActionIcon>
          <ActionIcon
            aria-label={`Stop ${name}`}
            onClick={() => stop.mutate({ ...its, mode: StopMode.SCALE_TO_ZERO, processes: [name] })}
          >
            <Icon name="pause" size={15} />
          </ActionIcon>
        </>
      )}
    </span>
  );
}
