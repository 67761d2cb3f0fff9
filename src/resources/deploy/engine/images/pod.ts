import type { ImageSource, ProbeContent, ProcessContent } from "../../spec/content.js";
import { configSecretName, pullSecretName } from "../names.js";
import { volumesOf } from "./config.js";
import { type Part, podLabels } from "./part.js";

type Fields = Readonly<Record<string, unknown>>;

/** What a Pod of a process is made of. */
export interface PodTemplate {
  readonly metadata: { readonly labels: Record<string, string>; readonly annotations?: Record<string, string> };
  readonly spec: Fields;
}

/** The template of a process's Pods. Throws DomainError "precondition" as `volumesOf`. */
export function podTemplate(
  part: Part,
  process: ProcessContent,
  restartPolicy: "Always" | "Never",
  args: readonly string[] = process.args,
): PodTemplate {
  const { release, source, owner } = part;
  const { nodeSelector, tolerations } = release.placement;
  const { volumes, volumeMounts } = volumesOf(part, process);
  const annotations = { ...process.annotations };
  return {
    metadata: {
      labels: podLabels(part, process.name),
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    },
    spec: {
      restartPolicy,
      // What a container may do at the API server is nothing unless it is given something.
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { seccompProfile: { type: "RuntimeDefault" } },
      terminationGracePeriodSeconds: process.terminationGrace,
      ...(source.registrySecret === "" ? {} : { imagePullSecrets: [{ name: pullSecretName(owner.objectName) }] }),
      ...(Object.keys(nodeSelector).length > 0 ? { nodeSelector } : {}),
      ...(tolerations.length > 0 ? { tolerations } : {}),
      containers: [{ ...containerOf(part, process, args), ...(volumeMounts.length > 0 ? { volumeMounts } : {}) }],
      ...(volumes.length > 0 ? { volumes } : {}),
    },
  };
}

function containerOf(part: Part, process: ProcessContent, args: readonly string[]): Fields {
  const { release, owner, number, source } = part;
  const resources = resourcesOf(process.resources);
  return {
    name: process.name,
    image: imageOf(source),
    ...(process.command.length > 0 ? { command: process.command } : {}),
    ...(args.length > 0 ? { args } : {}),
    env: factsOf(part, process),
    ...(release.config.variables.length > 0
      ? { envFrom: [{ secretRef: { name: configSecretName(owner.objectName, number) } }] }
      : {}),
    ...(process.ports.length > 0
      ? { ports: process.ports.map(({ name, port, protocol }) => ({ name, containerPort: port, protocol })) }
      : {}),
    ...(Object.keys(resources).length > 0 ? { resources } : {}),
    ...(process.readiness === undefined ? {} : { readinessProbe: probeOf(process.readiness) }),
    ...(process.liveness === undefined ? {} : { livenessProbe: probeOf(process.liveness) }),
    securityContext: { allowPrivilegeEscalation: false },
  };
}

/** `REFERENCE[:TAG]@DIGEST`: the digest is what runs, the tag is for people. */
export function imageOf({ image, digest }: ImageSource): string {
  const [reference = image] = image.split("@");
  return `${reference}@${digest}`;
}

/** What a process can know of itself; a variable PORT of the configuration comes before the port. */
function factsOf({ owner, number, release }: Part, { name, ports }: ProcessContent) {
  const [first] = ports.filter(({ protocol }) => protocol === "TCP");
  const isTaken = release.config.variables.some((each) => each.name === "PORT");
  return [
    ...(first === undefined || isTaken ? [] : [{ name: "PORT", value: String(first.port) }]),
    { name: "SLIPWAY_DEPLOYMENT", value: owner.objectName },
    { name: "SLIPWAY_PROCESS", value: name },
    { name: "SLIPWAY_RELEASE", value: String(number) },
  ];
}

function resourcesOf({ cpu, memory, cpuLimit, memoryLimit }: ProcessContent["resources"]): Fields {
  const given = (values: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(values).filter(([, quantity]) => quantity !== ""));
  const all = { requests: given({ cpu, memory }), limits: given({ cpu: cpuLimit, memory: memoryLimit }) };
  return Object.fromEntries(Object.entries(all).filter(([, values]) => Object.keys(values).length > 0));
}

function probeOf({ check, initialDelay, period, timeout, failureThreshold }: ProbeContent): Fields {
  const numbers = {
    initialDelaySeconds: initialDelay,
    periodSeconds: period,
    timeoutSeconds: timeout,
    failureThreshold,
  };
  return {
    ...checkOf(check),
    ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value > 0)),
  };
}

function checkOf(check: ProbeContent["check"]): Fields {
  switch (check.type) {
    case "http":
      return { httpGet: { path: check.path, port: check.port } };
    case "tcp":
      return { tcpSocket: { port: check.port } };
    case "command":
      return { exec: { command: check.command } };
  }
}
