import { useMutation, useQuery } from "@connectrpc/connect-query";
import { ActionIcon, Button, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import {
  ConstraintFieldSchema,
  type Environment,
  EnvironmentService,
} from "../../../../gen/ts/deploy/v1/environment_pb.js";
import { useProject } from "../../app/project.js";
import { Confirm } from "../../kit/confirm.js";
import { enumText } from "../../kit/form/rules.js";
import { Icon } from "../../kit/icons.js";
import { Page as PageBody, PageHeader } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { Ago } from "../../kit/time.js";
import { type Column, VirtualTable } from "../../kit/virtual-table.js";

const hrefOf = ({ project, uuid }: Environment): string => `/projects/${project}/environments/${uuid}`;

const constraintsText = ({ constraints }: Environment): string =>
  constraints
    .map(({ field, deny }) => `${enumText(ConstraintFieldSchema, field)}${deny ? " (denied)" : ""}`)
    .join(", ");

const columns: readonly Column<Environment>[] = [
  {
    id: "name",
    header: "Name",
    width: 120,
    grow: 1,
    sort: ({ name }) => name,
    text: ({ name, uuid }) => `${name} ${uuid}`,
    cell: (environment) => (
      <Link href={hrefOf(environment)} tabIndex={-1}>
        {environment.name}
      </Link>
    ),
  },
  {
    id: "default",
    header: "Default",
    width: 100,
    cell: ({ isDefault }) => (isDefault ? <StatusBadge tone="good">Default</StatusBadge> : null),
  },
  {
    id: "description",
    header: "What for",
    width: 150,
    grow: 2,
    priority: 2,
    text: ({ description }) => description,
    cell: ({ description }) => description,
  },
  {
    id: "constraints",
    header: "Constraints",
    width: 150,
    grow: 1,
    priority: 3,
    text: constraintsText,
    cell: (environment) => constraintsText(environment) || "None",
  },
  { id: "updated", header: "Changed", width: 130, priority: 1, cell: ({ updatedAt }) => <Ago at={updatedAt} /> },
];

const keyOf = ({ uuid }: Environment): string => uuid;
const actions = (environment: Environment) => <EnvironmentMenu environment={environment} />;

/** The environments of the project. */
export function Page() {
  const { uuid: project } = useProject();
  const { data, error, refetch } = useQuery(EnvironmentService.method.list, { project });
  const newHref = `/projects/${project}/environments/new`;
  return (
    <PageBody fill>
      <PageHeader title="Environments">
        <Button component={Link} href={newHref} leftSection={<Icon name="plus" size={14} />} data-new>
          New environment
        </Button>
      </PageHeader>
      {error !== null && data === undefined ? (
        <Problem error={error} what="The environments could not be listed" onRetry={() => void refetch()} />
      ) : (
        <VirtualTable
          label="Environments"
          rows={data?.environments}
          rowKey={keyOf}
          columns={columns}
          href={hrefOf}
          actions={actions}
          initialSort={{ column: "name", descending: false }}
          empty={
            <>
              <p>
                No environments yet. An environment is what deployments have in common, such as staging or production.
              </p>
              <Button component={Link} href={newHref}>
                Create the first environment
              </Button>
            </>
          }
        />
      )}
    </PageBody>
  );
}

function EnvironmentMenu({ environment }: { environment: Environment }) {
  const { uuid, project, name } = environment;
  const [deleting, setDeleting] = useState(false);
  const queryClient = useQueryClient();
  const remove = useMutation(EnvironmentService.method.delete);
  const confirm = async () => {
    await remove.mutateAsync({ project, uuid });
    notifications.show({ message: `Environment ${name} is deleted.` });
    void queryClient.invalidateQueries();
  };
  return (
    <>
      <Menu>
        <Menu.Target>
          <ActionIcon aria-label={`Actions of ${name}`} tabIndex={-1}>
            <Icon name="dots" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<Icon name="edit" />} component={Link} href={hrefOf(environment)}>
            Change
          </Menu.Item>
          <Menu.Item leftSection={<Icon name="trash" />} color="var(--bad)" onClick={() => setDeleting(true)}>
            Delete…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Confirm
        opened={deleting}
        title={`Delete environment ${name}`}
        name={name}
        action="Delete"
        onClose={() => setDeleting(false)}
        onConfirm={confirm}
      >
        The roles in it go with it. It must be empty: no deployments, volume claims or secrets.
      </Confirm>
    </>
  );
}
