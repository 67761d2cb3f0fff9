import type { DescMessage, DescService, JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Node } from "yaml";
import { Failure } from "../failure.js";
import { nearest } from "../nearest.js";
import { methodOf } from "./api.js";
import { type Checking, checkField, fieldOf, unknownField } from "./check.js";
import type { Manifest, ManifestDocument, Place } from "./documents.js";
import { kindNamed, type ManifestKind, manifestKinds } from "./kinds.js";

/** One thing that files want, checked. */
export interface Wanted {
  readonly kind: ManifestKind;
  readonly service: DescService;
  /** The message that makes one. */
  readonly message: DescMessage;
  readonly name: string;
  readonly project: string | undefined;
  /** What is given, in canonical JSON, beside the name. */
  readonly fields: JsonObject;
  readonly at: Place;
}

/** Checks all documents against the messages of their kinds, in the order in which they are to be made. */
export async function checkAll(manifest: Manifest): Promise<Wanted[]> {
  const faults: string[] = [];
  const all: Wanted[] = [];
  for (const document of manifest.documents) {
    const locate = (node: Node | null | undefined) => manifest.locate(document, node);
    const wanted = await checkDocument(document, { locate, faults });
    if (wanted !== undefined) all.push(wanted);
  }
  noteTwins(all, faults);
  if (faults.length > 0) throw new Failure("invalid", "the files are not valid; nothing was changed", faults);
  const order = (wanted: Wanted): number => manifestKinds.indexOf(wanted.kind);
  return all.sort((one, other) => order(one) - order(other));
}

async function checkDocument(document: ManifestDocument, checking: Checking): Promise<Wanted | undefined> {
  const { faults } = checking;
  const kind = kindNamed(document.kind);
  if (kind === undefined) {
    const names = manifestKinds.map((each) => each.kind);
    const near = nearest(document.kind, names);
    const there = near === undefined ? `there are ${names.join(", ")}` : `did you mean ${near}?`;
    return void faults.push(`${document.at}: there is no kind ${document.kind}; ${there}`);
  }
  const service = await kind.service();
  const message = methodOf(service, kind.create ?? "create").input;
  const json: JsonObject = {};
  for (const { key, keyAt, value } of document.fields) {
    const shorthand = kind.shorthands?.[key];
    const field = fieldOf(message, key);
    if (shorthand !== undefined) {
      const given = (value?.toJSON() ?? null) as JsonValue;
      const made = Promise.resolve().then(() => shorthand(given, document.folder));
      Object.assign(json, await made.catch((error: Error) => void faults.push(`${keyAt}: ${key} ${error.message}`)));
    } else if (field === undefined) {
      faults.push(unknownField(message, key, key, keyAt, ["kind", "project", ...Object.keys(kind.shorthands ?? {})]));
    } else json[field.jsonName] = checkField(value, field, key, checking);
  }
  const { name, ...fields } = json;
  if (typeof name !== "string" || name === "") return void faults.push(`${document.at}: name is missing`);
  return { kind, service, message, name, project: document.project, fields, at: document.at };
}

/** The same thing twice would be changed back and forth. */
function noteTwins(all: readonly Wanted[], faults: string[]): void {
  const seen = new Map<string, Place>();
  for (const { kind, name, project, fields, at } of all) {
    const scope = Object.keys(kind.scope ?? {}).map((field) => fields[field] ?? "");
    const key = JSON.stringify([kind.kind, project ?? "", name, ...scope]);
    const earlier = seen.get(key);
    if (earlier !== undefined) faults.push(`${at}: ${kind.kind} ${name} stands at ${earlier}, too`);
    seen.set(key, at);
  }
}
