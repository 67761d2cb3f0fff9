import { useMutation } from "@connectrpc/connect-query";
import { ActionIcon, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { type Target, TargetService } from "../../../../gen/ts/deploy/v1/target_pb.js";
import { Confirm } from "../../kit/confirm.js";
import { Icon } from "../../kit/icons.js";

/** What can be done with a target. */
export function TargetMenu({ target: { project, uuid, name }, onDeleted }: { target: Target; onDeleted?: () => void }) {
  const [deleting, setDeleting] = useState(false);
  const queryClient = useQueryClient();
  const remove = useMutation(TargetService.method.delete);
  const confirm = async () => {
    await remove.mutateAsync({ project, uuid });
    notifications.show({ message: `Target ${name} is deleted.` });
    onDeleted?.();
    void queryClient.invalidateQueries();
  };
  return (
    <>
      <Menu>
        <Menu.Target>
          <ActionIcon aria-label={`Actions of ${name}`} tabIndex={onDeleted === undefined ? -1 : 0}>
            <Icon name="dots" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            leftSection={<Icon name="edit" />}
            component={Link}
            href={`/projects/${project}/targets/${uuid}/edit`}
          >
            Change
          </Menu.Item>
          <Menu.Item leftSection={<Icon name="trash" />} color="var(--bad)" onClick={() => setDeleting(true)}>
            Delete…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Confirm
        opened={deleting}
        title={`Delete target ${name}`}
        name={name}
        action="Delete"
        onClose={() => setDeleting(false)}
        onConfirm={confirm}
      >
        Its cluster stays as it is. It must be empty: no deployments and no namespaces.
      </Confirm>
    </>
  );
}
