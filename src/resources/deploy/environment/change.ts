import type {
  EnvironmentServiceCreateRequest,
  EnvironmentServiceUpdateRequest,
} from "../../../../gen/ts/deploy/v1/environment_pb.js";
import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { memberStore } from "../../api/member/store.js";
import { bindingStore } from "../../iam/access/binding-store.js";
import { labelsOf } from "./labels.js";
import { constraintsOf, found, mostEnvironments, refuseStale, targetsNamed, tolerationsOf } from "./rules.js";
import { type EnvironmentChanges, type EnvironmentKey, type EnvironmentRow, environmentStore } from "./store.js";
import type { Constraint } from "./table.js";

const mostNamed = 5;

/** Makes an environment. */
export async function createEnvironment(
  { db, clock, newId }: Platform,
  request: EnvironmentServiceCreateRequest,
): Promise<EnvironmentRow> {
  const { project, name, description, isDefault } = request;
  const asked = {
    nodeSelector: labelsOf("node_selector", request.nodeSelector),
    tolerations: tolerationsOf("tolerations", request.tolerations),
    constraints: constraintsOf("constraints", request.constraints),
    labels: labelsOf("labels", request.labels),
  };
  const now = clock();
  const id = newId();
  return await db.transaction(async (tx) => {
    await memberStore.lockProject(tx, project);
    if ((await environmentStore.count(tx, project)) >= mostEnvironments) {
      throw new DomainError("exhausted", `the project has ${mostEnvironments} environments already: delete some`);
    }
    await demandTargets(tx, project, asked.constraints);
    if (isDefault) await environmentStore.leaveDefault(tx, { project, id }, now);
    const stamps = { createdAt: now, updatedAt: now };
    return await environmentStore.insert(tx, { id, project, name, description, isDefault, ...asked, ...stamps });
  });
}

/** Changes an environment. */
export async function updateEnvironment(
  { db, clock }: Platform,
  request: EnvironmentServiceUpdateRequest,
): Promise<EnvironmentRow> {
  const { project, uuid: id, expectedVersion } = request;
  const changes = askedChanges(request);
  const now = clock();
  return await db.transaction(async (tx) => {
    await memberStore.lockProject(tx, project);
    const row = found(await environmentStore.lock(tx, { project, id }), id);
    refuseStale(row, expectedVersion);
    if (Object.keys(changes).length === 0) return row;
    await demandTargets(tx, project, changes.constraints ?? []);
    if (changes.isDefault === true) await environmentStore.leaveDefault(tx, { project, id }, now);
    return found(await environmentStore.update(tx, { project, id }, changes, now), id);
  });
}

/** Deletes an environment with the roles that are held in it. */
export async function deleteEnvironment({ db }: Platform, key: EnvironmentKey): Promise<EnvironmentRow> {
  return await db.transaction(async (tx) => {
    await memberStore.lockProject(tx, key.project);
    const row = found(await environmentStore.lock(tx, key), key.id);
    const { named, count } = await environmentStore.contents(tx, key, mostNamed);
    if (count > 0) {
      const names = count > named.length ? [...named, `${count - named.length} more`] : named;
      throw new DomainError("precondition", `environment ${row.name} is not empty: delete ${names.join(", ")} first`);
    }
    await bindingStore.removeFromEnvironment(tx, row.project, row.id);
    await environmentStore.delete(tx, key);
    return row;
  });
}

function askedChanges(request: EnvironmentServiceUpdateRequest): EnvironmentChanges {
  const { name, description, isDefault, nodeSelector, tolerations, constraints, labels } = request;
  return {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(isDefault === undefined ? {} : { isDefault }),
    ...(nodeSelector === undefined ? {} : { nodeSelector: labelsOf("node_selector.labels", nodeSelector.labels) }),
    ...(tolerations === undefined
      ? {}
      : { tolerations: tolerationsOf("tolerations.tolerations", tolerations.tolerations) }),
    ...(constraints === undefined
      ? {}
      : { constraints: constraintsOf("constraints.constraints", constraints.constraints) }),
    ...(labels === undefined ? {} : { labels: labelsOf("labels.labels", labels.labels) }),
  };
}

async function demandTargets(tx: Database, project: string, constraints: readonly Constraint[]): Promise<void> {
  const unknown = await environmentStore.unknownTarget(tx, project, targetsNamed(constraints));
  if (unknown !== undefined) throw new DomainError("missing", `target ${unknown} does not exist`);
}
