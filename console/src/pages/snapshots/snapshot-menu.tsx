import { useMutation } from "@connectrpc/connect-query";
import { ActionIcon, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Snapshot, SnapshotService } from "../../../../gen/ts/api/v1/volume_pb.js";
import { Confirm } from "../../kit/confirm.js";
import { Icon } from "../../kit/icons.js";

/** What can be done with a snapshot. */
export function SnapshotMenu({ snapshot, inRow = false }: { snapshot: Snapshot; inRow?: boolean }) {
  const { uuid, project, name } = snapshot;
  const [dialog, setDialog] = useState<"none" | "open" | "closed">("none");
  const queryClient = useQueryClient();
  const { mutateAsync } = useMutation(SnapshotService.method.delete);
  const confirm = async () => {
    await mutateAsync({ uuid, project });
    notifications.show({ message: `Snapshot ${name} is being deleted.` });
    void queryClient.invalidateQueries();
  };
  return (
    <>
      <Menu>
        <Menu.Target>
          <ActionIcon aria-label={`Actions of ${name}`} tabIndex={inRow ? -1 : 0}>
            <Icon name="dots" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<Icon name="trash" />} color="var(--bad)" onClick={() => setDialog("open")}>
            Delete…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {dialog !== "none" && (
        <Confirm
          opened={dialog === "open"}
          title={`Delete snapshot ${name}`}
          name={name}
          action="Delete"
          onClose={() => setDialog("closed")}
          onConfirm={confirm}
        >
          The snapshot goes with its data; the volume that it was taken of stays. This cannot be undone.
        </Confirm>
      )}
    </>
  );
}
