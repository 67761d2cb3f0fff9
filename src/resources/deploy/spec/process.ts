import {
  type Mount,
  type Port,
  type Probe,
  type Process,
  ProcessKind,
  type Storage,
} from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { invalidField } from "../../../errors.js";
import { bytesOf } from "../../../kube/quantity.js";
import { isLabelKey } from "../environment/labels.js";
import type { ProbeContent, ProcessContent, ProcessKindName } from "./content.js";
import { refuseBadMountPath, refuseTwice } from "./paths.js";
import { resourcesOf } from "./resources.js";
import { refuseBadSchedule } from "./schedule.js";

const usualGraceSeconds = 30;
const mostAnnotationBytes = 65_536;
const longestEcho = 100;
const subdomainPattern = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/** Kinds of processes by their number in the API. */
export const processKinds = {
  service: ProcessKind.SERVICE,
  stateful: ProcessKind.STATEFUL,
  job: ProcessKind.JOB,
  release_job: ProcessKind.RELEASE_JOB,
} as const satisfies Record<ProcessKindName, ProcessKind>;

/** What releases beside the active one, and the Services of replicas, are called after the process. */
const keptName = /-(r\d+|replicas)$/;

/** Whether replicas of it run all the time. */
export const isRunning = ({ kind }: Pick<ProcessContent, "kind">): boolean => kind === "service" || kind === "stateful";

/** The processes of a request, as they are asked for: none for none. Throws "invalid". */
export function processesOf(field: string, processes: readonly Process[]): ProcessContent[] {
  const names = new Set<string>();
  return processes.map((process, i) => {
    refuseTwice(names, process.name, `${field}[${i}].name`);
    if (keptName.test(process.name)) {
      throw invalidField(`${field}[${i}].name`, "must not end like -r2 or -replicas: objects of the platform do");
    }
    return processOf(`${field}[${i}]`, process);
  });
}

function processOf(at: string, process: Process): ProcessContent {
  const { name, kind: number, command, args, annotations, resources, schedule } = process;
  const kind = kindOf(at, number);
  if (kind !== "job" && schedule !== "") throw invalidField(`${at}.schedule`, "is for processes of the kind JOB");
  if (schedule !== "") refuseBadSchedule(`${at}.schedule`, schedule);
  refuseNotRunning(at, kind, process);
  const ports = portsOf(`${at}.ports`, process.ports);
  const readiness = process.readiness && probeOf(`${at}.readiness`, process.readiness, ports);
  const liveness = process.liveness && probeOf(`${at}.liveness`, process.liveness, ports);
  const mounts = mountsOf(`${at}.mounts`, process.mounts);
  const storage = process.storage && storageOf(`${at}.storage`, process.storage, mounts);
  return {
    name,
    kind,
    command: [...command],
    args: [...args],
    ports,
    resources: resourcesOf(`${at}.resources`, resources),
    ...(readiness === undefined ? {} : { readiness }),
    ...(liveness === undefined ? {} : { liveness }),
    schedule,
    mounts,
    ...(storage === undefined ? {} : { storage }),
    terminationGrace: process.terminationGraceSeconds ?? usualGraceSeconds,
    annotations: annotationsOf(`${at}.annotations`, annotations),
  };
}

function kindOf(at: string, number: ProcessKind): ProcessKindName {
  if (number === ProcessKind.UNSPECIFIED) return "service";
  const names = Object.keys(processKinds) as ProcessKindName[];
  const kind = names.find((name) => processKinds[name] === number);
  if (kind === undefined) throw invalidField(`${at}.kind`, "must be a kind of process");
  return kind;
}

/** Refuses what only some kinds have. */
function refuseNotRunning(at: string, kind: ProcessKindName, { ports, readiness, liveness, storage }: Process): void {
  if (storage !== undefined && kind !== "stateful") {
    throw invalidField(`${at}.storage`, "is for processes of the kind STATEFUL: mount a volume claim");
  }
  if (isRunning({ kind })) return;
  const why = "is not for jobs, which run to their end";
  if (ports.length > 0) throw invalidField(`${at}.ports`, why);
  if (readiness !== undefined) throw invalidField(`${at}.readiness`, why);
  if (liveness !== undefined) throw invalidField(`${at}.liveness`, why);
}

function portsOf(field: string, ports: readonly Port[]): ProcessContent["ports"] {
  const names = new Set<string>();
  const numbers = new Set<string>();
  return ports.map(({ name, port, protocol: asked }, i) => {
    const protocol = asked === "UDP" ? "UDP" : "TCP";
    // Kubernetes takes the names of IANA for ports.
    if (name.includes("--")) throw invalidField(`${field}[${i}].name`, "must not have two hyphens side by side");
    refuseTwice(names, name, `${field}[${i}].name`);
    refuseTwice(numbers, `${protocol} ${port}`, `${field}[${i}].port`);
    return { name, port, protocol };
  });
}

function probeOf(at: string, probe: Probe, ports: ProcessContent["ports"]): ProbeContent {
  return {
    check: checkOf(at, probe, ports),
    initialDelay: probe.initialDelaySeconds,
    period: probe.periodSeconds,
    timeout: probe.timeoutSeconds,
    failureThreshold: probe.failureThreshold,
  };
}

function checkOf(at: string, { check }: Probe, ports: ProcessContent["ports"]): ProbeContent["check"] {
  if (check.case === "command") return { type: "command", command: [...check.value.command] };
  if (check.case === undefined) throw invalidField(at, "must say how it is asked");
  const { field, port } =
    check.case === "http"
      ? { field: `${at}.http.port`, port: check.value.port }
      : { field: `${at}.tcp_port`, port: check.value };
  if (!ports.some(({ name, protocol }) => name === port && protocol === "TCP")) {
    throw invalidField(field, "must be the name of a TCP port of the process");
  }
  return check.case === "http" ? { type: "http", path: check.value.path, port } : { type: "tcp", port };
}

function mountsOf(field: string, mounts: readonly Mount[]): ProcessContent["mounts"] {
  const paths = new Set<string>();
  return mounts.map(({ volumeClaim, path, readOnly }, i) => {
    refuseBadMountPath(`${field}[${i}].path`, path);
    refuseTwice(paths, path, `${field}[${i}].path`);
    return { volumeClaim: volumeClaim.toLowerCase(), path, readOnly };
  });
}

function storageOf(
  at: string,
  { size, storageClass, path }: Storage,
  mounts: ProcessContent["mounts"],
): NonNullable<ProcessContent["storage"]> {
  if ((bytesOf(size) ?? 0n) === 0n) throw invalidField(`${at}.size`, "must be a Kubernetes quantity, such as 10Gi");
  if (storageClass !== "" && !subdomainPattern.test(storageClass)) {
    throw invalidField(`${at}.storage_class`, "must be the name of a storage class: a DNS subdomain");
  }
  refuseBadMountPath(`${at}.path`, path);
  if (mounts.some((mount) => mount.path === path)) throw invalidField(`${at}.path`, "is the path of a mount already");
  return { size, storageClass, path };
}

function annotationsOf(field: string, annotations: Readonly<Record<string, string>>): Record<string, string> {
  for (const key of Object.keys(annotations)) {
    const shown = JSON.stringify(key.slice(0, longestEcho));
    if (!isLabelKey(key)) throw invalidField(field, `${shown} is no key of an annotation: [PREFIX/]NAME`);
    if (isReserved(key)) throw invalidField(field, `${shown} is set by the platform and by Kubernetes only`);
  }
  const bytes = Object.entries(annotations).reduce((sum, entry) => sum + Buffer.byteLength(entry.join("")), 0);
  if (bytes > mostAnnotationBytes) throw invalidField(field, "must have 64 KiB together at most");
  return { ...annotations };
}

/** Where annotations are for users: of the cluster autoscaler, and of the simulated clusters, which show faults on demand. */
const free: ReadonlySet<string> = new Set(["cluster-autoscaler.kubernetes.io", "simulator.slipway.dev"]);

/** What Kubernetes takes as an order, or the platform writes; hints to the autoscaler of nodes are for everybody. */
function isReserved(key: string): boolean {
  const slash = key.indexOf("/");
  const prefix = slash === -1 ? "" : key.slice(0, slash);
  if (free.has(prefix)) return false;
  return ["slipway.dev", "kubernetes.io", "k8s.io"].some((own) => prefix === own || prefix.endsWith(`.${own}`));
}
