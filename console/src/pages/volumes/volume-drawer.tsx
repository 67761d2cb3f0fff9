import { Badge, Button, Group } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import type { Volume } from "../../../../gen/ts/api/v1/volume_pb.js";
import { Bytes } from "../../kit/bytes.js";
import { CopyButton } from "../../kit/copy-button.js";
import { Icon } from "../../kit/icons.js";
import { KeyValue, Section } from "../../kit/page.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { LabelsForm } from "./labels-form.js";
import { SideDrawer } from "./side-drawer.js";
import { nodesOf, toneOf } from "./state.js";
import { VolumeMenu } from "./volume-menu.js";

/** One volume: what it is attached to, what it holds, its labels. */
export function VolumeDrawer({ volume, onClose }: { volume: Volume | undefined; onClose: () => void }) {
  return (
    <SideDrawer title={volume?.name ?? "Volume"} opened={volume !== undefined} onClose={onClose}>
      {volume !== undefined && (
        <>
          <Group justify="space-between">
            <StatusBadge tone={toneOf(volume.state)}>{volume.state || "Unknown"}</StatusBadge>
            <VolumeMenu volume={volume} />
          </Group>
          <Facts volume={volume} />
          <Labels key={volume.uuid} volume={volume} />
        </>
      )}
    </SideDrawer>
  );
}

function Facts({ volume }: { volume: Volume }) {
  const { project, clusterId, clusterName, sourceSnapshotName, sourceSnapshotUuid, uuid } = volume;
  const nodes = nodesOf(volume.attachedTo);
  return (
    <>
      <Section title="Use">
        <KeyValue
          items={[
            ["Attached to", nodes.length === 0 ? "No node" : nodes.join(", ")],
            [
              "Cluster",
              clusterId === "" ? (
                "None"
              ) : (
                <Link key="cluster" href={`/projects/${project}/clusters/${clusterId}`}>
                  {clusterName}
                </Link>
              ),
            ],
            ["Size", <Bytes key="size" value={volume.size} />],
            ["In use", <Bytes key="usage" value={volume.usage} />],
            ["Written", <Bytes key="written" value={volume.logicalUsedStorage} />],
            [
              "Restored from",
              sourceSnapshotName === "" ? (
                "Made new"
              ) : (
                <Link key="snapshot" href={`/projects/${project}/snapshots?snapshot=${sourceSnapshotUuid}`}>
                  {sourceSnapshotName}
                </Link>
              ),
            ],
          ]}
        />
      </Section>
      <Section title="Storage">
        <KeyValue
          items={[
            ["Storage class", volume.storageClass || "–"],
            ["Partition", volume.partition],
            ["Copies", String(volume.replicaCount)],
            ["Protection", volume.protectionState || "–"],
            [
              "Uuid",
              <span key="uuid">
                {uuid} <CopyButton text={uuid} label="Copy the uuid" />
              </span>,
            ],
          ]}
        />
      </Section>
    </>
  );
}

function Labels({ volume }: { volume: Volume }) {
  const [editing, setEditing] = useState(false);
  if (editing) return <LabelsForm volume={volume} onDone={() => setEditing(false)} />;
  return (
    <Section
      title="Labels"
      actions={
        <Button variant="default" leftSection={<Icon name="edit" size={14} />} onClick={() => setEditing(true)}>
          Edit
        </Button>
      }
    >
      <Group gap={6}>
        {volume.labels.map(({ key, value }) => (
          <Badge key={key} variant="default" tt="none" fw={400} radius="sm">
            {key}: {value}
          </Badge>
        ))}
        {volume.labels.length === 0 && <span>None. Labels help to find and group volumes.</span>}
      </Group>
    </Section>
  );
}
