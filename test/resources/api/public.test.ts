import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AssetService } from "../../../gen/ts/api/v1/assets_pb.js";
import { HealthService, Service, ServiceStatus } from "../../../gen/ts/api/v1/health_pb.js";
import { MethodService } from "../../../gen/ts/api/v1/methods_pb.js";
import { VersionService } from "../../../gen/ts/api/v1/version_pb.js";
import { services } from "../../../src/app.js";
import { startPlatform, type TestPlatform } from "../../support/platform.js";
import { clustersOf } from "../support/clusters.js";
import { refusal } from "../support/refusals.js";

// Everything here is called without a token.
describe("a server as it comes", () => {
  let platform: TestPlatform;
  beforeAll(async () => {
    platform = await startPlatform();
  });
  afterAll(() => platform.close());

  it("offers the demo region, as a map and as a list [metalstack.api.v1.AssetService.List]", async () => {
    const { assets, assetList } = await platform.client(AssetService).list({});
    expect(Object.keys(assets)).toEqual(["muc"]);
    expect(assetList).toEqual(Object.values(assets));
    const muc = assets.muc;
    expect(muc?.region).toMatchObject({
      id: "muc",
      name: "muc",
      active: true,
      partitions: { "eqx-mu4": { id: "eqx-mu4", name: "eqx-mu4", active: true } },
      defaults: {
        machineType: "n1-medium-x86",
        kubernetesVersion: "1.33.5",
        workerMin: 1,
        workerMax: 3,
        partition: "eqx-mu4",
      },
    });
    const types = Object.entries(muc?.machineTypes ?? {}).map(([key, { id, cpus, memory, storage }]) => [
      key,
      id,
      cpus,
      memory,
      storage,
    ]);
    expect(types).toEqual([
      ["n1-medium-x86", "n1-medium-x86", 8, 34359738368n, 960000000000n],
      ["c1-medium-x86", "c1-medium-x86", 8, 137438953472n, 960000000000n],
      ["c1-large-x86", "c1-large-x86", 24, 206158430208n, 960000000000n],
    ]);
    expect(muc?.kubernetes.length).toBeGreaterThanOrEqual(3);
  });

  it("says which build it is [metalstack.api.v1.VersionService.Get]", async () => {
    const { version } = await platform.client(VersionService).get({});
    expect(version?.version).toMatch(/^v?\d+\.\d+\.\d+/);
  });

  it("lists what can be called from outside [metalstack.api.v1.MethodService.List]", async () => {
    const { methods } = await platform.client(MethodService).list({});
    expect(methods).toContain("/api.v1.ClusterService/WatchStatus");
    expect(methods).toContain("/admin.v1.ClusterService/List");
    expect(methods).not.toContain("/api.v1.TenantService/CreateOrUpdate");
    expect(methods).toEqual([...new Set(methods)].sort());
    // One is private.
    expect(methods).toHaveLength(services.flatMap((service) => service.methods).length - 1);
  });

  it("is healthy while a worker reaches the partition's Kubernetes [metalstack.api.v1.HealthService.Get]", async () => {
    const health = async () => (await platform.client(HealthService).get({})).health?.services;
    const healthy = { status: ServiceStatus.HEALTHY, message: "" };
    await expect.poll(health, { timeout: 20_000 }).toMatchObject(
      [Service.CLUSTER, Service.VOLUME, Service.MACHINES].map((name) => ({
        name,
        ...healthy,
        partitions: { "eqx-mu4": healthy },
      })),
    );
  });

  it("looks at no token, not even at a broken one", async () => {
    const broken = { headers: { authorization: "Bearer broken" } };
    expect((await platform.client(VersionService).get({}, broken)).version?.version).toBeTruthy();
    expect((await platform.client(AssetService).list({}, broken)).assetList).toHaveLength(1);
  });
});

describe("without a worker", () => {
  it("the clusters are degraded, and a change waits", async () => {
    const platform = await startPlatform({ background: false });
    try {
      const { health } = await platform.client(HealthService).get({});
      expect(health?.services).toMatchObject([
        {
          name: Service.CLUSTER,
          status: ServiceStatus.DEGRADED,
          message: expect.stringContaining("eqx-mu4"),
          partitions: { "eqx-mu4": { status: ServiceStatus.DEGRADED } },
        },
        { name: Service.VOLUME, status: ServiceStatus.DEGRADED },
        { name: Service.MACHINES, status: ServiceStatus.DEGRADED },
      ]);
      expect((await clustersOf(platform).create()).status?.state).toBe("Pending");
    } finally {
      await platform.close();
    }
  });
});

describe("a server with an assets file", () => {
  const region = (id: string, partition: string, versions: string) => `
${id}:
  region:
    id: ${id}
    name: ${id}
    active: true
    partitions:
      ${partition}: { id: ${partition}, name: ${partition}, active: true }
      ${partition}-old: { id: ${partition}-old, name: ${partition}-old, active: false }
    defaults: { machineType: small, kubernetesVersion: 1.34.1, workerMin: 2, workerMax: 4, partition: ${partition} }
  machineTypes:
    small: { id: small, name: small, cpus: 2, memory: "1000", storage: "2000" }
  kubernetes: ${versions}
`;
  const versions =
    '[{ version: 1.34.1 }, { version: 1.33.5, expiration: "2020-01-01T00:00:00Z" }, { version: 1.32.9 }]';
  let directory: string;
  let platform: TestPlatform;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-assets-"));
    const file = join(directory, "assets.yaml");
    await writeFile(file, region("fra", "fra1", versions) + region("ams", "ams1", "[{ version: 1.34.1 }]"));
    platform = await startPlatform({ background: false, env: { SLIPWAY_ASSETS_FILE: file } });
  });
  afterAll(async () => {
    await platform.close();
    await rm(directory, { recursive: true });
  });

  it("shows what the file says, expired versions too", async () => {
    const { assets, assetList } = await platform.client(AssetService).list({});
    expect(Object.keys(assets).sort()).toEqual(["ams", "fra"]);
    expect(assetList.map((asset) => asset.region?.id).sort()).toEqual(["ams", "fra"]);
    expect(assets.fra?.kubernetes.map(({ version }) => version)).toEqual(["1.34.1", "1.33.5", "1.32.9"]);
    expect(assets.fra?.kubernetes[1]?.expiration?.seconds).toBe(1_577_836_800n);
  });

  it("fills in the defaults of its first region", async () => {
    expect(await clustersOf(platform).create()).toMatchObject({
      partition: "fra1",
      kubernetes: { version: "1.34.1" },
      workers: [{ machineType: "small", minsize: 2, maxsize: 4 }],
    });
  });

  it("takes orders for every active partition, and for no other", async () => {
    const clusters = clustersOf(platform);
    expect((await clusters.create({ partition: "ams1" })).partition).toBe("ams1");
    for (const partition of ["fra1-old", "eqx-mu4", "fra"]) {
      expect(await refusal(clusters.create({ partition }))).toMatchObject({
        code: "InvalidArgument",
        fields: ["partition"],
      });
    }
  });

  it("refuses expired versions, and those of other regions", async () => {
    const clusters = clustersOf(platform);
    for (const order of [
      { kubernetes: { version: "1.33.5" } },
      { partition: "ams1", kubernetes: { version: "1.32.9" } },
    ]) {
      const refused = await refusal(clusters.create(order));
      expect(refused).toMatchObject({ code: "InvalidArgument", fields: ["kubernetes.version"] });
      expect(refused.message).not.toContain("1.33.5");
    }
  });
});
