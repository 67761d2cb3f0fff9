import { useMutation } from "@connectrpc/connect-query";
import { SegmentedControl, Stack } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import type { Deployment } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { type Release, ReleaseService, RollbackPart } from "../../../../gen/ts/deploy/v1/release_pb.js";
import { Confirm } from "../../kit/confirm.js";
import { taskHref } from "./paths.js";
import { refreshOthers } from "./refresh-others.js";
import { sourceText } from "./state.js";

const parts = [
  { value: String(RollbackPart.UNSPECIFIED), label: "Everything" },
  { value: String(RollbackPart.SOURCE), label: "Source only" },
  { value: String(RollbackPart.CONFIG), label: "Configuration only" },
];

/** Asks, then makes a release of an earlier one; its task is followed. */
export function Rollback({
  deployment,
  release,
  onClose,
}: {
  deployment: Deployment;
  release: Release | undefined;
  onClose: () => void;
}) {
  const [part, setPart] = useState(String(RollbackPart.UNSPECIFIED));
  const [, navigate] = useLocation();
  const queryClient = useQueryClient();
  const rollback = useMutation(ReleaseService.method.rollback);
  const { project, uuid } = deployment;
  const number = release?.number ?? 0;
  const confirm = async () => {
    const { task, release: made } = await rollback.mutateAsync({
      project,
      deployment: uuid,
      number,
      part: Number(part),
    });
    notifications.show({ message: `Release ${made?.number ?? ""} goes back to release ${number}.` });
    refreshOthers(queryClient);
    if (task !== undefined) navigate(taskHref(deployment, task.uuid));
  };
  return (
    <Confirm
      key={number}
      opened={release !== undefined}
      title={`Go back to release ${number}`}
      action="Roll back"
      onClose={onClose}
      onConfirm={confirm}
    >
      <Stack gap="xs">
        <span>
          A new release is made of release {number} ({sourceText(release?.source)}). How many replicas run stays.
        </span>
        <SegmentedControl size="xs" aria-label="What to take from it" data={parts} value={part} onChange={setPart} />
      </Stack>
    </Confirm>
  );
}
