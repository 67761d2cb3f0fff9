import { isRecord } from "../../../record.js";

/** How the clusters of one partition are made at Gardener; docs/gardener.md explains each field. */
export interface GardenerSettings {
  readonly region: string;
  /** Default kind: CloudProfile. */
  readonly cloudProfile: { readonly kind?: string; readonly name: string };
  readonly credentialsBinding: {
    readonly name: string;
    /** When given, Slipway makes the binding in each project's namespace; otherwise it must be there. */
    readonly credentials?: {
      /** Default v1. */
      readonly apiVersion?: string;
      /** Default Secret. */
      readonly kind?: string;
      readonly namespace: string;
      readonly name: string;
    };
  };
  readonly provider: {
    /** Such as "metal". */
    readonly type: string;
    /** `${project}`, `${partition}`, `${cluster}` and `${name}` in its strings are filled in. */
    readonly infrastructureConfig?: Readonly<Record<string, unknown>>;
    readonly controlPlaneConfig?: Readonly<Record<string, unknown>>;
  };
  /** As in a Shoot: type, pods, nodes, services, ipFamilies, providerConfig. */
  readonly networking?: Readonly<Record<string, unknown>>;
  /** Gardener's default image unless given. */
  readonly machineImage?: { readonly name: string; readonly version?: string };
  readonly volume?: { readonly type?: string; readonly size: string };
  readonly zones?: readonly string[];
  /** Purpose of clusters that name none; Gardener's own default is "evaluation". */
  readonly purpose?: string;
}

/** Checks settings from a file; throws an Error that names every fault below `path`, such as "partitions.muc". */
export function readGardenerSettings(value: unknown, path: string): GardenerSettings {
  const faults: string[] = [];
  if (!isRecord(value)) throw new Error(`${path} must be an object`);
  const known = [...required, ...optional.map(([name]) => name)].map((name) => name.split(".")[0]);
  for (const name of Object.keys(value)) if (!known.includes(name)) faults.push(`${path}.${name} is not known`);
  for (const name of required) {
    if (!isText(at(value, name))) faults.push(`${path}.${name} must be a text`);
  }
  for (const [name, check, what] of optional) {
    const found = at(value, name);
    if (found !== undefined && !check(found)) faults.push(`${path}.${name} must be ${what}`);
  }
  for (const [parent, child] of completions) {
    if (at(value, parent) !== undefined && !isText(at(value, `${parent}.${child}`))) {
      faults.push(`${path}.${parent}.${child} must be a text`);
    }
  }
  if (faults.length > 0) throw new Error(faults.join("; "));
  return value as unknown as GardenerSettings;
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);

const required = ["region", "cloudProfile.name", "credentialsBinding.name", "provider.type"];

const optional: readonly [name: string, check: (value: unknown) => boolean, what: string][] = [
  ["cloudProfile.kind", isText, "a text"],
  ["credentialsBinding.credentials", isRecord, "an object"],
  ["credentialsBinding.credentials.kind", isText, "a text"],
  ["credentialsBinding.credentials.apiVersion", isText, "a text"],
  ["provider.infrastructureConfig", isRecord, "an object"],
  ["provider.controlPlaneConfig", isRecord, "an object"],
  ["networking", isRecord, "an object"],
  ["machineImage", isRecord, "an object"],
  ["machineImage.version", isText, "a text, in quotes"],
  ["volume", isRecord, "an object"],
  ["volume.type", isText, "a text"],
  ["zones", isTexts, "a list of texts"],
  ["purpose", isText, "a text"],
];

/** Fields that must be there when their parent is. */
const completions: readonly [parent: string, child: string][] = [
  ["credentialsBinding.credentials", "namespace"],
  ["credentialsBinding.credentials", "name"],
  ["machineImage", "name"],
  ["volume", "size"],
];

function at(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((found, name) => (isRecord(found) ? found[name] : undefined), value);
}
