import ipaddr from "ipaddr.js";
import type { KubeClient } from "../../../kube/client.js";
import { notFound } from "../../../kube/errors.js";
import type { KubeObject, ResourceType } from "../../../kube/objects.js";

/** MetalLB's pools of addresses. */
export const ipAddressPools: ResourceType = {
  group: "metallb.io",
  version: "v1beta1",
  plural: "ipaddresspools",
  kind: "IPAddressPool",
};

/** One pool of addresses. */
export interface IpAddressPool extends KubeObject {
  spec?: { addresses?: string[]; autoAssign?: boolean };
}

/** Name of the pool that Slipway writes; others are not touched. */
export const poolName = "slipway";

/** What the pool of a project's addresses shall say; undefined when there are none, for MetalLB takes no empty pool. */
export function poolOf(namespace: string, addresses: readonly string[]): IpAddressPool | undefined {
  if (addresses.length === 0) return undefined;
  const ranges = addresses.map((address) => `${address}/${ipaddr.parse(address).kind() === "ipv4" ? 32 : 128}`);
  return {
    metadata: { name: poolName, namespace },
    // A Service gets the address that it names, and no other: each address costs money.
    spec: { addresses: ranges.sort(), autoAssign: false },
  };
}

/** Whether a cluster's pool says what it shall. */
export function isPublished(pools: readonly IpAddressPool[], namespace: string, wanted: IpAddressPool | undefined) {
  const ours = pools.find(({ metadata }) => metadata.name === poolName && metadata.namespace === namespace);
  const has = [...(ours?.spec?.addresses ?? [])].sort();
  return has.join() === (wanted?.spec?.addresses ?? []).join() && (ours === undefined) === (wanted === undefined);
}

/** Writes the pool, or removes it. A cluster without MetalLB is left alone. Idempotent. */
export async function publishPool(
  client: KubeClient,
  namespace: string,
  wanted: IpAddressPool | undefined,
  signal: AbortSignal,
): Promise<void> {
  try {
    if (wanted === undefined) await client.delete(ipAddressPools, { name: poolName, namespace }, { signal });
    else await client.apply(ipAddressPools, wanted, { signal });
  } catch (error) {
    if (!notFound(error)) throw error;
  }
}
