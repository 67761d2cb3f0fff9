import { DomainError, invalidField } from "../../../errors.js";
import { labelsOf } from "../environment/labels.js";
import type { NamespaceRow } from "./store.js";

/** Most namespaces of a target. */
export const mostNamespaces = 1_000;

/** What a Namespace of ours carries. */
export const ownLabels = {
  managedBy: "app.kubernetes.io/managed-by",
  project: "slipway.dev/project",
  namespace: "slipway.dev/namespace",
} as const;

/** Set on a Namespace that was there before: it stays when it is deleted here. */
export const adoptedAnnotation = "slipway.dev/adopted";

/** JSON of the labels that were set otherwise before it was adopted: they are set again when it is let go. */
export const replacedAnnotation = "slipway.dev/replaced-labels";

/** The row; or NOT_FOUND. */
export function found(row: NamespaceRow | undefined, namespace: string): NamespaceRow {
  if (row === undefined) throw new DomainError("missing", `namespace ${namespace} does not exist`);
  return row;
}

/** Refuses the names that Kubernetes and Slipway keep for themselves. */
export function refuseKeptName(name: string): void {
  if (name === "default" || /^kube(-|$)/.test(name)) {
    throw invalidField("name", "is kept by Kubernetes: neither default nor names that begin with kube-");
  }
  if (/^slipway(-|$)/.test(name)) {
    throw invalidField("name", "is kept by Slipway: take one that does not begin with slipway-");
  }
}

/** The labels of a request; throws "invalid" for what Kubernetes would refuse, and for those that say whose it is. */
export function namespaceLabels(field: string, labels: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.keys(labels).find(
    (key) =>
      key === ownLabels.managedBy || key === "kubernetes.io/metadata.name" || /^([^/]*\.)?slipway\.dev\//.test(key),
  );
  if (kept !== undefined) throw invalidField(field, "has a label that Slipway or Kubernetes sets by itself");
  return labelsOf(field, labels);
}

/** Refuses to change what is going. */
export function refuseTerminating(row: NamespaceRow): void {
  if (row.deleteRequestedAt === null) return;
  throw new DomainError("precondition", `namespace ${row.name} is being deleted`);
}
