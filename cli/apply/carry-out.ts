import { setTimeout as pause } from "node:timers/promises";
import type { DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { Failure } from "../failure.js";
import { followCluster } from "../progress/cluster.js";
import { followTask } from "../progress/task.js";
import type { Session } from "../session.js";
import { callMethod, listAll, methodOf, thingOf } from "./api.js";
import { fieldOf } from "./check.js";
import { isObject } from "./compare.js";
import type { PlannedThing } from "./plan.js";

/** Makes or changes one thing; with `wait` until it is done. Answers the thing. */
export async function carryOut(session: Session, thing: PlannedThing, wait: boolean): Promise<JsonObject> {
  const { wanted, references } = thing;
  // What was made before is there now.
  const fields = await references.resolve(wanted.kind, wanted.fields, false);
  const answers = thing.item === undefined ? await make(session, thing, fields) : await change(session, thing, fields);
  references.forget(wanted.kind.kind);
  if (wait) {
    for (const answer of answers)
      await waitFor(session, thing, answer, thing.item === undefined ? "Create" : "Reconcile");
  }
  const [method, last] = [thing.item === undefined ? (wanted.kind.create ?? "create") : "update", answers.at(-1) ?? {}];
  return { ...thing.item, ...thingOf(wanted.service, method, last) };
}

const pollMs = 500;
const mostPatienceMs = 60_000;

/** Deletes one thing that is there. What still goes away and stands in its way is waited for, a minute at most. */
export async function removeInTurn(session: Session, thing: PlannedThing, wait: boolean): Promise<void> {
  const until = Date.now() + (wait ? session.waitMs : Math.min(session.waitMs, mostPatienceMs));
  for (;;) {
    try {
      return await remove(session, thing, wait, until);
    } catch (error) {
      const isInUse = error instanceof ConnectError && error.code === Code.FailedPrecondition;
      if (!isInUse || Date.now() > until) throw error;
      await pause(pollMs);
    }
  }
}

async function remove(session: Session, thing: PlannedThing, wait: boolean, until: number): Promise<void> {
  const { wanted, project, item = {} } = thing;
  const answer = await callMethod(session, wanted.service, "delete", idOf(thing, item, "delete"));
  if (!wait) return;
  await waitFor(session, thing, answer, "Delete");
  // What has no task is gone when it is listed no more.
  const asked = project === "" ? {} : { project, environment: item.environment ?? "" };
  while (
    (await listAll(session, wanted.service, asked)).some(({ uuid, deletedAt }) => uuid === item.uuid && !deletedAt)
  ) {
    if (Date.now() > until) {
      throw new Failure("timeout", `${wanted.kind.kind} ${wanted.name} is not gone in time`, [
        "It goes on; wait longer with --timeout.",
      ]);
    }
    await pause(pollMs);
  }
}

async function make(session: Session, { wanted, project }: PlannedThing, fields: JsonObject): Promise<JsonObject[]> {
  const request = { ...fields, name: wanted.name, ...(project === "" ? {} : { project }) };
  return [await callMethod(session, wanted.service, wanted.kind.create ?? "create", request)];
}

async function change(session: Session, thing: PlannedThing, fields: JsonObject): Promise<JsonObject[]> {
  const { wanted, changes, item = {}, project } = thing;
  const { kind, service } = wanted;
  const answers: JsonObject[] = [];
  const apart = changes.filter((field) => kind.separately?.[field] !== undefined);
  const together = changes.filter((field) => !apart.includes(field));
  if (together.length > 0) {
    const changed = Object.fromEntries(together.map((field) => [field, fields[field] ?? null]));
    const { input } = methodOf(service, "update");
    const request =
      kind.update === undefined
        ? { ...idOf(thing, item, "update"), ...wrapped(input, changed), ...versionOf(input, item) }
        : { project, ...kind.update(item, changed) };
    answers.push(await callMethod(session, service, "update", request));
  }
  for (const field of apart) {
    const answer = await kind.separately?.[field]?.(session, item, fields[field] ?? null);
    if (answer !== undefined) answers.push(answer);
  }
  return answers;
}

/** What says which thing a request is about. */
function idOf({ wanted, project }: PlannedThing, item: JsonObject, method: string): JsonObject {
  const { kind, service } = wanted;
  const { input } = methodOf(service, method);
  const uuid = String(item.uuid);
  if (kind.id === "project") return { project: uuid };
  const hasEnvironment = fieldOf(input, "environment") !== undefined && typeof item.environment === "string";
  return { project, [kind.id ?? "uuid"]: uuid, ...(hasEnvironment ? { environment: item.environment ?? "" } : {}) };
}

/** Updates have lists and maps in messages of their own, so that an empty one can be told from none. */
function wrapped(input: DescMessage, changed: JsonObject): JsonObject {
  const entries = Object.entries(changed).map(([name, value]): [string, JsonValue] => {
    const field = fieldOf(input, name);
    const [only, ...more] = field?.message?.fields ?? [];
    const isWrapper =
      field?.fieldKind === "message" && more.length === 0 && /^(?:list|map)$/.test(only?.fieldKind ?? "");
    return [name, isWrapper && only !== undefined && !isOf(only.jsonName, value) ? { [only.jsonName]: value } : value];
  });
  return Object.fromEntries(entries);
}

const isOf = (field: string, value: JsonValue): boolean => isObject(value) && isObject(value[field]);

/** What changed since it was looked at is not overwritten. */
function versionOf(input: DescMessage, item: JsonObject): JsonObject {
  const expectedVersion = item.version;
  if (expectedVersion === undefined) return {};
  if (fieldOf(input, "expected_version") !== undefined) return { expectedVersion };
  return fieldOf(input, "options")?.message?.typeName === "deploy.v1.TaskOptions"
    ? { options: { expectedVersion } }
    : {};
}

async function waitFor(
  session: Session,
  { wanted, project }: PlannedThing,
  answer: JsonObject,
  operation: "Create" | "Reconcile" | "Delete",
): Promise<void> {
  const { task, cluster } = answer;
  const title = `${wanted.kind.kind.toLowerCase()} ${wanted.name}`;
  if (isObject(task) && task.uuid) await followTask(session, { uuid: String(task.uuid), project, title });
  if (isObject(cluster)) {
    await followCluster(session, { uuid: String(cluster.uuid), project, name: wanted.name }, operation);
  }
}
