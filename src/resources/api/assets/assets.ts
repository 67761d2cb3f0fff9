import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { parse } from "yaml";
import { type Asset, type AssetDefaults, AssetSchema, type MachineType } from "../../../../gen/ts/api/v1/assets_pb.js";
import { defaultAssets } from "./default-assets.js";

/** What can be ordered: regions with their partitions, machine types and Kubernetes versions. */
export interface Assets {
  /** By region id. */
  readonly all: Readonly<Record<string, Asset>>;
  /** The asset of the region that has that partition, when both are active. */
  ofPartition(partition: string): PartitionAssets | undefined;
  /** The defaults of the first region, for requests that leave something out. */
  readonly defaults: AssetDefaults | undefined;
  /** Every partition of every region. */
  readonly partitions: readonly string[];
}

/** What can be ordered in one partition. */
export interface PartitionAssets {
  readonly region: string;
  readonly machineTypes: Readonly<Record<string, MachineType>>;
  /** Versions that are not expired at that time. */
  kubernetesVersions(now: Date): readonly string[];
}

/**
 * Reads assets from YAML or JSON: a map from region id to an api.v1.Asset in
 * proto JSON. Throws an error that says what is wrong.
 */
export function parseAssets(text: string | undefined): Assets {
  const source = text === undefined ? defaultAssets : parseMap(text);
  const all: Record<string, Asset> = {};
  for (const [region, json] of Object.entries(source)) {
    try {
      all[region] = fromJson(AssetSchema, json as JsonValue);
    } catch (error) {
      throw new Error(`assets: region ${region}: ${(error as Error).message}`);
    }
  }
  const faults = faultsOf(all);
  if (faults.length > 0) throw new Error(`assets: ${faults.join("; ")}`);
  return {
    all,
    defaults: Object.values(all)[0]?.region?.defaults,
    partitions: Object.values(all).flatMap((asset) => Object.keys(asset.region?.partitions ?? {})),
    ofPartition: (partition) => ofPartition(all, partition),
  };
}

function parseMap(text: string): Record<string, unknown> {
  const value = parseYaml(text);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error("assets: the file must hold a map from region id to asset");
}

function parseYaml(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new Error(`assets: the file is neither YAML nor JSON: ${(error as Error).message}`);
  }
}

function ofPartition(all: Readonly<Record<string, Asset>>, partition: string): PartitionAssets | undefined {
  for (const [region, asset] of Object.entries(all)) {
    const { active, partitions = {} } = asset.region ?? {};
    if (active !== true || !Object.hasOwn(partitions, partition) || partitions[partition]?.active !== true) continue;
    return {
      region,
      machineTypes: asset.machineTypes,
      kubernetesVersions: (now) =>
        asset.kubernetes
          .filter(({ expiration }) => expiration === undefined || timestampDate(expiration) > now)
          .map(({ version }) => version),
    };
  }
  return undefined;
}

function faultsOf(all: Readonly<Record<string, Asset>>): string[] {
  const faults: string[] = [];
  const seen = new Set<string>();
  if (Object.keys(all).length === 0) faults.push("there is no region");
  for (const [id, { region, machineTypes, kubernetes }] of Object.entries(all)) {
    if (region === undefined || region.id !== id) faults.push(`region ${id}: region.id must be ${JSON.stringify(id)}`);
    for (const partition of Object.keys(region?.partitions ?? {})) {
      if (seen.has(partition)) faults.push(`partition ${partition} is in two regions`);
      seen.add(partition);
    }
    for (const { version } of kubernetes) {
      if (/^\d+\.\d+\.\d+$/.test(version)) continue;
      faults.push(`region ${id}: the Kubernetes version ${JSON.stringify(version)} must be like 1.33.5`);
    }
    const defaults = region?.defaults;
    if (defaults === undefined) continue;
    if (!Object.hasOwn(machineTypes, defaults.machineType))
      faults.push(`region ${id}: the default machine type is unknown`);
    if (!Object.hasOwn(region?.partitions ?? {}, defaults.partition))
      faults.push(`region ${id}: the default partition is unknown`);
    if (!kubernetes.some(({ version }) => version === defaults.kubernetesVersion)) {
      faults.push(`region ${id}: the default Kubernetes version is unknown`);
    }
  }
  return faults;
}
