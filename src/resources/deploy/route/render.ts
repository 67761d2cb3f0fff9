import { DomainError } from "../../../errors.js";
import { type ResourceType, secrets } from "../../../kube/objects.js";
import type { Manifest } from "../engine/engine.js";
import { labels, managedBySlipway } from "../engine/labels.js";
import type { InventoryEntry, ProcessContent, ReleaseContent } from "../spec/content.js";
import type { RouterSettings } from "../target/table.js";
import type { RouteRow } from "./store.js";
import type { Encryption } from "./tls.js";

/** Ingresses. */
export const ingresses: ResourceType = {
  group: "networking.k8s.io",
  version: "v1",
  plural: "ingresses",
  kind: "Ingress",
};

/** Certificates of cert-manager. */
export const certificates: ResourceType = {
  group: "cert-manager.io",
  version: "v1",
  plural: "certificates",
  kind: "Certificate",
};

/** What the objects of a route are called: the same wherever its deployment is, so that a swap is one apply. */
export const objectNames = (route: string) => ({
  ingress: `route-${route}`,
  canary: `route-${route}-canary`,
  /** The Certificate and the Secret. */
  tls: `route-${route}-tls`,
});

/** The uuid of the route that an object of an inventory is for; undefined for all other objects. */
export function routeOf({ kind, name }: Pick<InventoryEntry, "kind" | "name">): string | undefined {
  if (!["Ingress", "Secret", "Certificate"].includes(kind)) return undefined;
  return /^route-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:-canary|-tls)?$/.exec(name)?.[1];
}

/** Where requests go: a Service and its port. */
export interface Backend {
  readonly service: string;
  readonly port: number | string;
}

/** What the objects of a route are made of. */
export interface RouteInput {
  readonly route: RouteRow;
  readonly router: RouterSettings;
  readonly objectName: string;
  /** Name of the Namespace. */
  readonly namespace: string;
  readonly backend: Backend;
  readonly encryption: Encryption;
  /** Of the secret that is copied: base64 by key. */
  readonly certificate?: Readonly<Record<string, string>>;
  /** The share of the release beside the active one, and the Service that takes it. */
  readonly canary?: { readonly service: string; readonly percent: number };
}

/** The objects of a route, in the order in which they are applied. Pure: nothing is asked or written. */
export function routeManifests(input: RouteInput): Manifest[] {
  const { canary } = input;
  return [
    ...certificateManifests(input),
    ingressManifest(input),
    ...(canary === undefined ? [] : [canaryManifest(input, canary)]),
  ];
}

/**
 * The process and port of an image that a route leads to. Throws "missing" when there is none of that name, and
 * "precondition" when the route names none and it is not clear which is meant.
 */
export function portOf(
  { processes }: Pick<ReleaseContent, "processes">,
  { process, port }: Pick<RouteRow, "process" | "port">,
): { readonly process: ProcessContent; readonly port: ProcessContent["ports"][number] } {
  const found = process === "" ? usualProcess(processes) : processes.find(({ name }) => name === process);
  if (found === undefined) throw new DomainError("missing", `the release has no process ${process}`);
  const tcp = found.ports.filter(({ protocol }) => protocol === "TCP");
  const chosen = port === "" ? tcp[0] : tcp.find(({ name }) => name === port);
  if (chosen === undefined) {
    throw new DomainError("missing", `process ${found.name} of the release has no TCP port${port && ` ${port}`}`);
  }
  return { process: found, port: chosen };
}

/** `web`, or else the only one with ports. */
function usualProcess(processes: readonly ProcessContent[]): ProcessContent {
  const open = processes.filter(({ ports }) => ports.length > 0);
  const usual = open.find(({ name }) => name === "web") ?? (open.length === 1 ? open[0] : undefined);
  if (usual !== undefined) return usual;
  const names = open.map(({ name }) => name).join(", ");
  const what = names === "" ? "none of the processes has a port" : `name the process: ${names}`;
  throw new DomainError("precondition", what);
}

function metadataOf({ route, objectName, namespace }: RouteInput, name: string) {
  return {
    name,
    namespace,
    labels: {
      [labels.managedBy]: managedBySlipway,
      [labels.instance]: objectName,
      [labels.project]: route.project,
      [labels.deployment]: route.deployment,
      [labels.route]: route.id,
    },
  };
}

function certificateManifests(input: RouteInput): Manifest[] {
  const { route, encryption, certificate } = input;
  const { tls } = objectNames(route.id);
  const metadata = metadataOf(input, tls);
  if (encryption.type === "copy") {
    return [{ type: secrets, object: { metadata, type: "kubernetes.io/tls", data: { ...certificate } } }];
  }
  if (encryption.type !== "issuer") return [];
  const spec = {
    secretName: tls,
    secretTemplate: { labels: metadata.labels },
    dnsNames: [route.hostname],
    issuerRef: { group: "cert-manager.io", kind: "ClusterIssuer", name: encryption.clusterIssuer },
  };
  return [{ type: certificates, object: { metadata, spec } }];
}

function ingressManifest(input: RouteInput): Manifest {
  const { route, router, backend, encryption } = input;
  const { ingress, tls } = objectNames(route.id);
  const secretName = encryption.type === "named" ? encryption.name : tls;
  const encrypted = encryption.type === "none" ? {} : { tls: [{ hosts: [route.hostname], secretName }] };
  return {
    type: ingresses,
    object: {
      metadata: { ...metadataOf(input, ingress), annotations: { ...router.annotations, ...route.annotations } },
      spec: { ...classOf(router), ...encrypted, rules: [ruleOf(route, backend)] },
    },
  };
}

function canaryManifest(input: RouteInput, { service, percent }: { service: string; percent: number }): Manifest {
  const { route, router, backend } = input;
  const annotations = {
    ...router.annotations,
    ...route.annotations,
    "nginx.ingress.kubernetes.io/canary": "true",
    "nginx.ingress.kubernetes.io/canary-weight": String(percent),
  };
  const rules = [ruleOf(route, { ...backend, service })];
  return {
    type: ingresses,
    object: {
      metadata: { ...metadataOf(input, objectNames(route.id).canary), annotations },
      spec: { ...classOf(router), rules },
    },
  };
}

const classOf = ({ ingressClass }: RouterSettings) => (ingressClass === "" ? {} : { ingressClassName: ingressClass });

function ruleOf({ hostname, path }: RouteRow, { service, port }: Backend) {
  const backend = { service: { name: service, port: typeof port === "number" ? { number: port } : { name: port } } };
  return { host: hostname, http: { paths: [{ path, pathType: "Prefix", backend }] } };
}
