/** Below, at or above 0 as `a` is older than, equal to or newer than `b`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  const index = left.findIndex((part, i) => part !== right[i]);
  return index === -1 ? 0 : (left[index] ?? 0) - (right[index] ?? 0);
}

/** The minor version as one number, such as 1032 for 1.32.4. */
export function minorOf(version: string): number {
  const [major = 0, minor = 0] = partsOf(version);
  return major * 1000 + minor;
}

function partsOf(version: string): number[] {
  const parts = version.split(".").map(Number);
  return [parts[0] ?? 0, parts[1] ?? 0, parts[2] ?? 0];
}
