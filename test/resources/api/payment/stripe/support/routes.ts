import type { Params } from "./params.js";

/** The parts of a path that a route names. */
export interface Path {
  readonly id: string;
  readonly item: string;
}

/** What answers a request: method and path, with {id} and {item} for whole parts. */
export type Routes = Readonly<Record<string, (params: Params, path: Path) => unknown>>;

/** The first route that fits a request. */
export function findRoute(routes: Routes, method: string, path: string) {
  const parts = path.split("/");
  for (const [pattern, answer] of Object.entries(routes)) {
    const [verb, template = ""] = pattern.split(" ");
    const names = template.split("/");
    if (verb !== method || names.length !== parts.length) continue;
    if (!names.every((name, at) => name.startsWith("{") || name === parts[at])) continue;
    const part = (name: string): string => decodeURIComponent(parts[names.indexOf(name)] ?? "");
    return { pattern, answer, path: { id: part("{id}"), item: part("{item}") } };
  }
  return undefined;
}
