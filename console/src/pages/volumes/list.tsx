import { useQuery } from "@connectrpc/connect-query";
import { Link } from "wouter";
import { type Volume, VolumeService } from "../../../../gen/ts/api/v1/volume_pb.js";
import { useProject } from "../../app/project.js";
import { Bytes } from "../../kit/bytes.js";
import { Page as PageBody, PageHeader } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { type Column, VirtualTable } from "../../kit/virtual-table.js";
import { nodesOf, toneOf } from "./state.js";
import { useOpened } from "./use-opened.js";
import { VolumeDrawer } from "./volume-drawer.js";
import { VolumeMenu } from "./volume-menu.js";

/** The API has no stream of volumes: they are read again so often. */
const everyMs = 10_000;

const hrefOf = ({ project, uuid }: Volume): string => `/projects/${project}/volumes?volume=${uuid}`;
const nodesText = ({ attachedTo }: Volume): string => nodesOf(attachedTo).join(", ");

const columns: readonly Column<Volume>[] = [
  {
    id: "name",
    header: "Name",
    width: 140,
    grow: 2,
    sort: ({ name }) => name,
    text: ({ name, uuid, labels }) => `${name} ${uuid} ${labels.map(({ key, value }) => `${key}:${value}`).join(" ")}`,
    cell: (volume) => (
      <Link href={hrefOf(volume)} tabIndex={-1} title={volume.name}>
        {volume.name}
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
    id: "size",
    header: "Size",
    width: 90,
    align: "end",
    priority: 1,
    sort: ({ size }) => size,
    cell: ({ size }) => <Bytes value={size} />,
  },
  {
    id: "usage",
    header: "In use",
    width: 100,
    align: "end",
    priority: 5,
    sort: ({ usage }) => usage,
    cell: ({ usage }) => <Bytes value={usage} />,
  },
  {
    id: "cluster",
    header: "Cluster",
    width: 130,
    grow: 1,
    priority: 2,
    sort: ({ clusterName }) => clusterName,
    text: ({ clusterName }) => clusterName,
    cell: ({ clusterName }) => clusterName || "–",
  },
  {
    id: "attached",
    header: "Attached to",
    width: 150,
    grow: 1,
    priority: 3,
    sort: nodesText,
    text: nodesText,
    cell: (volume) => nodesText(volume) || "No node",
  },
  {
    id: "class",
    header: "Storage class",
    width: 130,
    priority: 6,
    sort: ({ storageClass }) => storageClass,
    text: ({ storageClass }) => storageClass,
    cell: ({ storageClass }) => storageClass,
  },
];

const keyOf = ({ uuid }: Volume): string => uuid;
const actions = (volume: Volume) => <VolumeMenu volume={volume} inRow />;

/** The volumes of the project. */
export function Page() {
  const { uuid: project } = useProject();
  const { data, error, refetch } = useQuery(VolumeService.method.list, { project }, { refetchInterval: everyMs });
  const { id, close } = useOpened("volume");
  return (
    <PageBody fill>
      <PageHeader title="Volumes" />
      {error !== null && data === undefined ? (
        <Problem error={error} what="The volumes could not be listed" onRetry={() => void refetch()} />
      ) : (
        <VirtualTable
          label="Volumes"
          rows={data?.volumes}
          rowKey={keyOf}
          columns={columns}
          href={hrefOf}
          actions={actions}
          initialSort={{ column: "name", descending: false }}
          empty={
            <p>
              No volumes yet. They are made by storage claims (PersistentVolumeClaim) inside of clusters, and show up
              here by themselves.
            </p>
          }
        />
      )}
      <VolumeDrawer volume={data?.volumes.find(({ uuid }) => uuid === id)} onClose={close} />
    </PageBody>
  );
}
