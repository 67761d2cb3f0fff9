import type { ObjectOwner } from "./engine.js";

/** What objects of deployments carry; pods too. */
export const labels = {
  managedBy: "app.kubernetes.io/managed-by",
  name: "app.kubernetes.io/name",
  /** The deployment's object name: also what charts put on their pods. */
  instance: "app.kubernetes.io/instance",
  project: "slipway.dev/project",
  /** Uuid of the deployment. */
  deployment: "slipway.dev/deployment",
  process: "slipway.dev/process",
  /** Number of the release; on pods and what belongs to one release alone. */
  release: "slipway.dev/release",
  /** Number of a release that runs beside the active one for a share of the requests; `active` on all others. */
  variant: "slipway.dev/variant",
  /** Uuid of the route; on Ingresses. */
  route: "slipway.dev/route",
} as const;

/** The value of `managedBy`. */
export const managedBySlipway = "slipway";

/** Annotation of workloads by which an application says how it is. */
export const statusAnnotation = "slipway.dev/status";

/** What all objects of a deployment carry. */
export function ownLabels({ deployment, project, objectName }: ObjectOwner): Record<string, string> {
  return {
    [labels.managedBy]: managedBySlipway,
    [labels.name]: objectName,
    [labels.instance]: objectName,
    [labels.project]: project,
    [labels.deployment]: deployment,
  };
}

/** Whether labels say that an object is one of that deployment. */
export function isOwn(found: Readonly<Record<string, string>> | undefined, deployment: string): boolean {
  return found?.[labels.managedBy] === managedBySlipway && found[labels.deployment] === deployment;
}
