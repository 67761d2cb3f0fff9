const binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const decimal = ["k", "M", "G", "T", "P", "E"];

/**
 * The bytes that a Kubernetes quantity stands for, such as "1Gi", "1.5G" or "1e9", rounded up to a whole
 * number; undefined when it is no quantity of bytes.
 */
export function bytesOf(quantity: string): bigint | undefined {
  const match = /^(\d{1,20})(?:\.(\d{1,9}))?(?:([KMGTPE]i|[kMGTPE])|[eE](\d{1,2}))?$/.exec(quantity);
  if (match?.[1] === undefined) return undefined;
  const fraction = match[2] ?? "";
  const scaled = BigInt(match[1] + fraction) * factorOf(match[3], Number(match[4] ?? 0));
  const divisor = 10n ** BigInt(fraction.length);
  return (scaled + divisor - 1n) / divisor;
}

function factorOf(suffix: string | undefined, exponent: number): bigint {
  if (suffix === undefined) return 10n ** BigInt(exponent);
  return suffix.endsWith("i")
    ? 1024n ** BigInt(binary.indexOf(suffix) + 1)
    : 1000n ** BigInt(decimal.indexOf(suffix) + 1);
}
