const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** Bytes in the unit that leaves the fewest digits, as in 1.5GiB. */
export function sizeOf(bytes: bigint | number): string {
  let value = Number(bytes);
  let at = 0;
  while (value >= 1_024 && at < units.length - 1) {
    value /= 1_024;
    at += 1;
  }
  const rounded = at === 0 || value >= 100 ? Math.round(value) : Math.round(value * 10) / 10;
  return `${rounded}${units[at]}`;
}
