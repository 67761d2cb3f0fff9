import { isDeepStrictEqual } from "node:util";
import type { AdmissionRequest, ApiExtension } from "../extension.js";
import { invalid } from "../status-error.js";
import { virtualPrefix } from "./types.js";

const group = "rbac.authorization.k8s.io";

/** In the clusters of this simulator a binding keeps the role that it was made for, as everywhere. */
export const roleBindingExtension: ApiExtension = {
  resources: [],
  appliesTo: (cluster) => cluster.startsWith(virtualPrefix),
  admit: (request) => {
    if (request.type.group === group && request.operation === "update") checkRole(request);
  },
};

/** Whom a binding gives a role may change; which role it gives may not. */
function checkRole({ object, previous, type }: AdmissionRequest): void {
  if (isDeepStrictEqual(object.roleRef, previous?.roleRef)) return;
  const message = "Invalid value: cannot change roleRef";
  throw invalid(type.group, type.kind, object.metadata.name, [
    { reason: "FieldValueInvalid", field: "roleRef", message },
  ]);
}
