import { isDeepStrictEqual } from "node:util";
import type { ProcessContent, ReleaseChange, SourceContent, WholeRelease } from "./content.js";

const mostNames = 5;
const longest = 512;

/**
 * What a release changes, for people, such as "added HELLO" or "image nginx:1.27": names and no values, 512 characters
 * at most. `before` is the release that was active, `after` the one that is made.
 */
export function summaryOf(change: ReleaseChange, before: WholeRelease | undefined, after: WholeRelease): string {
  const parts = [
    ...rollbackPart(change),
    ...(change.source === undefined ? [] : [sourcePart(after.source)]),
    ...(change.processes === undefined || before === undefined ? [] : processParts(before.processes, after.processes)),
    ...(change.config === undefined ? [] : configParts(change, before, after)),
    ...placementParts(change, before),
  ];
  if (parts.length === 0) parts.push(restPart(before, after));
  const text = parts.join(", ");
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}

function rollbackPart({ rollback }: ReleaseChange): string[] {
  if (rollback === undefined) return [];
  const what = { all: "", source: " the source", config: " the configuration" }[rollback.part];
  return [`rolled back${what} to release ${rollback.number}`];
}

function sourcePart(source: SourceContent): string {
  if (source.type === "image") return `image ${source.image}`;
  return `chart ${source.name} ${source.resolvedVersion || source.version}`.trimEnd();
}

function processParts(before: readonly ProcessContent[], after: readonly ProcessContent[]): string[] {
  const was = new Map(before.map((process) => [process.name, process]));
  const is = new Map(after.map((process) => [process.name, process]));
  const both = [...is.keys()].filter((name) => was.has(name));
  return [
    ...part(
      "added process",
      [...is.keys()].filter((name) => !was.has(name)),
    ),
    ...part(
      "changed process",
      both.filter((name) => !isDeepStrictEqual(was.get(name), is.get(name))),
    ),
    ...part(
      "removed process",
      [...was.keys()].filter((name) => !is.has(name)),
    ),
  ];
}

/** By what is there before and after: what is set to the value that it had is no change. */
function configParts(change: ReleaseChange, before: WholeRelease | undefined, after: WholeRelease): string[] {
  const was = entriesOf(before);
  const is = entriesOf(after);
  const { config } = change;
  const set = [
    ...(config?.setVariables ?? []).map(({ name }) => name),
    ...[...(config?.setFiles ?? []), ...(config?.setSecretMounts ?? [])].map(({ path }) => path),
  ];
  const unset = [
    ...(config?.unsetVariables ?? []),
    ...(config?.unsetFiles ?? []),
    ...(config?.unsetSecretMounts ?? []),
  ];
  const changed = set.filter((name) => was.has(name) && !isDeepStrictEqual(was.get(name), is.get(name)));
  return [
    ...part(
      "added",
      set.filter((name) => !was.has(name)),
    ),
    ...part("changed", changed),
    ...part(
      "removed",
      unset.filter((name) => !is.has(name)),
    ),
  ];
}

/** Names of variables have no slash, paths of files and mounts begin with one and are apart from each other. */
function entriesOf(release: WholeRelease | undefined): ReadonlyMap<string, unknown> {
  if (release === undefined) return new Map();
  const { variables, files, secretMounts } = release.config;
  return new Map<string, unknown>([
    ...variables.map((each) => [each.name, each] as const),
    ...[...files, ...secretMounts].map((each) => [each.path, each] as const),
  ]);
}

function placementParts({ placement }: ReleaseChange, before: WholeRelease | undefined): string[] {
  if (placement === undefined || before === undefined) return [];
  if (placement.target !== before.placement.target) return ["moved to another target"];
  return placement.namespace === before.placement.namespace ? [] : ["moved to another namespace"];
}

/** What came by itself, where nothing was asked for. */
function restPart(before: WholeRelease | undefined, after: WholeRelease): string {
  const same = before !== undefined && isDeepStrictEqual([before.source, before.config], [after.source, after.config]);
  return same ? "released again" : "newer versions of secrets";
}

function part(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const shown = names.length > mostNames ? names.slice(0, mostNames - 1) : names;
  const rest = names.length - shown.length;
  const all = rest === 0 ? shown : [...shown, `${rest} more`];
  const last = all.at(-1) ?? "";
  return [`${what} ${all.length === 1 ? last : `${all.slice(0, -1).join(", ")} and ${last}`}`];
}
