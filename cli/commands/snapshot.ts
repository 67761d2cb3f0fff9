import type { Command } from "commander";
import type { SnapshotSchema } from "../../gen/ts/api/v1/volume_pb.js";
import { given } from "../resources/given.js";
import { lazy } from "../resources/lazy.js";
import { addDelete, addGet, addList, type Resource } from "../resources/resource.js";
import { sizeOf } from "../resources/sizes.js";
import { ageColumn } from "../resources/times.js";
import type { Session } from "../session.js";

const api = lazy(() => import("../../gen/ts/api/v1/volume_pb.js"));
const snapshots = async (session: Session) => session.client((await api()).SnapshotService);

interface SnapshotFilter {
  readonly partition?: string;
}

const resource: Resource<typeof SnapshotSchema, SnapshotFilter> = {
  noun: "snapshot",
  group: "snapshot",
  kind: {
    schema: async () => (await api()).SnapshotSchema,
    name: ({ name }) => name,
    columns: [
      { header: "NAME", value: ({ name }) => name },
      { header: "STATE", value: ({ state }) => state },
      { header: "SIZE", value: ({ size }) => sizeOf(size) },
      { header: "USAGE", value: ({ usage }) => sizeOf(usage) },
      { header: "VOLUME", value: ({ sourceVolumeName }) => sourceVolumeName },
      ageColumn(({ createdAt }) => createdAt),
      { header: "UUID", value: ({ uuid }) => uuid, wide: true },
      { header: "PARTITION", value: ({ partition }) => partition, wide: true },
      { header: "STORAGE-CLASS", value: ({ storageClass }) => storageClass, wide: true },
      { header: "DESCRIPTION", value: ({ description }) => description, wide: true },
    ],
  },
  id: ({ uuid }) => uuid,
  async list(session, { partition }) {
    const project = await session.project();
    return (await (await snapshots(session)).list({ project, ...given({ partition }) })).snapshots;
  },
  async get(session, uuid) {
    return (await (await snapshots(session)).get({ uuid, project: await session.project() })).snapshot;
  },
};

/** `slipway snapshot`: snapshots of volumes. */
export function snapshotCommands(group: Command): void {
  addList(group, resource, "list the snapshots of the project", (command) =>
    command.option("--partition <id>", "only those in this partition"),
  );
  addGet(group, resource);
  addDelete(group, resource, {
    remove: async (session, uuid) =>
      (await (await snapshots(session)).delete({ uuid, project: await session.project() })).snapshot,
  });
}
