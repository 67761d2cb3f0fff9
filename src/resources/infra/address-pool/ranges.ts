import ipaddr from "ipaddr.js";

/** A run of addresses, both ends included. */
export interface Run {
  readonly first: string;
  readonly last: string;
}

/** A range in CIDR notation, and the addresses of it that can be handed out. */
export interface AddressRange {
  /** As the database writes it. */
  readonly cidr: string;
  /** Number of addresses that can be handed out. */
  readonly size: bigint;
  /** These addresses in up to 16 runs, so that callers who come at once need not queue for the same run. */
  readonly runs: readonly Run[];
}

const mostRuns = 16n;

/**
 * Reads a range. The network and broadcast address of an IPv4 range and the first address of an IPv6 range,
 * which routers take for themselves, are left out unless the range is too small. Throws an Error that says what is wrong.
 */
export function parseRange(text: string): AddressRange {
  if (!ipaddr.isValidCIDR(text)) throw new Error(`${JSON.stringify(text.slice(0, 64))} is no range in CIDR notation`);
  const [address, prefix] = ipaddr.parseCIDR(text);
  const bytes = address.toByteArray();
  const bits = bytes.length * 8;
  const base = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const count = 1n << BigInt(bits - prefix);
  if (base % count !== 0n) {
    throw new Error(
      `${text} has host bits: the range that it lies in begins at ${written(base - (base % count), bits)}`,
    );
  }
  const isV4 = bits === 32;
  const first = base + (count > 2n ? 1n : 0n);
  const last = base + count - 1n - (isV4 && count > 2n ? 1n : 0n);
  return { cidr: `${written(base, bits)}/${prefix}`, size: last - first + 1n, runs: runsOf(first, last, bits) };
}

function runsOf(first: bigint, last: bigint, bits: number): Run[] {
  const size = last - first + 1n;
  const count = size < mostRuns ? size : mostRuns;
  return Array.from({ length: Number(count) }, (_, i) => ({
    first: written(first + (size * BigInt(i)) / count, bits),
    last: written(first + (size * BigInt(i + 1)) / count - 1n, bits),
  }));
}

function written(value: bigint, bits: number): string {
  const bytes = Array.from({ length: bits / 8 }, (_, i) => Number((value >> BigInt(bits - 8 * (i + 1))) & 255n));
  return ipaddr.fromByteArray(bytes).toString();
}
