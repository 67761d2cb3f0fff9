import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { loadConfig } from "../../src/config.js";
import { resolveChart } from "../../src/kube/embedded/workloads/engines/charts.js";
import { startDemoRegistry } from "../../src/registry/demo/server.js";
import { openRegistry } from "../../src/registry/open-registry.js";
import type { Registry } from "../../src/registry/registry.js";

let demo: Awaited<ReturnType<typeof startDemoRegistry>>;
let registry: Registry;
beforeAll(async () => {
  demo = await startDemoRegistry();
  const { registryAddresses, registryMirrors } = loadConfig({ SLIPWAY_REGISTRY_MIRRORS: `*=${demo.url}` });
  registry = openRegistry({ addresses: registryAddresses, mirrors: registryMirrors });
});
afterAll(() => demo?.close());

const { signal } = new AbortController();
const known = { server: "registry.example", username: "demo", password: "demo" };

describe("the demo registry", () => {
  it("has every image, with a digest that stays", async () => {
    const resolve = async (image: string) => (await registry.resolveImage(image, undefined, signal)).digest;
    const first = await resolve("registry.example/team/web:1.0");
    expect(first).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await resolve("registry.example/team/web:1.0")).toBe(first);
    expect(await resolve("registry.example/team/web:1.1")).not.toBe(first);
    expect(await resolve(`registry.example/team/web@${first}`)).toBe(first);
    expect(await resolve("nginx")).toMatch(/^sha256:/);
  });

  it("has nothing that is called missing, and shows what is private to demo", async () => {
    for (const image of ["r.example/missing", "r.example/web:missing", "r.example/team/missing:1"]) {
      await expect(registry.resolveImage(image, undefined, signal)).rejects.toMatchObject({ kind: "missing" });
    }
    for (const image of ["registry.example/private", "registry.example/web:private"]) {
      const refused = { kind: "precondition" };
      await expect(registry.resolveImage(image, undefined, signal)).rejects.toMatchObject(refused);
      const wrong = { ...known, password: "x" };
      await expect(registry.resolveImage(image, wrong, signal)).rejects.toMatchObject(refused);
      const elsewhere = { ...known, server: "other.example" };
      await expect(registry.resolveImage(image, elsewhere, signal)).rejects.toMatchObject(refused);
      expect(await registry.resolveImage(image, known, signal)).toBeDefined();
    }
  });

  test.each(["https://charts.example/stable", "oci://registry.example/charts"])(
    "has the charts that the embedded Kubernetes plays, at %s",
    async (repository) => {
      for (const [name, version] of [
        ["demo-web", ""],
        ["demo-web", "^1.0"],
        ["demo-web", "1.0.0"],
        ["demo-broken", "*"],
      ] as const) {
        const found = await registry.resolveChart({ repository, name, version }, undefined, signal);
        expect(found.version).toBe(resolveChart(name, version));
        expect(found.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
      }
      for (const [name, version] of [
        ["demo-web", "^3"],
        ["demo-web", "9.9.9"],
        ["no-such", ""],
        ["no-such", "1.0.0"],
      ] as const) {
        const asked = registry.resolveChart({ repository, name, version }, undefined, signal);
        await expect(asked).rejects.toMatchObject({ kind: "missing" });
      }
    },
  );
});

describe("SLIPWAY_REGISTRY_MIRRORS", () => {
  it("names URLs by host", () => {
    const list = "docker.io=https://hub.example/cache, R.example:443=http://10.0.0.1:5000,*=http://[::1]:5000";
    const { registryMirrors } = loadConfig({ SLIPWAY_REGISTRY_MIRRORS: list });
    expect(Object.fromEntries(registryMirrors)).toEqual({
      "docker.io": "https://hub.example/cache",
      "r.example": "http://10.0.0.1:5000",
      "*": "http://[::1]:5000",
    });
  });

  test.each([
    "docker.io",
    "=https://x.example",
    "docker.io=ftp://x.example",
    "docker.io=https://ada:hunter2@x.example",
    "docker.io=https://x.example?y",
    "a/b=https://x.example",
    "*=https://x.example,*=https://y.example",
    "docker.io=https://x.example,index.docker.io=https://y.example",
  ])("may not be %s", (list) => {
    const load = () => loadConfig({ SLIPWAY_REGISTRY_MIRRORS: list });
    expect(load).toThrow("SLIPWAY_REGISTRY_MIRRORS must be a list of HOST=URL");
    expect(load).not.toThrow("hunter2");
  });
});
