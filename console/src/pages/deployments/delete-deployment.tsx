import { useMutation } from "@connectrpc/connect-query";
import { Checkbox, Stack } from "@mantine/core";
import { useState } from "react";
import { type Deployment, DeploymentService } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { Confirm } from "../../kit/confirm.js";

/** Asks for the name of a deployment, then deletes it. */
export function DeleteDeployment({
  deployment: { project, uuid, name },
  opened,
  onClose,
  onDeleted,
}: {
  deployment: Deployment;
  opened: boolean;
  onClose: () => void;
  onDeleted?: (() => void) | undefined;
}) {
  const [keepStorage, setKeepStorage] = useState(false);
  const [force, setForce] = useState(false);
  const remove = useMutation(DeploymentService.method.delete);
  return (
    <Confirm
      key={uuid}
      opened={opened}
      title={`Delete deployment ${name}`}
      name={name}
      action="Delete"
      onClose={onClose}
      onConfirm={() => remove.mutateAsync({ project, deployment: uuid, keepStorage, force }).then(onDeleted)}
    >
      <Stack gap="xs">
        <span>What runs of it goes, with its hostnames and its history. This cannot be undone.</span>
        <Checkbox
          label="Keep the storage of its stateful processes"
          checked={keepStorage}
          onChange={({ currentTarget }) => setKeepStorage(currentTarget.checked)}
        />
        <Checkbox
          label="Forget it although its target cannot be reached"
          description="What runs of it there goes on."
          checked={force}
          onChange={({ currentTarget }) => setForce(currentTarget.checked)}
        />
      </Stack>
    </Confirm>
  );
}
