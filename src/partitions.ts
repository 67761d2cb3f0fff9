import { parse } from "yaml";
import { simulatorSettings } from "./kube/embedded/gardener/settings.js";
import { isRecord } from "./record.js";
import type { Assets } from "./resources/api/assets/assets.js";
import { type GardenerSettings, readGardenerSettings } from "./resources/api/cluster/gardener-settings.js";

/** How the clusters of one partition are made. */
export interface PartitionSettings {
  /** Path of the kubeconfig of the Kubernetes that makes them; the process's own unless given. */
  readonly kubeconfig: string | undefined;
  readonly gardener: GardenerSettings;
}

/**
 * Reads the partitions file (YAML or JSON: a map from partition id to
 * `{kubeconfig?, gardener}`). Without a file every partition of the assets gets
 * what suits the Gardener that `slipway dev` simulates. Throws an error that
 * names every fault.
 */
export function parsePartitions(text: string | undefined, assets: Assets): ReadonlyMap<string, PartitionSettings> {
  const { partitions } = assets;
  if (text === undefined) {
    const simulated = (id: string): GardenerSettings => ({
      ...simulatorSettings,
      region: assets.ofPartition(id)?.region ?? "",
      zones: [id],
    });
    return new Map(partitions.map((id) => [id, { kubeconfig: undefined, gardener: simulated(id) }]));
  }
  const value: unknown = parse(text);
  if (!isRecord(value)) throw new Error("partitions: the file must hold a map from partition id to settings");
  const faults = partitions
    .filter((id) => value[id] === undefined)
    .map((id) => `partition ${id} of the assets is missing`);
  const settings = new Map<string, PartitionSettings>();
  for (const [id, entry] of Object.entries(value)) {
    try {
      settings.set(id, readSettings(entry, `partitions.${id}`));
    } catch (error) {
      faults.push((error as Error).message);
    }
  }
  if (faults.length > 0) throw new Error(`partitions: ${faults.join("; ")}`);
  return settings;
}

function readSettings(value: unknown, path: string): PartitionSettings {
  if (!isRecord(value)) throw new Error(`${path} must be a map`);
  const { kubeconfig, gardener, ...unknown } = value;
  if (Object.keys(unknown).length > 0)
    throw new Error(`${path} has unknown fields: ${Object.keys(unknown).join(", ")}`);
  if (kubeconfig !== undefined && typeof kubeconfig !== "string") throw new Error(`${path}.kubeconfig must be a path`);
  return { kubeconfig, gardener: readGardenerSettings(gardener, `${path}.gardener`) };
}
