import fc from "fast-check";
import type {
  ConfigContent,
  ProcessContent,
  ReleaseChange,
  SecretUse,
  WholeRelease,
} from "../../../../src/resources/deploy/spec/content.js";
import { type MergeInput, mergeRelease, usualProcesses } from "../../../../src/resources/deploy/spec/merge.js";

/** Uuids of secrets that tests know. */
export const secretIds = [1, 2, 3].map((n) => `0195c0de-0000-7000-8000-00000000000${n}`);

export const noConfig: ConfigContent = { variables: [], files: [], secretMounts: [] };

export const place = {
  target: "0195c0de-0000-7000-8000-0000000000a1",
  namespace: "0195c0de-0000-7000-8000-0000000000a2",
};

export const processNamed = (name: string): ProcessContent => ({
  name,
  kind: "service",
  command: [],
  args: [],
  ports: [],
  resources: { cpu: "", memory: "", cpuLimit: "", memoryLimit: "" },
  schedule: "",
  mounts: [],
  terminationGrace: 30,
  annotations: {},
});

export const image = (name: string) => ({ type: "image" as const, image: name, digest: "", registrySecret: "" });

export const chart = {
  type: "chart" as const,
  repository: "https://charts.example",
  name: "redis",
  version: "^1",
  resolvedVersion: "1.2.3",
  digest: "",
  values: { replicas: 2 },
  secretValues: [],
  variablesPath: "",
  engine: "flux" as const,
  registrySecret: "",
};

/** A release of nginx. */
export const nginx = (config: Partial<ConfigContent> = {}): WholeRelease => ({
  source: image("nginx:1.27"),
  processes: usualProcesses,
  config: { ...noConfig, ...config },
  placement: { ...place, nodeSelector: {}, tolerations: [] },
});

/** A change of the configuration alone. */
export const configChange = (change: Partial<NonNullable<ReleaseChange["config"]>>): ReleaseChange => ({
  config: {
    setVariables: [],
    unsetVariables: [],
    setFiles: [],
    unsetFiles: [],
    setSecretMounts: [],
    unsetSecretMounts: [],
    ...change,
  },
});

export const variable = (name: string, value = "", use?: SecretUse) => ({
  name,
  value,
  sensitive: false,
  ...(use === undefined ? {} : { use }),
});

/** Merges in an environment that says nothing of nodes, where each secret has the version 5. */
export const merge = (input: Partial<MergeInput> & Pick<MergeInput, "change">): WholeRelease =>
  mergeRelease({
    environment: { nodeSelector: {}, tolerations: [] },
    placement: place,
    newestVersions: new Map(secretIds.map((id) => [id, 5])),
    ...input,
  });

/** What a call throws. */
export function thrown(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("it threw nothing");
}

/** A few names, so that changes meet each other. */
export const someNames = fc.uniqueArray(fc.constantFrom("A", "B", "C", "__proto__", "constructor"), { maxLength: 4 });
