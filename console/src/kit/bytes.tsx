const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** A number of bytes in words: `20 GiB`, `1.5 TiB`. */
export function bytesText(bytes: bigint | number): string {
  let value = Number(bytes);
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]}`;
}

/** A number of bytes; the exact number is its title. */
export function Bytes({ value, none = "–" }: { value: bigint | number | undefined; none?: string }) {
  if (value === undefined) return <span>{none}</span>;
  return <span title={`${value.toLocaleString("en")} bytes`}>{bytesText(value)}</span>;
}
