import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Button, Group, Modal, NativeSelect, NumberInput, Stack } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { Deployment } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { ReleaseService, ReleaseStatus } from "../../../../gen/ts/deploy/v1/release_pb.js";
import { type Route, RouteService } from "../../../../gen/ts/deploy/v1/route_pb.js";
import type { Task } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { Problem } from "../../kit/problem.js";

/** Divides the requests of a route between the active release and one that was active before. */
export function TrafficForm({
  deployment: { project, uuid: deployment, activeRelease },
  route: { uuid, hostname, traffic, version },
  onClose,
  onTask,
}: {
  deployment: Deployment;
  route: Route;
  onClose: () => void;
  onTask: (task: Task | undefined) => void;
}) {
  const { data } = useQuery(ReleaseService.method.list, { project, deployment });
  const set = useMutation(RouteService.method.setTraffic);
  const other = traffic.find(({ release }) => release !== 0 && release !== activeRelease);
  const [release, setRelease] = useState(String(other?.release ?? ""));
  const [percent, setPercent] = useState<string | number>(other?.percent ?? 10);
  const choices = (data?.releases ?? [])
    .filter(({ status }) => status === ReleaseStatus.SUPERSEDED)
    .map(({ number, summary }) => ({ value: String(number), label: `Release ${number}: ${summary}` }));
  const share = Number(percent);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const shares =
      release === "" || share === 0
        ? []
        : [
            { release: 0, percent: 100 - share },
            { release: Number(release), percent: share },
          ];
    const { task } = await set.mutateAsync({
      project,
      deployment,
      uuid,
      traffic: shares,
      options: { expectedVersion: version },
    });
    onTask(task);
    onClose();
  };
  return (
    <Modal opened onClose={onClose} title={`Requests of ${hostname}`} closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={(event) => void submit(event).catch(() => undefined)}>
        <Stack gap="sm">
          <span>The rest goes to the active release. When another release becomes active, it takes all.</span>
          <NativeSelect
            label="Release that gets a share"
            data={[{ value: "", label: "None: the active release gets all" }, ...choices]}
            value={release}
            onChange={({ currentTarget }) => setRelease(currentTarget.value)}
          />
          <NumberInput
            label="Its share in percent"
            min={0}
            max={100}
            allowDecimal={false}
            value={percent}
            onChange={setPercent}
            disabled={release === ""}
          />
          {set.error !== null && <Problem error={set.error} what="The requests were not divided" />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={set.isPending} disabled={percent === ""}>
              Divide
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
