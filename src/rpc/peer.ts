import { BlockList, isIP, SocketAddress } from "node:net";

/** Where a call comes from. */
export interface Peer {
  /** IP address of the caller, or of the last hop that is not a trusted proxy; "" when the connection is gone. */
  readonly address: string;
  readonly userAgent: string;
}

/**
 * Reads the addresses of proxies whose X-Forwarded-For is believed: single
 * addresses and CIDR ranges. Throws an Error that names a malformed one.
 */
export function trustedProxies(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = "", prefix, ...rest] = entry.split("/");
    const version = isIP(address);
    const bits = prefix === undefined ? undefined : Number(prefix);
    const badPrefix =
      bits !== undefined && !(prefix !== "" && Number.isInteger(bits) && bits >= 0 && bits <= maxBits(version));
    if (version === 0 || rest.length > 0 || badPrefix) {
      throw new Error(`trusted proxy ${JSON.stringify(entry)} is neither an IP address nor a CIDR range`);
    }
    const family = version === 4 ? "ipv4" : "ipv6";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, bits, family);
  }
  return list;
}

/**
 * The address of the caller. X-Forwarded-For is read from its end, one hop for
 * each trusted proxy, so that nobody can pass for somebody else; what cannot be
 * read ends it. Forwarded (RFC 7239) is believed of nobody: a proxy that writes
 * one of the two headers passes on the other as its caller made it up.
 */
export function sourceAddress(
  remote: string | undefined,
  forwardedFor: string | undefined,
  trusted: BlockList,
): string {
  let address = plainAddress(remote ?? "");
  if (forwardedFor === undefined || !isTrusted(address, trusted)) return address;
  const hops = forwardedFor.split(",");
  while (isTrusted(address, trusted)) {
    const hop = hopAddress((hops.pop() ?? "").trim());
    if (hop === undefined) break;
    address = hop;
  }
  return address;
}

/** The address that a proxy has written, in its one spelling; some write the port, too. Undefined when it is none. */
function hopAddress(hop: string): string | undefined {
  const address = /^\[([^\]]*)\](?::\d+)?$/.exec(hop)?.[1] ?? /^([\d.]+):\d+$/.exec(hop)?.[1] ?? hop;
  const version = isIP(address);
  if (version === 0) return undefined;
  return version === 4 ? address : plainAddress(new SocketAddress({ address, family: "ipv6" }).address);
}

/** Whether an address is that of a trusted proxy; false for what is no address. */
export function isTrusted(address: string, trusted: BlockList): boolean {
  const version = isIP(address);
  return version !== 0 && trusted.check(address, version === 4 ? "ipv4" : "ipv6");
}

// A dual-stack socket shows IPv4 callers as ::ffff:192.0.2.1.
function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return mapped?.[1] ?? address;
}

function maxBits(version: number): number {
  return version === 4 ? 32 : 128;
}
