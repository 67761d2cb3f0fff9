import { useMutation } from "@connectrpc/connect-query";
import { ActionIcon, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { type Cluster, ClusterService, Operate } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { Confirm } from "../../kit/confirm.js";
import { Icon } from "../../kit/icons.js";
import { problemText } from "../../kit/problem.js";

/** What can be done with a cluster; in a row of a table, → leads to it and not the tabulator. */
export function ClusterMenu(props: { cluster: Cluster; inRow?: boolean; onDeleted?: () => void }) {
  const { cluster, inRow = false, onDeleted } = props;
  // The dialog is there from the first time on: a thousand rows need no thousand dialogs.
  const [dialog, setDialog] = useState<"none" | "open" | "closed">("none");
  return (
    <>
      <Menu>
        <Menu.Target>
          <ActionIcon aria-label={`Actions of ${cluster.name}`} tabIndex={inRow ? -1 : 0}>
            <Icon name="dots" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Items cluster={cluster} onDelete={() => setDialog("open")} />
        </Menu.Dropdown>
      </Menu>
      {dialog !== "none" && (
        <DeleteDialog
          cluster={cluster}
          opened={dialog === "open"}
          onClose={() => setDialog("closed")}
          onDeleted={onDeleted}
        />
      )}
    </>
  );
}

function Items({ cluster, onDelete }: { cluster: Cluster; onDelete: () => void }) {
  const { uuid, project, name, status, deletedAt } = cluster;
  const { mutate } = useMutation(ClusterService.method.operate, {
    onSuccess: () => notifications.show({ message: `Started on ${name}.` }),
    onError: (error) => notifications.show({ color: "red", title: name, message: problemText(error) }),
  });
  const start = (operate: Operate) => () => mutate({ uuid, project, operate });
  const isLeaving = deletedAt !== undefined;
  return (
    <>
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
      <Menu.Item leftSection={<Icon name="trash" />} color="var(--bad)" disabled={isLeaving} onClick={onDelete}>
        Delete…
      </Menu.Item>
    </>
  );
}

function DeleteDialog(props: {
  cluster: Cluster;
  opened: boolean;
  onClose: () => void;
  onDeleted: (() => void) | undefined;
}) {
  const { cluster, opened, onClose, onDeleted } = props;
  const { uuid, project, name } = cluster;
  const { mutateAsync } = useMutation(ClusterService.method.delete);
  return (
    <Confirm
      opened={opened}
      title={`Delete cluster ${name}`}
      name={name}
      action="Delete"
      onClose={onClose}
      onConfirm={() => mutateAsync({ uuid, project }).then(onDeleted)}
    >
      The cluster and everything in it is deleted: workloads, load balancers, and what they store. This cannot be
      undone.
    </Confirm>
  );
}
