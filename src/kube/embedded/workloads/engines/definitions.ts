import { definitionsName } from "../../custom-types.js";
import type { NewObject, ObjectRef, ObjectStore, ResourceName } from "../../types.js";

/** What may be installed in a simulated cluster beside Kubernetes itself. */
export const engines = ["flux", "argocd", "cert-manager"] as const;

/** One of `engines`. */
export type Engine = (typeof engines)[number];

interface Definition extends ResourceName {
  readonly engine: Engine;
  readonly version: string;
  readonly kind: string;
  readonly scope?: "Cluster";
  readonly shortNames?: readonly string[];
}

const helm = "helm.toolkit.fluxcd.io";
const source = "source.toolkit.fluxcd.io";
const certManager = "cert-manager.io";

export const helmReleases: ResourceName = { group: helm, resource: "helmreleases" };
export const helmRepositories: ResourceName = { group: source, resource: "helmrepositories" };
export const ociRepositories: ResourceName = { group: source, resource: "ocirepositories" };
export const helmCharts: ResourceName = { group: source, resource: "helmcharts" };
export const applications: ResourceName = { group: "argoproj.io", resource: "applications" };
export const certificates: ResourceName = { group: certManager, resource: "certificates" };
export const issuers: ResourceName = { group: certManager, resource: "issuers" };
export const clusterIssuers: ResourceName = { group: certManager, resource: "clusterissuers" };

const definitions: readonly Definition[] = [
  { engine: "flux", ...helmReleases, version: "v2", kind: "HelmRelease", shortNames: ["hr"] },
  { engine: "flux", ...helmRepositories, version: "v1", kind: "HelmRepository", shortNames: ["helmrepo"] },
  { engine: "flux", ...ociRepositories, version: "v1", kind: "OCIRepository", shortNames: ["ocirepo"] },
  { engine: "flux", ...helmCharts, version: "v1", kind: "HelmChart", shortNames: ["hc"] },
  { engine: "argocd", ...applications, version: "v1alpha1", kind: "Application", shortNames: ["app"] },
  { engine: "cert-manager", ...certificates, version: "v1", kind: "Certificate", shortNames: ["cert"] },
  { engine: "cert-manager", ...issuers, version: "v1", kind: "Issuer" },
  { engine: "cert-manager", ...clusterIssuers, version: "v1", kind: "ClusterIssuer", scope: "Cluster" },
];

/** Where Argo CD is installed, and where it looks for Applications unless it is told otherwise. */
const argoNamespace: ObjectRef = { group: "", resource: "namespaces", name: "argocd" };

/** Defines the resources of the engines, as far as they are not defined already, and makes the home of Argo CD. */
export async function defineEngines(store: ObjectStore, wanted: readonly Engine[]): Promise<void> {
  for (const definition of definitions.filter(({ engine }) => wanted.includes(engine))) {
    const name = `${definition.resource}.${definition.group}`;
    if (store.get({ ...definitionsName, name }) === undefined)
      await store.create(definitionsName, objectOf(name, definition));
  }
  if (wanted.includes("argocd") && store.get(argoNamespace) === undefined) {
    await store.create(argoNamespace, { metadata: { name: argoNamespace.name } });
  }
}

function objectOf(
  name: string,
  { group, resource, version, kind, scope, shortNames = [], engine }: Definition,
): NewObject {
  const columns =
    engine === "argocd"
      ? [
          { name: "Sync Status", type: "string", jsonPath: ".status.sync.status" },
          { name: "Health Status", type: "string", jsonPath: ".status.health.status" },
        ]
      : [
          { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
          { name: "Status", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].message' },
        ];
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  // The status of an Application is no subresource, as upstream.
  const subresources = engine === "argocd" ? {} : { subresources: { status: {} } };
  return {
    metadata: { name },
    spec: {
      group,
      scope: scope ?? "Namespaced",
      names: { plural: resource, singular: kind.toLowerCase(), kind, listKind: `${kind}List`, shortNames },
      versions: [
        { name: version, served: true, storage: true, schema, additionalPrinterColumns: columns, ...subresources },
      ],
    },
  };
}
