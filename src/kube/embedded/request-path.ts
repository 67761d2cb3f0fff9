/** What a path below /api or /apis means. */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  /** Plural name; "" for the path of the group version itself. */
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string;
}

/** Takes "/clusters/<name>" off a path; `cluster` is "" where there is none. */
export function splitCluster(path: string): { cluster: string; rest: string } {
  const match = /^\/clusters\/([^/]+)(\/.*)?$/.exec(path);
  if (!match) return { cluster: "", rest: path };
  return { cluster: match[1] ?? "", rest: match[2] ?? "/" };
}

const namespaceSubresources = ["status", "finalize"];

/** Reads a path such as "/apis/apps/v1/namespaces/a/deployments/b/scale"; undefined for others. */
export function parseResourcePath(path: string): ResourcePath | undefined {
  const segments = decoded(path);
  if (!segments) return undefined;
  const [root, ...rest] = segments;
  const [group, version, ...below] = root === "api" ? ["", ...rest] : rest;
  if ((root !== "api" && root !== "apis") || group === undefined || version === undefined) return undefined;
  if (root === "apis" && group === "") return undefined;
  const named = { group, version };
  const [first, namespace, third] = below;
  const scoped =
    first === "namespaces" && namespace !== undefined && third !== undefined && !isOfNamespace(group, below);
  const [resource = "", name, subresource = "", ...more] = scoped ? below.slice(2) : below;
  if (more.length > 0) return undefined;
  return { ...named, resource, namespace: scoped ? namespace : undefined, name, subresource };
}

function isOfNamespace(group: string, below: readonly string[]): boolean {
  return group === "" && below.length === 3 && namespaceSubresources.includes(below[2] ?? "");
}

function decoded(path: string): string[] | undefined {
  try {
    const segments = path.replace(/^\//, "").replace(/\/$/, "").split("/").map(decodeURIComponent);
    return segments.some((segment) => segment === "") ? undefined : segments;
  } catch {
    return undefined;
  }
}
