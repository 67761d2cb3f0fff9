import { useMutation } from "@connectrpc/connect-query";
import { ActionIcon, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { type Token, TokenService, TokenType } from "../../../../gen/ts/api/v1/token_pb.js";
import { useProject } from "../../app/project.js";
import { Confirm } from "../../kit/confirm.js";
import { Icon } from "../../kit/icons.js";

/** What can be done with a token. */
export function TokenMenu({ token }: { token: Token }) {
  const { uuid, description, tokenType } = token;
  const { uuid: project } = useProject();
  const [dialog, setDialog] = useState<"none" | "open" | "closed">("none");
  const queryClient = useQueryClient();
  const { mutateAsync } = useMutation(TokenService.method.revoke);
  const confirm = async () => {
    await mutateAsync({ uuid });
    notifications.show({ message: "The token is revoked." });
    void queryClient.invalidateQueries();
  };
  return (
    <>
      <Menu>
        <Menu.Target>
          <ActionIcon aria-label={`Actions of ${description}`} tabIndex={-1}>
            <Icon name="dots" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<Icon name="edit" />} component={Link} href={`/projects/${project}/tokens/${uuid}`}>
            Change
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item leftSection={<Icon name="trash" />} color="var(--bad)" onClick={() => setDialog("open")}>
            Revoke…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {dialog !== "none" && (
        <Confirm
          opened={dialog === "open"}
          title={`Revoke “${description}”`}
          action="Revoke"
          onClose={() => setDialog("closed")}
          onConfirm={confirm}
        >
          {tokenType === TokenType.CONSOLE
            ? "It belongs to a session of yours, which may be this one."
            : "Programs that use it are refused at once, everywhere."}{" "}
          This cannot be undone.
        </Confirm>
      )}
    </>
  );
}
