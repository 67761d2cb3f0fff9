import { useMutation } from "@connectrpc/connect-query";
import { ActionIcon, Group } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ProjectService } from "../../../../gen/ts/api/v1/project_pb.js";
import { TenantService } from "../../../../gen/ts/api/v1/tenant_pb.js";
import { Confirm } from "../../kit/confirm.js";
import { Icon } from "../../kit/icons.js";
import { Ago } from "../../kit/time.js";
import { type Column, VirtualTable } from "../../kit/virtual-table.js";
import type { Invitation } from "./member.js";
import { projectRoles, roleText, tenantRoles } from "./roles.js";

const scopeText = ({ scope }: Invitation): string => (scope === "project" ? "The project" : "The tenant");
const textOf = ({ scope, role }: Invitation): string =>
  roleText(scope === "project" ? projectRoles : tenantRoles, role);

const columns: readonly Column<Invitation>[] = [
  { id: "to", header: "To", width: 130, grow: 1, sort: scopeText, text: scopeText, cell: scopeText },
  { id: "role", header: "As", width: 100, sort: textOf, text: textOf, cell: textOf },
  {
    id: "expires",
    header: "Expires",
    width: 130,
    priority: 1,
    sort: ({ expires }) => expires?.getTime() ?? 0,
    cell: ({ expires }) => <Ago at={expires} />,
  },
];

const keyOf = ({ key }: Invitation): string => key;
const actions = (invitation: Invitation) => <Withdraw invitation={invitation} />;

/** The open invitations to the project and the tenant. */
export function InvitationTable({ invitations }: { invitations: readonly Invitation[] | undefined }) {
  return (
    <VirtualTable
      label="Invitations"
      rows={invitations}
      rowKey={keyOf}
      columns={columns}
      actions={actions}
      initialSort={{ column: "expires", descending: true }}
      empty={<p>No open invitations. “Invite” makes a link for somebody who shall join.</p>}
    />
  );
}

function Withdraw({ invitation }: { invitation: Invitation }) {
  const { scope, subject, secret } = invitation;
  const [opened, setOpened] = useState(false);
  const queryClient = useQueryClient();
  const fromProject = useMutation(ProjectService.method.inviteDelete, { gcTime: 0 });
  const fromTenant = useMutation(TenantService.method.inviteDelete, { gcTime: 0 });
  const confirm = async () => {
    if (scope === "project") await fromProject.mutateAsync({ project: subject, secret });
    else await fromTenant.mutateAsync({ login: subject, secret });
    notifications.show({ message: "The invitation is withdrawn." });
    void queryClient.invalidateQueries();
  };
  return (
    <Group gap={0}>
      <ActionIcon
        aria-label={`Withdraw the invitation to ${scopeText(invitation).toLowerCase()}`}
        tabIndex={-1}
        // Only an owner sees the secret by which it is withdrawn.
        disabled={secret === ""}
        onClick={() => setOpened(true)}
      >
        <Icon name="trash" />
      </ActionIcon>
      {opened && (
        <Confirm
          opened
          title="Withdraw the invitation"
          action="Withdraw"
          onClose={() => setOpened(false)}
          onConfirm={confirm}
        >
          Its link does not work any more. Who has joined by it already stays.
        </Confirm>
      )}
    </Group>
  );
}
