import { compareBuild, parse, Range, type SemVer, satisfies } from "semver";

/** Which versions would do. */
export type VersionConstraint = (version: SemVer) => boolean;

const longestConstraint = 256;

/**
 * Reads a constraint as Helm has it: comparators with commas or spaces between them, `||` for alternatives, `!=`,
 * ranges `1.2 - 1.4`, `~1.2`, `^1.2`, `1.x`; empty for any version that is no prerelease. Prereleases do only where
 * each comparator of an alternative has one itself. Undefined for what is none.
 */
export function parseConstraint(text: string): VersionConstraint | undefined {
  if (text.length > longestConstraint) return undefined;
  const alternatives = text.split("||").map(parseAlternative);
  const all = alternatives.filter((one) => one !== undefined);
  if (all.length < alternatives.length) return undefined;
  return (version) => all.some((one) => one(version));
}

function parseAlternative(text: string): VersionConstraint | undefined {
  const plain = text
    .replaceAll(",", " ")
    .replaceAll("=>", ">=")
    .replaceAll("=<", "<=")
    // So that an operator is not taken for a word of its own.
    .replace(/(!=|[<>=~^]+)\s+/g, "$1")
    .trim();
  const words = plain === "" ? [] : plain.split(/\s+/);
  const excluded = words.filter((word) => word.startsWith("!=")).map((word) => rangeOf(word.slice(2)));
  const wanted = rangeOf(words.filter((word) => !word.startsWith("!=")).join(" ") || "*");
  const others = excluded.filter((range) => range !== undefined);
  if (wanted === undefined || others.length < excluded.length) return undefined;
  const comparators = words.filter((word) => word !== "-");
  const includePrerelease = comparators.length > 0 && comparators.every((word) => /\d-[0-9A-Za-z]/.test(word));
  return (version) => {
    if (version.prerelease.length > 0 && !includePrerelease) return false;
    if (!satisfies(version, wanted, { includePrerelease })) return false;
    return !others.some((range) => satisfies(version, range, { includePrerelease }));
  };
}

function rangeOf(text: string): Range | undefined {
  try {
    return new Range(text);
  } catch {
    return undefined;
  }
}

/** Reads a version; `1` and `v1.2` are taken for versions with zeros, as Helm takes them. Undefined for what is none. */
export function parseVersion(text: string): SemVer | undefined {
  if (!/^[0-9A-Za-z.+-]{1,100}$/.test(text)) return undefined;
  const short = /^v?(\d+)(?:\.(\d+))?$/.exec(text);
  const whole = short === null ? text : `${short[1]}.${short[2] ?? 0}.0`;
  return parse(whole) ?? undefined;
}

/** The newest of the versions that would do, as it is written; undefined for none. What is no version is left out. */
export function newestOf<T extends { readonly version: string }>(
  all: readonly T[],
  constraint: VersionConstraint,
): T | undefined {
  let best: { readonly entry: T; readonly version: SemVer } | undefined;
  for (const entry of all) {
    const version = parseVersion(entry.version);
    if (version === undefined || !constraint(version)) continue;
    if (best === undefined || compareBuild(version, best.version) > 0) best = { entry, version };
  }
  return best?.entry;
}
