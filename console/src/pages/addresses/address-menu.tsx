import { useMutation } from "@connectrpc/connect-query";
import { ActionIcon, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { type IP, IPService, IPType } from "../../../../gen/ts/api/v1/ip_pb.js";
import { Confirm } from "../../kit/confirm.js";
import { Icon } from "../../kit/icons.js";

type Dialog = "none" | "static" | "release";

/** What can be done with an address. */
export function AddressMenu({ ip }: { ip: IP }) {
  const { project, uuid, type } = ip;
  const [dialog, setDialog] = useState<Dialog>("none");
  const [asked, setAsked] = useState(false);
  const open = (next: Dialog) => () => {
    setAsked(true);
    setDialog(next);
  };
  return (
    <>
      <Menu>
        <Menu.Target>
          <ActionIcon aria-label={`Actions of ${ip.ip}`} tabIndex={-1}>
            <Icon name="dots" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            leftSection={<Icon name="edit" />}
            component={Link}
            href={`/projects/${project}/addresses/${uuid}/edit`}
          >
            Change
          </Menu.Item>
          <Menu.Item
            leftSection={<Icon name="check" />}
            disabled={type === IPType.IP_TYPE_STATIC}
            onClick={open("static")}
          >
            Make static…
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item leftSection={<Icon name="trash" />} color="var(--bad)" onClick={open("release")}>
            Release…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {asked && <Dialogs ip={ip} dialog={dialog} onClose={() => setDialog("none")} />}
    </>
  );
}

function Dialogs({ ip, dialog, onClose }: { ip: IP; dialog: Dialog; onClose: () => void }) {
  const { project, uuid } = ip;
  const queryClient = useQueryClient();
  const update = useMutation(IPService.method.update);
  const remove = useMutation(IPService.method.delete);
  const done = (message: string) => () => {
    notifications.show({ message });
    void queryClient.invalidateQueries();
  };
  return (
    <>
      <Confirm
        opened={dialog === "static"}
        title={`Make ${ip.ip} static`}
        action="Make static"
        onClose={onClose}
        onConfirm={() =>
          update
            .mutateAsync({ project, ip: { ...ip, type: IPType.IP_TYPE_STATIC } })
            .then(done(`${ip.ip} is static now.`))
        }
      >
        It then stays, and costs, until you release it, also when nothing uses it. It cannot become ephemeral again.
      </Confirm>
      <Confirm
        opened={dialog === "release"}
        title={`Release ${ip.ip}`}
        name={ip.name}
        action="Release"
        onClose={onClose}
        onConfirm={() => remove.mutateAsync({ project, uuid }).then(done(`${ip.ip} is released.`))}
      >
        Somebody else may get this address after a while; you cannot get it back. No Service may use it any more.
      </Confirm>
    </>
  );
}
