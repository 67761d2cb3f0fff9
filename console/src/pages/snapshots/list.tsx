import { timestampMs } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@connectrpc/connect-query";
import { Group } from "@mantine/core";
import { Link } from "wouter";
import { type Snapshot, SnapshotService } from "../../../../gen/ts/api/v1/volume_pb.js";
import { useProject } from "../../app/project.js";
import { Bytes } from "../../kit/bytes.js";
import { CopyButton } from "../../kit/copy-button.js";
import { KeyValue, Page as PageBody, PageHeader } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { Ago, DateTime } from "../../kit/time.js";
import { type Column, VirtualTable } from "../../kit/virtual-table.js";
import { SideDrawer } from "../volumes/side-drawer.js";
import { toneOf } from "../volumes/state.js";
import { useOpened } from "../volumes/use-opened.js";
import { SnapshotMenu } from "./snapshot-menu.js";

/** The API has no stream of snapshots: they are read again so often. */
const everyMs = 10_000;

const hrefOf = ({ project, uuid }: Snapshot): string => `/projects/${project}/snapshots?snapshot=${uuid}`;

const columns: readonly Column<Snapshot>[] = [
  {
    id: "name",
    header: "Name",
    width: 140,
    grow: 2,
    sort: ({ name }) => name,
    text: ({ name, uuid, description }) => `${name} ${uuid} ${description}`,
    cell: (snapshot) => (
      <Link href={hrefOf(snapshot)} tabIndex={-1} title={snapshot.name}>
        {snapshot.name}
      </Link>
    ),
  },
  {
    id: "state",
    header: "State",
    width: 120,
    sort: ({ state }) => state,
    text: ({ state }) => state,
    cell: ({ state }) => <StatusBadge tone={toneOf(state)}>{state || "Unknown"}</StatusBadge>,
  },
  {
    id: "volume",
    header: "Taken of",
    width: 140,
    grow: 1,
    priority: 2,
    sort: ({ sourceVolumeName }) => sourceVolumeName,
    text: ({ sourceVolumeName }) => sourceVolumeName,
    cell: ({ sourceVolumeName }) => sourceVolumeName || "–",
  },
  {
    id: "size",
    header: "Size",
    width: 90,
    align: "end",
    priority: 3,
    sort: ({ size }) => size,
    cell: ({ size }) => <Bytes value={size} />,
  },
  {
    id: "partition",
    header: "Partition",
    width: 120,
    priority: 5,
    sort: ({ partition }) => partition,
    text: ({ partition }) => partition,
    cell: ({ partition }) => partition,
  },
  {
    id: "created",
    header: "Taken",
    width: 140,
    priority: 4,
    sort: ({ createdAt }) => (createdAt === undefined ? 0 : timestampMs(createdAt)),
    cell: ({ createdAt }) => <Ago at={createdAt} />,
  },
];

const keyOf = ({ uuid }: Snapshot): string => uuid;
const actions = (snapshot: Snapshot) => <SnapshotMenu snapshot={snapshot} inRow />;

/** The snapshots of the project. */
export function Page() {
  const { uuid: project } = useProject();
  const { data, error, refetch } = useQuery(SnapshotService.method.list, { project }, { refetchInterval: everyMs });
  const { id, close } = useOpened("snapshot");
  return (
    <PageBody fill>
      <PageHeader title="Snapshots" />
      {error !== null && data === undefined ? (
        <Problem error={error} what="The snapshots could not be listed" onRetry={() => void refetch()} />
      ) : (
        <VirtualTable
          label="Snapshots"
          rows={data?.snapshots}
          rowKey={keyOf}
          columns={columns}
          href={hrefOf}
          actions={actions}
          initialSort={{ column: "created", descending: true }}
          empty={
            <p>
              No snapshots yet. A VolumeSnapshot inside of a cluster takes one of a volume, and shows up here by itself.
            </p>
          }
        />
      )}
      <SnapshotDrawer snapshot={data?.snapshots.find(({ uuid }) => uuid === id)} onClose={close} />
    </PageBody>
  );
}

function SnapshotDrawer({ snapshot, onClose }: { snapshot: Snapshot | undefined; onClose: () => void }) {
  return (
    <SideDrawer title={snapshot?.name ?? "Snapshot"} opened={snapshot !== undefined} onClose={onClose}>
      {snapshot !== undefined && <Facts snapshot={snapshot} />}
    </SideDrawer>
  );
}

function Facts({ snapshot }: { snapshot: Snapshot }) {
  const { project, uuid, state, retention, sourceVolumeUuid, sourceVolumeName } = snapshot;
  return (
    <>
      <Group justify="space-between">
        <StatusBadge tone={toneOf(state)}>{state || "Unknown"}</StatusBadge>
        <SnapshotMenu snapshot={snapshot} />
      </Group>
      <KeyValue
        items={[
          ["Description", snapshot.description || "–"],
          [
            "Taken of",
            sourceVolumeUuid === "" ? (
              sourceVolumeName || "–"
            ) : (
              <Link key="volume" href={`/projects/${project}/volumes?volume=${sourceVolumeUuid}`}>
                {sourceVolumeName}
              </Link>
            ),
          ],
          ["Taken", <DateTime key="taken" at={snapshot.createdAt} />],
          ["Kept", retention === undefined ? "Until it is deleted" : `${Number(retention.seconds) / 86_400} days`],
          ["Size of a restored volume", <Bytes key="size" value={snapshot.size} />],
          ["In use", <Bytes key="usage" value={snapshot.usage} />],
          ["Storage class", snapshot.storageClass || "–"],
          ["Partition", snapshot.partition],
          [
            "Uuid",
            <span key="uuid">
              {uuid} <CopyButton text={uuid} label="Copy the uuid" />
            </span>,
          ],
        ]}
      />
    </>
  );
}
