import { isRecord } from "../../../record.js";

/** How the clusters of one partition are made at Cluster API; docs/cluster-api.md explains each field. */
export interface ClusterApiSettings {
  readonly clusterClass: { readonly name: string; readonly namespace: string };
  /** An odd number. */
  readonly controlPlaneReplicas: number;
  /** Class of the worker groups whose machine type is not among `workerClasses`. */
  readonly workerClass: string;
  /** Class of the worker groups by machine type. */
  readonly workerClasses?: Readonly<Record<string, string>>;
  /** The variable that takes the machine type of a worker group; none unless given. */
  readonly machineTypeVariable?: string;
  /** Namespaces are this and 9 characters derived from the project; "slipway-" unless given. */
  readonly namespacePrefix?: string;
  /** As in a Cluster: pods, services, serviceDomain. */
  readonly clusterNetwork?: Readonly<Record<string, unknown>>;
  /**
   * Values of the class's variables; `${project}`, `${partition}`, `${cluster}` and `${name}` in their strings are
   * filled in.
   */
  readonly variables?: Readonly<Record<string, unknown>>;
}

type Check = readonly [name: string, fits: (value: unknown) => boolean, what: string];

/** Checks settings from a file; throws an Error that names every fault below `path`, such as "partitions.muc". */
export function readClusterApiSettings(value: unknown, path: string): ClusterApiSettings {
  if (!isRecord(value)) throw new Error(`${path} must be an object`);
  const faults = [...unknownFaults(value, path), ...valueFaults(value, path)];
  if (faults.length > 0) throw new Error(faults.join("; "));
  return value as unknown as ClusterApiSettings;
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isTextMap = (value: unknown): boolean => isRecord(value) && Object.values(value).every(isText);
const isOdd = (value: unknown): boolean => Number.isInteger(value) && Number(value) > 0 && Number(value) % 2 === 1;
// Nine characters follow, and a namespace has at most 63.
const isPrefix = (value: unknown): boolean => isText(value) && /^[a-z0-9][-a-z0-9]{0,53}$/.test(value);

const required: readonly Check[] = [
  ["clusterClass.name", isText, "a text"],
  ["clusterClass.namespace", isText, "a text"],
  ["controlPlaneReplicas", isOdd, "an odd number from 1"],
  ["workerClass", isText, "a text"],
];

const optional: readonly Check[] = [
  ["workerClasses", isTextMap, "a map from machine type to class"],
  ["machineTypeVariable", isText, "a text"],
  ["namespacePrefix", isPrefix, "up to 54 lower case letters, digits and '-', beginning with a letter or digit"],
  ["clusterNetwork", isRecord, "an object"],
  ["variables", isRecord, "an object"],
];

function unknownFaults(value: Readonly<Record<string, unknown>>, path: string): string[] {
  const known = [...required, ...optional].map(([name]) => name.split(".")[0]);
  const inside = isRecord(value.clusterClass) ? Object.keys(value.clusterClass) : [];
  return [
    ...Object.keys(value).filter((name) => !known.includes(name)),
    ...inside.filter((name) => !["name", "namespace"].includes(name)).map((name) => `clusterClass.${name}`),
  ].map((name) => `${path}.${name} is not known`);
}

function valueFaults(value: Readonly<Record<string, unknown>>, path: string): string[] {
  const given = optional.filter(([name]) => value[name] !== undefined);
  return [...required, ...given]
    .filter(([name, fits]) => !fits(at(value, name)))
    .map(([name, , what]) => `${path}.${name} must be ${what}`);
}

function at(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((found, name) => (isRecord(found) ? found[name] : undefined), value);
}
