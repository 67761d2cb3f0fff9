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

/** A JSON value as text: "" for none, JSON for objects and lists, which may lie about their own conversion. */
export function asText(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** A JSON value as a number; 0 when it is none. */
export function asNumber(value: unknown): number {
  const number = typeof value === "object" ? 0 : Number(value);
  return Number.isFinite(number) ? number : 0;
}
