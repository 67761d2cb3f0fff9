import { asText } from "./fields.js";

type Step =
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "all" }
  | { readonly kind: "where"; readonly path: readonly Step[]; readonly equals: string };

const cache = new Map<string, readonly Step[]>();
const longestCache = 1000;

/**
 * Reads a value by a path as columns of custom resources use them: ".a.b",
 * ".a['b.c']", ".a[0]", ".a[*].b" and '.a[?(@.type=="Ready")].status'. Of several matches
 * the first counts. Undefined when there is none or the path is none.
 */
export function valueAt(root: unknown, path: string): unknown {
  let steps = cache.get(path);
  if (!steps) {
    steps = parse(path);
    if (cache.size >= longestCache) cache.clear();
    cache.set(path, steps);
  }
  return walk(root, steps);
}

function walk(root: unknown, steps: readonly Step[]): unknown {
  let found: unknown[] = [root];
  for (const step of steps) found = found.flatMap((value) => follow(value, step));
  return found[0];
}

function follow(value: unknown, step: Step): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  if (step.kind === "field") {
    return Object.hasOwn(value, step.name) ? [(value as Record<string, unknown>)[step.name]] : [];
  }
  if (step.kind === "all") return Object.values(value);
  if (!Array.isArray(value)) return [];
  if (step.kind === "index") return value.slice(step.index).slice(0, 1);
  return value.filter((item) => asText(walk(item, step.path)) === step.equals);
}

const stepPattern =
  /\.?\[\?\(@((?:\.[\w-]+)+)\s*==?\s*["']?([^"')]*)["']?\)\]|\.?\[(-?\d+)\]|\.?\[\*\]|\.?\[['"]([^'"]+)['"]\]|\.((?:[^.[\]\\]|\\.)+)/;

function parse(path: string): Step[] {
  const steps: Step[] = [];
  const text = path.startsWith("{") && path.endsWith("}") ? path.slice(1, -1) : path;
  // A rule of its own, because filters are parsed within.
  const stepRule = new RegExp(stepPattern, "y");
  while (stepRule.lastIndex < text.length) {
    const match = stepRule.exec(text);
    if (!match) return [{ kind: "field", name: "" }];
    const [, where, equals = "", index, quoted, plain] = match;
    if (where !== undefined) steps.push({ kind: "where", path: parse(where), equals });
    else if (index !== undefined) steps.push({ kind: "index", index: Number(index) });
    else if (quoted !== undefined) steps.push({ kind: "field", name: quoted });
    else if (plain !== undefined) steps.push({ kind: "field", name: plain.replaceAll(/\\(.)/g, "$1") });
    else steps.push({ kind: "all" });
  }
  return steps;
}
