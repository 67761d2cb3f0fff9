import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ClusterService, Operate } from "../../../../gen/ts/admin/v1/cluster_pb.js";
import type { Cluster } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { clusters as clusterTable } from "../../../../src/resources/api/cluster/table.js";
import { principalStore } from "../../../../src/resources/iam/principal/store.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { clustersOf } from "../../support/clusters.js";
import { codeOf, refusal } from "../../support/refusals.js";

let platform: TestPlatform;
let other: TestTenant;
let mine: Cluster;
let theirs: Cluster;
let viewer: string;
beforeAll(async () => {
  platform = await startPlatform();
  other = await platform.newTenant();
  const { db, clock } = platform.platform;
  await principalStore.ensureUser(db, "observer", clock(), "viewer");
  viewer = await platform.token({ owner: "observer", projectRoles: {}, tenantRoles: {}, adminRole: "viewer" });
  mine = await clustersOf(platform).ready();
  theirs = await clustersOf(platform, other).ready();
  await db.update(clusterTable).set({ purpose: "production" }).where(eq(clusterTable.id, theirs.uuid));
});
afterAll(() => platform.close());

const client = () => platform.client(ClusterService);
const admin = () => as(platform.adminToken);

describe("Get", () => {
  it("reaches the clusters of all projects, with their machines where asked", async () => {
    for (const { uuid, project, tenant } of [mine, theirs]) {
      const { cluster, machines } = await client().get({ uuid }, admin());
      expect(cluster).toMatchObject({ uuid, project, tenant });
      expect(machines).toEqual([]);
    }
    const { machines } = await client().get({ uuid: theirs.uuid, withMachines: true }, as(viewer));
    expect(machines).toHaveLength(1);
    expect(machines[0]).toMatchObject({ project: other.project, partition: "eqx-mu4", state: "Ready" });
  });

  it("has no machines of a cluster without an API server", async () => {
    const { uuid } = await clustersOf(platform).create();
    expect((await client().get({ uuid, withMachines: true }, admin())).machines).toEqual([]);
  });

  it("answers NOT_FOUND for what never was", async () => {
    expect(await codeOf(client().get({ uuid: "0195c0de-0000-7000-8000-00000000000c" }, admin()))).toBe("NotFound");
  });
});

describe("List", () => {
  const listed = async (filter: Parameters<ReturnType<typeof client>["list"]>[0]) => {
    const { clusters } = await client().list(filter, as(viewer));
    return clusters.map(({ uuid }) => uuid);
  };

  it("without a filter has all", async () => {
    expect(await listed({})).toEqual(expect.arrayContaining([mine.uuid, theirs.uuid]));
  });

  it("narrows by each field", async () => {
    const filters = [
      { uuid: theirs.uuid },
      { uuid: theirs.uuid.toUpperCase() },
      { project: other.project },
      { tenant: other.tenant },
      { name: theirs.name },
      { purpose: "production" },
      { labels: { "slipway.dev/cluster": theirs.uuid } },
      { labels: { "slipway.dev/cluster": theirs.uuid, "slipway.dev/partition": "eqx-mu4" } },
      { uuid: theirs.uuid, project: other.project, tenant: other.tenant, partition: "eqx-mu4", seed: "soil" },
    ];
    for (const filter of filters) expect([filter, await listed(filter)]).toEqual([filter, [theirs.uuid]]);
    for (const filter of [
      { partition: "eqx-mu4" },
      { seed: "soil" },
      { labels: { "slipway.dev/partition": "eqx-mu4" } },
    ]) {
      expect(await listed(filter)).toEqual(expect.arrayContaining([mine.uuid, theirs.uuid]));
    }
  });

  it("has nothing that does not match", async () => {
    const filters = [
      { uuid: platform.project },
      { uuid: "no uuid" },
      { project: "no uuid" },
      { tenant: "nobody" },
      { partition: "nowhere" },
      { seed: "rock" },
      { name: "'; drop table clusters; --" },
      { purpose: "%" },
      { labels: { "slipway.dev/cluster": "%" } },
      { labels: { "slipway.dev/partition": "eqx-mu4", more: "" } },
      { uuid: mine.uuid, project: other.project },
    ];
    for (const filter of filters) expect([filter, await listed(filter)]).toEqual([filter, []]);
  });
});

describe("Credentials", () => {
  it("open any cluster, for editors", async () => {
    const { kubeconfig } = await client().credentials({ uuid: theirs.uuid }, admin());
    expect(parse(kubeconfig).users).toHaveLength(1);
  });

  it("have the same bounds as for its owner", async () => {
    const expiration = { seconds: 86_401n };
    const refused = await refusal(client().credentials({ uuid: theirs.uuid, expiration }, admin()));
    expect(refused).toMatchObject({ code: "InvalidArgument", fields: ["expiration"] });
  });

  it.each([{ withVpn: true }, { withSsh: true }])("are refused for what no partition offers: %o", async (what) => {
    expect(await codeOf(client().credentials({ uuid: theirs.uuid, ...what }, admin()))).toBe("FailedPrecondition");
  });
});

describe("Operate", () => {
  it("starts an operation on any cluster", async () => {
    const clusters = clustersOf(platform, other);
    const reconciled = clusters.until(theirs.uuid, ({ type, state }) => type === "Reconcile" && state === "Succeeded");
    await client().operate({ uuid: theirs.uuid, operate: Operate.RECONCILE }, admin());
    expect(await reconciled).toMatchObject({ type: "Reconcile" });
  });

  it("refuses what is no operation, and a retry of what has not failed", async () => {
    for (const operate of [Operate.UNSPECIFIED, 9 as Operate]) {
      expect(await codeOf(client().operate({ uuid: mine.uuid, operate }, admin()))).toBe("InvalidArgument");
    }
    expect(await codeOf(client().operate({ uuid: mine.uuid, operate: Operate.RETRY }, admin()))).toBe(
      "FailedPrecondition",
    );
  });
});

describe("who may", () => {
  const calls = (options: ReturnType<typeof as>) => [
    client().get({ uuid: mine.uuid }, options),
    client().list({}, options),
    client().credentials({ uuid: mine.uuid }, options),
    client().operate({ uuid: mine.uuid, operate: Operate.MAINTAIN }, options),
  ];

  it("admin viewers read", async () => {
    expect(await Promise.all(calls(as(viewer)).map(codeOf))).toEqual([
      "OK",
      "OK",
      "PermissionDenied",
      "PermissionDenied",
    ]);
  });

  it("owners of projects may nothing of it, nor the anonymous", async () => {
    expect(await Promise.all(calls(as(platform.tokens.owner)).map(codeOf))).toEqual(Array(4).fill("PermissionDenied"));
    expect(await Promise.all(calls({}).map(codeOf))).toEqual(Array(4).fill("Unauthenticated"));
  });

  it("admins reach the projects of all, too: viewers to read, editors for everything", async () => {
    const { client: api } = clustersOf(platform, other);
    const { project } = other;
    expect((await api.list({ project }, as(viewer))).clusters.map(({ uuid }) => uuid)).toEqual([theirs.uuid]);
    expect(await codeOf(api.update({ project, uuid: theirs.uuid }, as(viewer)))).toBe("PermissionDenied");
    expect(await codeOf(api.getCredentials({ project, uuid: theirs.uuid }, as(viewer)))).toBe("PermissionDenied");
    expect(await codeOf(api.getCredentials({ project, uuid: theirs.uuid }, admin()))).toBe("OK");
    const nowhere = { project: "no uuid" };
    expect(await codeOf(api.get({ ...nowhere, uuid: theirs.uuid }, admin()))).toBe("NotFound");
    expect(await codeOf(api.create({ ...nowhere, name: "abc" }, admin()))).toBe("NotFound");
    expect((await api.list(nowhere, admin())).clusters).toEqual([]);
    expect(await codeOf(api.watchStatus(nowhere, admin())[Symbol.asyncIterator]().next())).toBe("NotFound");
  });
});
