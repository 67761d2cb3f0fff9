import type { ResourceType } from "../../../kube/objects.js";

export { secrets } from "../../../kube/objects.js";

/** A group as people name it: empty for those of Kubernetes itself, as `apps` and `networking.k8s.io` are. */
export const groupShown = (group: string): string => (!group.includes(".") || group.endsWith(".k8s.io") ? "" : group);

const core = (plural: string, kind: string): ResourceType => ({ group: "", version: "v1", plural, kind });
const apps = (plural: string, kind: string): ResourceType => ({ group: "apps", version: "v1", plural, kind });
const batch = (plural: string, kind: string): ResourceType => ({ group: "batch", version: "v1", plural, kind });

/** Core Pods. */
export const pods = core("pods", "Pod");
/** Core Services. */
export const services = core("services", "Service");
/** Core ConfigMaps. */
export const configMaps = core("configmaps", "ConfigMap");
/** Core PersistentVolumeClaims. */
export const persistentVolumeClaims = core("persistentvolumeclaims", "PersistentVolumeClaim");
/** Deployments of Kubernetes. */
export const workloadDeployments = apps("deployments", "Deployment");
/** StatefulSets. */
export const statefulSets = apps("statefulsets", "StatefulSet");
/** Jobs. */
export const jobs = batch("jobs", "Job");
/** CronJobs. */
export const cronJobs = batch("cronjobs", "CronJob");

/** HorizontalPodAutoscalers. */
export const autoscalers: ResourceType = {
  group: "autoscaling",
  version: "v2",
  plural: "horizontalpodautoscalers",
  kind: "HorizontalPodAutoscaler",
};

/** HelmReleases of Flux. */
export const helmReleases: ResourceType = {
  group: "helm.toolkit.fluxcd.io",
  version: "v2",
  plural: "helmreleases",
  kind: "HelmRelease",
};

const sourceType = (plural: string, kind: string): ResourceType => ({
  group: "source.toolkit.fluxcd.io",
  version: "v1",
  plural,
  kind,
});

/** Repositories of charts with an index, as Flux has them. */
export const helmRepositories = sourceType("helmrepositories", "HelmRepository");
/** Charts in OCI registries, as Flux has them. */
export const ociRepositories = sourceType("ocirepositories", "OCIRepository");

/** Applications of Argo CD. */
export const applications: ResourceType = {
  group: "argoproj.io",
  version: "v1alpha1",
  plural: "applications",
  kind: "Application",
};
