import { column } from "../columns.js";
import type { ResourceType, SubresourceRequest } from "../extension.js";
import { invalid } from "../status-error.js";
import type { Fields } from "../types.js";
import { coreGroup, type Shoot } from "./types.js";

const core = { group: coreGroup, version: "v1beta1", status: true };
const authentication = { group: "authentication.gardener.cloud", version: "v1alpha1" };

/** The resources of a Gardener that Slipway and its users meet. */
export const gardenerResources: readonly ResourceType[] = [
  {
    ...core,
    resource: "shoots",
    kind: "Shoot",
    namespaced: true,
    columns: [
      { ...column("CloudProfile", ".spec.cloudProfile.name"), priority: 1 },
      column("Provider", ".spec.provider.type"),
      column("Region", ".spec.region"),
      column("K8S Version", ".spec.kubernetes.version"),
      { ...column("Hibernated", ".status.hibernated", "boolean"), priority: 1 },
      column("Operation", ".status.lastOperation.type"),
      column("State", ".status.lastOperation.state"),
      column("Progress", ".status.lastOperation.progress", "integer"),
      column("Status", ".metadata.labels.shoot\\.gardener\\.cloud/status"),
    ],
    subresources: {
      adminkubeconfig: { ...authentication, kind: "AdminKubeconfigRequest", create: issue("AdminKubeconfigRequest") },
      viewerkubeconfig: {
        ...authentication,
        kind: "ViewerKubeconfigRequest",
        create: issue("ViewerKubeconfigRequest"),
      },
    },
  },
  {
    ...core,
    resource: "projects",
    kind: "Project",
    namespaced: false,
    columns: [column("Namespace", ".spec.namespace"), column("Status", ".status.phase")],
  },
  {
    ...core,
    resource: "cloudprofiles",
    kind: "CloudProfile",
    namespaced: false,
    shortNames: ["cprofile"],
    columns: [column("Type", ".spec.type")],
  },
  {
    ...core,
    resource: "seeds",
    kind: "Seed",
    namespaced: false,
    columns: [column("Provider", ".spec.provider.type"), column("Region", ".spec.provider.region")],
  },
  {
    group: "security.gardener.cloud",
    version: "v1alpha1",
    resource: "credentialsbindings",
    kind: "CredentialsBinding",
    namespaced: true,
    columns: [column("Provider", ".provider.type")],
  },
];

const shortest = 600;
const longest = 86_400;
const usual = 3_600;

/** Issues a kubeconfig for the virtual cluster of a Shoot. */
function issue(kind: string) {
  return async ({ object, body, kubeconfig }: SubresourceRequest): Promise<Fields> => {
    const shoot = object as Shoot;
    const seconds = expirationOf(kind, shoot, body);
    const { technicalID, advertisedAddresses } = shoot.status ?? {};
    if (technicalID === undefined || !advertisedAddresses?.length) {
      const message = "no kube-apiserver address is advertised for this Shoot yet";
      throw invalid(authentication.group, kind, shoot.metadata.name, [
        { field: "status.advertisedAddresses", message },
      ]);
    }
    const entry = `${shoot.metadata.namespace}--${shoot.metadata.name}-external`;
    const { yaml, expires } = await kubeconfig({
      user: kind === "AdminKubeconfigRequest" ? "system:gardener:admin" : "system:gardener:viewer",
      groups: [`cluster:${technicalID}`],
      cluster: technicalID,
      expiresInSeconds: Math.min(seconds, longest),
      names: { cluster: entry, user: entry, context: entry },
    });
    return {
      apiVersion: `${authentication.group}/${authentication.version}`,
      kind,
      metadata: {},
      spec: { expirationSeconds: Math.min(seconds, longest) },
      status: { kubeconfig: Buffer.from(yaml).toString("base64"), expirationTimestamp: expires.toISOString() },
    };
  };
}

function expirationOf(kind: string, { metadata }: Shoot, body: Fields): number {
  const given = (body.spec as Fields | undefined)?.expirationSeconds ?? usual;
  if (Number.isInteger(given) && Number(given) >= shortest) return Number(given);
  const message = `Invalid value: ${JSON.stringify(given)}: may not specify a duration less than 10 minutes`;
  throw invalid(authentication.group, kind, metadata.name, [{ field: "spec.expirationSeconds", message }]);
}
