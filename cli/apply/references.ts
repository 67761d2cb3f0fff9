import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isUuid, pick } from "../find.js";
import type { Session } from "../session.js";
import { listAll } from "./api.js";
import { isObject } from "./compare.js";
import { kindNamed, type ManifestKind } from "./kinds.js";

/** Finds uuids of things by kind and name; what is asked twice is listed once. */
export interface References {
  /** The wanted fields with uuids in place of names. Names of what is yet to be made stay while `isPlan`. */
  resolve(kind: ManifestKind, wanted: JsonObject, isPlan: boolean): Promise<JsonObject>;
  /** Something was made: lists are read anew. */
  forget(kind: string): void;
}

/** Begins to look things up in a project. `planned` are those that the files make, as KIND/NAME. */
export function openReferences(session: Session, project: string, planned: ReadonlySet<string>): References {
  const lists = new Map<string, Promise<JsonObject[]>>();
  const listOf = (kind: string): Promise<JsonObject[]> => {
    const known = lists.get(kind) ?? readList(session, kind, project);
    lists.set(kind, known);
    return known;
  };
  const find = async (kind: string, name: string, isPlan: boolean): Promise<string> => {
    if (name === "" || isUuid(name)) return name;
    const items = await listOf(kind);
    const isYetToBeMade = planned.has(`${kind}/${name}`) && !items.some((item) => item.name === name);
    if (isPlan && isYetToBeMade) return name;
    const naming = { kind: kind.toLowerCase(), list: `slipway ${kind.toLowerCase()} list` };
    const found = pick(items, name, { ...naming, id: (item) => String(item.uuid), name: (item) => String(item.name) });
    return String(found.uuid);
  };
  return {
    async resolve(kind, wanted, isPlan) {
      let resolved = wanted;
      for (const [path, of] of Object.entries(kind.references ?? {})) {
        const value = await replace(resolved, path.split("."), (name) => find(of, name, isPlan));
        resolved = isObject(value) ? value : resolved;
      }
      return resolved;
    },
    forget: (kind) => void lists.delete(kind),
  };
}

async function readList(session: Session, kind: string, project: string): Promise<JsonObject[]> {
  const known = kindNamed(kind);
  return known === undefined ? [] : await listAll(session, await known.service(), { project });
}

/** Replaces the texts at a path; lists on the way are gone through. */
async function replace(
  value: JsonValue,
  path: readonly string[],
  by: (text: string) => Promise<string>,
): Promise<JsonValue> {
  const [key, ...rest] = path;
  if (key === undefined) return typeof value === "string" ? await by(value) : value;
  if (Array.isArray(value)) return await Promise.all(value.map((item) => replace(item, path, by)));
  const inner = isObject(value) ? value[key] : undefined;
  if (!isObject(value) || inner === undefined) return value;
  return { ...value, [key]: await replace(inner, rest, by) };
}
