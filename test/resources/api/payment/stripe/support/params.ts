/** Form-encoded parameters, as Stripe nests them: `a[b][0]=x`. */
export interface Params {
  readonly [name: string]: Value | undefined;
}
export type Value = string | Params | readonly Value[];

/** Reads a query or a form-encoded body. */
export function parseParams(text: string): Params {
  const root: Record<string, unknown> = {};
  for (const [path, value] of new URLSearchParams(text)) {
    const keys = [...path.matchAll(/[^[\]]+/g)].map(([key]) => key);
    if (path.endsWith("[]")) keys.push("");
    put(root, keys, value);
  }
  return listed(root) as Params;
}

function put(at: Record<string, unknown>, [key = "", ...rest]: readonly string[], value: string): void {
  const name = key === "" ? String(Object.keys(at).length) : key;
  if (rest.length === 0) {
    at[name] = value;
    return;
  }
  at[name] ??= {};
  put(at[name] as Record<string, unknown>, rest, value);
}

/** Objects whose keys are 0, 1, 2 … are lists. */
function listed(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, listed(item)] as const);
  const isList = entries.length > 0 && entries.every(([key], at) => key === String(at));
  return isList ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}

/** An error that Stripe would answer. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly body: { readonly type: string; readonly code?: string; readonly param?: string; readonly message: string },
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(body.message);
  }
}

export function invalid(message: string, param?: string, code?: string): Refusal {
  return new Refusal(400, {
    type: "invalid_request_error",
    message,
    ...(param === undefined ? {} : { param }),
    ...(code === undefined ? {} : { code }),
  });
}

export function missing(kind: string, id: string): Refusal {
  const message = `No such ${kind}: '${id}'`;
  return new Refusal(404, { type: "invalid_request_error", code: "resource_missing", param: "id", message });
}

/** A text parameter that has to be there. */
export function text(params: Params, name: string): string {
  const value = params[name];
  if (typeof value !== "string" || value === "")
    throw invalid(`Missing required param: ${name}.`, name, "parameter_missing");
  return value;
}

export function optionalText(params: Params, name: string): string | undefined {
  const value = params[name];
  return typeof value === "string" ? value : undefined;
}

export function integer(params: Params, name: string): number {
  const value = Number(text(params, name));
  if (!Number.isSafeInteger(value))
    throw invalid(`Invalid integer: ${params[name]}`, name, "parameter_invalid_integer");
  return value;
}

export function object(params: Params, name: string): Params {
  const value = params[name];
  return typeof value === "object" && !Array.isArray(value) ? (value as Params) : {};
}

/** A list of objects; empty where "" empties it. */
export function objects(params: Params, name: string): readonly Params[] {
  const value = params[name];
  return Array.isArray(value) ? (value as readonly Params[]) : [];
}

export function texts(params: Params, name: string): readonly string[] {
  const value = params[name];
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

/** Refuses parameters that Stripe does not have. */
export function only(params: Params, names: readonly string[]): void {
  const unknown = Object.keys(params).find((name) => name !== "expand" && !names.includes(name));
  if (unknown !== undefined) throw invalid(`Received unknown parameter: ${unknown}`, unknown, "parameter_unknown");
}
