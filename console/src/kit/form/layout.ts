import type { DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import type { DraftObject } from "./draft.js";

/** A choice of a select. */
export interface Choice {
  readonly value: string;
  readonly label: string;
}

/** A field of a form. All but `field` has a default that comes from the descriptor and its rules. */
export interface FieldLayout {
  /** Proto name; of a nested message with dots: `kubernetes.version`. */
  readonly field: string;
  readonly label?: string;
  readonly hint?: string;
  readonly placeholder?: string;
  /** How it is entered, where the type does not tell: bytes with a unit, a time of day in UTC, many lines. */
  readonly kind?: "size" | "time-of-day" | "textarea" | "password";
  /** What can be chosen; of enums the descriptor knows it. */
  readonly choices?: readonly Choice[];
  /** The fields of a nested or repeated message, or of the values of a map; of a repeated one also by its place. */
  readonly fields?: readonly LayoutItem[] | ((index: number) => readonly LayoutItem[]);
  /** So many items at the beginning cannot be removed. */
  readonly fixedItems?: number;
  /** The word for one item of a repeated field: "worker group". */
  readonly item?: string;
  /** A new item of a repeated message, by proto names. */
  readonly newItem?: (present: number) => DraftObject;
  /** How many of 12 columns it takes; 6 unless given, 12 for what is long. */
  readonly span?: number;
  /** Whether it has to be filled in, where the rules say nothing of it. */
  readonly required?: boolean;
  readonly autoFocus?: boolean;
  readonly readOnly?: boolean;
}

/** Fields under a heading. */
export interface GroupLayout {
  readonly group: string;
  readonly hint?: string;
  readonly fields: readonly LayoutItem[];
}

/** A choice between the members of a oneof. */
export interface OneofLayout {
  /** Name of the oneof; of a nested message with dots: `source.source`. */
  readonly oneof: string;
  readonly label: string;
  readonly hint?: string;
  /** Of each member that can be chosen: its word, and its fields. */
  readonly members: readonly {
    readonly field: string;
    readonly label: string;
    readonly fields?: readonly LayoutItem[];
  }[];
}

/** A part of a form. */
export type LayoutItem = FieldLayout | GroupLayout | OneofLayout;

/** The fields of an item in a repeated field. */
export function itemFields({ fields }: FieldLayout, desc: DescMessage, index = 0): readonly LayoutItem[] {
  if (typeof fields === "function") return fields(index);
  return fields ?? desc.fields.map(({ name }) => ({ field: name }));
}

/** The field at a dotted path; throws where the message has none, for that is a mistake in the layout. */
export function fieldAt(desc: DescMessage, path: string): DescField {
  const [name = "", ...rest] = path.split(".");
  const field = desc.fields.find((each) => each.name === name);
  if (field === undefined) throw new Error(`${desc.typeName} has no field ${name}`);
  if (rest.length === 0) return field;
  if (field.message === undefined) throw new Error(`${desc.typeName}.${name} is no message`);
  return fieldAt(field.message, rest.join("."));
}

/** The oneof at a dotted path. */
export function oneofAt(desc: DescMessage, path: string): DescOneof {
  const steps = path.split(".");
  const name = steps.pop() ?? "";
  const owner = steps.length === 0 ? desc : fieldAt(desc, steps.join(".")).message;
  const oneof = owner?.oneofs.find((each) => each.name === name);
  if (oneof === undefined) throw new Error(`${desc.typeName} has no oneof ${path}`);
  return oneof;
}

/** Every path that a layout shows, so that problems of others are told above the form. */
export function shownPaths(layout: readonly LayoutItem[]): string[] {
  return layout.flatMap((item) => {
    if ("group" in item) return shownPaths(item.fields);
    if ("field" in item) return [item.field];
    const owner = item.oneof.split(".").slice(0, -1);
    return [item.oneof, ...item.members.map(({ field }) => [...owner, field].join("."))];
  });
}

/** A name as words: `machine_type` → "Machine type", `CHART_ENGINE_ARGO_CD` → "Argo cd" without its prefix. */
export function wordsOf(name: string, prefix = ""): string {
  const words = (name.startsWith(prefix) ? name.slice(prefix.length) : name).replaceAll("_", " ").toLowerCase().trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
