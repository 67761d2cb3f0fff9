import { useMutation } from "@connectrpc/connect-query";
import { ActionIcon, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { Link } from "wouter";
import {
  type Deployment,
  DeploymentPhase,
  DeploymentService,
  StopMode,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { ReleaseService } from "../../../../gen/ts/deploy/v1/release_pb.js";
import { Confirm } from "../../kit/confirm.js";
import { Icon } from "../../kit/icons.js";
import { problemText } from "../../kit/problem.js";
import { DeleteDeployment } from "./delete-deployment.js";
import { hrefOf } from "./paths.js";

/** What can be done with a deployment as a whole. */
export function DeploymentMenu({ deployment, onDeleted }: { deployment: Deployment; onDeleted?: () => void }) {
  const { project, uuid, name, phase, source } = deployment;
  const [asks, setAsks] = useState<"stop" | "delete">();
  const told = {
    onSuccess: () => notifications.show({ message: `Started on ${name}.` }),
    onError: (error: unknown) => notifications.show({ color: "red", title: name, message: problemText(error) }),
  };
  const start = useMutation(DeploymentService.method.start, told);
  const restart = useMutation(DeploymentService.method.restart, told);
  const redeploy = useMutation(ReleaseService.method.redeploy, told);
  const stop = useMutation(DeploymentService.method.stop);
  const its = { project, deployment: uuid };
  const isChart = source?.source.case === "chart";
  const isLeaving = phase === DeploymentPhase.DELETING || phase === DeploymentPhase.DELETED;
  const isStopped = phase === DeploymentPhase.STOPPED;
  return (
    <>
      <Menu>
        <Menu.Target>
          <ActionIcon aria-label={`Actions of ${name}`} tabIndex={onDeleted === undefined ? -1 : 0}>
            <Icon name="dots" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<Icon name="terminal" />} component={Link} href={hrefOf(deployment, "logs")}>
            Logs
          </Menu.Item>
          <Menu.Item
            leftSection={<Icon name="refresh" />}
            disabled={isLeaving || isStopped}
            onClick={() => restart.mutate(its)}
          >
            Restart
          </Menu.Item>
          <Menu.Item leftSection={<Icon name="deployment" />} disabled={isLeaving} onClick={() => redeploy.mutate(its)}>
            Deploy again
          </Menu.Item>
          {isStopped ? (
            <Menu.Item leftSection={<Icon name="up" />} onClick={() => start.mutate(its)}>
              Start
            </Menu.Item>
          ) : (
            <Menu.Item leftSection={<Icon name="pause" />} disabled={isLeaving} onClick={() => setAsks("stop")}>
              Stop…
            </Menu.Item>
          )}
          <Menu.Divider />
          <Menu.Item leftSection={<Icon name="trash" />} color="var(--bad)" onClick={() => setAsks("delete")}>
            Delete…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Confirm
        opened={asks === "stop"}
        title={`Stop ${name}`}
        action="Stop"
        onClose={() => setAsks(undefined)}
        onConfirm={() =>
          stop.mutateAsync({ ...its, mode: isChart ? StopMode.UNINSTALL : StopMode.SCALE_TO_ZERO }).then(told.onSuccess)
        }
      >
        {isChart
          ? "The chart is uninstalled; what it stored stays. A start installs it again."
          : "All its processes go down to no replicas until it is started again. Nobody can reach it meanwhile."}
      </Confirm>
      <DeleteDeployment
        deployment={deployment}
        opened={asks === "delete"}
        onClose={() => setAsks(undefined)}
        onDeleted={onDeleted}
      />
    </>
  );
}
