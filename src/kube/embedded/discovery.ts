import { parseAccept } from "./accept.js";
import type { Reply } from "./call.js";
import type { Registry } from "./registry.js";
import type { ServedType } from "./served-type.js";
import { noSuchPath } from "./status-error.js";
import type { Fields } from "./types.js";

const verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const partVerbs = ["get", "patch", "update"];

interface Part {
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}

/** GET /api and /apis: aggregated where the caller asks for that, else the plain list. */
export function discoveryRoot(registry: Registry, core: boolean, accept: string | undefined): Reply {
  for (const { type, as, group, version } of parseAccept(accept)) {
    if (!["application/json", "application/*", "*/*"].includes(type)) continue;
    if (as === "") break;
    const aggregated = as === "APIGroupDiscoveryList" && group === "apidiscovery.k8s.io";
    if (aggregated && (version === "v2" || version === "v2beta1")) return aggregatedRoot(registry, core, version);
  }
  if (core) return { code: 200, body: { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] } };
  return {
    code: 200,
    body: { kind: "APIGroupList", apiVersion: "v1", groups: groupNames(registry).map(groupOf(registry)) },
  };
}

/** GET /apis/<group>. */
export function discoveryGroup(registry: Registry, group: string): Reply {
  if (!groupNames(registry).includes(group)) throw noSuchPath();
  return { code: 200, body: { kind: "APIGroup", apiVersion: "v1", ...groupOf(registry)(group) } };
}

/** GET /api/v1 and /apis/<group>/<version>. */
export function discoveryVersion(registry: Registry, group: string, version: string): Reply {
  const types = registry.types().filter((type) => type.group === group && type.version === version);
  if (types.length === 0) throw noSuchPath();
  const groupVersion = group ? `${group}/${version}` : version;
  const resources = types.flatMap((type) => [
    {
      name: type.resource,
      singularName: singularOf(type),
      namespaced: type.namespaced,
      kind: type.kind,
      verbs: verbsOf(type),
      ...namesOf(type),
    },
    ...partsOf(type).map((part) => ({
      name: `${type.resource}/${part.name}`,
      singularName: "",
      namespaced: type.namespaced,
      group: part.group,
      version: part.version,
      kind: part.kind,
      verbs: part.verbs,
    })),
  ]);
  return { code: 200, body: { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources } };
}

function aggregatedRoot(registry: Registry, core: boolean, version: string): Reply {
  const groups = core ? [""] : groupNames(registry);
  const items = groups.map((group) => ({
    metadata: { creationTimestamp: null, ...(group ? { name: group } : {}) },
    versions: versionsOf(registry, group).map((name) => ({
      version: name,
      freshness: "Current",
      resources: registry
        .types()
        .filter((type) => type.group === group && type.version === name)
        .map(aggregatedResource),
    })),
  }));
  return {
    code: 200,
    body: { kind: "APIGroupDiscoveryList", apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items },
    contentType: `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
  };
}

function aggregatedResource(type: ServedType): Fields {
  const parts = partsOf(type).map(({ name, group, version, kind, verbs: of }) => ({
    subresource: name,
    responseKind: { group, version, kind },
    verbs: of,
  }));
  return {
    resource: type.resource,
    responseKind: { group: type.group, version: type.version, kind: type.kind },
    scope: type.namespaced ? "Namespaced" : "Cluster",
    singularResource: singularOf(type),
    verbs: verbsOf(type),
    ...namesOf(type),
    ...(parts.length > 0 ? { subresources: parts } : {}),
  };
}

function groupNames(registry: Registry): string[] {
  return [...new Set(registry.types().map(({ group }) => group))].filter((group) => group !== "");
}

/** Versions of a group, newest and most stable first, as clients prefer them. */
function versionsOf(registry: Registry, group: string): string[] {
  const types = registry.types().filter((type) => type.group === group);
  return [...new Set(types.map(({ version }) => version))].sort((a, b) => {
    const [left, right] = [versionRank(a), versionRank(b)];
    return right[0] - left[0] || right[1] - left[1] || right[2] - left[2] || (a < b ? -1 : 1);
  });
}

function versionRank(version: string): [number, number, number] {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (!match) return [0, 0, 0];
  const stability = match[2] === undefined ? 3 : match[2] === "beta" ? 2 : 1;
  return [stability, Number(match[1]), Number(match[3] ?? 0)];
}

function groupOf(registry: Registry): (group: string) => Fields {
  return (group) => {
    const versions = versionsOf(registry, group).map((version) => ({ groupVersion: `${group}/${version}`, version }));
    return { name: group, versions, preferredVersion: versions[0] };
  };
}

function singularOf(type: ServedType): string {
  return type.singular ?? type.kind.toLowerCase();
}

function verbsOf(type: ServedType): readonly string[] {
  return type.answer ? ["create"] : verbs;
}

function namesOf(type: ServedType): Fields {
  return {
    ...(type.shortNames?.length ? { shortNames: type.shortNames } : {}),
    ...(type.categories?.length ? { categories: type.categories } : {}),
  };
}

function partsOf(type: ServedType): Part[] {
  const own = { group: type.group, version: type.version, kind: type.kind };
  const isCore = (resource: string) => type.group === "" && type.resource === resource;
  const extra = Object.entries(type.subresources ?? {}).map(([name, { group, version, kind }]) => {
    return { name, group, version, kind, verbs: ["create"] };
  });
  return [
    ...(type.status === true ? [{ name: "status", ...own, verbs: partVerbs }] : []),
    ...(type.statusParts ?? []).map((name) => ({ name, ...own, verbs: partVerbs })),
    ...(type.scale ? [{ name: "scale", group: "autoscaling", version: "v1", kind: "Scale", verbs: partVerbs }] : []),
    ...(isCore("namespaces") ? [{ name: "finalize", ...own, verbs: ["update"] }] : []),
    ...(isCore("pods")
      ? [
          { name: "log", ...own, verbs: ["get"] },
          { name: "exec", group: "", version: "v1", kind: "PodExecOptions", verbs: ["create", "get"] },
        ]
      : []),
    ...extra,
  ];
}
