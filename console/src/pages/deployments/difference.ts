import { toJson } from "@bufbuild/protobuf";
import type { Release } from "../../../../gen/ts/deploy/v1/release_pb.js";
import { PlacementSchema, ProcessSchema, SourceSchema } from "../../../../gen/ts/deploy/v1/spec_pb.js";

/** A value that two releases have not in common; unset where one does not have it. */
export interface Difference {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** What two releases differ in: source, processes, configuration and placement. */
export function differencesOf(before: Release, after: Release): readonly Difference[] {
  const [was, is] = [valuesOf(before), valuesOf(after)];
  return [...new Set([...was.keys(), ...is.keys()])]
    .sort()
    .map((path) => ({ path, before: was.get(path), after: is.get(path) }))
    .filter((each) => each.before !== each.after);
}

/** All values of a release by their paths; what has a name of its own is found by that, not by its place. */
function valuesOf({ source, processes, configuration, placement }: Release): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  if (source !== undefined) collect(values, "source", toJson(SourceSchema, source));
  for (const process of processes) collect(values, `process ${process.name}`, toJson(ProcessSchema, process));
  for (const variable of configuration?.variables ?? []) {
    const { name, value, sensitive, secret } = variable;
    const text =
      secret === undefined
        ? sensitive
          ? "(sensitive)"
          : value
        : `${secret.key} of secret ${secret.secret}, version ${secret.version}`;
    values.set(`variable ${name}`, text);
  }
  for (const { path, content } of configuration?.files ?? []) values.set(`file ${path}`, content);
  for (const { path, secret, version } of configuration?.secretMounts ?? [])
    values.set(`secret at ${path}`, `${secret}, version ${version}`);
  if (placement !== undefined) collect(values, "placement", toJson(PlacementSchema, placement));
  return values;
}

function collect(values: Map<string, string>, path: string, value: unknown): void {
  if (Array.isArray(value)) {
    for (const [i, each] of value.entries()) collect(values, `${path}[${i}]`, each);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, each] of Object.entries(value)) collect(values, `${path}.${key}`, each);
  } else if (value !== undefined) {
    values.set(path, String(value));
  }
}
