import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { IPService, IPType } from "../../../../gen/ts/api/v1/ip_pb.js";
import { openKube } from "../../../../src/kube/client.js";
import type { KubeObject } from "../../../../src/kube/objects.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { clustersOf } from "../../support/clusters.js";
import { codeOf } from "../../support/refusals.js";

const services = { group: "", version: "v1", plural: "services", kind: "Service" };
type Service = KubeObject & { status?: { loadBalancer?: { ingress?: { ip: string }[] } } };

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
});
afterAll(() => platform.close());

const ips = () => platform.client(IPService);
const owner = () => as(platform.tokens.owner);
const allocate = async (init: { static?: boolean } = {}) => {
  const { ip } = await ips().allocate({ name: "web", project: platform.project, ...init }, owner());
  if (ip === undefined) throw new Error("the answer has no address");
  return ip;
};
const eventually = <R>(check: () => Promise<R>) => vi.waitFor(check, { timeout: 20_000, interval: 50 });

describe("addresses in clusters", () => {
  it("reach the load balancers, are held while Services use them, and go with the last use if ephemeral", async () => {
    const clusters = clustersOf(platform);
    const cluster = await clusters.ready();
    const { kubeconfig } = await clusters.client.getCredentials(
      { project: platform.project, uuid: cluster.uuid },
      owner(),
    );
    const client = openKube({ kubeconfig, log: platform.platform.log });
    const service = (name: string, ip: string) =>
      client.create<Service>(services, {
        metadata: { name, namespace: "default", annotations: { "metallb.io/loadBalancerIPs": ip } },
        spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
      } as Service);
    const serves = (name: string, ip: string) =>
      eventually(async () => {
        const found = await client.get<Service>(services, { name, namespace: "default" });
        expect(found.status?.loadBalancer?.ingress).toEqual([{ ip }]);
      });
    const ephemeral = await allocate();
    const kept = await allocate({ static: true });
    // What is no address, or one by old customs only, is no use of anything.
    for (const [i, odd] of ["10", "0x7f.1", "010.0.0.1", "fe80::1%eth0", "1.2.3.4/32", "\u00e9"].entries()) {
      await service(`odd-${i}`, odd);
    }
    await service("one", ephemeral.ip);
    await service("two", kept.ip);
    await serves("one", ephemeral.ip);
    await serves("two", kept.ip);
    const place = (uuid: string) => ({ project: platform.project, uuid });
    await eventually(async () => {
      const { rows } = await platform.database.server.pool.query("select count(*)::int as uses from ip_uses");
      expect(rows).toEqual([{ uses: 2 }]);
    });
    expect(await codeOf(ips().delete(place(ephemeral.uuid), owner()))).toBe("FailedPrecondition");
    expect(await codeOf(ips().delete(place(kept.uuid), owner()))).toBe("FailedPrecondition");
    await client.delete(services, { name: "one", namespace: "default" });
    await client.delete(services, { name: "two", namespace: "default" });
    await eventually(async () => expect(await codeOf(ips().get(place(ephemeral.uuid), owner()))).toBe("NotFound"));
    await eventually(async () => expect(await codeOf(ips().delete(place(kept.uuid), owner()))).toBe("OK"));

    const last = await allocate();
    await service("three", last.ip);
    await serves("three", last.ip);
    const still = await allocate();
    await clusters.remove(cluster.uuid);
    await eventually(async () => expect(await codeOf(ips().get(place(last.uuid), owner()))).toBe("NotFound"));
    expect((await ips().get(place(still.uuid), owner())).ip?.type).toBe(IPType.IP_TYPE_EPHEMERAL);
    client.close();
  });
});
