/** A Kubernetes version that can be had. */
export interface OfferedVersion {
  /** As in "1.33.5". */
  readonly version: string;
  /** From then on it is no longer supported; undefined while that is not decided. */
  readonly expiration: Date | undefined;
}

/**
 * The version that a cluster gets in its maintenance window; undefined when it keeps its own. Clusters that allow
 * it get the newest patch of their minor version that has not expired. A cluster whose version has expired gets it,
 * whether it allows updates or not; where its whole minor version has expired and it allows updates, the
 * newest patch of the next one, for minor versions are not skipped. It never gets an older version.
 */
export function targetVersion(
  current: string,
  {
    autoupdate,
    offered,
    now,
  }: { readonly autoupdate: boolean; readonly offered: readonly OfferedVersion[]; readonly now: Date },
): string | undefined {
  const lives = (one: OfferedVersion): boolean => one.expiration === undefined || one.expiration > now;
  const own = offered.find(({ version }) => version === current);
  // What is not offered (any more) is not known to have expired.
  const expired = own !== undefined && !lives(own);
  if (!autoupdate && !expired) return undefined;
  const [major, minor, patch] = partsOf(current);
  const living = offered.filter(lives).map(({ version }) => partsOf(version));
  const newest = (ofMinor: number): number | undefined => {
    const patches = living.filter(([a, b]) => a === major && b === ofMinor).map(([, , c]) => c);
    return patches.length === 0 ? undefined : Math.max(...patches);
  };
  const samePatch = newest(minor);
  if (samePatch !== undefined && samePatch > patch) return `${major}.${minor}.${samePatch}`;
  const nextPatch = expired && autoupdate && samePatch === undefined ? newest(minor + 1) : undefined;
  return nextPatch === undefined ? undefined : `${major}.${minor + 1}.${nextPatch}`;
}

function partsOf(version: string): readonly [number, number, number] {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  return [major, minor, patch];
}
