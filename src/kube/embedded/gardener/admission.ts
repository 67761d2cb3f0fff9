import type { AdmissionRequest } from "../extension.js";
import { forbidden, invalid, type StatusCause } from "../status-error.js";
import type { KubeObject, ObjectStore } from "../types.js";
import { fillShoot } from "./shoot-defaults.js";
import { shapeFaults, shootFaults } from "./shoot-validation.js";
import { coreGroup, credentialsBindings, finalizer, keys, projects, type Shoot, shoots } from "./types.js";

const longestProjectName = 10;
/** Operations that the API server takes off at once; "maintain" is left to its controller. */
const immediate = ["reconcile", "retry"];
const known = [...immediate, "maintain"];

/** The rules of Gardener's API server. */
export function gardenerAdmission(clock: () => Date): (request: AdmissionRequest) => void {
  return (request) => {
    if (request.type.group === coreGroup && request.subresource === "") admit(request, clock());
  };
}

function admit(request: AdmissionRequest, now: Date): void {
  const { resource } = request.type;
  const confirmed = resource === shoots.resource || resource === projects.resource;
  if (request.operation === "delete") {
    if (confirmed) requireConfirmation(request);
    if (resource === projects.resource) requireEmpty(request);
    return;
  }
  if (resource === shoots.resource) admitShoot(request, now);
  if (resource === projects.resource) admitProject(request);
}

function requireConfirmation({ object, type }: AdmissionRequest): void {
  if (object.metadata.annotations?.[keys.confirmDeletion] === "true") return;
  throw forbidden(type, object.metadata.name, `annotation "${keys.confirmDeletion}" must be "true" to delete it`);
}

function requireEmpty({ object, type, store }: AdmissionRequest): void {
  const namespace = object.spec?.namespace;
  if (typeof namespace !== "string" || store.list(shoots, { namespace }).length === 0) return;
  throw forbidden(type, object.metadata.name, `the project's namespace "${namespace}" still has Shoots`);
}

function admitShoot({ object, previous, store }: AdmissionRequest, now: Date): void {
  const draft = object as Shoot;
  const before = previous as Shoot | undefined;
  refuse(draft, shapeFaults(draft));
  fillShoot(draft, before, store);
  // Finalizers and labels of a Shoot in deletion must still go through, whatever its spec.
  if (before?.metadata.deletionTimestamp === undefined) {
    refuse(draft, shootFaults(draft, before, store, now));
    requireBinding(draft, store);
  }
  takeOperation(draft, before);
}

function requireBinding({ metadata, spec }: Shoot, store: ObjectStore): void {
  const name = spec.credentialsBindingName;
  if (name === undefined) return;
  const found = store.get({ ...credentialsBindings, namespace: metadata.namespace, name });
  if (found === undefined) throw forbidden(shoots, metadata.name, `credentialsbinding "${name}" not found`);
}

function takeOperation(draft: Shoot, before: Shoot | undefined): void {
  const annotations = draft.metadata.annotations ?? {};
  const operation = annotations[keys.operation];
  if (operation === undefined) return;
  const wanted = operation.split(";");
  const unknown = wanted.find((one) => !known.includes(one));
  if (unknown !== undefined) {
    const message = `Unsupported value: "${unknown}": this simulator knows ${known.join(", ")}`;
    refuse(draft, [{ reason: "FieldValueNotSupported", field: `metadata.annotations[${keys.operation}]`, message }]);
  }
  const failed = before?.status?.lastOperation?.state === "Failed";
  const accepted = wanted.some((one) => one === "reconcile" || (one === "retry" && failed));
  const { [keys.operation]: _, ...others } = annotations;
  draft.metadata.annotations = wanted.includes("maintain") ? { ...others, [keys.operation]: "maintain" } : others;
  if (accepted) draft.metadata.generation = (before?.metadata.generation ?? 0) + 1;
}

function admitProject({ object, previous }: AdmissionRequest): void {
  const { name } = object.metadata;
  const causes: StatusCause[] = [];
  if (previous === undefined && (name.length > longestProjectName || !/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name))) {
    const message = `Invalid value: "${name}": must be a DNS label of at most ${longestProjectName} characters`;
    causes.push({ reason: "FieldValueInvalid", field: "metadata.name", message });
  }
  const namespace = previous?.spec?.namespace;
  if (namespace !== undefined && object.spec?.namespace !== namespace) {
    causes.push({ reason: "FieldValueInvalid", field: "spec.namespace", message: "Invalid value: field is immutable" });
  }
  refuse(object, causes);
  object.spec ??= {};
  if (previous === undefined) object.metadata.finalizers = [...(object.metadata.finalizers ?? []), finalizer];
}

function refuse({ kind, metadata }: KubeObject, causes: readonly StatusCause[]): void {
  if (causes.length > 0) throw invalid(coreGroup, kind, metadata.name, causes);
}
