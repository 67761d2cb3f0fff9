import type { Manifest, RenderInput } from "../../../../src/resources/deploy/engine/engine.js";
import { secretKey } from "../../../../src/resources/deploy/engine/engine.js";
import type {
  ChartSource,
  ConfigContent,
  ImageSource,
  ProcessContent,
  WholeRelease,
} from "../../../../src/resources/deploy/spec/content.js";

// biome-ignore lint/suspicious/noExplicitAny: tests look into objects of any kind.
export type Json = any;

export const digest = `sha256:${"a".repeat(64)}`;

/** An image with its digest. */
export const image = (name = "registry.example/web:1", more: Partial<ImageSource> = {}): ImageSource => ({
  type: "image",
  image: name,
  digest,
  registrySecret: "",
  ...more,
});

/** A chart with its version. */
export const chart = (more: Partial<ChartSource> = {}): ChartSource => ({
  type: "chart",
  repository: "https://charts.example",
  name: "demo-web",
  version: "1.x",
  resolvedVersion: "1.1.0",
  digest: "",
  values: {},
  secretValues: [],
  variablesPath: "",
  engine: "flux",
  registrySecret: "",
  ...more,
});

/** A process: a service `web` with the port `http` 8080. */
export const process = (more: Partial<ProcessContent> = {}): ProcessContent => ({
  name: "web",
  kind: "service",
  command: [],
  args: [],
  ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  resources: { cpu: "", memory: "", cpuLimit: "", memoryLimit: "" },
  schedule: "",
  mounts: [],
  terminationGrace: 30,
  annotations: {},
  ...more,
});

/** A release of an image. */
export function release(
  more: Partial<Omit<WholeRelease, "config">> & { readonly config?: Partial<ConfigContent> } = {},
): WholeRelease {
  return {
    source: image(),
    processes: [process()],
    placement: { target: "target", namespace: "namespace", nodeSelector: {}, tolerations: [] },
    ...more,
    config: { variables: [], files: [], secretMounts: [], ...more.config },
  };
}

let deployments = 0;

/** What is rendered: release 1 of a deployment of its own. */
export function input(more: Partial<RenderInput> & { readonly objectName?: string } = {}): RenderInput {
  deployments += 1;
  const { objectName = "shop", ...rest } = more;
  return {
    owner: {
      deployment: `0197a0c0-0000-7000-8000-${String(deployments).padStart(12, "0")}`,
      project: "0197a0c0-0000-7000-8000-00000000face",
      objectName,
      namespace: "default",
    },
    number: 1,
    release: release(),
    scale: {},
    stopped: false,
    variants: [],
    secrets: new Map(),
    claims: new Map(),
    ...rest,
  };
}

/** Contents of secrets from texts. */
export function contents(all: readonly [secret: string, version: number, values: Record<string, string>][]) {
  return new Map(
    all.map(([secret, version, values]) => [
      secretKey(secret, version),
      new Map(Object.entries(values).map(([key, value]) => [key, new TextEncoder().encode(value)])),
    ]),
  );
}

/** The object of a kind and name. */
export function objectOf(manifests: readonly Manifest[], kind: string, name: string): Json {
  const found = manifests.find(({ type, object }) => type.kind === kind && object.metadata.name === name);
  if (found === undefined) {
    const names = manifests.map(({ type, object }) => `${type.kind} ${object.metadata.name}`);
    throw new Error(`no ${kind} ${name} among ${names.join(", ")}`);
  }
  return found.object;
}

/** Kinds and names. */
export const titles = (manifests: readonly Manifest[]): string[] =>
  manifests.map(({ type, object }) => `${type.kind} ${object.metadata.name}`);

/** The values of a Secret as texts. */
export const textsOf = ({ data }: Json): Record<string, string> =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(String(value), "base64").toString()]),
  );
