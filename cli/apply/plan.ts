import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Failure } from "../failure.js";
import { resolveProject } from "../project.js";
import type { Session } from "../session.js";
import { listAll, methodOf } from "./api.js";
import { covers, isObject, project as projected } from "./compare.js";
import { openReferences, type References } from "./references.js";
import type { Wanted } from "./wanted.js";

/** What is to be done about one thing. */
export interface PlannedThing {
  readonly wanted: Wanted;
  /** Uuid of its project; empty for projects themselves. */
  readonly project: string;
  readonly references: References;
  /** With uuids in place of names, as far as they are there. */
  readonly fields: JsonObject;
  /** What is there now; undefined when it is to be made. */
  readonly item: JsonObject | undefined;
  /** The fields that change. */
  readonly changes: readonly string[];
}

/** Compares what files want with what is there. */
export async function planAll(session: Session, all: readonly Wanted[], resend: boolean): Promise<PlannedThing[]> {
  const planned = new Set(all.map(({ kind, name }) => `${kind.kind}/${name}`));
  const opened = new Map<string, References>();
  const things: PlannedThing[] = [];
  for (const wanted of all) {
    const project = await projectOf(session, wanted);
    const references = opened.get(project) ?? openReferences(session, project, planned);
    opened.set(project, references);
    things.push(await planOne(session, wanted, { project, references, resend }));
  }
  return things;
}

/** Looks at a thing again, right before something is done about it; a failure when it is not as it was shown. */
export async function lookAgain(session: Session, thing: PlannedThing, resend: boolean): Promise<PlannedThing> {
  const { wanted, project, references } = thing;
  const now = await planOne(session, wanted, { project, references, resend });
  const seen = ({ item, changes }: PlannedThing): string =>
    JSON.stringify(
      item === undefined ? null : changes.map((field) => projected(item[field], thing.fields[field] ?? null)),
    );
  if (now.item === undefined && thing.item === undefined) return now;
  if (seen(now) !== seen(thing)) {
    throw new Failure("conflict", `${wanted.kind.kind} ${wanted.name} was changed meanwhile`, [
      "slipway diff shows how it is now; then apply again.",
    ]);
  }
  return now;
}

interface Surroundings {
  readonly project: string;
  readonly references: References;
  readonly resend: boolean;
}

async function planOne(session: Session, wanted: Wanted, around: Surroundings): Promise<PlannedThing> {
  const { project, references, resend } = around;
  const { kind } = wanted;
  const fields = await references.resolve(kind, wanted.fields, true);
  const found = await findItem(session, wanted, fields, project);
  if (found === undefined)
    return { wanted, project, references, fields, item: undefined, changes: Object.keys(fields) };
  const more = (await kind.state?.(session, found, fields, resend)) ?? {};
  const item = { ...found, ...more };
  const changes = Object.keys(fields).filter((field) => {
    if (kind.onlyCreates?.includes(field) === true) return false;
    return !covers(item[field], fields[field] ?? null, kind.partial?.includes(field));
  });
  const fixed = changes.filter((field) => !canChange(wanted, field));
  if (fixed.length > 0) {
    throw new Failure(
      "precondition",
      `${wanted.at}: ${kind.kind} ${wanted.name}: ${fixed.join(", ")} cannot be changed`,
      [
        ...fixed.map((field) => `${field} is ${brief(item[field])} and would become ${brief(fields[field])}`),
        "Set it back in the file, or delete the thing and make it anew.",
      ],
    );
  }
  return { wanted, project, references, fields, item, changes };
}

function canChange({ kind, service }: Wanted, field: string): boolean {
  if (kind.update !== undefined || kind.separately?.[field] !== undefined) return true;
  return methodOf(service, "update").input.fields.some(({ jsonName }) => jsonName === field);
}

async function projectOf(session: Session, { kind, project }: Wanted): Promise<string> {
  if (kind.id === "project") return "";
  return project === undefined ? await session.project() : await resolveProject(project, session.client);
}

async function findItem(
  session: Session,
  wanted: Wanted,
  fields: JsonObject,
  project: string,
): Promise<JsonObject | undefined> {
  const { kind, service, name, at } = wanted;
  const environment = fields.environment ?? "";
  const items = await listAll(session, service, project === "" ? {} : { project, environment });
  const scope = Object.entries(kind.scope ?? {});
  const named = items.filter((item) => {
    if (item.name !== name || isDeleted(item)) return false;
    // Of a tenant's project, the tenant is what tells namesakes apart.
    if (kind.id === "project" && fields.login !== undefined && item.tenant !== fields.login) return false;
    return scope.every(([field, otherwise]) => {
      const asked = fields[field] ?? otherwise;
      return asked === undefined || (item[field] ?? "") === asked;
    });
  });
  if (named.length > 1) {
    const more = [...scope.map(([field]) => field), ...(kind.id === "project" ? ["login"] : [])].join(" and ");
    throw new Failure("usage", `${at}: ${named.length} are called ${kind.kind} ${name}`, [`Say which by ${more}.`]);
  }
  return named[0];
}

function isDeleted(item: JsonObject): boolean {
  return item.deletedAt !== undefined && item.deletedAt !== null;
}

function brief(value: JsonValue | undefined): string {
  const text = isObject(value) || Array.isArray(value) ? JSON.stringify(value) : String(value ?? "unset");
  return text.length > 80 ? `${text.slice(0, 79)}…` : text === "" ? "empty" : text;
}
