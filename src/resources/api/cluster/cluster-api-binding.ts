import { DomainError } from "../../../errors.js";
import type { KubeClient } from "../../../kube/client.js";
import { conflict, notFound, unprocessable } from "../../../kube/errors.js";
import { getObject } from "./backend-objects.js";
import { type ClusterRoleBinding, clusterRoleBindings } from "./cluster-api-types.js";

/** The group that Slipway's certificates are for. Not system:masters: API servers sign none for it. */
export const admins = "slipway:cluster-admins";

const rbac = "rbac.authorization.k8s.io";
const binding: ClusterRoleBinding = {
  metadata: { name: admins },
  roleRef: { apiGroup: rbac, kind: "ClusterRole", name: "cluster-admin" },
  subjects: [{ apiGroup: rbac, kind: "Group", name: admins }],
};
const attempts = 3;
const retryAfterMs = 5000;

/**
 * Makes the group administrators of a cluster, whatever its users have made of the binding: they may change it as
 * they may change everything. Throws DomainError (unavailable) when somebody keeps changing it back.
 */
export async function bindAdmins(inside: KubeClient, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (await applied(inside, signal)) return;
    await clear(inside, signal);
  }
  const message = `the cluster does not keep the ClusterRoleBinding ${admins}: leave it alone inside of the cluster`;
  throw new DomainError("unavailable", message, { retryAfterMs });
}

/** Whether the binding is now as it has to be, and stays. */
async function applied(inside: KubeClient, signal: AbortSignal): Promise<boolean> {
  try {
    const { metadata, roleRef, subjects } = await inside.apply(clusterRoleBindings, binding, { signal });
    const [wanted] = binding.subjects;
    return (
      metadata.deletionTimestamp === undefined &&
      roleRef.kind === binding.roleRef.kind &&
      roleRef.name === binding.roleRef.name &&
      subjects.some(({ kind, name }) => kind === wanted?.kind && name === wanted.name)
    );
  } catch (error) {
    // The role of a binding cannot be changed.
    if (unprocessable(error)) return false;
    throw error;
  }
}

/** Removes the binding that is there, with the finalizers that would keep it. */
async function clear(inside: KubeClient, signal: AbortSignal): Promise<void> {
  const found = await getObject<ClusterRoleBinding>(inside, clusterRoleBindings, { name: admins }, signal);
  if (found === undefined) return;
  const { uid, finalizers = [] } = found.metadata;
  try {
    if (finalizers.length > 0) {
      const patch = { metadata: { uid, finalizers: null } };
      await inside.mergePatch(clusterRoleBindings, { name: admins }, patch, { signal });
    }
    await inside.delete(clusterRoleBindings, { name: admins }, { uid, signal });
  } catch (error) {
    // It is gone, or another one meanwhile: the next attempt looks again.
    if (!notFound(error) && !conflict(error)) throw error;
  }
}
