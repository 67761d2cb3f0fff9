import { asFields, asList, asNumber, asText } from "./fields.js";
import type { Fields, KubeObject } from "./types.js";

/** What a cell of a table can hold; undefined is printed as <none> or left empty. */
export type Cell = string | number | boolean | undefined;

/** A column whose cells are computed from the object. */
export interface ComputedColumn {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  readonly cell: (object: KubeObject, now: Date) => Cell;
}

/** How long ago a time was, in the form of kubectl: "45s", "3m10s", "5h", "12d". */
export function age(since: string, now: Date): string {
  const seconds = Math.floor((now.getTime() - Date.parse(since)) / 1000);
  if (!Number.isFinite(seconds)) return "<unknown>";
  if (seconds < 120) return `${Math.max(0, seconds)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  return `${Math.floor(hours / 24)}d`;
}

function column(name: string, cell: (object: KubeObject) => Cell, type = "string"): ComputedColumn {
  return { name, type, cell };
}

function wide(name: string, cell: (object: KubeObject) => Cell): ComputedColumn {
  return { name, type: "string", priority: 1, cell };
}

function text(value: unknown): string {
  return asText(value) || "<none>";
}

function count(value: unknown): number {
  return asNumber(value);
}

function entries(value: unknown): number {
  return Object.keys(asFields(value)).length;
}

function ready(object: KubeObject): string {
  return `${count(object.status?.readyReplicas)}/${count(object.spec?.replicas)}`;
}

function condition(object: KubeObject, type: string): string | undefined {
  const found = asList(object.status?.conditions).find((entry) => entry.type === type);
  return found === undefined ? undefined : asText(found.status);
}

function containers(object: KubeObject): Fields[] {
  return asList(object.spec?.containers);
}

function containerStates(object: KubeObject): Fields[] {
  return asList(object.status?.containerStatuses);
}

function podStatus(object: KubeObject): string {
  if (object.metadata.deletionTimestamp) return "Terminating";
  for (const state of containerStates(object)) {
    const { waiting, terminated } = asFields(state.state);
    const reason = asFields(waiting).reason ?? asFields(terminated).reason;
    if (reason) return asText(reason);
  }
  return text(object.status?.reason ?? object.status?.phase);
}

function ports(object: KubeObject): string {
  const shown = asList(object.spec?.ports).map(({ port, nodePort, protocol }) => {
    return `${asText(port)}${nodePort ? `:${asText(nodePort)}` : ""}/${asText(protocol ?? "TCP")}`;
  });
  return text(shown.join(","));
}

function nodeStatus(object: KubeObject): string {
  const state = condition(object, "Ready") === "True" ? "Ready" : "NotReady";
  return object.spec?.unschedulable === true ? `${state},SchedulingDisabled` : state;
}

function subjectOf(object: KubeObject): string {
  const about = asFields(object.involvedObject ?? object.regarding);
  return `${asText(about.kind).toLowerCase()}/${asText(about.name)}`;
}

const phase = column("Status", (object) => text(object.status?.phase));
const dataCount = column("Data", (object) => entries(object.data) + entries(object.binaryData), "integer");
const role = column(
  "Role",
  (object) => `${asText(asFields(object.roleRef).kind)}/${asText(asFields(object.roleRef).name)}`,
);
const eventColumns: readonly ComputedColumn[] = [
  {
    name: "Last Seen",
    type: "string",
    cell: (object, now) => {
      const time = object.lastTimestamp ?? object.deprecatedLastTimestamp ?? object.eventTime;
      return age(asText(time ?? object.metadata.creationTimestamp), now);
    },
  },
  column("Type", (object) => text(object.type)),
  column("Reason", (object) => text(object.reason)),
  column("Object", subjectOf),
  column("Message", (object) => asText(object.message ?? object.note ?? "").trim()),
  { ...wide("Name", (object) => object.metadata.name), format: "name" },
];

/** Columns of built-in resources between Name and Age, by "group/resource". */
export const builtinCells: Readonly<Record<string, readonly ComputedColumn[]>> = {
  "/namespaces": [phase],
  "/pods": [
    column("Ready", (object) => {
      const running = containerStates(object).filter((state) => state.ready === true).length;
      return `${running}/${containers(object).length}`;
    }),
    column("Status", podStatus),
    column("Restarts", (object) => {
      return asText(containerStates(object).reduce((sum, state) => sum + count(state.restartCount), 0));
    }),
    wide("IP", (object) => text(object.status?.podIP)),
    wide("Node", (object) => text(object.spec?.nodeName)),
  ],
  "/services": [
    column("Type", (object) => text(object.spec?.type)),
    column("Cluster-IP", (object) => text(object.spec?.clusterIP)),
    column("External-IP", (object) => {
      const ingress = asList(asFields(object.status?.loadBalancer).ingress);
      return text(ingress.map(({ ip, hostname }) => asText(ip ?? hostname)).join(","));
    }),
    column("Port(s)", ports),
  ],
  "/configmaps": [dataCount],
  "/secrets": [column("Type", (object) => text(object.type)), dataCount],
  "/nodes": [
    column("Status", nodeStatus),
    column("Roles", (object) => {
      const prefix = "node-role.kubernetes.io/";
      const roles = Object.keys(object.metadata.labels ?? {}).filter((label) => label.startsWith(prefix));
      return text(roles.map((label) => label.slice(prefix.length)).join(","));
    }),
    column("Version", (object) => text(asFields(object.status?.nodeInfo).kubeletVersion)),
  ],
  "/persistentvolumes": [
    column("Capacity", (object) => text(asFields(object.spec?.capacity).storage)),
    column("Reclaim Policy", (object) => text(object.spec?.persistentVolumeReclaimPolicy)),
    phase,
    column("Claim", (object) => {
      const claim = asFields(object.spec?.claimRef);
      return claim.name === undefined ? "" : `${asText(claim.namespace)}/${asText(claim.name)}`;
    }),
    column("StorageClass", (object) => text(object.spec?.storageClassName)),
  ],
  "/persistentvolumeclaims": [
    phase,
    column("Volume", (object) => asText(object.spec?.volumeName ?? "")),
    column("Capacity", (object) => asText(asFields(object.status?.capacity).storage ?? "")),
    column("StorageClass", (object) => text(object.spec?.storageClassName)),
  ],
  "/events": eventColumns,
  "events.k8s.io/events": eventColumns,
  "apps/deployments": [
    column("Ready", ready),
    column("Up-to-date", (object) => count(object.status?.updatedReplicas), "integer"),
    column("Available", (object) => count(object.status?.availableReplicas), "integer"),
  ],
  "apps/statefulsets": [column("Ready", ready)],
  "apps/replicasets": [
    column("Desired", (object) => count(object.spec?.replicas), "integer"),
    column("Current", (object) => count(object.status?.replicas), "integer"),
    column("Ready", (object) => count(object.status?.readyReplicas), "integer"),
  ],
  "apps/daemonsets": [
    column("Desired", (object) => count(object.status?.desiredNumberScheduled), "integer"),
    column("Current", (object) => count(object.status?.currentNumberScheduled), "integer"),
    column("Ready", (object) => count(object.status?.numberReady), "integer"),
  ],
  "batch/jobs": [
    column("Status", (object) => {
      if (condition(object, "Complete") === "True") return "Complete";
      return condition(object, "Failed") === "True" ? "Failed" : "Running";
    }),
    column("Completions", (object) => `${count(object.status?.succeeded)}/${count(object.spec?.completions ?? 1)}`),
  ],
  "batch/cronjobs": [
    column("Schedule", (object) => text(object.spec?.schedule)),
    column("Suspend", (object) => object.spec?.suspend === true, "boolean"),
    column("Active", (object) => asList(object.status?.active).length, "integer"),
  ],
  "networking.k8s.io/ingresses": [
    column("Class", (object) => text(object.spec?.ingressClassName)),
    column("Hosts", (object) =>
      asList(object.spec?.rules)
        .map(({ host }) => asText(host ?? "*"))
        .join(","),
    ),
  ],
  "storage.k8s.io/storageclasses": [
    column("Provisioner", (object) => text(object.provisioner)),
    column("ReclaimPolicy", (object) => text(object.reclaimPolicy ?? "Delete")),
    column("VolumeBindingMode", (object) => text(object.volumeBindingMode ?? "Immediate")),
  ],
  "rbac.authorization.k8s.io/rolebindings": [role],
  "rbac.authorization.k8s.io/clusterrolebindings": [role],
  "coordination.k8s.io/leases": [column("Holder", (object) => text(object.spec?.holderIdentity))],
  "apiextensions.k8s.io/customresourcedefinitions": [
    column("Created At", (object) => object.metadata.creationTimestamp),
  ],
};
