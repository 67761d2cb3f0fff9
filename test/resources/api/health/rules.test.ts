import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JobFigures, PartitionFigures, TenantFigures } from "../../../../src/resources/api/health/facts.js";
import { healthAt, silenceMs } from "../../../../src/resources/api/health/rules.js";
import {
  changesVerdict,
  databaseVerdict,
  jobsVerdict,
  kubernetesVerdict,
  machinesVerdict,
  paymentVerdict,
  storageVerdict,
} from "../../../../src/resources/api/health/verdicts.js";

const now = new Date("2030-01-01T00:00:00Z");
const ago = (ms: number) => new Date(now.getTime() - ms);
const state = (probe: string, partition: string, over: { status?: "degraded" | "unhealthy"; age?: number } = {}) => ({
  probe,
  partition,
  status: over.status ?? ("healthy" as const),
  message: over.status === undefined ? "" : `${probe} is ill`,
  observedAt: ago(over.age ?? 1_000),
});
const well = [
  ...["database", "changes", "jobs"].map((probe) => state(probe, "")),
  ...["here", "there"].flatMap((id) => ["kubernetes", "storage", "machines"].map((probe) => state(probe, id))),
];
const health = (...instead: ReturnType<typeof state>[]) => {
  const replaced = (one: (typeof well)[number]) =>
    instead.find(({ probe, partition }) => probe === one.probe && partition === one.partition) ?? one;
  return healthAt(well.map(replaced), ["here", "there"], now);
};
const service = (name: string, { services }: ReturnType<typeof health>) =>
  services.find((each) => each.service === name);

describe("the health of services", () => {
  it("is that of their probes", () => {
    expect(health().services.map(({ status, message }) => [status, message])).toEqual(Array(3).fill(["healthy", ""]));
    const away = health(state("kubernetes", "there", { status: "degraded" }));
    expect(service("cluster", away)).toEqual({
      service: "cluster",
      status: "degraded",
      message: "changes wait until they can be carried out in there",
      partitions: {
        here: { status: "healthy", message: "" },
        there: { status: "degraded", message: "kubernetes is ill" },
      },
    });
    expect(service("volume", away)?.status).toBe("healthy");
    expect(service("machines", away)?.status).toBe("healthy");
  });

  it("is as bad as the worst of them, and names all", () => {
    const ill = health(
      state("database", "", { status: "unhealthy" }),
      state("jobs", "", { status: "degraded" }),
      state("kubernetes", "here", { status: "degraded" }),
    );
    expect(service("cluster", ill)).toMatchObject({
      status: "unhealthy",
      message: "database is ill; jobs is ill; changes wait until they can be carried out in here",
    });
  });

  it("is degraded when no worker reports any more, from that moment on", () => {
    const fresh = health(state("storage", "here", { age: silenceMs - 1 }));
    expect(service("volume", fresh)?.status).toBe("healthy");
    expect(fresh.until).toEqual(new Date(now.getTime() + 1));
    const silent = health(state("storage", "here", { age: silenceMs }));
    expect(service("volume", silent)).toMatchObject({
      status: "degraded",
      message: "volumes and snapshots are affected in here",
      partitions: { here: { status: "degraded", message: "no worker reports on this partition" } },
    });
    expect(service("cluster", health(state("changes", "", { age: silenceMs })))).toMatchObject({
      status: "degraded",
      message: "no worker reports",
    });
    const nothing = healthAt([], ["here"], now);
    expect(nothing.services.map(({ status }) => status)).toEqual(Array(3).fill("degraded"));
    expect(nothing.until).toBeUndefined();
  });

  it("depends on a probe of what not every platform has only while that reports", () => {
    const ill = state("payment", "", { status: "degraded" });
    const told = (...more: (typeof ill)[]) => healthAt([...well, ...more], ["here", "there"], now);
    expect(service("cluster", told(ill))).toMatchObject({ status: "degraded", message: "payment is ill" });
    expect(service("cluster", told({ ...ill, observedAt: ago(silenceMs) }))).toMatchObject({ status: "healthy" });
    expect(told(state("payment", "")).services).toEqual(told().services);
  });

  it("does not depend on partitions that are not offered any more", () => {
    const states = [...well, state("kubernetes", "gone", { status: "degraded" })];
    expect(healthAt(states, ["here", "there"], now).services.map(({ status }) => status)).toEqual(
      Array(3).fill("healthy"),
    );
  });
});

const figures = (over: Partial<TenantFigures> = {}, tenants = 1): PartitionFigures => {
  const nothing = { clusters: 0, unreachable: 0, withoutNodes: 0, volumes: 0, failedVolumes: 0 };
  return { ...nothing, partition: "here", tenants, ...over };
};
/** Ten tenants, some of whom are ill. */
const among10 = (ill: number, of: Partial<TenantFigures>): PartitionFigures[] => [
  figures({ clusters: 4, volumes: 50 }, 10 - ill),
  figures({ clusters: 4, volumes: 50, ...of }, ill),
];
const idle: JobFigures = { waitingSeconds: 0, failed: 0 };
const late: JobFigures = { waitingSeconds: 121, failed: 0 };
const givenUp: JobFigures = { waitingSeconds: 0, failed: 1 };

describe("what a look says", () => {
  it.each([
    ["a quick database", databaseVerdict(20), "healthy"],
    ["a slow database", databaseVerdict(1_500), "degraded"],
    ["no database", databaseVerdict(undefined), "unhealthy"],
    ["changes that arrive", changesVerdict(true), "healthy"],
    ["changes that do not", changesVerdict(false), "degraded"],
    ["a short queue", jobsVerdict({ own: { waitingSeconds: 119, failed: 0 }, tenants: [idle] }), "healthy"],
    ["a long queue", jobsVerdict({ own: late, tenants: [] }), "degraded"],
    ["a job that was given up", jobsVerdict({ own: givenUp, tenants: [] }), "degraded"],
    ["late jobs of one tenant", jobsVerdict({ own: idle, tenants: [late, idle] }), "healthy"],
    ["late jobs of two", jobsVerdict({ own: idle, tenants: [late, late] }), "degraded"],
    ["late jobs of one, lost ones of another", jobsVerdict({ own: idle, tenants: [late, givenUp] }), "healthy"],
    ["lost jobs of two tenants", jobsVerdict({ own: idle, tenants: [givenUp, givenUp] }), "degraded"],
    ["a payment processor that answers", paymentVerdict(true), "healthy"],
    ["a payment processor that does not", paymentVerdict(false), "degraded"],
    ["a Kubernetes that answers", kubernetesVerdict(true), "healthy"],
    ["a Kubernetes that does not", kubernetesVerdict(false), "degraded"],
    ["no clusters", storageVerdict([]), "healthy"],
    ["clusters that answer", storageVerdict(among10(0, {})), "healthy"],
    ["clusters of half of the tenants that do not", storageVerdict(among10(5, { unreachable: 2 })), "degraded"],
    ["most clusters of few tenants that do not", storageVerdict(among10(4, { unreachable: 4 })), "healthy"],
    ["few clusters of each tenant that do not", storageVerdict(among10(10, { unreachable: 1 })), "healthy"],
    [
      "the only tenant",
      storageVerdict([figures({ clusters: 9, unreachable: 9, volumes: 9, failedVolumes: 9 })]),
      "healthy",
    ],
    ["failed volumes of one tenant", storageVerdict(among10(1, { failedVolumes: 50 })), "healthy"],
    ["failed volumes of two", storageVerdict(among10(2, { failedVolumes: 5 })), "degraded"],
    ["few failed volumes of each", storageVerdict(among10(10, { failedVolumes: 4 })), "healthy"],
    ["machines of few tenants that are not ready", machinesVerdict(among10(4, { withoutNodes: 4 })), "healthy"],
    ["machines of half of them", machinesVerdict(among10(5, { withoutNodes: 2 })), "degraded"],
  ])("of %s", (_, { status, message }, wanted) => {
    expect(status).toBe(wanted);
    expect(message === "").toBe(wanted === "healthy");
  });
});

describe("one tenant, whatever it does, never changes the public status", () => {
  const share = (all: number) => fc.integer({ min: 0, max: all });
  const anything = fc
    .tuple(fc.nat(10_000), fc.nat(10_000))
    .chain(([clusters, volumes]) =>
      fc.record({
        clusters: fc.constant(clusters),
        unreachable: share(clusters),
        withoutNodes: share(clusters),
        volumes: fc.constant(volumes),
        failedVolumes: share(volumes),
      }),
    )
    .map((over) => figures(over));
  const someOf = (of: (all: number) => Partial<TenantFigures>) => (max: number) =>
    fc
      .array(fc.integer({ min: 1, max: 100 }), { minLength: max, maxLength: 12 })
      .map((sizes) => sizes.map((all) => figures({ clusters: all, volumes: all, ...of(all) })));
  const well = someOf(() => ({}));
  const ill = someOf((all) => ({ unreachable: all, withoutNodes: all, failedVolumes: all }));
  const verdicts = (all: readonly PartitionFigures[]) => [storageVerdict(all), machinesVerdict(all)];

  it("by its clusters and volumes: neither does it spoil what is well, nor hide what is ill", () => {
    fc.assert(
      fc.property(anything, well(0), ill(2), (tenant, others, illOthers) => {
        expect(verdicts([...others, tenant])).toEqual(verdicts(others));
        expect(verdicts([tenant, ...illOthers])).toEqual(verdicts(illOthers));
      }),
      { numRuns: 500 },
    );
  });

  const jobs = fc.record({ waitingSeconds: fc.double({ min: 0, max: 1e7, noNaN: true }), failed: fc.nat(10_000) });
  it("by its jobs", () => {
    fc.assert(
      fc.property(jobs, fc.array(fc.constant(idle)), fc.array(jobs), jobs, (tenant, well, others, own) => {
        expect(jobsVerdict({ own: idle, tenants: [...well, tenant] })).toEqual(jobsVerdict({ own: idle, tenants: [] }));
        // What is late or lost for the platform itself, or for others, stays so.
        const before = jobsVerdict({ own, tenants: others });
        const after = jobsVerdict({ own, tenants: [...others, tenant] });
        if (before.status === "degraded") expect(after.status).toBe("degraded");
      }),
      { numRuns: 500 },
    );
  });
});
