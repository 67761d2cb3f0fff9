import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { renewalMs } from "../../../../../src/resources/api/cluster/inside/access-life.js";
import { startKube } from "../../../../kube/embedded/support.js";
import { sendStatus, stubKubeconfig } from "../../../../kube/stub-server.js";
import { type InsideProxy, openInsideProxy } from "../../../support/inside-proxy.js";
import { eventually, openStorageWorld, type StorageWorld } from "../../../support/storage.js";

describe("access to a cluster", () => {
  let world: StorageWorld;
  let proxy: InsideProxy;
  beforeAll(async () => {
    proxy = await openInsideProxy();
    world = await openStorageWorld({ reroute: proxy.reroute });
    await world.claim("before");
    await world.volume("before");
  }, 120_000);
  afterAll(async () => {
    await world.close();
    await proxy.close();
  });
  beforeEach(() => proxy.leave());

  it("that the cluster refuses all at once is replaced", async () => {
    const revoked = new Set(proxy.issued);
    proxy.meddle(({ access }, response) => {
      if (revoked.has(access)) sendStatus(response, 401, "Unauthorized");
      return revoked.has(access);
    });
    proxy.breakAll();
    await eventually(() => expect(proxy.issued.length).toBeGreaterThan(revoked.size));
    await world.claim("after-revocation");
    await world.volume("after-revocation");
  });

  it("that the cluster forbids is said once and tried again, and nothing seems deleted meanwhile", async () => {
    let refused = 0;
    proxy.meddle((_, response) => {
      refused += 1;
      sendStatus(response, 403, "Forbidden");
      return true;
    });
    proxy.breakAll();
    // Each of the types that are followed is tried more than once.
    await eventually(() => expect(refused).toBeGreaterThan(20));
    const said = world.platform.lines.filter(({ msg }) => msg === "a cluster does not let Slipway look into it");
    expect(said).toHaveLength(1);
    expect((await world.list({ name: "before" })).map(({ name }) => name)).toEqual(["before"]);
    proxy.leave();
    await world.claim("allowed-again");
    await world.volume("allowed-again");
  });

  it("to an API that fails first and then turns out not to be served does not hold back the rest", async () => {
    let asked = 0;
    proxy.meddle(({ path, isWatch }, response) => {
      if (isWatch || !path.includes("snapshot.storage.k8s.io")) return false;
      asked += 1;
      sendStatus(response, asked > 4 ? 404 : 500, asked > 4 ? "NotFound" : "InternalError");
      return true;
    });
    const other = await world.clusters.ready();
    const { rows } = await world.platform.database.server.pool.query("select count(*)::int as n from volumes");
    const { kubeconfig } = await world.clusters.client.getCredentials(world.place(other.uuid), world.owner);
    await claimIn(kubeconfig, "without-snapshots");
    expect((await world.volume("without-snapshots")).clusterId).toBe(other.uuid);
    expect(rows[0].n).toBeGreaterThan(0);
  });

  it("is renewed by its own life, although the cluster never refuses it", async () => {
    const { embedded } = world.platform.kube;
    // Ten seconds of life; the server is not asked about it, so that slow machines are not refused.
    proxy.issueBy(async () => (await embedded.kubeconfig({ user: "jane", groups: [], expiresInSeconds: 10 })).yaml);
    const used = new Set<string>();
    proxy.meddle(({ access }) => {
      used.add(access);
      return false;
    });
    const before = proxy.issued.length;
    const short = await world.clusters.ready();
    await eventually(() => expect(proxy.issued.length).toBeGreaterThan(before + 2));
    // All of them were used: none was taken for nothing.
    await eventually(() => expect(proxy.issued.slice(before).filter((one) => !used.has(one))).toEqual([]));
    proxy.issueBy(undefined);
    await world.clusters.remove(short.uuid);
  });
});

async function claimIn(kubeconfig: string, name: string): Promise<void> {
  const { openKube } = await import("../../../../../src/kube/client.js");
  const { claims } = await import("../../../../../src/resources/api/volume/kube-types.js");
  const { pino } = await import("pino");
  const client = openKube({ kubeconfig, log: pino({ enabled: false }) });
  const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
  await client.create(claims, { metadata: { name, namespace: "default" }, spec } as never);
  client.close();
}

describe("the life of access", () => {
  const hour = 3_600_000;

  it("is half of what the client certificate has left, and never longer than told", async () => {
    const kube = await startKube();
    try {
      const issue = async (expiresInSeconds: number) =>
        (await kube.kubeconfig({ user: "jane", groups: [], expiresInSeconds })).yaml;
      const now = new Date();
      const [short, long] = [await issue(600), await issue(86_400)];
      expect(Math.abs(renewalMs(short, now, 12 * hour) - 300_000)).toBeLessThan(60_000);
      expect(renewalMs(long, now, hour)).toBe(hour);
      // Ended by this clock: one of the clocks is wrong, and the API server will tell.
      expect(renewalMs(short, new Date(now.getTime() + hour), 12 * hour)).toBe(12 * hour);
    } finally {
      await kube.close();
    }
  });

  it("is the longest where neither certificate nor token tells any", () => {
    expect(renewalMs(stubKubeconfig("http://127.0.0.1"), new Date(), hour)).toBe(hour);
    expect(renewalMs("users: 7", new Date(), hour)).toBe(hour);
    expect(renewalMs("users: [{user: {client-certificate-data: nonsense, token: a.b.c}}]", new Date(), hour)).toBe(
      hour,
    );
  });
});
