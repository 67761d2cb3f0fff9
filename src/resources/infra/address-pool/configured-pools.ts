import { parse } from "yaml";
import { isRecord } from "../../../record.js";
import { type AddressRange, parseRange } from "./ranges.js";

/** A pool as the configuration describes it. */
export interface ConfiguredPool {
  readonly name: string;
  readonly partition: string | null;
  readonly network: string;
  readonly description: string;
  readonly ranges: readonly AddressRange[];
}

/** What there is without a file: addresses that are reserved for documentation, and so never anybody's. */
const example = {
  internet: { cidrs: ["203.0.113.0/24", "2001:db8:100::/64"], description: "Addresses to try it out" },
};

/**
 * Reads the file of address pools (YAML or JSON: a map from name to
 * `{cidrs, network?, partition?, description?}`); without a file there is a
 * pool of example addresses. Throws an error that names every fault.
 */
export function parseAddressPools(text: string | undefined, partitions: readonly string[]): readonly ConfiguredPool[] {
  const value: unknown = text === undefined ? example : parse(text);
  if (!isRecord(value)) throw new Error("address pools: the file must hold a map from name to settings");
  const faults: string[] = [];
  const pools = Object.entries(value).flatMap(([name, entry]) => {
    try {
      return [readPool(name, entry, partitions)];
    } catch (error) {
      faults.push(`${name}: ${(error as Error).message}`);
      return [];
    }
  });
  if (faults.length > 0) throw new Error(`address pools: ${faults.join("; ")}`);
  return pools;
}

function readPool(name: string, entry: unknown, partitions: readonly string[]): ConfiguredPool {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])$/.test(name)) throw new Error("names are 2 to 63 of a-z, 0-9 and dashes");
  if (!isRecord(entry)) throw new Error("must be a map");
  const { cidrs, network = name, partition = null, description = "", ...unknown } = entry;
  if (Object.keys(unknown).length > 0) throw new Error(`has unknown fields: ${Object.keys(unknown).join(", ")}`);
  if (!Array.isArray(cidrs) || cidrs.length === 0) throw new Error("cidrs must be a list of ranges");
  if (typeof network !== "string" || typeof description !== "string")
    throw new Error("network and description are texts");
  if (partition !== null && (typeof partition !== "string" || !partitions.includes(partition))) {
    throw new Error("partition must be one of the assets");
  }
  return { name, partition, network, description, ranges: cidrs.map((cidr) => parseRange(String(cidr))) };
}
