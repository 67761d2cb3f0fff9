import { age, builtinCells, type Cell, type ComputedColumn } from "./builtin-columns.js";
import type { Column } from "./extension.js";
import { asNumber, asText } from "./fields.js";
import { valueAt } from "./json-path.js";
import type { ServedType } from "./served-type.js";
import type { Fields, KubeObject } from "./types.js";

/** How much of each object a table carries along: query parameter includeObject. */
export type IncludeObject = "None" | "Metadata" | "Object";

/** The printable form of objects that `kubectl get` asks for. */
export function tableOf(
  type: ServedType,
  objects: readonly KubeObject[],
  options: { metadata: Fields; include: IncludeObject; now: Date; withColumns?: boolean },
): Fields {
  const columns = columnsOf(type);
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: options.metadata,
    columnDefinitions: options.withColumns === false ? null : columns.map(definitionOf),
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object, options.now) ?? null),
      ...included(object, options.include),
    })),
  };
}

function included(object: KubeObject, include: IncludeObject): Fields {
  if (include === "None") return {};
  return { object: include === "Object" ? object : partialObject(object) };
}

/** An object reduced to its metadata, as informers of metadata ask for it. */
export function partialObject(object: KubeObject): Fields {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
}

const nameColumn: ComputedColumn = {
  name: "Name",
  type: "string",
  format: "name",
  cell: (object) => object.metadata.name,
};
const ageColumn: ComputedColumn = {
  name: "Age",
  type: "string",
  cell: (object, now) => age(object.metadata.creationTimestamp, now),
};

function columnsOf(type: ServedType): ComputedColumn[] {
  const builtin = builtinCells[`${type.group}/${type.resource}`];
  if (builtin) return builtin.some(({ name }) => name === "Last Seen") ? [...builtin] : framed(builtin);
  if (!type.columns) return [nameColumn, ageColumn];
  const columns = type.columns.map(fromPath);
  // Definitions that bring an age column of their own replace the standard one, as upstream.
  return type.columns.some(({ name }) => name.toLowerCase() === "age") ? [nameColumn, ...columns] : framed(columns);
}

function framed(columns: readonly ComputedColumn[]): ComputedColumn[] {
  const wide = columns.filter(({ priority }) => (priority ?? 0) > 0);
  const narrow = columns.filter((column) => !wide.includes(column));
  return [nameColumn, ...narrow, ageColumn, ...wide];
}

function fromPath(column: Column): ComputedColumn {
  return { ...column, cell: (object, now) => cellOf(valueAt(object, column.jsonPath), column.type, now) };
}

function cellOf(value: unknown, type: Column["type"], now: Date): Cell {
  if (value === undefined || value === null) return undefined;
  if (type === "date") return age(asText(value), now);
  if (type === "integer" || type === "number") return asNumber(value);
  if (type === "boolean") return value === true || value === "true";
  return asText(value);
}

function definitionOf(column: ComputedColumn): Fields {
  const { name, type, format = "", description = "", priority = 0 } = column;
  return { name, type: type === "date" ? "string" : type, format, description: description || name, priority };
}
