import type { ServedType } from "./served-type.js";
import type { Fields } from "./types.js";

/** How the entries of a list are told apart when two writers share it. */
export type ListRule =
  | { readonly kind: "atomic" }
  | { readonly kind: "set" }
  | { readonly kind: "map"; readonly keys: readonly string[]; readonly defaults?: Fields };

/** Fields from the root of an object down to a value; entries of lists do not count. */
export type FieldPath = readonly string[];

const atomic: ListRule = { kind: "atomic" };

function by(...keys: string[]): ListRule {
  return { kind: "map", keys };
}

/** Lists of built-in kinds that are merged, by field name: upstream uses the same key wherever the name occurs. */
const builtinLists: Readonly<Record<string, ListRule>> = {
  containers: by("name"),
  initContainers: by("name"),
  ephemeralContainers: by("name"),
  volumes: by("name"),
  env: by("name"),
  imagePullSecrets: by("name"),
  secrets: by("name"),
  resourceClaims: by("name"),
  schedulingGates: by("name"),
  volumeMounts: by("mountPath"),
  volumeDevices: by("devicePath"),
  hostAliases: by("ip"),
  podIPs: by("ip"),
  hostIPs: by("ip"),
  conditions: by("type"),
  addresses: by("type"),
  topologySpreadConstraints: by("topologyKey", "whenUnsatisfiable"),
};

const protocolDefault = { protocol: "TCP" };

/** The rule of a list for server-side apply. */
export function listRule(type: ServedType, path: FieldPath): ListRule {
  const name = path.at(-1) ?? "";
  if (path.length === 2 && path[0] === "metadata") {
    if (name === "ownerReferences") return by("uid");
    return name === "finalizers" ? { kind: "set" } : atomic;
  }
  if (type.schema) return schemaRule(type.schema, path);
  if (type.origin !== "builtin") return atomic;
  if (name === "ports") {
    if (type.kind === "Service") return { ...by("port", "protocol"), defaults: protocolDefault } as ListRule;
    const inContainer = path.at(-2)?.toLowerCase().endsWith("containers") ?? false;
    return inContainer ? ({ ...by("containerPort", "protocol"), defaults: protocolDefault } as ListRule) : atomic;
  }
  return Object.hasOwn(builtinLists, name) ? (builtinLists[name] ?? atomic) : atomic;
}

/** The one key by which a strategic merge patch tells the entries of a list apart; "" for lists of plain values. */
export function strategicKey(type: ServedType, path: FieldPath): string | undefined {
  if (path.length === 2 && path[0] === "metadata" && path[1] === "finalizers") return "";
  const rule = listRule(type, path);
  return rule.kind === "map" ? rule.keys[0] : undefined;
}

function schemaRule(root: Fields, path: FieldPath): ListRule {
  let schema: Fields | undefined = root;
  for (const step of path) {
    while (schema?.items) schema = schema.items as Fields;
    const properties = schema?.properties as Fields | undefined;
    const named = properties && Object.hasOwn(properties, step) ? properties[step] : undefined;
    schema = (named ?? schema?.additionalProperties) as Fields | undefined;
    if (typeof schema !== "object" || schema === null) return atomic;
  }
  const kind = schema["x-kubernetes-list-type"];
  if (kind === "set") return { kind: "set" };
  const keys = schema["x-kubernetes-list-map-keys"];
  return kind === "map" && Array.isArray(keys) ? by(...keys.map(String)) : atomic;
}
