import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { IPService } from "../../../../gen/ts/api/v1/ip_pb.js";
import { type KubeClient, openKube } from "../../../../src/kube/client.js";
import type { KubeObject } from "../../../../src/kube/objects.js";
import { type IpAddressPool, ipAddressPools } from "../../../../src/resources/api/ip/metallb.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { clustersOf } from "../../support/clusters.js";

const services = { group: "", version: "v1", plural: "services", kind: "Service" };
type Service = KubeObject & { status?: { loadBalancer?: { ingress?: { ip: string }[] } } };

let platform: TestPlatform;
const clients: KubeClient[] = [];
beforeAll(async () => {
  platform = await startPlatform();
});
afterAll(async () => {
  for (const client of clients) client.close();
  await platform.close();
});

const owner = () => as(platform.tokens.owner);
const eventually = <R>(check: () => Promise<R>) => vi.waitFor(check, { timeout: 25_000, interval: 50 });

/** A ready cluster, and what its tenant does in it. */
async function cluster() {
  const clusters = clustersOf(platform);
  const { uuid } = await clusters.ready();
  const { kubeconfig } = await clusters.client.getCredentials({ project: platform.project, uuid }, owner());
  const client = openKube({ kubeconfig, log: platform.platform.log });
  clients.push(client);
  const place = { name: "web", namespace: "default" };
  return {
    remove: () => clusters.remove(uuid),
    ask: (ip: string) =>
      client.create<Service>(services, {
        metadata: { ...place, annotations: { "metallb.io/loadBalancerIPs": ip } },
        spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
      } as Service),
    leave: () => client.delete(services, place),
    has: async () => (await client.get<Service>(services, place)).status?.loadBalancer?.ingress?.[0]?.ip,
    offered: async () => (await client.list<IpAddressPool>(ipAddressPools)).items[0]?.spec?.addresses ?? [],
  };
}

describe("an address that one cluster of a project uses", () => {
  it("is no other's until that one lets it go, which the others hear", async () => {
    const [one, other] = await Promise.all([cluster(), cluster()]);
    const allocated = await platform
      .client(IPService)
      .allocate({ name: "web", project: platform.project, static: true }, owner());
    const ip = allocated.ip?.ip ?? "";
    for (const each of [one, other]) await eventually(async () => expect(await each.offered()).toEqual([`${ip}/32`]));
    await one.ask(ip);
    await eventually(async () => expect(await one.has()).toBe(ip));
    // Nothing happens in the other cluster itself.
    await eventually(async () => expect(await other.offered()).toEqual([]));
    await other.ask(ip);
    await one.leave();
    await eventually(async () => expect(await other.has()).toBe(ip));
    await eventually(async () => expect(await one.offered()).toEqual([]));
    // As with a cluster that goes.
    await other.remove();
    await eventually(async () => expect(await one.offered()).toEqual([`${ip}/32`]));
  });
});
