import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { judged } from "../../../../src/resources/deploy/engine/inspect.js";
import { combined, type HealthName, standingOf, withPods } from "../../../../src/resources/deploy/engine/standing.js";
import { standing } from "../../../../src/resources/deploy/engine/standing-facts.js";
import type { Json } from "./releases.js";

describe("all together", () => {
  const runs = { runs: true };
  const health = (...each: HealthName[]) => combined(each.map((one) => standing(one, one, runs))).health;

  it("is unhealthy when nothing that is wanted runs, degraded when some does, and stopped when nothing is wanted", () => {
    expect(combined([])).toMatchObject({ health: "unknown" });
    expect(health("healthy", "healthy")).toBe("healthy");
    expect(health("unhealthy", "unhealthy", "stopped")).toBe("unhealthy");
    expect(health("unhealthy", "progressing")).toBe("degraded");
    expect(health("healthy", "progressing")).toBe("progressing");
    expect(health("stopped", "stopped")).toBe("stopped");
    expect(health("stopped", "healthy")).toBe("healthy");
    expect(combined([standing("stopped", "", runs), standing("healthy")]).health).toBe("stopped");
    expect(combined([standing("unhealthy", "", runs), standing("healthy")]).health).toBe("unhealthy");
    const failed = combined([
      standing("healthy", "", runs),
      { ...standing("unhealthy", "x", { failed: true }), title: "Job a" },
    ]);
    expect(failed).toMatchObject({ health: "degraded", failed: true, message: "Job a: x" });
  });

  it("counts, and does not depend on the order", () => {
    const any = fc.record({
      health: fc.constantFrom<HealthName>("unknown", "healthy", "progressing", "degraded", "unhealthy", "stopped"),
      message: fc.constantFrom("", "why"),
      runs: fc.boolean(),
      failed: fc.boolean(),
      current: fc.nat(9),
      ready: fc.nat(9),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 8 }), (list) => {
        const { message: _, ...sum } = combined(list);
        const { message: __, ...other } = combined([...list].reverse());
        expect(other).toEqual(sum);
        expect(sum.failed).toBe(list.some(({ failed }) => failed));
      }),
    );
  });

  it("takes the reasons of Pods to what is not well", () => {
    const pods = [standing("progressing", "starts"), standing("unhealthy", "CrashLoopBackOff")];
    const rolling = standing("progressing", "0 of 1", { runs: true, ready: 0 });
    expect(withPods(rolling, pods)).toMatchObject({ health: "unhealthy", message: "0 of 1: CrashLoopBackOff" });
    expect(withPods({ ...rolling, ready: 1 }, pods).health).toBe("degraded");
    expect(withPods(rolling, pods.slice(0, 1))).toMatchObject({ health: "progressing", message: "0 of 1: starts" });
    expect(withPods(standing("healthy"), pods).health).toBe("healthy");
  });

  it("counts the Pods of processes, and asks those of the newest release alone for reasons", () => {
    const own = (release: string) => ({
      "slipway.dev/process": "web",
      "slipway.dev/variant": "active",
      "slipway.dev/release": release,
    });
    const object = {
      metadata: { name: "a", generation: 1, labels: own("2") },
      spec: { replicas: 1, template: { metadata: { labels: own("2") } } },
      status: { observedGeneration: 1, replicas: 2, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 },
    };
    const pod = (release: string, status: Json) => ({ metadata: { name: "p", labels: own(release) }, status });
    const ready = { conditions: [{ type: "Ready", status: "True" }] };
    const crashes = { containerStatuses: [{ name: "web", state: { waiting: { reason: "CrashLoopBackOff" } } }] };
    const type = { group: "apps", kind: "Deployment" };
    const look = (old: Json, fresh: Json) => judged([{ type, name: "a", object }], [pod("1", old), pod("2", fresh)]);
    expect(look(crashes, ready)).toMatchObject({ health: "progressing", processes: { web: { current: 2, ready: 1 } } });
    const broken = look(ready, crashes);
    expect(broken).toMatchObject({ health: "degraded", failed: false });
    expect(broken.message).toContain("Deployment a: 1 of 1 replicas are updated, 1 available: CrashLoopBackOff");
    expect(broken.processes.web?.message).toContain("CrashLoopBackOff");
  });

  it("says what is not there, but for Jobs, which are cleared away", () => {
    const gone = (group: string, kind: string) => judged([{ type: { group, kind }, name: "a", object: undefined }], []);
    expect(gone("apps", "Deployment")).toMatchObject({ health: "unhealthy", message: "Deployment a: it is not there" });
    expect(gone("batch", "Job")).toMatchObject({ health: "healthy" });
  });

  it("bears any object, whatever is in it", () => {
    const kinds = [
      ["apps", "Deployment"],
      ["apps", "StatefulSet"],
      ["apps", "DaemonSet"],
      ["batch", "Job"],
      ["batch", "CronJob"],
      ["", "Pod"],
      ["", "Service"],
      ["helm.toolkit.fluxcd.io", "HelmRelease"],
      ["argoproj.io", "Application"],
      ["cert-manager.io", "Certificate"],
      ["example.org", "Widget"],
    ] as const;
    fc.assert(
      fc.property(fc.constantFrom(...kinds), fc.jsonValue(), fc.jsonValue(), ([group, kind], spec, status) => {
        const found = standingOf({ metadata: { name: "a" }, spec, status }, { group, kind });
        expect(typeof found.message).toBe("string");
      }),
    );
  });
});
