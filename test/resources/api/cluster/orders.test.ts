import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { clustersOf, newName } from "../../support/clusters.js";
import { codeOf, refusal } from "../../support/refusals.js";

// Without workers nothing happens to a cluster but what its callers do.
let platform: TestPlatform;
let other: TestTenant;
let clusters: ReturnType<typeof clustersOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  other = await platform.newTenant();
  clusters = clustersOf(platform);
});
afterAll(() => platform.close());

const worker = { name: "group-0", machineType: "n1-medium-x86", minsize: 1, maxsize: 3 };
const begin = { seconds: 946_674_000n };
const tenAtNight = BigInt(Date.parse("2000-01-01T22:00:00Z") / 1000);
const unknown = "0195c0de-0000-7000-8000-00000000000c";

describe("an order", () => {
  it("answers with status, kubernetes and maintenance [metalstack.api.v1.ClusterService.Create]", async () => {
    const cluster = await clusters.create();
    const expected = {
      project: platform.project,
      tenant: platform.tenant,
      partition: "eqx-mu4",
      kubernetes: { version: "1.33.5" },
      maintenance: {
        kubernetesAutoupdate: true,
        machineimageAutoupdate: true,
        timeWindow: { begin: { seconds: tenAtNight }, duration: { seconds: 7200n } },
      },
      status: { uuid: cluster.uuid, type: "Create", state: "Pending", progress: 0 },
      workers: [{ ...worker, maxsurge: 1, maxunavailable: 0 }],
    };
    for (const answer of [cluster, await clusters.get(cluster.uuid)]) expect(answer).toMatchObject(expected);
    const { clusters: listed } = await clusters.client.list({ project: platform.project }, clusters.owner);
    expect(listed.find(({ uuid }) => uuid === cluster.uuid)).toMatchObject(expected);
  });

  it("keeps all that it says", async () => {
    const order = {
      partition: "eqx-mu4",
      kubernetes: { version: "1.32.9" },
      workers: [
        worker,
        { ...worker, name: "big", machineType: "c1-large-x86", minsize: 0, maxsurge: 2, maxunavailable: 1 },
      ],
      maintenance: {
        kubernetesAutoupdate: false,
        machineimageAutoupdate: false,
        timeWindow: { begin, duration: { seconds: 3_600n } },
      },
    };
    const { uuid } = await clusters.create(order);
    expect(await clusters.get(uuid)).toMatchObject(order);
  });

  it.each([
    ["a", "name"],
    ["abcdefghijklm", "name"],
    ["Abc", "name"],
    ["a_b", "name"],
    ["-ab", "name"],
    ["ab-", "name"],
    ["a--b", "name"],
    ["a.b", "name"],
    ["äöü", "name"],
    ["a b", "name"],
    ["", "name"],
    ["'; --", "name"],
  ])("is refused for the name %j", async (name, field) => {
    const refused = await refusal(clusters.create({ name }));
    expect(refused.code).toBe("InvalidArgument");
    expect(new Set(refused.fields)).toEqual(new Set([field]));
  });

  it.each(["ab", "abcdefghijkl", "a-b", "1a", "a1"])("takes the name %j", async (name) => {
    expect((await clusters.create({ name })).name).toBe(name);
  });

  it.each([
    ["an unknown version", { kubernetes: { version: "1.99.0" } }, "kubernetes.version"],
    ["no version", { kubernetes: { version: "newest" } }, "kubernetes.version"],
    ["an unknown partition", { partition: "nowhere" }, "partition"],
    ["a partition with an inherited name", { partition: "constructor" }, "partition"],
    ["an unknown machine type", { workers: [{ ...worker, machineType: "abacus" }] }, "workers[0].machine_type"],
    ["an inherited name", { workers: [{ ...worker, machineType: "valueOf" }] }, "workers[0].machine_type"],
    ["min above max", { workers: [{ ...worker, minsize: 4 }] }, "workers[0].minsize"],
    [
      "a group that can hold nothing",
      { workers: [worker, { ...worker, name: "no", minsize: 0, maxsize: 0 }] },
      "workers[1].maxsize",
    ],
    ["no machine at all", { workers: [{ ...worker, minsize: 0 }] }, "workers"],
    ["min above 32", { workers: [{ ...worker, minsize: 33, maxsize: 64 }] }, "workers[0].minsize"],
    ["max above 64", { workers: [{ ...worker, maxsize: 65 }] }, "workers[0].maxsize"],
    ["two groups of one name", { workers: [worker, worker] }, "workers[1].name"],
    [
      "a window of 59:59",
      { maintenance: { timeWindow: { begin, duration: { seconds: 3_599n } } } },
      "maintenance.time_window.duration",
    ],
    [
      "a window of 4 h",
      { maintenance: { timeWindow: { begin, duration: { seconds: 14_400n } } } },
      "maintenance.time_window.duration",
    ],
    [
      "a window without begin",
      { maintenance: { timeWindow: { duration: { seconds: 3_600n } } } },
      "maintenance.time_window.begin",
    ],
  ])("is refused for %s, and names the field", async (_, init, field) => {
    const refused = await refusal(clusters.create(init));
    expect(refused).toMatchObject({ code: "InvalidArgument" });
    expect(refused.fields).toEqual([field]);
  });

  it.each([3_600n, 7_200n, 14_399n])("takes a window of %i s", async (seconds) => {
    const { maintenance } = await clusters.create({ maintenance: { timeWindow: { begin, duration: { seconds } } } });
    expect(maintenance?.timeWindow?.duration?.seconds).toBe(seconds);
  });

  it("names every field at once", async () => {
    const refused = await refusal(clusters.create({ partition: "nowhere", workers: [{ ...worker, minsize: 9 }] }));
    expect(refused.fields).toEqual(["partition", "workers[0].minsize"]);
  });

  it("has a name of its own in its project, not in others", async () => {
    const { name, uuid } = await clusters.create();
    expect(await refusal(clusters.create({ name }))).toMatchObject({
      code: "AlreadyExists",
      message: expect.stringContaining(name),
    });
    expect((await clustersOf(platform, other).create({ name })).uuid).not.toBe(uuid);
  });

  it("gives its name to one of many who ask at once", async () => {
    const name = newName();
    const codes = await Promise.all(Array.from({ length: 8 }, () => codeOf(clusters.create({ name }))));
    expect(codes.sort()).toEqual([...Array(7).fill("AlreadyExists"), "OK"]);
  });
});

describe("a cluster of another project", () => {
  it("does not exist in one's own, and is out of reach in the other", async () => {
    const { uuid } = await clustersOf(platform, other).create();
    const client = platform.client(ClusterService);
    const { owner } = clusters;
    const calls = (project: string) => [
      client.get({ project, uuid }, owner),
      client.update({ project, uuid }, owner),
      client.delete({ project, uuid }, owner),
      client.getCredentials({ project, uuid }, owner),
      client.operate({ project, uuid, operate: 1 }, owner),
      client.watchStatus({ project, uuid }, owner)[Symbol.asyncIterator]().next(),
    ];
    expect(await Promise.all(calls(platform.project).map(codeOf))).toEqual(Array(6).fill("NotFound"));
    expect(await Promise.all(calls(other.project).map(codeOf))).toEqual(Array(6).fill("PermissionDenied"));
    expect(await codeOf(client.list({ project: other.project }, owner))).toBe("PermissionDenied");
    expect((await client.list({ project: platform.project }, owner)).clusters.map((one) => one.uuid)).not.toContain(
      uuid,
    );
  });

  it("does not exist for anybody who asks for one that never was", async () => {
    const { client, project, owner } = clusters;
    expect(await codeOf(client.get({ project, uuid: unknown }, owner))).toBe("NotFound");
    expect(await codeOf(client.delete({ project, uuid: unknown }, owner))).toBe("NotFound");
  });
});

describe("roles", () => {
  it("viewers read, and do nothing else", async () => {
    const { uuid } = await clusters.create();
    const { client, project } = clusters;
    const viewer = as(platform.tokens.viewer);
    expect((await client.get({ project, uuid }, viewer)).cluster?.uuid).toBe(uuid);
    const refused = [
      client.create({ project, name: newName() }, viewer),
      client.update({ project, uuid }, viewer),
      client.delete({ project, uuid }, viewer),
      client.getCredentials({ project, uuid }, viewer),
      client.operate({ project, uuid, operate: 1 }, viewer),
    ];
    expect(await Promise.all(refused.map(codeOf))).toEqual(Array(5).fill("PermissionDenied"));
    expect(await codeOf(client.get({ project, uuid }))).toBe("Unauthenticated");
  });
});

describe("an update", () => {
  const update = async (uuid: string, change: object) =>
    (await clusters.client.update({ project: platform.project, uuid, ...change }, clusters.owner)).cluster;

  it("changes what it names and leaves the rest [metalstack.api.v1.ClusterService.Update]", async () => {
    const before = await clusters.create({ kubernetes: { version: "1.32.9" } });
    const after = await update(before.uuid, {
      kubernetes: { version: "1.33.5" },
      workers: [
        { name: "group-0", maxsize: 5 },
        { name: "extra", machineType: "c1-medium-x86" },
      ],
      maintenance: { machineimageAutoupdate: false },
    });
    expect(after).toMatchObject({
      uuid: before.uuid,
      name: before.name,
      kubernetes: { version: "1.33.5" },
      workers: [
        { ...worker, maxsize: 5 },
        { name: "extra", machineType: "c1-medium-x86", minsize: 1, maxsize: 3 },
      ],
      maintenance: {
        kubernetesAutoupdate: true,
        machineimageAutoupdate: false,
        timeWindow: before.maintenance?.timeWindow,
      },
      status: { type: "Create", state: "Pending" },
    });
    expect(await clusters.get(before.uuid)).toEqual(after);
  });

  it("loses nothing when callers change different fields at once", async () => {
    const { uuid } = await clusters.create({ kubernetes: { version: "1.32.9" } });
    await Promise.all([
      update(uuid, { kubernetes: { version: "1.33.5" } }),
      update(uuid, { workers: [{ name: "group-0", maxsize: 7 }] }),
      update(uuid, { workers: [{ name: "second" }] }),
      update(uuid, { maintenance: { kubernetesAutoupdate: false } }),
      update(uuid, { maintenance: { timeWindow: { begin, duration: { seconds: 3_600n } } } }),
    ]);
    const cluster = await clusters.get(uuid);
    expect(cluster).toMatchObject({
      kubernetes: { version: "1.33.5" },
      maintenance: { kubernetesAutoupdate: false, timeWindow: { begin, duration: { seconds: 3_600n } } },
    });
    expect(cluster.workers.map(({ name, maxsize }) => [name, maxsize])).toEqual([
      ["group-0", 7],
      ["second", 3],
    ]);
  });

  it.each([
    ["1.33.5", "1.32.9", "a downgrade"],
    ["1.32.9", "1.34.1", "a skipped minor version"],
    ["1.33.5", "1.33.9", "a version that is not on offer"],
  ])("refuses to go from %s to %s: %s", async (from, to) => {
    const { uuid } = await clusters.create({ kubernetes: { version: from } });
    const refused = await refusal(update(uuid, { kubernetes: { version: to } }));
    expect(refused.code).toBe("InvalidArgument");
    expect(new Set(refused.fields)).toEqual(new Set(["kubernetes.version"]));
    expect((await clusters.get(uuid)).kubernetes?.version).toBe(from);
  });

  it.each([
    ["min above max", [{ name: "group-0", minsize: 9 }], "workers[0].minsize"],
    ["an unknown machine type", [{ name: "more", machineType: "abacus" }], "workers[0].machine_type"],
    ["a group that it names twice", [{ name: "more" }, { name: "more" }], "workers[1].name"],
    ["no machine at all", [{ name: "group-0", minsize: 0 }], "workers"],
  ])("refuses %s", async (_, workers, field) => {
    const { uuid } = await clusters.create();
    expect(await refusal(update(uuid, { workers }))).toMatchObject({ code: "InvalidArgument", fields: [field] });
  });

  it("is refused while the cluster is being deleted", async () => {
    const { uuid } = await clusters.create();
    const { client, project, owner } = clusters;
    const first = await client.delete({ project, uuid }, owner);
    expect(first.cluster).toMatchObject({ status: { type: "Delete", state: "Pending" }, deletedAt: expect.anything() });
    expect(await codeOf(update(uuid, {}))).toBe("FailedPrecondition");
    expect(await codeOf(client.operate({ project, uuid, operate: 1 }, owner))).toBe("FailedPrecondition");
    expect(await codeOf(client.getCredentials({ project, uuid }, owner))).toBe("FailedPrecondition");
    // Asking again changes nothing.
    const second = await client.delete({ project, uuid }, owner);
    expect(second.cluster).toEqual(first.cluster);
  });
});
