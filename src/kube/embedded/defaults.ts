import type { ResourceType } from "./extension.js";
import { asFields, asList, asText } from "./fields.js";
import { timestamp } from "./lifecycle.js";
import type { Fields, KubeObject } from "./types.js";

type Fill = (object: KubeObject, now: Date) => void;

/**
 * What the server fills into new objects of built-in kinds, as far as clients
 * rely on it; all other defaulting is left out.
 */
const fills: Readonly<Record<string, Fill>> = {
  "/namespaces": (object) => {
    object.metadata.labels = { ...object.metadata.labels, "kubernetes.io/metadata.name": object.metadata.name };
    object.spec = { ...object.spec, finalizers: ["kubernetes"] };
    object.status = { phase: "Active" };
  },
  "/pods": (object) => {
    object.spec = { restartPolicy: "Always", ...object.spec };
    object.status ??= { phase: "Pending" };
  },
  "/services": (object) => {
    object.spec = { type: "ClusterIP", sessionAffinity: "None", ...object.spec };
  },
  "/persistentvolumeclaims": (object) => {
    object.status ??= { phase: "Pending" };
  },
  "/persistentvolumes": (object) => {
    object.status ??= { phase: "Available" };
  },
  "apps/deployments": fillReplicas,
  "apps/statefulsets": fillReplicas,
  "apps/replicasets": fillReplicas,
  "apiextensions.k8s.io/customresourcedefinitions": establish,
};

function fillReplicas(object: KubeObject): void {
  object.spec = { replicas: 1, ...object.spec };
}

/** A definition is established at once: nothing has to start before it can be served. */
function establish(object: KubeObject, now: Date): void {
  const condition = (type: string, reason: string, message: string) => ({
    type,
    status: "True",
    lastTransitionTime: timestamp(now),
    reason,
    message,
  });
  object.metadata.finalizers = [...(object.metadata.finalizers ?? []), definitionFinalizer];
  object.status = {
    conditions: [
      condition("NamesAccepted", "NoConflicts", "no conflicts found"),
      condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ],
  };
}

/** Completes the names, and reports which names and versions are in use. */
function fillDefinition(object: KubeObject): void {
  const names = asFields(object.spec?.names);
  const kind = asText(names.kind ?? "");
  const completeNames = { singular: kind.toLowerCase(), listKind: `${kind}List`, ...names };
  const versions = asList(object.spec?.versions);
  const stored = versions.filter((version) => version.storage === true).map((version) => asText(version.name));
  const before = object.status?.storedVersions;
  object.spec = { conversion: { strategy: "None" }, ...object.spec, names: completeNames };
  object.status = {
    ...object.status,
    acceptedNames: completeNames,
    storedVersions: [...new Set([...(Array.isArray(before) ? before : []), ...stored])],
  };
}

/** Holds a definition back until its objects are gone. */
export const definitionFinalizer = "customresourcecleanup.apiextensions.k8s.io";

/** Turns the write-only stringData of a Secret into data. */
function encodeSecret(object: KubeObject): void {
  object.type ??= "Opaque";
  const texts = object.stringData;
  if (typeof texts !== "object" || texts === null) return;
  const encoded = Object.entries(texts).map(([key, text]) => [key, Buffer.from(asText(text)).toString("base64")]);
  object.data = { ...(object.data as Fields | undefined), ...Object.fromEntries(encoded) };
  delete object.stringData;
}

/** Fills in a new object, in place. */
export function fillNewObject(type: ResourceType, object: KubeObject, now: Date): void {
  fills[`${type.group}/${type.resource}`]?.(object, now);
  fillObject(type, object);
}

/** Brings an object that is written into the form in which it is kept, in place. */
export function fillObject(type: ResourceType, object: KubeObject): void {
  if (type.group === "" && type.resource === "secrets") encodeSecret(object);
  if (type.group === "apiextensions.k8s.io") fillDefinition(object);
}
