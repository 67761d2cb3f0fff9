import type { AdmissionRequest } from "../extension.js";
import { asFields, asList, asText } from "../fields.js";
import { parseFault } from "../gardener/faults.js";
import { compareVersions, minorOf } from "../gardener/kubernetes-version.js";
import { invalid, type StatusCause } from "../status-error.js";
import type { ObjectStore } from "../types.js";
import { stepNames } from "./steps.js";
import { type Cluster, type ClusterClass, capiGroup, clusterClasses, clusters, finalizer, keys } from "./types.js";

/** Collects what is wrong with the fields of a Cluster. */
type Report = (field: string, message: string) => void;

const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const versionRule = /^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/;
const topologyPath = "spec.topology";

/** The rules of Cluster API's webhooks, as far as Slipway meets them. */
export function clusterApiAdmission({ type, operation, subresource, object, previous, store }: AdmissionRequest): void {
  if (type.group !== capiGroup || type.resource !== clusters.resource || subresource !== "") return;
  if (operation === "delete") return;
  const causes: StatusCause[] = [];
  const report: Report = (field, message) => void causes.push({ reason: "FieldValueInvalid", field, message });
  checkShape(object as Cluster, report);
  if (causes.length === 0) {
    checkClass(object as Cluster, store, report);
    if (previous !== undefined) checkVersion(object as Cluster, previous as Cluster, report);
  }
  if (causes.length > 0) throw invalid(capiGroup, "Cluster", object.metadata.name, causes);
  if (previous === undefined) {
    object.metadata.finalizers = [...new Set([...(object.metadata.finalizers ?? []), finalizer])];
  }
}

function checkShape({ metadata, spec }: Cluster, report: Report): void {
  const topology = asFields(asFields(spec).topology);
  if (!label.test(metadata.name)) report("metadata.name", `Invalid value: "${metadata.name}"`);
  if (asText(asFields(topology.classRef).name) === "") report(`${topologyPath}.classRef.name`, "Required value");
  const version = asText(topology.version);
  if (!versionRule.test(version))
    report(`${topologyPath}.version`, `Invalid value: "${version}": must be like v1.32.4`);
  const replicas = asFields(topology.controlPlane).replicas ?? 1;
  if (!Number.isInteger(replicas) || Number(replicas) < 1) {
    report(`${topologyPath}.controlPlane.replicas`, "Invalid value: must be a number from 1");
  }
  const groups = asList(asFields(topology.workers).machineDeployments);
  groups.forEach((group, index) => {
    const path = `${topologyPath}.workers.machineDeployments[${index}]`;
    const { name, replicas: size = 0 } = group;
    if (!label.test(asText(name))) report(`${path}.name`, `Invalid value: "${asText(name)}"`);
    if (groups.findIndex((one) => one.name === name) !== index) report(`${path}.name`, "Duplicate value");
    if (!Number.isInteger(size) || Number(size) < 0) report(`${path}.replicas`, "Invalid value: must not be negative");
  });
  const fault = metadata.annotations?.[keys.fail];
  if (fault !== undefined && parseFault(fault, stepNames) === undefined) {
    report(`metadata.annotations[${keys.fail}]`, 'Invalid value: must read "<step>:<ERR_CODE>:<times|always>"');
  }
}

/** Unlike Cluster API, which waits for the class, this needs it to be there. */
function checkClass({ metadata, spec }: Cluster, store: ObjectStore, report: Report): void {
  const { classRef, workers, variables = [] } = spec.topology;
  const namespace = classRef.namespace ?? metadata.namespace;
  const found = store.get({ ...clusterClasses, namespace, name: classRef.name }) as ClusterClass | undefined;
  if (found === undefined) {
    report(`${topologyPath}.classRef`, `Invalid value: there is no ClusterClass "${namespace}/${classRef.name}"`);
    return;
  }
  const groups = workers?.machineDeployments ?? [];
  const given = [...variables, ...groups.flatMap((group) => group.variables?.overrides ?? [])];
  for (const { name } of given) {
    if (found.spec.variables.some((one) => one.name === name)) continue;
    report(`${topologyPath}.variables`, `Invalid value: the ClusterClass has no variable "${name}"`);
  }
  groups.forEach((group, index) => {
    if (found.spec.workers.machineDeployments.some((one) => one.class === group.class)) return;
    const field = `${topologyPath}.workers.machineDeployments[${index}].class`;
    report(field, `Invalid value: "${group.class}": the ClusterClass has no such class`);
  });
}

function checkVersion(draft: Cluster, previous: Cluster, report: Report): void {
  const [to, from] = [draft, previous].map(({ spec }) => spec.topology.version.slice(1));
  if (to === undefined || from === undefined) return;
  const field = `${topologyPath}.version`;
  if (compareVersions(to, from) < 0) report(field, `Invalid value: "v${to}": version cannot be decreased`);
  else if (minorOf(to) > minorOf(from) + 1) {
    report(field, `Invalid value: "v${to}": version cannot be increased by more than one minor version`);
  }
}
