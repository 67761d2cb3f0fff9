import ipaddr from "ipaddr.js";
import type { Database } from "../../../db/database.js";
import type { KubeObject, ObjectMeta, ResourceType } from "../../../kube/objects.js";
import type { Platform } from "../../../platform.js";
import { isRecord } from "../../../record.js";
import type { InsideObjects, InsideReader } from "../cluster/inside/reader.js";
import { publishNowTo, queuePublish, queuePublishTo } from "./jobs.js";
import { type IpAddressPool, ipAddressPools, isPublished, poolName, poolOf } from "./metallb.js";
import { quarantineEnd } from "./rules.js";
import { ipStore } from "./store.js";
import { type AddressUse, ipUseStore, type UsesChanged } from "./uses.js";

/** Core Services. */
const services: ResourceType = { group: "", version: "v1", plural: "services", kind: "Service" };

interface Service extends KubeObject {
  spec?: { type?: string; loadBalancerIP?: string };
  status?: { loadBalancer?: { ingress?: { ip?: string }[] } };
}

/** Where a Service names the address that it wants; the second is MetalLB's older name. */
const wantedIn = ["metallb.io/loadBalancerIPs", "metallb.universe.tf/loadBalancerIPs"];

/** A cluster is its tenant's, who may write anything into a Service: so much of it is read. */
const longestText = 1024;
const mostAddresses = 64;

/** Finds out which addresses the Services of clusters use, and lets an ephemeral one go with its last use. */
export function addressReader(platform: Platform): InsideReader {
  const { db, clock } = platform;
  // Objects belong to one connection: the first look at them tells that a cluster answers again.
  const seen = new WeakSet<InsideObjects>();
  const takeIn = async (tx: Database, { unused, projects }: UsesChanged): Promise<void> => {
    const now = clock();
    for (const id of unused) await ipStore.release(tx, id, quarantineEnd(platform.settings, now), now);
    // Clusters may not use what another one uses. In one order, so that two who do so at once do not wait for each other.
    for (const project of [...projects].sort()) await queuePublish(tx, project);
  };
  return {
    name: "addresses",
    types: [
      { type: services, pick: pickService },
      { type: ipAddressPools, pick: pickPool },
    ],
    async settle(cluster, objects) {
      const uses = objects.of<Service>(services).flatMap(usesOf);
      // Of a cluster with more Services than are kept nobody knows which addresses it no longer uses.
      if (objects.isComplete(services)) {
        await db.transaction(async (tx) => takeIn(tx, await ipUseStore.replace(tx, cluster, uses, clock())));
      }
      const namespace = platform.partitions.get(cluster.partition)?.settings.metallb?.namespace;
      if (namespace === undefined) return;
      const wanted = poolOf(namespace, await ipUseStore.availableTo(db, cluster));
      if (!isPublished(objects.of<IpAddressPool>(ipAddressPools), namespace, wanted)) {
        await (seen.has(objects) ? queuePublishTo : publishNowTo)(db, cluster.id);
      }
      seen.add(objects);
    },
    async forgetDeleted() {
      await db.transaction(async (tx) => takeIn(tx, await ipUseStore.endOfDeleted(tx)));
    },
  };
}

/** What is read of a load balancer; other Services are nothing to addresses. */
function pickService({ metadata, ...rest }: KubeObject): Service | undefined {
  const { spec, status } = rest as { readonly spec?: unknown; readonly status?: unknown };
  if (!isRecord(spec) || spec.type !== "LoadBalancer") return undefined;
  const balancer = isRecord(status) && isRecord(status.loadBalancer) ? status.loadBalancer : {};
  const ingress = (Array.isArray(balancer.ingress) ? balancer.ingress : []).slice(0, mostAddresses);
  const asked = wantedIn.map((name) => [name, textOf(metadata.annotations?.[name])]);
  return {
    metadata: { ...namesOf(metadata), annotations: Object.fromEntries(asked) },
    spec: { type: spec.type, loadBalancerIP: textOf(spec.loadBalancerIP) },
    status: { loadBalancer: { ingress: ingress.map((one) => ({ ip: textOf(isRecord(one) ? one.ip : "") })) } },
  };
}

/** Of MetalLB's pools, the one that Slipway writes. */
function pickPool({ metadata, ...rest }: KubeObject): IpAddressPool | undefined {
  if (metadata.name !== poolName) return undefined;
  const { spec } = rest as { readonly spec?: unknown };
  const addresses = isRecord(spec) && Array.isArray(spec.addresses) ? spec.addresses : [];
  return { metadata: namesOf(metadata), spec: { addresses: addresses.map(textOf) } };
}

const namesOf = ({ name, namespace, uid }: ObjectMeta): ObjectMeta => ({
  name: textOf(name),
  ...(namespace === undefined ? {} : { namespace: textOf(namespace) }),
  ...(uid === undefined ? {} : { uid: textOf(uid) }),
});

const textOf = (value: unknown): string => (typeof value === "string" ? value.slice(0, longestText) : "");

/** The addresses that a Service has, and those that it asks for: they must not be handed to others meanwhile. */
function usesOf({ metadata, spec, status }: Service): AddressUse[] {
  if (spec?.type !== "LoadBalancer") return [];
  const has = (status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? "");
  const asks = wantedIn.flatMap((name) => (metadata.annotations?.[name] ?? "").split(","));
  const addresses = [...has, ...asks, spec.loadBalancerIP ?? ""].map((text) => text.trim());
  return [...new Set(addresses)]
    .flatMap(canonical)
    .map((address) => ({ address, namespace: metadata.namespace ?? "", service: metadata.name }));
}

/** An address in the one spelling that the database knows; nothing for what is none, or only by old customs. */
function canonical(text: string): string[] {
  const isV4 = ipaddr.IPv4.isValidFourPartDecimal(text) && !/(^|\.)0\d/.test(text);
  const isV6 = ipaddr.IPv6.isValid(text) && !text.includes("%");
  return isV4 || isV6 ? [ipaddr.parse(text).toString()] : [];
}
