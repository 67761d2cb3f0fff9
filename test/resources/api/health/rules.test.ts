import { describe, expect, it } from "vitest";
import { healthAt, silenceMs } from "../../../../src/resources/api/health/rules.js";
import {
  changesVerdict,
  databaseVerdict,
  jobsVerdict,
  kubernetesVerdict,
  machinesVerdict,
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

  it("does not depend on partitions that are not offered any more", () => {
    const states = [...well, state("kubernetes", "gone", { status: "degraded" })];
    expect(healthAt(states, ["here", "there"], now).services.map(({ status }) => status)).toEqual(
      Array(3).fill("healthy"),
    );
  });
});

describe("what a look says", () => {
  const facts = { partition: "here", clusters: 10, unreachable: 0, withoutNodes: 0, volumes: 50, failedVolumes: 0 };
  it.each([
    ["a quick database", databaseVerdict(20), "healthy"],
    ["a slow database", databaseVerdict(1_500), "degraded"],
    ["no database", databaseVerdict(undefined), "unhealthy"],
    ["changes that arrive", changesVerdict(true), "healthy"],
    ["changes that do not", changesVerdict(false), "degraded"],
    ["a short queue", jobsVerdict({ waitingSeconds: 119, failed: 0 }), "healthy"],
    ["a long queue", jobsVerdict({ waitingSeconds: 121, failed: 0 }), "degraded"],
    ["a job that was given up", jobsVerdict({ waitingSeconds: 0, failed: 1 }), "degraded"],
    ["a Kubernetes that answers", kubernetesVerdict(true), "healthy"],
    ["a Kubernetes that does not", kubernetesVerdict(false), "degraded"],
    ["clusters that answer", storageVerdict(facts), "healthy"],
    ["clusters of which few answer", storageVerdict({ ...facts, unreachable: 5 }), "degraded"],
    ["clusters of which most answer", storageVerdict({ ...facts, unreachable: 4 }), "healthy"],
    ["the one cluster that does not answer", storageVerdict({ ...facts, clusters: 1, unreachable: 1 }), "healthy"],
    ["few failed volumes", storageVerdict({ ...facts, failedVolumes: 4 }), "healthy"],
    ["many failed volumes", storageVerdict({ ...facts, failedVolumes: 5 }), "degraded"],
    ["machines that are ready", machinesVerdict({ ...facts, withoutNodes: 4 }), "healthy"],
    ["machines that are not", machinesVerdict({ ...facts, withoutNodes: 5 }), "degraded"],
  ])("of %s", (_, { status, message }, wanted) => {
    expect(status).toBe(wanted);
    expect(message === "").toBe(wanted === "healthy");
  });
});
