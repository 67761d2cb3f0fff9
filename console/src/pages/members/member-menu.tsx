import { useMutation } from "@connectrpc/connect-query";
import { ActionIcon, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ProjectService } from "../../../../gen/ts/api/v1/project_pb.js";
import { TenantService } from "../../../../gen/ts/api/v1/tenant_pb.js";
import { Confirm } from "../../kit/confirm.js";
import { Icon } from "../../kit/icons.js";
import { problemText } from "../../kit/problem.js";
import type { Member } from "./member.js";
import { projectRoles, roleText, tenantRoles } from "./roles.js";

/** Gives a member another role, or takes it out. */
export function MemberMenu({ member }: { member: Member }) {
  const { scope, login, role, fixed } = member;
  const [dialog, setDialog] = useState<"none" | "open" | "closed">("none");
  const [lowered, setLowered] = useState<number>();
  const { changeRole, remove } = useChanges(member);
  const choices = scope === "project" ? projectRoles : tenantRoles;
  const choose = (next: number) => {
    // Who lowers oneself may not be able to raise oneself again.
    if (member.isSelf) setLowered(next);
    else
      changeRole(next).catch((error: unknown) => {
        notifications.show({ color: "red", title: login, message: problemText(error) });
      });
  };
  return (
    <>
      <Menu>
        <Menu.Target>
          <ActionIcon aria-label={`Actions of ${login}`} tabIndex={-1}>
            <Icon name="dots" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {fixed !== undefined && <Menu.Label maw={240}>{fixed}</Menu.Label>}
          {choices.map(({ value, label }) => (
            <Menu.Item
              key={value}
              disabled={fixed !== undefined || value === role}
              leftSection={<Icon name={value === role ? "check" : "user"} />}
              onClick={() => choose(value)}
            >
              {value === role ? `Is ${label.toLowerCase()}` : `Make ${label.toLowerCase()}`}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item
            leftSection={<Icon name="trash" />}
            color="var(--bad)"
            disabled={fixed !== undefined}
            onClick={() => setDialog("open")}
          >
            Remove…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {dialog !== "none" && (
        <Confirm
          opened={dialog === "open"}
          title={`Remove ${login}`}
          action="Remove"
          onClose={() => setDialog("closed")}
          onConfirm={remove}
        >
          {member.isSelf ? "You leave" : `${login} leaves`} the {scope} at once, and open sessions and tokens lose what
          they could do there.
        </Confirm>
      )}
      {lowered !== undefined && (
        <Confirm
          opened
          title="Change your own role"
          action={`Make me ${roleText(choices, lowered).toLowerCase()}`}
          onClose={() => setLowered(undefined)}
          onConfirm={() => changeRole(lowered)}
        >
          This is about yourself: only an owner of the {scope} can give you another role again.
        </Confirm>
      )}
    </>
  );
}

function useChanges({ scope, subject, login }: Member) {
  const queryClient = useQueryClient();
  const projectRole = useMutation(ProjectService.method.updateMember);
  const tenantRole = useMutation(TenantService.method.updateMember);
  const outOfProject = useMutation(ProjectService.method.removeMember);
  const outOfTenant = useMutation(TenantService.method.removeMember);
  const done = (message: string) => () => {
    notifications.show({ message });
    void queryClient.invalidateQueries();
  };
  const memberId = login;
  return {
    changeRole: (role: number) =>
      (scope === "project"
        ? projectRole.mutateAsync({ project: subject, memberId, role })
        : tenantRole.mutateAsync({ login: subject, memberId, role })
      ).then(done(`${login} has another role.`)),
    remove: () =>
      (scope === "project"
        ? outOfProject.mutateAsync({ project: subject, memberId })
        : outOfTenant.mutateAsync({ login: subject, memberId })
      ).then(done(`${login} is removed.`)),
  };
}
