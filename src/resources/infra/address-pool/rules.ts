import { constraintOf } from "../../../db/errors.js";
import { DomainError, invalidField } from "../../../errors.js";
import { type AddressRange, parseRange } from "./ranges.js";

/** Reads the ranges of a request; an error names the one that is wrong. */
export function rangesOf(field: string, cidrs: readonly string[]): AddressRange[] {
  return cidrs.map((cidr, i) => {
    try {
      return parseRange(cidr);
    } catch (error) {
      throw invalidField(`${field}[${i}]`, (error as Error).message);
    }
  });
}

/** What a violated constraint of the tables means. */
export function poolRefusal(error: unknown): unknown {
  switch (constraintOf(error)) {
    case "address_pools_name":
      return new DomainError("exists", "there is a pool of that name already");
    case "address_ranges_overlap":
      return new DomainError("exists", "a range overlaps one of a pool that is there already");
    case "ips_pool_address_pools_id_fk":
      return new DomainError(
        "precondition",
        "addresses of the pool are allocated or in quarantine: release them first",
      );
    default:
      return error;
  }
}
