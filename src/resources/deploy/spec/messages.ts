import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import {
  ChartEngine,
  type ConfigurationSchema,
  type PlacementSchema,
  type ProbeSchema,
  type ProcessScaleSchema,
  type ProcessSchema,
  type SecretReferenceSchema,
  type SourceSchema,
} from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { tolerationMessage } from "../environment/messages.js";
import type {
  ChartSource,
  ConfigContent,
  PlacementContent,
  ProbeContent,
  ProcessContent,
  Scale,
  ScaleEntry,
  SecretUse,
  SourceContent,
} from "./content.js";
import { processKinds } from "./process.js";

/** A source as the API shows it. */
export function sourceMessage(source: SourceContent): MessageInitShape<typeof SourceSchema> {
  if (source.type === "chart") return { source: { case: "chart", value: chartMessage(source) } };
  const { image, digest, registrySecret } = source;
  return { source: { case: "image", value: { image, digest, registrySecret } } };
}

const engines = { flux: ChartEngine.FLUX, argo_cd: ChartEngine.ARGO_CD } as const;

const chartMessage = ({ type: _, values, secretValues, engine, ...rest }: ChartSource) => ({
  ...rest,
  // What was read from a message, or from JSON.
  values: values as JsonObject,
  secretValues: secretValues.map(({ path, use }) => ({ path, secret: secretMessage(use) })),
  engine: engines[engine],
});

const secretMessage = ({ secret, key, version }: SecretUse): MessageInitShape<typeof SecretReferenceSchema> => ({
  secret,
  key,
  version: BigInt(version),
});

/** Processes as the API shows them. */
export const processMessages = (processes: readonly ProcessContent[]): MessageInitShape<typeof ProcessSchema>[] =>
  processes.map((process) => ({
    name: process.name,
    kind: processKinds[process.kind],
    command: [...process.command],
    args: [...process.args],
    ports: process.ports.map((port) => ({ ...port })),
    resources: { ...process.resources },
    ...(process.readiness === undefined ? {} : { readiness: probeMessage(process.readiness) }),
    ...(process.liveness === undefined ? {} : { liveness: probeMessage(process.liveness) }),
    schedule: process.schedule,
    mounts: process.mounts.map((mount) => ({ ...mount })),
    ...(process.storage === undefined ? {} : { storage: { ...process.storage } }),
    terminationGraceSeconds: process.terminationGrace,
    annotations: { ...process.annotations },
  }));

const probeMessage = (probe: ProbeContent): MessageInitShape<typeof ProbeSchema> => ({
  check: checkMessage(probe.check),
  initialDelaySeconds: probe.initialDelay,
  periodSeconds: probe.period,
  timeoutSeconds: probe.timeout,
  failureThreshold: probe.failureThreshold,
});

function checkMessage(check: ProbeContent["check"]) {
  if (check.type === "command") {
    return { case: "command" as const, value: { command: [...check.command] } };
  }
  if (check.type === "tcp") return { case: "tcpPort" as const, value: check.port };
  return { case: "http" as const, value: { path: check.path, port: check.port } };
}

/** A configuration as the API shows it: without `values` by names alone, and never with a sensitive value. */
export function configurationMessage(
  { variables, files, secretMounts }: ConfigContent,
  { values }: { readonly values: boolean },
): MessageInitShape<typeof ConfigurationSchema> {
  return {
    variables: variables.map(({ name, value, sensitive, use }) => ({
      name,
      value: values && !sensitive ? value : "",
      sensitive,
      ...(use === undefined ? {} : { secret: secretMessage(use) }),
    })),
    files: files.map(({ path, content }) => ({ path, content: values ? content : "" })),
    secretMounts: secretMounts.map(({ secret, path, version }) => ({ secret, path, version: BigInt(version) })),
  };
}

/** A placement as the API shows it. */
export const placementMessage = (placement: PlacementContent): MessageInitShape<typeof PlacementSchema> => ({
  target: placement.target,
  namespace: placement.namespace,
  nodeSelector: { ...placement.nodeSelector },
  tolerations: placement.tolerations.map(tolerationMessage),
});

/** A scale as the API shows it, by the names of its processes. */
export const scaleMessages = (scale: Scale): MessageInitShape<typeof ProcessScaleSchema>[] =>
  Object.keys(scale)
    .toSorted()
    .flatMap((process) => {
      const entry = scale[process];
      return entry === undefined ? [] : [{ process, replicas: entry.replicas, ...autoscaleMessage(entry) }];
    });

/** The bounds of an entry as the API shows them: the field `autoscale`, or none. */
export function autoscaleMessage({ autoscale }: ScaleEntry) {
  if (autoscale === undefined) return {};
  const { min, max, cpu, memory } = autoscale;
  return { autoscale: { minReplicas: min, maxReplicas: max, cpuPercent: cpu, memoryPercent: memory } };
}
