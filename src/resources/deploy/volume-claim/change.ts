import type {
  VolumeClaimServiceCreateRequest,
  VolumeClaimServiceUpdateRequest,
} from "../../../../gen/ts/deploy/v1/volume_claim_pb.js";
import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { memberStore } from "../../api/member/store.js";
import { refuseForbidden } from "../environment/constraints.js";
import { found as foundEnvironment } from "../environment/rules.js";
import { type EnvironmentRow, environmentStore } from "../environment/store.js";
import {
  found as foundNamespace,
  namespaceLabels,
  refuseTerminating as refuseGoingNamespace,
} from "../namespace/rules.js";
import { type NamespaceRow, namespaceStore } from "../namespace/store.js";
import { targetStore } from "../target/store.js";
import { claimQueue } from "./queue.js";
import {
  accessModeOf,
  found,
  mostClaims,
  refuseMade,
  refuseShrinking,
  refuseStale,
  refuseTerminating,
  sizeOf,
  storageClassOf,
} from "./rules.js";
import { type VolumeClaimChanges, type VolumeClaimKey, type VolumeClaimRow, volumeClaimStore } from "./store.js";

const mostNamed = 5;

/** Makes a volume claim; a job makes it on its target. */
export async function createVolumeClaim(
  { db, clock, newId }: Platform,
  request: VolumeClaimServiceCreateRequest,
): Promise<VolumeClaimRow> {
  const { project, name } = request;
  const size = sizeOf(request.size);
  const storageClass = storageClassOf(request.storageClass);
  const labels = namespaceLabels("labels", request.labels);
  const now = clock();
  return await db.transaction(async (tx) => {
    await memberStore.lockProject(tx, project);
    if ((await volumeClaimStore.count(tx, project)) >= mostClaims) {
      throw new DomainError("exhausted", `the project has ${mostClaims} volume claims already: delete some`);
    }
    const environment = await heldEnvironment(tx, project, request.environment);
    const namespace = foundNamespace(
      await namespaceStore.hold(tx, { project, id: request.namespace }),
      request.namespace,
    );
    refuseGoingNamespace(namespace);
    await refuseForbiddenPlace(tx, environment, namespace, storageClass);
    const added = await volumeClaimStore.insert(tx, {
      id: newId(),
      project,
      environment: environment.id,
      namespace: namespace.id,
      name,
      size,
      storageClass,
      accessMode: accessModeOf(request.accessMode),
      labels,
      message: "it is being made",
      createdAt: now,
      updatedAt: now,
    });
    await claimQueue.settle(tx, added.id);
    return added;
  });
}

/** Changes a volume claim. */
export async function updateVolumeClaim(
  { db, clock }: Platform,
  request: VolumeClaimServiceUpdateRequest,
): Promise<VolumeClaimRow> {
  const { project, environment, uuid: id, expectedVersion, accessMode } = request;
  const asked: VolumeClaimChanges = {
    ...(request.size === undefined ? {} : { size: sizeOf(request.size) }),
    ...(request.storageClass === undefined ? {} : { storageClass: storageClassOf(request.storageClass) }),
    ...(accessMode === undefined ? {} : { accessMode: accessModeOf(accessMode) }),
    ...(request.labels === undefined ? {} : { labels: namespaceLabels("labels.labels", request.labels.labels) }),
  };
  return await db.transaction(async (tx) => {
    const row = found(await volumeClaimStore.lock(tx, { project, environment, id }), id);
    refuseTerminating(row);
    refuseStale(row, expectedVersion);
    if (asked.size !== undefined) refuseShrinking(row, asked.size);
    const isOther = asked.storageClass !== undefined && asked.storageClass !== row.storageClass;
    if (isOther || (asked.accessMode !== undefined && asked.accessMode !== row.accessMode)) refuseMade(row);
    if (isOther) await refuseForbiddenClass(tx, row, asked.storageClass ?? "");
    if (Object.keys(asked).length === 0) return row;
    const changed = found(await volumeClaimStore.want(tx, id, asked, clock()), id);
    await claimQueue.settle(tx, id);
    return changed;
  });
}

/** Wants a volume claim gone that nothing mounts; a job sees to it. */
export async function deleteVolumeClaim({ db, clock }: Platform, key: VolumeClaimKey): Promise<VolumeClaimRow> {
  return await db.transaction(async (tx) => {
    const row = found(await volumeClaimStore.lock(tx, key), key.id);
    if (row.deleteRequestedAt !== null) return row;
    const users = (await volumeClaimStore.users(tx, [row.id])).get(row.id) ?? [];
    if (users.length > 0) {
      const names = users.slice(0, mostNamed).map(({ name }) => name);
      if (users.length > mostNamed) names.push(`${users.length - mostNamed} more`);
      throw new DomainError("precondition", `volume claim ${row.name} is mounted by deployments ${names.join(", ")}`);
    }
    const going = found(await volumeClaimStore.requestDelete(tx, row.id, clock()), row.id);
    await claimQueue.settle(tx, row.id);
    return going;
  });
}

/** The environment of that id, or else the project's default one; it is not deleted until the transaction ends. */
async function heldEnvironment(tx: Database, project: string, id: string): Promise<EnvironmentRow> {
  if (id !== "") {
    await environmentStore.hold(tx, [id]);
    return foundEnvironment(await environmentStore.get(tx, { project, id }), id);
  }
  // Whoever deletes one holds the project, as the caller does.
  const all = await environmentStore.list(tx, project, { name: undefined, labels: {} });
  const usual = all.find(({ isDefault }) => isDefault);
  if (usual === undefined) throw invalidField("environment", "must be given: the project has no default one");
  return usual;
}

async function refuseForbiddenPlace(
  tx: Database,
  environment: EnvironmentRow,
  { project, target: id }: NamespaceRow,
  storageClass: string,
): Promise<void> {
  const target = await targetStore.get(tx, { project, id });
  refuseForbidden(environment, "target", id, target?.name);
  refuseForbidden(environment, "storage_class", storageClass);
}

async function refuseForbiddenClass(
  tx: Database,
  { project, environment: id }: VolumeClaimRow,
  storageClass: string,
): Promise<void> {
  const environment = foundEnvironment(await environmentStore.get(tx, { project, id }), id);
  refuseForbidden(environment, "storage_class", storageClass);
}
