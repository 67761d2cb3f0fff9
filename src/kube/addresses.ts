import { lookup } from "node:dns";
import type { LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";

/** Which addresses may be called: those of the internet, also those of private networks, or all. */
export type AddressScope = "public" | "private" | "any";

const scopes: Readonly<Record<Exclude<AddressScope, "any">, ReadonlySet<string>>> = {
  public: new Set(["unicast"]),
  private: new Set(["unicast", "private", "uniqueLocal", "carrierGradeNat"]),
};

/** Where clouds tell their machines secrets, outside of the link-local range. */
const metadata: ReadonlySet<string> = new Set(["168.63.129.16", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254"]);

/** The error code of a connection that is not opened because of its address. */
export const refusedAddressCode = "ERR_ADDRESS_REFUSED";

/** Whether an IP address, written in any way, lies in the scope; false for what is none. */
export function inScope(address: string, scope: AddressScope): boolean {
  if (scope === "any") return true;
  if (!ipaddr.isValid(address)) return false;
  // An IPv4 address within an IPv6 one is that IPv4 address.
  const plain = ipaddr.process(address);
  return scopes[scope].has(plain.range()) && !metadata.has(plain.toString());
}

/** Looks names up as Node does, and refuses those of which any address is out of scope. */
export function scopedLookup(scope: AddressScope): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      const [first] = found ?? [];
      if (error !== null || first === undefined) return callback(error, []);
      // A name with addresses of both kinds is made to be tried again until the other one comes first.
      if (!found.every(({ address }) => inScope(address, scope))) return callback(refusedAddress(), []);
      if (options.all === true) callback(null, found);
      else callback(null, first.address, first.family);
    });
  };
}

/** The error of a connection that is not opened because of its address. */
export function refusedAddress(): NodeJS.ErrnoException {
  return Object.assign(new Error("the address is not one that may be called"), { code: refusedAddressCode });
}
