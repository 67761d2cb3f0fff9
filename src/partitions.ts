import { parse } from "yaml";
import { metallbNamespace } from "./kube/embedded/data-plane/names.js";
import { simulatorSettings } from "./kube/embedded/gardener/settings.js";
import { isRecord } from "./record.js";
import type { Assets } from "./resources/api/assets/assets.js";
import { type ClusterApiSettings, readClusterApiSettings } from "./resources/api/cluster/cluster-api-settings.js";
import { type GardenerSettings, readGardenerSettings } from "./resources/api/cluster/gardener-settings.js";
import { isTimeZone } from "./resources/api/cluster/maintenance/window.js";

/** What makes the clusters of one partition. */
export type BackendSettings = { readonly gardener: GardenerSettings } | { readonly clusterApi: ClusterApiSettings };

const storageKinds = ["kubelet", "simulator"] as const;
export type StorageKind = (typeof storageKinds)[number];

/** How the clusters of one partition are made. */
export interface PartitionSettings {
  /** Path of the kubeconfig of the Kubernetes that makes them; the process's own unless given. */
  readonly kubeconfig: string | undefined;
  readonly backend: BackendSettings;
  /** The MetalLB in the clusters, which is told the addresses of their project; none unless given. */
  readonly metallb: { readonly namespace: string } | undefined;
  /** What says how full the volumes of the clusters are: the kubelets of their nodes, or the simulated storage. */
  readonly storage: StorageKind;
  /** IANA name of the time zone in which maintenance windows begin at the same time every day. */
  readonly timeZone: string;
}

/**
 * Reads the partitions file (YAML or JSON: a map from partition id to
 * `{kubeconfig?, gardener or clusterApi, metallb?, storage?, timeZone?}`). Without a file every partition of the assets gets
 * what suits the Gardener that `slipway dev` simulates. Throws an error that
 * names every fault.
 */
export function parsePartitions(text: string | undefined, assets: Assets): ReadonlyMap<string, PartitionSettings> {
  const { partitions } = assets;
  if (text === undefined) {
    const simulatorMetallb = { namespace: metallbNamespace };
    const simulated = (id: string): GardenerSettings => ({
      ...simulatorSettings,
      region: assets.ofPartition(id)?.region ?? "",
      zones: [id],
    });
    return new Map(
      partitions.map((id) => [
        id,
        {
          kubeconfig: undefined,
          backend: { gardener: simulated(id) },
          metallb: simulatorMetallb,
          storage: "simulator",
          timeZone: "UTC",
        },
      ]),
    );
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
  const { kubeconfig, gardener, clusterApi, metallb, storage = "kubelet", timeZone = "UTC", ...unknown } = value;
  if (Object.keys(unknown).length > 0)
    throw new Error(`${path} has unknown fields: ${Object.keys(unknown).join(", ")}`);
  if (kubeconfig !== undefined && typeof kubeconfig !== "string") throw new Error(`${path}.kubeconfig must be a path`);
  if (typeof timeZone !== "string" || !isTimeZone(timeZone)) {
    throw new Error(`${path}.timeZone must name a time zone, as in Europe/Berlin`);
  }
  return {
    kubeconfig,
    backend: readBackend(gardener, clusterApi, path),
    metallb: readMetallb(metallb, `${path}.metallb`),
    storage: readStorage(storage, `${path}.storage`),
    timeZone,
  };
}

function readBackend(gardener: unknown, clusterApi: unknown, path: string): BackendSettings {
  if ((gardener === undefined) === (clusterApi === undefined)) {
    throw new Error(`${path} must have exactly one of gardener and clusterApi`);
  }
  return gardener === undefined
    ? { clusterApi: readClusterApiSettings(clusterApi, `${path}.clusterApi`) }
    : { gardener: readGardenerSettings(gardener, `${path}.gardener`) };
}

function readMetallb(value: unknown, path: string): PartitionSettings["metallb"] {
  if (value === undefined) return undefined;
  if (!isRecord(value)) throw new Error(`${path} must be a map`);
  const { namespace = "metallb-system", ...unknown } = value;
  if (Object.keys(unknown).length > 0)
    throw new Error(`${path} has unknown fields: ${Object.keys(unknown).join(", ")}`);
  if (typeof namespace !== "string") throw new Error(`${path}.namespace must be the name of a namespace`);
  return { namespace };
}

function readStorage(value: unknown, path: string): StorageKind {
  const kind = storageKinds.find((one) => one === value);
  if (kind === undefined) throw new Error(`${path} must be one of ${storageKinds.join(", ")}`);
  return kind;
}
