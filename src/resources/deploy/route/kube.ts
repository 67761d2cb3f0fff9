import { DomainError } from "../../../errors.js";
import type { KubeClient } from "../../../kube/client.js";
import { conflict, KubeError, notFound, transient, unauthenticated } from "../../../kube/errors.js";
import { type KubeObject, type ResourceType, secrets } from "../../../kube/objects.js";
import { isRecord } from "../../../record.js";
import type { Manifest } from "../engine/engine.js";
import { labels } from "../engine/labels.js";
import { certificates, ingresses, objectNames } from "./render.js";

const longest = 300;
const pageSize = 500;
const mostBytes = 8 * 1024 * 1024;
const services: ResourceType = { group: "", version: "v1", plural: "services", kind: "Service" };
/** What cert-manager writes on the Secrets that it makes. */
const certificateName = "cert-manager.io/certificate-name";

/** Whether requests get through. */
export type Standing =
  | { readonly isReady: true }
  | { readonly isReady: false; readonly message: string; readonly about: "problem" | "address" | "certificate" };

/** Where objects of a route are. */
export interface RoutePlace {
  readonly route: string;
  readonly namespace: string;
}

/**
 * Applies the objects of a route, unless one of that name is somebody else's: DomainError "precondition". What the API
 * server refuses is a KubeError.
 */
export async function applyRoute(
  client: KubeClient,
  route: string,
  manifests: readonly Manifest[],
  signal: AbortSignal,
): Promise<Standing> {
  let standing: Standing = { isReady: true };
  for (const { type, object } of manifests) {
    const { name, namespace } = object.metadata;
    const live = await read(client, type, { name, namespace }, signal);
    if (live !== undefined && !isOf(live, route)) {
      throw new DomainError("precondition", `${type.kind} ${name} exists in the namespace and is somebody else's`);
    }
    const uid = live?.metadata.uid === undefined ? {} : { uid: live.metadata.uid };
    const applied: KubeObject = await client.apply(
      type,
      { ...object, metadata: { ...object.metadata, ...uid } },
      { signal },
    );
    const seen = standingOf(type, applied);
    if (standing.isReady) standing = seen;
  }
  return standing;
}

/** Whether requests get through to a route that was applied. */
export async function lookAtRoute(
  client: KubeClient,
  { route, namespace }: RoutePlace,
  signal: AbortSignal,
): Promise<Standing> {
  const { ingress, tls } = objectNames(route);
  const live = await read(client, ingresses, { name: ingress, namespace }, signal);
  if (live === undefined) return { isReady: false, message: "its Ingress is not there", about: "address" };
  const certificate = await read(client, certificates, { name: tls, namespace }, signal);
  const issued = certificate && standingOf(certificates, certificate);
  return issued?.isReady === false ? issued : standingOf(ingresses, live);
}

/** Removes an object of a route; false while it is going. One that is another deployment's by now is left alone. */
export async function removeObject(
  client: KubeClient,
  type: ResourceType,
  place: { readonly name: string; readonly namespace: string },
  owner: { readonly route: string; readonly deployment?: string },
  signal: AbortSignal,
): Promise<boolean> {
  const isOwn = (live: KubeObject | undefined): live is KubeObject =>
    live !== undefined && isOf(live, owner.route) && isDeployments(live, owner.deployment);
  const live = await read(client, type, place, signal);
  if (!isOwn(live)) return true;
  try {
    if (live.metadata.deletionTimestamp === undefined) {
      await client.delete(type, place, { uid: live.metadata.uid, signal });
    }
  } catch (error) {
    if (!conflict(error) && !notFound(error)) throw error;
  }
  return !isOwn(await read(client, type, place, signal));
}

/** Removes all that a route has in a namespace: first what requests come in by. False while something is going. */
export async function removeRoute(
  client: KubeClient,
  { route, namespace }: RoutePlace,
  deployment: string | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const { ingress, canary, tls } = objectNames(route);
  const owner = { route, ...(deployment === undefined ? {} : { deployment }) };
  let isGone = true;
  for (const [type, name] of [
    [ingresses, canary],
    [ingresses, ingress],
    [certificates, tls],
    [secrets, tls],
  ] as const) {
    isGone = (await removeObject(client, type, { name, namespace }, owner, signal)) && isGone;
  }
  return isGone;
}

/** The namespaces of a cluster in which these routes have an Ingress. */
export async function placesOf(
  client: KubeClient,
  routes: readonly string[],
  signal: AbortSignal,
): Promise<RoutePlace[]> {
  if (routes.length === 0) return [];
  const places = new Map<string, RoutePlace>();
  const labelSelector = `${labels.route} in (${routes.join(",")})`;
  let next: string | undefined;
  do {
    const page = await client.list<KubeObject>(ingresses, {
      labelSelector,
      limit: pageSize,
      continue: next,
      maxBytes: mostBytes,
      signal,
    });
    for (const { metadata } of page.items.filter((each) => isRecord(each) && isRecord(each.metadata))) {
      const route = metadata.labels?.[labels.route];
      const { namespace } = metadata;
      if (route !== undefined && namespace !== undefined) places.set(`${namespace}/${route}`, { route, namespace });
    }
    next = page.continue;
  } while (next !== undefined && places.size < pageSize * 2);
  return [...places.values()];
}

/** The deployment that the Ingress of a route is for, by its label; undefined when there is none of the route. */
export async function ingressOwner(
  client: KubeClient,
  { route, namespace }: RoutePlace,
  signal: AbortSignal,
): Promise<string | undefined> {
  const live = await read(client, ingresses, { name: objectNames(route).ingress, namespace }, signal);
  return live !== undefined && isOf(live, route) ? live.metadata.labels?.[labels.deployment] : undefined;
}

/** The first port of a Service; throws "missing" when there is no such Service, or it has none. */
export async function firstPort(
  client: KubeClient,
  place: { readonly name: string; readonly namespace: string },
  signal: AbortSignal,
): Promise<number> {
  const live: (KubeObject & { spec?: unknown }) | undefined = await read(client, services, place, signal);
  const ports = isRecord(live?.spec) && Array.isArray(live.spec.ports) ? live.spec.ports : [];
  const first = ports.find((port) => isRecord(port) && Number.isInteger(port.port));
  if (live === undefined) throw new DomainError("missing", `the namespace has no Service ${place.name}`);
  if (first === undefined) throw new DomainError("missing", `Service ${place.name} has no port`);
  return first.port;
}

/** What the target refuses of a route's objects, for its people; undefined for what may succeed later. */
export function refusalOf(error: unknown): string | undefined {
  if (error instanceof DomainError) return ["precondition", "missing"].includes(error.kind) ? error.message : undefined;
  if (!(error instanceof KubeError) || error.kind !== "status") return undefined;
  return transient(error) || unauthenticated(error)
    ? undefined
    : `the target refuses it: ${error.message.slice(0, longest)}`;
}

async function read(
  client: KubeClient,
  type: ResourceType,
  place: { readonly name: string; readonly namespace?: string | undefined },
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  try {
    const live = await client.get<KubeObject>(type, place, { signal, maxBytes: mostBytes });
    return isRecord(live.metadata) ? live : undefined;
  } catch (error) {
    if (notFound(error)) return undefined;
    throw error;
  }
}

/** Whether an object is of a route: by its label, or because cert-manager made it for the route's Certificate. */
function isOf({ metadata }: KubeObject, route: string): boolean {
  return (
    metadata.labels?.[labels.route] === route || metadata.annotations?.[certificateName] === objectNames(route).tls
  );
}

/** Whether it is that deployment's, as far as its labels say whose it is. */
function isDeployments({ metadata }: KubeObject, deployment: string | undefined): boolean {
  const own = metadata.labels?.[labels.deployment];
  return deployment === undefined || own === undefined || own === deployment;
}

function standingOf(type: ResourceType, object: KubeObject & { status?: unknown }): Standing {
  const status = isRecord(object.status) ? object.status : {};
  if (type.kind === "Certificate") return certificateStanding(status.conditions);
  if (type.kind !== "Ingress") return { isReady: true };
  const balancer = isRecord(status.loadBalancer) ? status.loadBalancer.ingress : undefined;
  if (Array.isArray(balancer) && balancer.length > 0) return { isReady: true };
  return { isReady: false, message: "the router gives its Ingress no address yet", about: "address" };
}

function certificateStanding(given: unknown): Standing {
  const conditions = Array.isArray(given) ? given.filter(isRecord) : [];
  if (conditions.some(({ type, status }) => type === "Ready" && status === "True")) return { isReady: true };
  const said = ["Issuing", "Ready"].flatMap((type) => conditions.find((each) => each.type === type)?.message ?? []);
  const [why = ""] = said.filter((each) => typeof each === "string" && each !== "");
  const message = `it has no certificate yet${why === "" ? "" : `: ${String(why).slice(0, longest)}`}`;
  return { isReady: false, message, about: "certificate" };
}
