import { useMutation } from "@connectrpc/connect-query";
import { ActionIcon, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Volume, VolumeService } from "../../../../gen/ts/api/v1/volume_pb.js";
import { Confirm } from "../../kit/confirm.js";
import { Icon } from "../../kit/icons.js";

/** What can be done with a volume. */
export function VolumeMenu({ volume, inRow = false }: { volume: Volume; inRow?: boolean }) {
  const { uuid, project, name } = volume;
  // The dialog is there from the first time on: a thousand rows need no thousand dialogs.
  const [dialog, setDialog] = useState<"none" | "open" | "closed">("none");
  const queryClient = useQueryClient();
  const { mutateAsync } = useMutation(VolumeService.method.delete);
  const confirm = async () => {
    await mutateAsync({ uuid, project });
    notifications.show({ message: `Volume ${name} is being deleted.` });
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
          title={`Delete volume ${name}`}
          name={name}
          action="Delete"
          onClose={() => setDialog("closed")}
          onConfirm={confirm}
        >
          The volume goes with its data, and its claim in the cluster goes with it. This cannot be undone. It must not
          be attached to a node.
        </Confirm>
      )}
    </>
  );
}
