import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ClusterServiceCreateRequestSchema,
  ClusterServiceUpdateRequestSchema,
} from "../../../../gen/ts/api/v1/cluster_pb.js";
import { parseAssets } from "../../../../src/resources/api/assets/assets.js";
import { upgradeFaults, wantedFromCreate, wantedFromUpdate } from "../../../../src/resources/api/cluster/rules.js";
import type { ClusterRow } from "../../../../src/resources/api/cluster/store.js";

const assets = parseAssets(undefined);
const now = new Date("2026-01-01T00:00:00Z");
const worker = { name: "group-0", machineType: "n1-medium-x86", minsize: 1, maxsize: 3, maxsurge: 1 };
type CreateInit = Parameters<typeof create<typeof ClusterServiceCreateRequestSchema>>[1];
const wanted = (init: CreateInit) => wantedFromCreate(create(ClusterServiceCreateRequestSchema, init), assets, now);

describe("a new cluster", () => {
  it("takes the defaults of the assets", () => {
    expect(wanted({ name: "one" })).toEqual({
      partition: "eqx-mu4",
      kubernetesVersion: "1.33.5",
      workers: [
        {
          name: "group-0",
          machineType: "n1-medium-x86",
          minSize: 1,
          maxSize: 3,
          maxSurge: 1,
          maxUnavailable: 0,
        },
      ],
      kubernetesAutoupdate: true,
      machineimageAutoupdate: true,
      maintenanceBegin: new Date("2000-01-01T22:00:00Z"),
      maintenanceSeconds: 7200,
    });
  });

  it.each([
    ["partition", { partition: "nowhere" }, "partition"],
    ["version", { kubernetes: { version: "1.2.3" } }, "kubernetes.version"],
    ["machine type", { workers: [{ ...worker, machineType: "abacus" }] }, "workers[0].machine_type"],
    ["worker range", { workers: [{ ...worker, minsize: 4 }] }, "workers[0].minsize"],
    [
      "inherited name instead of a machine type",
      { workers: [{ ...worker, machineType: "toString" }] },
      "workers[0].machine_type",
    ],
    ["name in capitals", { name: "One" }, "name"],
    ["name with a dot", { name: "o.ne" }, "name"],
    ["name with two dashes", { name: "o--ne" }, "name"],
    ["groups that may all be empty", { workers: [{ ...worker, minsize: 0 }] }, "workers"],
    ["65 groups", { workers: Array.from({ length: 65 }, (_, i) => ({ ...worker, name: `g${i}` })) }, "workers"],
    ["nanos", { maintenance: { timeWindow: { begin: { nanos: -1 } } } }, "maintenance.time_window.begin"],
    ["empty group", { workers: [{ ...worker, minsize: 0, maxsize: 0 }] }, "workers[0].maxsize"],
    ["worker name", { workers: [{ ...worker, name: "Not OK" }] }, "workers[0].name"],
    ["two groups of one name", { workers: [worker, worker] }, "workers[1].name"],
    ["begin", { maintenance: { timeWindow: { begin: { seconds: 10n ** 15n } } } }, "maintenance.time_window.begin"],
  ])("is refused for its %s", (_, init, field) => {
    expect(() => wanted({ name: "one", ...init })).toThrow(
      expect.objectContaining({
        kind: "invalid",
        violations: expect.arrayContaining([expect.objectContaining({ field })]),
      }),
    );
  });

  it("names every fault at once", () => {
    expect(() =>
      wanted({ name: "one", kubernetes: { version: "1.2.3" }, workers: [{ ...worker, minsize: 9 }] }),
    ).toThrow(expect.objectContaining({ violations: [expect.anything(), expect.anything()] }));
  });
});

describe("the faults that are told", () => {
  it("are bounded, and say how many there are", () => {
    const workers = Array.from({ length: 64 }, () => ({ ...worker, machineType: "abacus" }));
    const refused = expect.objectContaining({ violations: expect.objectContaining({ length: 20 }) });
    expect(() => wanted({ name: "one", workers })).toThrow(refused);
    expect(() => wanted({ name: "one", workers })).toThrow(/and 107 more$/);
  });
});

describe("the begin of the maintenance window", () => {
  const begin = (seconds: bigint) =>
    wanted({ name: "one", maintenance: { timeWindow: { begin: { seconds } } } }).maintenanceBegin.toISOString();

  it("keeps a date since 1970, and of earlier ones only the time of day", () => {
    expect(begin(253_402_300_799n)).toBe("9999-12-31T23:59:59.000Z");
    expect(begin(0n)).toBe("1970-01-01T00:00:00.000Z");
    expect(begin(-1n)).toBe("2000-01-01T23:59:59.000Z");
    expect(begin(-62_135_596_800n + 3_600n)).toBe("2000-01-01T01:00:00.000Z");
  });
});

describe("an upgrade", () => {
  it.each([
    ["1.32.9", "1.33.5", true],
    ["1.33.5", "1.33.6", true],
    ["1.33.5", "1.33.5", true],
    ["1.33.5", "1.32.9", false],
    ["1.33.5", "1.33.4", false],
    ["1.32.9", "1.34.1", false],
    ["1.33.5", "2.0.0", false],
    ["1.33.5", "newest", false],
  ])("from %s to %s is allowed: %s", (from, to, allowed) => {
    expect(upgradeFaults(from, to).length === 0).toBe(allowed);
  });

  it("never goes down, whatever the versions", () => {
    const version = fc.tuple(fc.nat(3), fc.nat(40), fc.nat(40));
    const order = ([a, b, c]: number[]) => (a ?? 0) * 1e6 + (b ?? 0) * 1e3 + (c ?? 0);
    fc.assert(
      fc.property(version, version, (from, to) => {
        if (upgradeFaults(from.join("."), to.join(".")).length === 0) {
          expect(order(to)).toBeGreaterThanOrEqual(order(from));
        }
      }),
    );
  });
});

describe("an update", () => {
  const current = { ...wanted({ name: "one" }), id: "x", name: "one" } as ClusterRow;
  type UpdateInit = Parameters<typeof create<typeof ClusterServiceUpdateRequestSchema>>[1];
  const updated = (init: UpdateInit) =>
    wantedFromUpdate(create(ClusterServiceUpdateRequestSchema, init), current, assets, now);

  it("keeps what it does not name", () => {
    const { id: _, name: __, ...same } = current;
    expect(updated({})).toEqual(same);
  });

  it("changes the groups that it names, and adds new ones", () => {
    const { workers } = updated({
      workers: [
        { name: "group-0", maxsize: 5 },
        { name: "big", machineType: "c1-large-x86" },
      ],
    });
    expect(workers.map(({ name, machineType, maxSize }) => [name, machineType, maxSize])).toEqual([
      ["group-0", "n1-medium-x86", 5],
      ["big", "c1-large-x86", 3],
    ]);
  });

  it("names the groups as the request counts them", () => {
    expect(() => updated({ workers: [{ name: "big", minsize: 9 }] })).toThrow(
      expect.objectContaining({ violations: [expect.objectContaining({ field: "workers[0].minsize" })] }),
    );
    expect(() => updated({ workers: [{ name: "big" }, { name: "big" }] })).toThrow(/workers\[1\]\.name/);
  });

  it("may not add groups beyond 64", () => {
    const groups = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `g${i}` }));
    expect(updated({ workers: groups(63) }).workers).toHaveLength(64);
    expect(() => updated({ workers: groups(64) })).toThrow(/at most 64 groups/);
    expect(() => updated({ workers: groups(100_000) })).toThrow(/at most 64 groups/);
  });

  it("may change a group whose machine type is no longer on offer, but not to another such type", () => {
    const old = { ...current, workers: current.workers.map((group) => ({ ...group, machineType: "abacus" })) };
    const update = (init: UpdateInit) =>
      wantedFromUpdate(create(ClusterServiceUpdateRequestSchema, init), old, assets, now);
    expect(update({ workers: [{ name: "group-0", maxsize: 5 }] }).workers[0]?.maxSize).toBe(5);
    expect(() => update({ workers: [{ name: "group-0", machineType: "slate" }] })).toThrow(/machine_type/);
  });

  it("is checked like a new cluster", () => {
    expect(() => updated({ workers: [{ name: "group-0", minsize: 9 }] })).toThrow(/minsize/);
    expect(() => updated({ kubernetes: { version: "1.32.9" } })).toThrow(/lower than/);
  });
});
