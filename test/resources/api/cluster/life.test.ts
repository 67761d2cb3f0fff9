import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type ClusterStatus, Operate } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { cloudProfiles } from "../../../../src/kube/embedded/gardener/types.js";
import { shoots } from "../../../../src/resources/api/cluster/gardener-types.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { clustersOf, plantFault, shootOf } from "../../support/clusters.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { tablesWith } from "../../support/tables.js";

let platform: TestPlatform;
let clusters: ReturnType<typeof clustersOf>;
beforeAll(async () => {
  platform = await startPlatform();
  clusters = clustersOf(platform);
});
afterAll(() => platform.close());

const operate = (uuid: string, operation: Operate) =>
  clusters.client.operate({ project: platform.project, uuid, operate: operation }, clusters.owner);

/** All that a watch tells until it ends, or until a status fits. */
async function watched(selection: { uuid?: string }, last?: (status: ClusterStatus) => boolean) {
  const seen: ClusterStatus[] = [];
  const request = { project: platform.project, ...selection };
  for await (const { status } of clusters.client.watchStatus(request, { ...clusters.owner, timeoutMs: 20_000 })) {
    if (status === undefined) continue;
    seen.push(status);
    if (last?.(status)) break;
  }
  return seen;
}

const word = ({ type, state }: ClusterStatus) => `${type} ${state}`;

describe("WatchStatus", () => {
  it("tells a cluster's life from Create to Delete, and ends [metalstack.api.v1.ClusterService.WatchStatus]", async () => {
    const { uuid } = await clusters.create();
    const life = watched({ uuid });
    expect(word(await clusters.succeeded(uuid))).toBe("Create Succeeded");
    await clusters.client.update(
      { project: platform.project, uuid, workers: [{ name: "group-0", maxsize: 4 }] },
      clusters.owner,
    );
    expect(word(await clusters.until(uuid, ({ type, state }) => type === "Reconcile" && state === "Succeeded"))).toBe(
      "Reconcile Succeeded",
    );
    await clusters.client.delete({ project: platform.project, uuid }, clusters.owner);
    const seen = await life;
    expect(seen.every((status) => status.uuid === uuid)).toBe(true);
    expect(word(seen[0] as ClusterStatus)).toMatch(/^Create/);
    expect(word(seen.at(-1) as ClusterStatus)).toBe("Delete Succeeded");
    const types = seen.map(({ type }) => type);
    expect(types.filter((type, i) => type !== types[i - 1])).toEqual(["Create", "Reconcile", "Delete"]);
  });

  it("gives the last word to a reader who comes back after the deletion, and ends", async () => {
    const { uuid } = await clusters.ready();
    await clusters.remove(uuid);
    expect((await watched({ uuid })).map(word)).toEqual(["Delete Succeeded"]);
    expect((await watched({ uuid: uuid.toUpperCase() })).map(word)).toEqual(["Delete Succeeded"]);
    expect(await codeOf(clusters.get(uuid))).toBe("NotFound");
  });

  it("begins with the present state of one cluster", async () => {
    const { uuid, status } = await clusters.ready();
    const [first] = await watched({ uuid }, () => true);
    expect(first).toMatchObject({ uuid, type: status?.type, state: "Succeeded", progress: 100 });
  });

  it("tells of all clusters of the project, and of later ones", async () => {
    const before = await clusters.ready();
    const done = new Set<string>();
    let later = "";
    const all = watched({}, ({ uuid, type, state }) => {
      if (state === "Succeeded") done.add(`${uuid} ${type}`);
      return done.has(`${before.uuid} Create`) && done.has(`${later} Create`) && done.has(`${later} Delete`);
    });
    later = (await clusters.ready()).uuid;
    await clusters.remove(later);
    const seen = await all;
    expect(new Set(seen.map(({ uuid }) => uuid))).toContain(before.uuid);
  });

  it("follows a cluster whose uuid is written in capitals", async () => {
    const { uuid } = await clusters.create();
    const seen = await watched({ uuid: uuid.toUpperCase() }, ({ state }) => state === "Succeeded");
    expect(seen.at(-1)).toMatchObject({ uuid, type: "Create" });
  });
});

describe("Delete", () => {
  it("frees the name, for a cluster that comes to life [metalstack.api.v1.ClusterService.Delete]", async () => {
    const first = await clusters.ready();
    await clusters.remove(first.uuid);
    expect(await codeOf(clusters.client.delete({ project: platform.project, uuid: first.uuid }, clusters.owner))).toBe(
      "NotFound",
    );
    const second = await clusters.ready({ name: first.name });
    expect(second.uuid).not.toBe(first.uuid);
    expect(second.status).toMatchObject({ type: "Create", state: "Succeeded" });
  });

  it("of a cluster that does not exist yet leaves nothing behind", async () => {
    const { uuid } = await clusters.create();
    await clusters.remove(uuid);
    const [partition] = platform.platform.partitions.values();
    const left = await partition?.kube.list(shoots, { labelSelector: `slipway.dev/cluster=${uuid}` });
    expect(left?.items).toEqual([]);
  });
});

describe("GetCredentials", () => {
  const credentials = async (uuid: string, seconds?: bigint, nanos = 0) => {
    const expiration = seconds === undefined ? {} : { expiration: { seconds, nanos } };
    const { kubeconfig } = await clusters.client.getCredentials(
      { project: platform.project, uuid, ...expiration },
      clusters.owner,
    );
    return parse(kubeconfig);
  };
  const secondsLeft = (config: { users: { user: { "client-certificate-data": string } }[] }) => {
    const data = Buffer.from(config.users[0]?.user["client-certificate-data"] ?? "", "base64");
    return (Date.parse(new X509Certificate(data).validTo) - Date.now()) / 1000;
  };

  it("names one cluster and one user after project and name [metalstack.api.v1.ClusterService.GetCredentials]", async () => {
    const { uuid, name } = await clusters.ready();
    const config = await credentials(uuid);
    expect(config.clusters.map((entry: { name: string }) => entry.name)).toEqual([
      expect.stringMatching(new RegExp(`^shoot--[a-z0-9]+--${name}-external$`)),
    ]);
    expect(config.users.map((entry: { name: string }) => entry.name)).toEqual([
      expect.stringMatching(new RegExp(`^[a-z0-9]+--${name}-external$`)),
    ]);
    expect(Object.keys(config.users[0].user).sort()).toEqual(["client-certificate-data", "client-key-data"]);
  });

  it("honours the expiration, in the certificate itself", async () => {
    const { uuid } = await clusters.ready();
    for (const [asked, seconds] of [
      [600n, 600],
      [7_200n, 7_200],
      [86_400n, 86_400],
      [undefined, 3_600],
    ] as const) {
      const left = secondsLeft(await credentials(uuid, asked));
      expect(Math.abs(left - seconds)).toBeLessThan(60);
    }
  });

  it.each([
    [599n, 0],
    [0n, 0],
    [-600n, 0],
    [86_401n, 0],
    [86_400n, 1],
    [600n, -1],
    [2n ** 62n, 0],
  ])("refuses an expiration of %s s and %s ns", async (seconds, nanos) => {
    const { uuid } = await clusters.create();
    expect(await refusal(credentials(uuid, seconds, nanos))).toMatchObject({
      code: "InvalidArgument",
      fields: ["expiration"],
    });
  });

  it("is refused before there is an API server", async () => {
    const { uuid } = await clusters.create();
    expect(await codeOf(credentials(uuid))).toBe("FailedPrecondition");
    await clusters.succeeded(uuid);
    expect(await codeOf(credentials(uuid))).toBe("OK");
  });
});

describe("Operate", () => {
  it.each([Operate.RECONCILE, Operate.MAINTAIN])("%i runs on a healthy cluster", async (operation) => {
    const { uuid } = await clusters.ready();
    const reconciling = clusters.until(uuid, ({ type, state }) => type === "Reconcile" && state === "Succeeded");
    expect((await operate(uuid, operation)).cluster?.uuid).toBe(uuid);
    expect(word(await reconciling)).toBe("Reconcile Succeeded");
  });

  it("retries what has failed, and only that; the error's details are shown meanwhile", async () => {
    const { uuid } = await clusters.ready();
    expect(await codeOf(operate(uuid, Operate.RETRY))).toBe("FailedPrecondition");
    await plantFault(platform, uuid, "workers:ERR_INFRA_QUOTA_EXCEEDED:failed");
    await operate(uuid, Operate.RECONCILE);
    const failed = await clusters.until(uuid, ({ state }) => state === "Failed");
    const error = {
      taskId: "workers",
      codes: ["ERR_INFRA_QUOTA_EXCEEDED"],
      description: expect.stringContaining("workers"),
      lastUpdateTime: expect.anything(),
    };
    expect(failed.lastErrors).toMatchObject([error]);
    expect((await clusters.get(uuid)).status?.lastErrors).toMatchObject([error]);
    await operate(uuid, Operate.RETRY);
    const again = await clusters.until(uuid, ({ state }) => state === "Succeeded");
    expect(again.lastErrors).toEqual([]);
  });

  it("an error that passes by itself is shown, and gone when it has passed", async () => {
    const { uuid } = await clusters.ready();
    // It stays until it has been seen, however slow the watch is, and then passes with the next try but one.
    await plantFault(platform, uuid, "nodes:ERR_INFRA_RATE_LIMITS_EXCEEDED:always");
    await operate(uuid, Operate.RECONCILE);
    const { lastErrors } = await clusters.until(uuid, ({ state }) => state === "Error");
    await plantFault(platform, uuid, "nodes:ERR_INFRA_RATE_LIMITS_EXCEEDED:1");
    expect(lastErrors.map(({ codes }) => codes)).toEqual([["ERR_INFRA_RATE_LIMITS_EXCEEDED"]]);
    expect((await clusters.succeeded(uuid)).lastErrors).toEqual([]);
  });

  it.each([Operate.UNSPECIFIED, 7 as Operate])("refuses the operation %i", async (operation) => {
    const { uuid } = await clusters.create();
    expect(await refusal(operate(uuid, operation))).toMatchObject({ code: "InvalidArgument", fields: ["operate"] });
  });
});

describe("status", () => {
  it("tells whether the parts are ready, and why", async () => {
    const { uuid } = await clusters.ready();
    const settled = await clusters.until(uuid, ({ nodesReady }) => nodesReady === "True");
    expect(settled).toMatchObject({
      apiServerReady: "True",
      controlPlaneReady: "True",
      systemComponentsReady: "True",
      lastErrors: [],
    });
    expect(settled.conditions.map(({ type }) => type)).toContain("EveryNodeReady");
    expect(settled.conditions[0]).toMatchObject({
      reason: expect.stringMatching(/./),
      lastUpdateTime: expect.anything(),
    });
  });

  it("comes back to Succeeded after an update that changes nothing", async () => {
    const { uuid } = await clusters.ready();
    const { cluster } = await clusters.client.update({ project: platform.project, uuid }, clusters.owner);
    expect(cluster?.status?.state).toBe("Pending");
    expect(word(await clusters.succeeded(uuid))).toMatch(/Succeeded/);
  });

  it("shows what the backend refuses, until other wishes fit", async () => {
    const { uuid } = await clusters.ready();
    // The backend's own offer shrinks where the assets still promise the machine type.
    const { store } = platform.kube.embedded;
    const profile = store.list(cloudProfiles)[0] as unknown as {
      metadata: { name: string };
      spec: { machineTypes: { name: string }[] };
    };
    const [partition] = platform.platform.partitions.values();
    const type = { group: "core.gardener.cloud", version: "v1beta1", plural: "cloudprofiles", kind: "CloudProfile" };
    const offer = (machineTypes: { name: string }[]) =>
      partition?.kube.mergePatch(type, { name: profile.metadata.name }, { spec: { machineTypes } });
    const all = profile.spec.machineTypes;
    await offer(all.filter(({ name }) => name !== "c1-large-x86"));
    const workers = [{ name: "big", machineType: "c1-large-x86" }];
    await clusters.client.update({ project: platform.project, uuid, workers }, clusters.owner);
    const refused = await clusters.until(uuid, ({ state }) => state === "Error");
    expect(refused.lastErrors).toMatchObject([
      { codes: ["ERR_CONFIGURATION_PROBLEM"], description: expect.stringContaining("c1-large-x86") },
    ]);
    const other = [{ name: "big", machineType: "c1-medium-x86" }];
    await clusters.client.update({ project: platform.project, uuid, workers: other }, clusters.owner);
    expect((await clusters.succeeded(uuid)).lastErrors).toEqual([]);
    expect((await shootOf(platform, uuid)).spec.provider.workers.map(({ name }) => name)).toEqual(["group-0", "big"]);
    await offer(all);
  });
});

describe("monitoring", () => {
  it("is in the answer of Get once the cluster is ready, and never in the database as text", async () => {
    const { uuid } = await clusters.ready();
    await expect.poll(async () => (await clusters.get(uuid)).monitoring, { timeout: 10_000 }).toBeDefined();
    const { monitoring } = await clusters.get(uuid);
    expect(monitoring).toMatchObject({ username: "admin", endpoint: expect.stringMatching(/^https:/) });
    const password = monitoring?.password ?? "";
    expect(password).not.toBe("");
    const { client, project } = clusters;
    const listed = await client.list({ project }, as(platform.tokens.viewer));
    expect(listed.clusters.every((cluster) => cluster.monitoring === undefined)).toBe(true);
    expect(await tablesWith(platform, password)).toEqual([]);
    expect(await tablesWith(platform, uuid)).toContain("clusters");
    expect(JSON.stringify(platform.lines)).not.toContain(password);
  });
});
