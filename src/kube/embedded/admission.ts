import { dryRunOf, type ResourceCall } from "./call.js";
import type { AdmissionRequest } from "./extension.js";
import { forbidden, invalid } from "./status-error.js";
import type { KubeObject } from "./types.js";

/** How a write over HTTP is meant. */
export interface WriteOptions {
  readonly dryRun: boolean;
  /** Who the changed fields belong to. */
  readonly manager: string;
}

const longestManager = 128;

/** Reads the options of a write from its query. */
export function writeOptions(call: ResourceCall): WriteOptions {
  const agent = (call.request.headers["user-agent"] ?? "unknown").split("/")[0] ?? "unknown";
  const manager = call.query.get("fieldManager") || agent.slice(0, longestManager);
  if (manager.length > longestManager) {
    const message = `Invalid value: ${JSON.stringify(manager)}: may not be longer than ${longestManager}`;
    throw invalid("meta.k8s.io", "PatchOptions", "", [{ reason: "FieldValueInvalid", message, field: "fieldManager" }]);
  }
  return { dryRun: dryRunOf(call.query.getAll("dryRun")), manager };
}

/** Asks all extensions of the cluster; each may change the draft or throw a refusal. */
export function admit(
  call: ResourceCall,
  change: Pick<AdmissionRequest, "operation" | "object" | "previous" | "subresource" | "dryRun">,
): void {
  const { cluster, type, user } = call;
  for (const extension of cluster.extensions) {
    extension.admit?.({ ...change, cluster: cluster.name, store: cluster.store, type, user });
  }
}

const protectedNamespaces = ["default", "kube-public", "kube-system"];

/** Refuses deletions that no cluster survives. */
export function checkDeletable(call: ResourceCall, object: KubeObject): void {
  const { group, resource } = call.type;
  if (group === "" && resource === "namespaces" && protectedNamespaces.includes(object.metadata.name)) {
    throw forbidden(call.type, object.metadata.name, "this namespace may not be deleted");
  }
}

/** Refuses what an object in deletion must not get any more. */
export function checkDying(call: ResourceCall, current: KubeObject, proposed: KubeObject): void {
  if (!current.metadata.deletionTimestamp) return;
  const before = current.metadata.finalizers ?? [];
  const added = (proposed.metadata.finalizers ?? []).filter((entry) => !before.includes(entry));
  if (added.length === 0) return;
  const message = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`;
  const cause = { reason: "FieldValueForbidden", message, field: "metadata.finalizers" };
  throw invalid(call.type.group, call.type.kind, current.metadata.name, [cause]);
}
