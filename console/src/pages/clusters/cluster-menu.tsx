import { useMutation } from "@connectrpc/connect-query";
import { ActionIcon, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { type Cluster, ClusterService, Operate } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { Confirm } from "../../kit/confirm.js";
import { Icon } from "../../kit/icons.js";
import { problemText } from "../../kit/problem.js";

/** What can be done with a cluster. */
export function ClusterMenu({ cluster, onDeleted }: { cluster: Cluster; onDeleted?: () => void }) {
  const { uuid, project, name, status, deletedAt } = cluster;
  const [deleting, setDeleting] = useState(false);
  const operate = useMutation(ClusterService.method.operate, {
    onSuccess: () => notifications.show({ message: `Started on ${name}.` }),
    onError: (error) => notifications.show({ color: "red", title: name, message: problemText(error) }),
  });
  const remove = useMutation(ClusterService.method.delete);
  const start = (kind: Operate) => () => operate.mutate({ uuid, project, operate: kind });
  const isLeaving = deletedAt !== undefined;
  return (
    <>
      <Menu>
        <Menu.Target>
          <ActionIcon aria-label={`Actions of ${name}`} tabIndex={-1}>
            <Icon name="dots" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<Icon name="refresh" />} disabled={isLeaving} onClick={start(Operate.RECONCILE)}>
            Reconcile now
          </Menu.Item>
          <Menu.Item leftSection={<Icon name="wrench" />} disabled={isLeaving} onClick={start(Operate.MAINTAIN)}>
            Maintain now
          </Menu.Item>
          <Menu.Item
            leftSection={<Icon name="refresh" />}
            disabled={isLeaving || status?.state !== "Failed"}
            onClick={start(Operate.RETRY)}
          >
            Try again
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item
            leftSection={<Icon name="trash" />}
            color="var(--bad)"
            disabled={isLeaving}
            onClick={() => setDeleting(true)}
          >
            Delete…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Confirm
        opened={deleting}
        title={`Delete cluster ${name}`}
        name={name}
        action="Delete"
        onClose={() => setDeleting(false)}
        onConfirm={() => remove.mutateAsync({ uuid, project }).then(onDeleted)}
      >
        The cluster and everything in it is deleted: workloads, load balancers, and what they store. This cannot be
        undone.
      </Confirm>
    </>
  );
}
