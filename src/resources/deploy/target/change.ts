import type { TargetServiceCreateRequest, TargetServiceUpdateRequest } from "../../../../gen/ts/deploy/v1/target_pb.js";
import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { clusterStore } from "../../api/cluster/store.js";
import { memberStore } from "../../api/member/store.js";
import { labelsOf } from "../environment/labels.js";
import { routeStore } from "../route/store.js";
import { foreignAccess } from "./kubeconfig.js";
import { found, mostTargets, refuseStale, routersOf } from "./rules.js";
import { type TargetChanges, type TargetKey, type TargetRow, targetStore } from "./store.js";
import type { RouterSettings } from "./table.js";

const mostNamed = 5;

/** Makes a target; the observer tries its connection. */
export async function createTarget(platform: Platform, request: TargetServiceCreateRequest): Promise<TargetRow> {
  const { db, clock, newId } = platform;
  const { project, name, description, source } = request;
  const routers = routersOf("routers", request.routers);
  const labels = labelsOf("labels", request.labels);
  const cluster = source.case === "cluster" ? source.value : null;
  const kubeconfigSealed = source.case === "kubeconfig" ? await sealed(platform, source.value) : null;
  const stamps = { createdAt: clock(), updatedAt: clock() };
  return await db.transaction(async (tx) => {
    await memberStore.lockProject(tx, project);
    if ((await targetStore.count(tx, project)) >= mostTargets) {
      throw new DomainError("exhausted", `the project has ${mostTargets} targets already: delete some`);
    }
    if (cluster !== null) await demandCluster(tx, project, cluster);
    const wanted = { name, description, cluster, kubeconfigSealed, routers, labels };
    return await targetStore.insert(tx, { id: newId(), project, ...wanted, ...stamps });
  });
}

/** Changes a target. */
export async function updateTarget(platform: Platform, request: TargetServiceUpdateRequest): Promise<TargetRow> {
  const { db, clock } = platform;
  const { project, uuid: id, expectedVersion } = request;
  const changes = await askedChanges(platform, request);
  const now = clock();
  return await db.transaction(async (tx) => {
    await memberStore.lockProject(tx, project);
    const row = found(await targetStore.lock(tx, { project, id }), id);
    refuseStale(row, expectedVersion);
    if (changes.kubeconfigSealed !== undefined && row.cluster !== null) {
      throw invalidField("kubeconfig", "is for foreign clusters: the platform has access to this one by itself");
    }
    if (Object.keys(changes).length === 0) return row;
    if (changes.routers !== undefined) await refuseRoutersInUse(tx, row, changes.routers);
    return found(await targetStore.update(tx, { project, id }, changes, now), id);
  });
}

/** Refuses to take a router away that a route uses; new routes wait until the target is not locked any more. */
async function refuseRoutersInUse(
  tx: Database,
  { id, name, routers: before }: TargetRow,
  routers: readonly RouterSettings[],
): Promise<void> {
  const kept = new Set(routers.map((router) => router.name));
  const names = before.flatMap((router) => (kept.has(router.name) ? [] : router.name));
  const { hostnames, count } = await routeStore.ofRouters(tx, id, names, mostNamed);
  if (count === 0) return;
  const shown = count > hostnames.length ? [...hostnames, `${count - hostnames.length} more`] : hostnames;
  throw new DomainError(
    "precondition",
    `routers of target ${name} are in use: keep those of routes ${shown.join(", ")}`,
  );
}

/** Deletes a target that nothing needs. */
export async function deleteTarget({ db }: Platform, key: TargetKey): Promise<TargetRow> {
  return await db.transaction(async (tx) => {
    await memberStore.lockProject(tx, key.project);
    const row = found(await targetStore.lock(tx, key), key.id);
    const { named, count } = await targetStore.uses(tx, row, mostNamed);
    if (count > 0) {
      const names = count > named.length ? [...named, `${count - named.length} more`] : named;
      throw new DomainError("precondition", `target ${row.name} is in use: delete ${names.join(", ")} first`);
    }
    await targetStore.delete(tx, key);
    return row;
  });
}

async function askedChanges(platform: Platform, request: TargetServiceUpdateRequest): Promise<TargetChanges> {
  const { name, description, kubeconfig, routers, labels } = request;
  return {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(routers === undefined ? {} : { routers: routersOf("routers.routers", routers.routers) }),
    ...(labels === undefined ? {} : { labels: labelsOf("labels.labels", labels.labels) }),
    ...(kubeconfig === undefined ? {} : { kubeconfigSealed: await sealed(platform, kubeconfig) }),
  };
}

function sealed({ keyring, settings }: Platform, kubeconfig: string): Promise<string> {
  return keyring.seal(foreignAccess(kubeconfig, settings.targetAddresses).kubeconfig);
}

async function demandCluster(tx: Database, project: string, id: string): Promise<void> {
  const cluster = await clusterStore.lock(tx, { id, project });
  if (cluster === undefined) throw new DomainError("missing", `cluster ${id} does not exist`);
  if (cluster.deleteRequestedAt !== null) {
    throw new DomainError("precondition", `cluster ${cluster.name} is being deleted`);
  }
}
