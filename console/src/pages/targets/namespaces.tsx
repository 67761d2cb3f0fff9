import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  NamespaceService,
  NamespaceServiceCreateRequestSchema,
  NamespaceState,
  type TargetNamespace,
} from "../../../../gen/ts/deploy/v1/namespace_pb.js";
import type { Target } from "../../../../gen/ts/deploy/v1/target_pb.js";
import { Confirm } from "../../kit/confirm.js";
import { ProtoForm } from "../../kit/form/proto-form.js";
import { Icon } from "../../kit/icons.js";
import { Section } from "../../kit/page.js";
import { Problem, problemText } from "../../kit/problem.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { Ago } from "../../kit/time.js";
import { namespaceState } from "./target-state.js";
import classes from "./targets.module.css";

/** The namespaces of a target in which deployments run. */
export function Namespaces({ target: { project, uuid: target } }: { target: Target }) {
  const { data, error, refetch } = useQuery(
    NamespaceService.method.list,
    { project, target },
    {
      refetchInterval: ({ state }) =>
        state.data?.namespaces.every((each) => each.state === NamespaceState.ACTIVE) ? 10_000 : 1_500,
    },
  );
  const [adding, setAdding] = useState(false);
  const [removed, setRemoved] = useState<TargetNamespace>();
  const queryClient = useQueryClient();
  const create = useMutation(NamespaceService.method.create);
  const remove = useMutation(NamespaceService.method.delete);
  const confirm = async () => {
    await remove.mutateAsync({ project, uuid: removed?.uuid ?? "" });
    void queryClient.invalidateQueries();
  };
  return (
    <Section
      title="Namespaces"
      actions={
        <Button
          variant="default"
          leftSection={<Icon name="plus" size={14} />}
          onClick={() => setAdding(true)}
          disabled={adding}
        >
          Register a namespace
        </Button>
      }
    >
      {adding && (
        <ProtoForm
          schema={NamespaceServiceCreateRequestSchema}
          id={`namespace:new:${target}`}
          initial={{ project, target }}
          layout={[
            { field: "name", hint: "Lower case letters, digits and dashes", autoFocus: true },
            { field: "adopt", label: "Take it over if it exists", hint: "Without this one that exists is refused" },
          ]}
          action="Register"
          onSubmit={async (message) => {
            await create.mutateAsync(message);
            setAdding(false);
            void queryClient.invalidateQueries();
          }}
          onCancel={() => setAdding(false)}
        />
      )}
      {error !== null && data === undefined ? (
        <Problem error={error} what="The namespaces could not be listed" onRetry={() => void refetch()} />
      ) : (
        <Table namespaces={data?.namespaces} onRemove={setRemoved} />
      )}
      <Confirm
        key={removed?.uuid}
        opened={removed !== undefined}
        title={`Delete namespace ${removed?.name}`}
        name={removed?.name ?? ""}
        action="Delete"
        onClose={() => setRemoved(undefined)}
        onConfirm={confirm}
      >
        {removed?.adopted
          ? "It stays on the target, and loses the labels that it got here."
          : "It goes from the target with all that is in it."}
      </Confirm>
    </Section>
  );
}

function Table({
  namespaces,
  onRemove,
}: {
  namespaces: readonly TargetNamespace[] | undefined;
  onRemove: (namespace: TargetNamespace) => void;
}) {
  const queryClient = useQueryClient();
  const update = useMutation(NamespaceService.method.update, {
    onSuccess: () => void queryClient.invalidateQueries(),
    onError: (error) => notifications.show({ color: "red", title: "Not taken over", message: problemText(error) }),
  });
  return (
    <div className={classes.tableBox}>
      <table className={classes.table} aria-busy={namespaces === undefined}>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">State</th>
            <th scope="col">Why</th>
            <th scope="col">Created</th>
            <th scope="col">
              <span>Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {namespaces?.map((namespace) => {
            const { uuid, project, name, state, message, createdAt } = namespace;
            return (
              <tr key={uuid}>
                <td>{name}</td>
                <td>
                  <StatusBadge tone={namespaceState(state).tone}>{namespaceState(state).text}</StatusBadge>
                </td>
                <td>{message}</td>
                <td>
                  <Ago at={createdAt} />
                </td>
                <td className={classes.buttons}>
                  {state === NamespaceState.REFUSED && (
                    <Button
                      variant="default"
                      size="compact-xs"
                      onClick={() => update.mutate({ project, uuid, adopt: true })}
                    >
                      Take over
                    </Button>
                  )}
                  <Button
                    variant="default"
                    size="compact-xs"
                    aria-label={`Delete namespace ${name}`}
                    onClick={() => onRemove(namespace)}
                  >
                    Delete
                  </Button>
                </td>
              </tr>
            );
          })}
          {namespaces?.length === 0 && (
            <tr>
              <td colSpan={5}>None yet. Deployments need one to run in: register it first.</td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}
