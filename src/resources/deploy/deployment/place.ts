import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import { allows, refuseForbidden } from "../environment/constraints.js";
import { found as foundEnvironment } from "../environment/rules.js";
import { type EnvironmentRow, environmentStore } from "../environment/store.js";
import { found as foundNamespace, refuseTerminating } from "../namespace/rules.js";
import { type NamespaceRow, namespaceStore } from "../namespace/store.js";
import { found as foundTarget } from "../target/rules.js";
import { type TargetRow, targetStore } from "../target/store.js";

/** Where a deployment is. */
export interface Place {
  readonly environment: EnvironmentRow;
  readonly target: TargetRow;
  readonly namespace: NamespaceRow;
}

/** What a request says of a place; what is empty is chosen. */
export interface AskedPlace {
  readonly project: string;
  readonly environment: string;
  readonly target: string;
  readonly namespace: string;
}

/**
 * The place that a request names, with the project's default environment, the only target that is allowed there, and
 * the only namespace of that. Throws "missing" for what is not there, "invalid" where there are several to choose from,
 * and "precondition" where there is none, or a constraint forbids it.
 */
export async function choosePlace(db: Database, asked: AskedPlace): Promise<Place> {
  const environment = await chooseEnvironment(db, asked);
  const target = await chooseTarget(db, environment, asked.target);
  refuseForbidden(environment, "target", target.id, target.name);
  return { environment, target, namespace: await chooseNamespace(db, target, asked.namespace) };
}

/** The namespace of that id, or else the only one of the target. */
export async function chooseNamespace(db: Database, target: TargetRow, id: string): Promise<NamespaceRow> {
  if (id !== "") {
    const row = foundNamespace(await namespaceStore.get(db, { project: target.project, id }), id);
    if (row.target !== target.id) {
      throw new DomainError("precondition", `namespace ${row.name} is on another target than ${target.name}`);
    }
    refuseTerminating(row);
    return row;
  }
  const rows = (await namespaceStore.ofTarget(db, target.id)).filter((row) => row.deleteRequestedAt === null);
  return only(rows, "namespace", `target ${target.name} has no namespace: make one`);
}

/** Keeps a place from being deleted until the transaction ends; throws as `choosePlace` does for what has changed. */
export async function holdPlace(tx: Database, { environment, target, namespace }: Place): Promise<void> {
  const { project } = environment;
  await environmentStore.hold(tx, [environment.id]);
  const present = foundEnvironment(await environmentStore.get(tx, { project, id: environment.id }), environment.id);
  refuseForbidden(present, "target", target.id, target.name);
  foundTarget(await targetStore.hold(tx, target), target.id);
  refuseTerminating(foundNamespace(await namespaceStore.hold(tx, namespace), namespace.id));
}

async function chooseEnvironment(db: Database, { project, environment }: AskedPlace): Promise<EnvironmentRow> {
  if (environment !== "") {
    return foundEnvironment(await environmentStore.get(db, { project, id: environment }), environment);
  }
  const all = await environmentStore.list(db, project, { name: undefined, labels: {} });
  const usual = all.find(({ isDefault }) => isDefault);
  if (usual !== undefined) return usual;
  throw invalidField("environment", "must be given: the project has no default environment");
}

async function chooseTarget(db: Database, environment: EnvironmentRow, id: string): Promise<TargetRow> {
  const { project, constraints, name } = environment;
  if (id !== "") return foundTarget(await targetStore.get(db, { project, id }), id);
  const all = await targetStore.list(db, project, { labels: {}, cluster: undefined });
  const allowed = all.filter((target) => allows(constraints, "target", target.id));
  return only(allowed, "target", `environment ${name} allows no target: make one`);
}

function only<Row extends { readonly name: string }>(rows: readonly Row[], field: string, none: string): Row {
  const [first, ...others] = rows;
  if (first === undefined) throw new DomainError("precondition", none);
  if (others.length === 0) return first;
  const names = rows.slice(0, 5).map(({ name }) => name);
  throw invalidField(field, `must be given: there are ${rows.length}, such as ${names.join(", ")}`);
}
