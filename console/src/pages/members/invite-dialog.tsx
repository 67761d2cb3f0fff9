import { useMutation } from "@connectrpc/connect-query";
import { Button, Group, Modal, Radio, SegmentedControl, Stack } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ProjectRole, TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { type Project, ProjectService } from "../../../../gen/ts/api/v1/project_pb.js";
import { TenantService } from "../../../../gen/ts/api/v1/tenant_pb.js";
import { Problem } from "../../kit/problem.js";
import { SecretOnce } from "../../kit/secret-once.js";
import type { Scope } from "./member.js";
import { projectRoles, tenantRoles } from "./roles.js";

/** Makes an invitation, and shows its link until it is closed. */
export function InviteDialog({ project, opened, onClose }: { project: Project; opened: boolean; onClose: () => void }) {
  const [link, setLink] = useState<string>();
  const close = () => {
    setLink(undefined);
    onClose();
  };
  return (
    <Modal
      opened={opened}
      onClose={close}
      title="Invite somebody"
      closeButtonProps={{ "aria-label": "Close" }}
      closeOnClickOutside={link === undefined}
    >
      {link === undefined ? (
        <Form project={project} onMade={setLink} onCancel={close} />
      ) : (
        <Stack gap="sm">
          <p style={{ margin: 0 }}>Send this link to one person. It works once, within 7 days.</p>
          <SecretOnce secret={link} what="Link of the invitation" onDone={close} />
        </Stack>
      )}
    </Modal>
  );
}

function Form(props: { project: Project; onMade: (link: string) => void; onCancel: () => void }) {
  const { project, onMade, onCancel } = props;
  const [scope, setScope] = useState<Scope>("project");
  const [role, setRole] = useState<number>(ProjectRole.VIEWER);
  const [error, setError] = useState<unknown>();
  const queryClient = useQueryClient();
  const toProject = useMutation(ProjectService.method.invite, { gcTime: 0 });
  const toTenant = useMutation(TenantService.method.invite, { gcTime: 0 });
  const invite = async (event: FormEvent) => {
    event.preventDefault();
    setError(undefined);
    try {
      const { invite: made } =
        scope === "project"
          ? await toProject.mutateAsync({ project: project.uuid, role })
          : await toTenant.mutateAsync({ login: project.tenant, role });
      void queryClient.invalidateQueries();
      onMade(`${location.origin}/invite/${made?.secret ?? ""}`);
    } catch (caught) {
      setError(caught);
    }
  };
  const chooseScope = (next: string) => {
    setScope(next === "tenant" ? "tenant" : "project");
    setRole(next === "tenant" ? TenantRole.VIEWER : ProjectRole.VIEWER);
  };
  return (
    <form onSubmit={(event) => void invite(event)}>
      <Stack gap="md">
        <SegmentedControl
          aria-label="To what"
          size="xs"
          data={[
            { value: "project", label: `Project ${project.name}` },
            { value: "tenant", label: "The whole tenant" },
          ]}
          value={scope}
          onChange={chooseScope}
        />
        <Radio.Group label="As" value={String(role)} onChange={(next) => setRole(Number(next))}>
          <Stack gap="xs" mt={4}>
            {(scope === "project" ? projectRoles : tenantRoles).map(({ value, label, hint }) => (
              <Radio key={value} value={String(value)} label={label} description={hint} />
            ))}
          </Stack>
        </Radio.Group>
        {error !== undefined && <Problem error={error} what="No invitation was made" />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onCancel}>
            Cancel
          </Button>
          <Button type="submit" loading={toProject.isPending || toTenant.isPending}>
            Make the link
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
