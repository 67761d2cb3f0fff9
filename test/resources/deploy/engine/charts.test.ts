import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { DomainError } from "../../../../src/errors.js";
import type { RenderInput } from "../../../../src/resources/deploy/engine/engine.js";
import { engineOf } from "../../../../src/resources/deploy/engine/engine-of.js";
import { chart, contents, input, objectOf, release, textsOf, titles } from "./releases.js";

const render = (given: RenderInput) => engineOf(given.release).render(given);
const use = (key: string) => ({ secret: "s", key, version: 1, follows: true });
const secrets = contents([
  ["s", 1, { password: 'hunter2, "quoted"' }],
  ["login", 0, { server: "charts.example", username: "me", password: "open" }],
]);
const ofChart = (source: Parameters<typeof chart>[0], config = {}, more: Partial<RenderInput> = {}) =>
  input({ secrets, ...more, release: release({ source: chart(source), processes: [], config }) });
const refused = (given: RenderInput) => {
  for (const run of [() => engineOf(given.release).check(given.release), () => render(given)]) {
    try {
      run();
    } catch (error) {
      if (error instanceof DomainError && error.kind === "precondition") return error.message;
      throw error;
    }
  }
  throw new Error("it was rendered");
};

describe("Flux", () => {
  it("gets a HelmRepository and a HelmRelease, with the secret values in a Secret of the release", () => {
    const values = { replicas: 2, db: { host: "db", password: "" }, env: { KEEP: "1" } };
    const secretValues = [{ path: "db.password", use: use("password") }];
    const config = { variables: [{ name: "COLOUR", value: "red", sensitive: true }] };
    const source = { values, secretValues, variablesPath: "env", registrySecret: "login" };
    const { first, workloads } = render(ofChart(source, config, { number: 5, rolloutSeconds: 90 }));
    expect(titles(first)).toEqual(["Secret shop-r5", "Secret shop-pull", "HelmRepository shop"]);
    expect(parse(textsOf(objectOf(first, "Secret", "shop-r5"))["values.yaml"] ?? "")).toEqual({
      db: { password: 'hunter2, "quoted"' },
      env: { COLOUR: "red" },
    });
    expect(textsOf(objectOf(first, "Secret", "shop-pull"))).toEqual({ username: "me", password: "open" });
    expect(objectOf(first, "HelmRepository", "shop").spec).toMatchObject({
      url: "https://charts.example",
      secretRef: { name: "shop-pull" },
    });
    expect(titles(workloads)).toEqual(["HelmRelease shop"]);
    expect(objectOf(workloads, "HelmRelease", "shop").spec).toMatchObject({
      chart: { spec: { chart: "demo-web", version: "1.1.0", sourceRef: { kind: "HelmRepository", name: "shop" } } },
      releaseName: "shop",
      timeout: "90s",
      values: { replicas: 2, db: { host: "db" }, env: { KEEP: "1" } },
      valuesFrom: [{ kind: "Secret", name: "shop-r5", valuesKey: "values.yaml" }],
    });
  });

  it("gets an OCIRepository for a chart in a registry", () => {
    const oci = { repository: "oci://registry.example/charts/", resolvedVersion: "1.1.0+a", digest: "sha256:b" };
    const { first, workloads } = render(ofChart({ ...oci, registrySecret: "login" }));
    expect(objectOf(first, "OCIRepository", "shop").spec).toMatchObject({
      url: "oci://registry.example/charts/demo-web",
      ref: { tag: "1.1.0_a", digest: "sha256:b" },
      secretRef: { name: "shop-pull" },
    });
    expect(objectOf(first, "Secret", "shop-pull").type).toBe("kubernetes.io/dockerconfigjson");
    const { spec } = objectOf(workloads, "HelmRelease", "shop");
    expect(spec).toMatchObject({ chartRef: { kind: "OCIRepository", name: "shop" } });
    expect(spec.valuesFrom).toBeUndefined();
  });

  it("refuses what charts do not take", () => {
    const variables = [{ name: "A", value: "1", sensitive: false }];
    const paths = ["a.b", "a"].map((path) => ({ path, use: use("password") }));
    expect(refused(ofChart({}, { variables }))).toContain("set variables_path");
    expect(refused(ofChart({}, { files: [{ path: "/a", content: "" }] }))).toContain("neither files");
    expect(refused(ofChart({ secretValues: paths }))).toContain("a part of its path");
    expect(refused(ofChart({ resolvedVersion: "" }))).toContain("not resolved");
    expect(refused(ofChart({}, {}, { stopped: true }))).toContain("uninstall it");
    const variants = [{ number: 2, release: release(), percent: 5 }];
    expect(refused(ofChart({}, {}, { variants }))).toContain("two releases");
  });

  it("bears values with names that objects of JavaScript have", () => {
    const values = JSON.parse('{"__proto__": {"a": 1}, "toString": 2}');
    const secretValues = [
      { path: "__proto__.b", use: use("password") },
      { path: "constructor.name", use: use("password") },
    ];
    const { first, workloads } = render(ofChart({ values, secretValues }));
    const hidden = textsOf(objectOf(first, "Secret", "shop-r1"))["values.yaml"];
    const text = JSON.stringify('hunter2, "quoted"');
    expect(hidden).toBe(`{"__proto__":{"b":${text}},"constructor":{"name":${text}}}`);
    expect(JSON.stringify(objectOf(workloads, "HelmRelease", "shop").spec.values)).toBe(JSON.stringify(values));
    expect(Object.prototype).not.toHaveProperty("b");
  });
});

describe("Argo CD", () => {
  it("gets an Application in its own namespace, with the repository's login beside it", () => {
    const config = { variables: [{ name: "COLOUR", value: "red", sensitive: false }] };
    const source = {
      engine: "argo_cd",
      values: { env: { A: "1" } },
      variablesPath: "env",
      registrySecret: "login",
    } as const;
    const { first, workloads } = render(ofChart({ ...source, repository: "oci://charts.example/all" }, config));
    expect(titles(first)).toEqual(["Secret default-shop-pull"]);
    const login = objectOf(first, "Secret", "default-shop-pull");
    expect(login.metadata).toMatchObject({
      namespace: "argocd",
      labels: { "argocd.argoproj.io/secret-type": "repository" },
    });
    expect(textsOf(login)).toMatchObject({ url: "charts.example/all", enableOCI: "true", username: "me" });
    expect(titles(workloads)).toEqual(["Application default-shop"]);
    expect(objectOf(workloads, "Application", "default-shop")).toMatchObject({
      metadata: { namespace: "argocd" },
      spec: {
        source: {
          repoURL: "charts.example/all",
          chart: "demo-web",
          targetRevision: "1.1.0",
          helm: { releaseName: "shop", valuesObject: { env: { A: "1", COLOUR: "red" } } },
        },
        destination: { namespace: "default" },
        syncPolicy: { automated: { prune: true, selfHeal: true } },
      },
    });
  });

  it("refuses what is secret, and says to use Flux", () => {
    const argo = { engine: "argo_cd", variablesPath: "env" } as const;
    expect(refused(ofChart({ ...argo, secretValues: [{ path: "a", use: use("password") }] }))).toContain("engine FLUX");
    const sensitive = [{ name: "A", value: "hunter2", sensitive: true }];
    const used = [{ name: "A", value: "", sensitive: false, use: use("password") }];
    for (const variables of [sensitive, used]) {
      const message = refused(ofChart(argo, { variables }));
      expect(message).toContain("the variable A");
      expect(message).not.toContain("hunter2");
    }
  });
});
