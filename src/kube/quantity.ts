const binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
/** Powers of ten of the decimal suffixes. */
const decimal: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };

/** The most bytes that are counted, as Kubernetes does: what fits into 64 bits with a sign. */
export const mostBytes = 2n ** 63n - 1n;

/** Exponents beyond these make any number that can be written here the largest, or less than one byte. */
const farthest = 200;

/**
 * The bytes that a Kubernetes quantity stands for, such as "1Gi", "1.5G", "1e9" or the number 12: rounded up to a
 * whole number and never more than `mostBytes`. Undefined when it is no quantity of bytes; never throws.
 */
export const bytesOf = (quantity: unknown): bigint | undefined => counted(quantity, 0);

/** The same in thousandths, in which Kubernetes counts processors: "250m" is 250. */
export const millisOf = (quantity: unknown): bigint | undefined => counted(quantity, 3);

/** The quantity times ten to the `power`. */
function counted(quantity: unknown, power: number): bigint | undefined {
  if (typeof quantity !== "string" && typeof quantity !== "number") return undefined;
  const match = /^\+?(\d{0,64})(?:\.(\d{0,64}))?(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?\d{1,10}))?$/.exec(
    String(quantity),
  );
  if (match === null) return undefined;
  const [, whole = "", fraction = "", suffix, exponent = "0"] = match;
  if (whole === "" && fraction === "") return undefined;
  const factor = 1024n ** BigInt(binary.indexOf(suffix ?? "") + 1);
  return rounded(
    BigInt(whole + fraction) * factor,
    (decimal[suffix ?? ""] ?? Number(exponent)) - fraction.length + power,
  );
}

/** `digits` times ten to the `power`. */
function rounded(digits: bigint, power: number): bigint {
  if (digits === 0n) return 0n;
  if (power > farthest) return mostBytes;
  if (power < -farthest) return 1n;
  const divisor = 10n ** BigInt(Math.max(0, -power));
  const bytes = (digits * 10n ** BigInt(Math.max(0, power)) + divisor - 1n) / divisor;
  return bytes < mostBytes ? bytes : mostBytes;
}
