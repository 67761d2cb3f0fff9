import type { Sink } from "./sink.js";

/** Writes a value, tag and all; throws `unusual`, or what the language throws, when the library is to see it. */
export type Write = (sink: Sink, field: Field, value: unknown) => void;

/** What there is to know of a field when it is written. All are of one shape: that is what keeps the writing fast. */
export interface Field {
  /** Property of the message; of a oneof its own. */
  readonly name: string;
  /** As it is written, with the wire type; 0: none is, as for the items of a packed list. */
  readonly tag: number;
  readonly write: Write;
  /** The zero value is left out, and the property always has a value. */
  readonly implicit: boolean;
  readonly required: boolean;
  /** The value of an enum or a number that is left out. */
  readonly zero: number;
  /** Of a message: its fields. */
  readonly plan: Plan | undefined;
  /** Of a list or map: its items; of a wrapper: what is wrapped. */
  readonly item: Field | undefined;
  /** Of a map: its keys. */
  readonly key: Field | undefined;
  /** Of a oneof: its members by their property names. */
  readonly members: ReadonlyMap<string, Field> | undefined;
  /** Bytes that the length took the last time. */
  width: number;
}

/** How the messages of a type are written. */
export interface Plan {
  readonly typeName: string;
  /** In the order of their numbers. */
  readonly fields: readonly Field[];
  /** Whether a property may have a value that is inherited, and so is not set, though the message is a plain object. */
  readonly inherits: boolean;
  /** Whether there are fields that are set or not, whatever their value. */
  readonly explicit: boolean;
}

type Given = Partial<Field> & Pick<Field, "write">;

/** A field; what is not given is that of a value which is always written. */
export function fieldOf(given: Given): Field {
  return {
    name: given.name ?? "",
    tag: given.tag ?? 0,
    write: given.write,
    implicit: given.implicit ?? false,
    required: given.required ?? false,
    zero: given.zero ?? 0,
    plan: given.plan,
    item: given.item,
    key: given.key,
    members: given.members,
    width: 1,
  };
}
