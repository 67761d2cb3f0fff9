import type { ClusterServiceCreateRequest, ClusterServiceUpdateRequest } from "../../../../gen/ts/api/v1/cluster_pb.js";
import type { Database } from "../../../db/database.js";
import { constraintOf } from "../../../db/errors.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { wantedFromCreate, wantedFromUpdate } from "./rules.js";
import { type ClusterKey, type ClusterRow, clusterStore } from "./store.js";

/** Adds a cluster; its row and its job are committed together. */
export async function createCluster(platform: Platform, request: ClusterServiceCreateRequest): Promise<ClusterRow> {
  const now = platform.clock();
  const wanted = wantedFromCreate(request, platform.assets, now);
  const { name, project } = request;
  const cluster = { ...wanted, id: platform.newId(), name, project };
  const row = await clusterStore.create(platform.db, cluster, now).catch((error: unknown) => {
    throw constraintOf(error) === "clusters_name" ? nameTaken(name, error) : error;
  });
  if (row === undefined) throw noProject(project);
  return row;
}

/** Changes what is wanted of a cluster. */
export async function updateCluster(platform: Platform, request: ClusterServiceUpdateRequest): Promise<ClusterRow> {
  const { project, uuid: id } = request;
  return await changeSeen(platform.db, { project, id }, (db, row) => {
    if (row.deleteRequestedAt !== null) {
      throw new DomainError("precondition", `cluster ${row.name} is being deleted`);
    }
    const now = platform.clock();
    return clusterStore.change(db, row, wantedFromUpdate(request, row, platform.assets, now), now);
  });
}

/** Asking twice is fine: the second answer shows how far the first has come. */
export async function deleteCluster({ db, clock }: Platform, project: string, id: string): Promise<ClusterRow> {
  const row = await clusterStore.remove(db, { project, id }, clock());
  return row ?? found(await clusterStore.get(db, { project, id }), id);
}

/**
 * Judges a cluster as it is, and writes what follows from that: at once if nobody changes it meanwhile, else with
 * the row locked. `write` answers undefined, with nothing done, when the row is not the one that it was given.
 */
export async function changeSeen(
  db: Database,
  key: ClusterKey,
  write: (db: Database, seen: ClusterRow) => Promise<ClusterRow | undefined>,
): Promise<ClusterRow> {
  const seen = found(await clusterStore.get(db, key), key.id);
  const written = await write(db, seen);
  if (written !== undefined) return written;
  return await db.transaction(async (tx) => {
    const held = found(await clusterStore.lock(tx, key), key.id);
    return found(await write(tx, held), key.id);
  });
}

/** NOT_FOUND for a project. */
export const noProject = (project: string): DomainError =>
  new DomainError("missing", `project ${project} does not exist`);

function nameTaken(name: string, cause: unknown): DomainError {
  return new DomainError("exists", `the project has a cluster ${name} already`, { cause });
}

/** The row; or NOT_FOUND, as for a cluster of another project. */
export function found(row: ClusterRow | undefined, id: string): ClusterRow {
  if (row === undefined) throw new DomainError("missing", `cluster ${id} does not exist`);
  return row;
}
