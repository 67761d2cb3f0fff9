import { asFields, asList, asText } from "../fields.js";
import type { KubeObject, ObjectStore } from "../types.js";
import { addressPools, metallbNamespace, services } from "./names.js";

/** Where a Service says which address it wants, as MetalLB reads it; the last one is the older name. */
const wanted = ["metallb.io/loadBalancerIPs", "metallb.universe.tf/loadBalancerIPs"];

/** Gives Services of type LoadBalancer an address of the pools, as MetalLB would. */
export async function settleLoadBalancers(store: ObjectStore): Promise<void> {
  const pools = store.list(addressPools, { namespace: metallbNamespace });
  const known = new Set(pools.flatMap(addressesOf));
  const automatic = pools.filter(({ spec }) => spec?.autoAssign !== false).flatMap(addressesOf);
  const all = store.list(services);
  const taken = new Set(all.flatMap(assigned));
  for (const service of all) {
    const has = assigned(service);
    const asked = wantedBy(service);
    const keeps = has.length > 0 && has.every((ip) => known.has(ip) && (asked === undefined || asked === ip));
    if (service.spec?.type !== "LoadBalancer" ? has.length === 0 : keeps) continue;
    for (const ip of has) taken.delete(ip);
    const free = (ip: string): boolean => known.has(ip) && !taken.has(ip);
    const ip = service.spec?.type === "LoadBalancer" ? [asked ?? automatic].flat().find(free) : undefined;
    if (ip !== undefined) taken.add(ip);
    if (ip === undefined && has.length === 0) continue;
    const { namespace, name } = service.metadata;
    await store.modify({ ...services, namespace, name }, (draft) => {
      draft.status = { ...draft.status, loadBalancer: ip === undefined ? {} : { ingress: [{ ip }] } };
    });
  }
}

/** The single addresses of a pool ("192.0.2.7", "192.0.2.7/32"); ranges are not played. */
function addressesOf({ spec }: KubeObject): string[] {
  const entries = Array.isArray(spec?.addresses) ? spec.addresses.map(asText) : [];
  return entries.map((entry) => entry.replace(/\/(32|128)$/, "")).filter((entry) => !/[-/]/.test(entry));
}

function assigned({ status }: KubeObject): string[] {
  return asList(asFields(status?.loadBalancer).ingress)
    .map(({ ip }) => asText(ip))
    .filter((ip) => ip !== "");
}

function wantedBy({ metadata, spec }: KubeObject): string | undefined {
  const annotated = wanted.map((name) => metadata.annotations?.[name]).find((ip) => ip !== undefined);
  return annotated ?? (asText(spec?.loadBalancerIP) || undefined);
}
