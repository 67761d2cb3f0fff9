import type { Fields } from "./types.js";

/** Whether a JSON value is an object, not a list and not null. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A JSON value as an object; {} when it is something else. */
export function asFields(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** A JSON value as a list of objects; [] when it is something else. */
export function asList(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(asFields) : [];
}
