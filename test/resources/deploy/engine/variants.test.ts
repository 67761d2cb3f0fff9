import { describe, expect, it } from "vitest";
import type { RenderInput } from "../../../../src/resources/deploy/engine/engine.js";
import { engineOf } from "../../../../src/resources/deploy/engine/engine-of.js";
import { image, input, objectOf, process, release, titles } from "./releases.js";

const render = (given: RenderInput) => engineOf(given.release).render(given);

describe("a release beside the active one", () => {
  const worker = process({ name: "worker", ports: [] });
  const config = { variables: [{ name: "A", value: "1", sensitive: false }] };
  const both = release({ processes: [process(), worker], config });

  it("runs what answers requests, in its share of the replicas, with its own configuration", () => {
    const variants = [{ number: 3, release: { ...both, source: image("registry.example/web:2") }, percent: 10 }];
    const { first, workloads } = render(
      input({ number: 2, release: both, variants, scale: { web: { replicas: 15 } } }),
    );
    expect(titles(first)).toEqual(["Secret shop-r2", "Secret shop-r3"]);
    expect(titles(workloads)).toEqual([
      "Service shop-web",
      "Deployment shop-web",
      "Deployment shop-worker",
      "Service shop-web-r3",
      "Deployment shop-web-r3",
    ]);
    const { spec } = objectOf(workloads, "Deployment", "shop-web-r3");
    expect(spec.replicas).toBe(2);
    expect(spec.selector.matchLabels["slipway.dev/variant"]).toBe("3");
    expect(spec.template.spec.containers[0].image).toContain("web:2@");
    expect(objectOf(workloads, "Service", "shop-web-r3").spec.selector).toEqual(spec.selector.matchLabels);
  });

  it("runs at least once, and not at all when nothing does", () => {
    const variants = [{ number: 3, release: both, percent: 1 }];
    const replicas = (more: Partial<RenderInput>) =>
      objectOf(render(input({ variants, ...more })).workloads, "Deployment", "shop-web-r3").spec.replicas;
    expect(replicas({})).toBe(1);
    expect(replicas({ stopped: true })).toBe(0);
  });

  it("is refused when its objects would have the names of others", () => {
    const variants = [{ number: 3, release: both, percent: 1 }];
    const named = release({ processes: [process(), process({ name: "web-r3" })] });
    expect(() => render(input({ variants, release: named }))).toThrow("Service shop-web-r3");
  });
});
