import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { conditionOf, eventually, type Json, paths, type Stage, startStage } from "./support.js";

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
  await eventually(async () => {
    const [last] = (await stage.list("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")).slice(-1);
    expect(last.metadata.name).toBe("ocirepositories.source.toolkit.fluxcd.io");
  });
});
afterAll(() => stage.close());

const releases = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/default/helmreleases";
const sources = (resource: string) => `/apis/source.toolkit.fluxcd.io/v1/namespaces/default/${resource}`;
const applications = "/apis/argoproj.io/v1alpha1/namespaces/default/applications";
const certificates = "/apis/cert-manager.io/v1/namespaces/default/certificates";
const gone = (path: string) => eventually(async () => expect((await stage.send("GET", path)).code).toBe(404));

describe("a HelmRelease", () => {
  const at = (name: string) => `${releases}/${name}`;
  const chart = (version: string, name = "demo-web") => ({
    spec: { chart: name, version, sourceRef: { kind: "HelmRepository", name: "charts" } },
  });
  const create = (name: string, spec: Json) =>
    stage.create(releases, { metadata: { name }, spec: { interval: "5m", chart: chart("1.0.0"), ...spec } });
  const ready = (name: string, reason: string, version: string) =>
    eventually(async () => {
      const found = await stage.get(at(name));
      expect(conditionOf(found, "Ready")).toMatchObject({ status: "True", reason });
      expect(found.status).toMatchObject({ observedGeneration: found.metadata.generation });
      expect(found.status.history[0]).toMatchObject({ chartVersion: version, status: "deployed" });
      return found;
    });
  const failed = (name: string, reason: string) =>
    eventually(async () => {
      const found = await stage.get(at(name));
      expect(conditionOf(found, "Ready")).toMatchObject({ status: "False", reason });
      expect(found.status.observedGeneration).toBe(found.metadata.generation);
      return found;
    });

  beforeAll(async () => {
    await stage.create(sources("helmrepositories"), {
      metadata: { name: "charts" },
      spec: { url: "https://charts.example" },
    });
  });

  it("installs its chart with its values, upgrades it, and takes it away again", async () => {
    await stage.create(paths.secrets, {
      metadata: { name: "hidden" },
      stringData: { "values.yaml": "secret:\n  TOKEN: abc\nreplicas: 9\n" },
    });
    const values = { replicas: 2, env: { COLOUR: "red" }, ingress: { host: "web.example" } };
    await create("web", { values, valuesFrom: [{ kind: "Secret", name: "hidden" }] });
    const installed = await ready("web", "InstallSucceeded", "1.0.0");
    expect(conditionOf(installed, "Released")).toMatchObject({ status: "True", reason: "InstallSucceeded" });
    expect(conditionOf(installed, "Ready").message).toBe(
      "Helm install succeeded for release default/web.v1 with chart demo-web@1.0.0",
    );
    expect(conditionOf(installed, "Reconciling")).toBeUndefined();
    expect(installed.status.history[0]).toMatchObject({ version: 1, digest: expect.stringMatching(/^sha256:/) });
    expect(JSON.stringify(installed.status)).not.toContain("abc");
    const deployment = await stage.get(`${paths.deployments}/web`);
    expect(deployment.status).toMatchObject({ availableReplicas: 2 });
    expect(deployment.spec.template.spec.containers[0].env).toEqual([{ name: "COLOUR", value: "red" }]);
    expect((await stage.get(`${paths.ingresses}/web`)).spec.rules[0].host).toBe("web.example");
    expect((await stage.get(`${paths.secrets}/web`)).data).toEqual({ TOKEN: Buffer.from("abc").toString("base64") });
    await stage.patch(at("web"), { spec: { chart: chart("1.x"), values: { ingress: null } } });
    const upgraded = await ready("web", "UpgradeSucceeded", "1.1.0");
    expect(upgraded.status.history).toMatchObject([{ version: 2 }, { version: 1, status: "superseded" }]);
    expect((await stage.get(`${paths.deployments}/web`)).spec.template.spec.containers[0].image).toMatch(/1\.1\.0$/);
    await gone(`${paths.ingresses}/web`);
    await stage.remove(at("web"));
    await gone(at("web"));
    await gone(`${paths.deployments}/web`);
    const left = (await stage.list(paths.secrets)).map(({ metadata }) => metadata.name);
    expect(left.filter((name) => name.startsWith("sh.helm.release.v1.web."))).toEqual([]);
  });

  it("says which chart or version is not there, and what else it lacks", async () => {
    await create("unknown", { chart: chart("9.9.9") });
    await eventually(async () => {
      const { message } = conditionOf(await stage.get(at("unknown")), "Ready");
      expect(message).toContain("no 'demo-web' chart with version matching '9.9.9' found");
    });
    await failed("unknown", "SourceNotReady");
    const made = await stage.get(`${sources("helmcharts")}/default-unknown`);
    expect(conditionOf(made, "Ready")).toMatchObject({ status: "False", reason: "InvalidChartReference" });
    await create("valueless", { valuesFrom: [{ kind: "ConfigMap", name: "none" }] });
    await eventually(async () =>
      expect(conditionOf(await failed("valueless", "ValuesError"), "Ready").message).toContain("'default/none'"),
    );
    await stage.patch(at("unknown"), { spec: { chart: chart("2.0.0") } });
    await ready("unknown", "InstallSucceeded", "2.0.0");
  });

  it("comes from an OCI repository too", async () => {
    const spec = { url: "oci://registry.example/charts/demo-web", ref: { tag: "1.1.0" } };
    await stage.create(sources("ocirepositories"), { metadata: { name: "web" }, spec });
    await create("oci", { chart: undefined, chartRef: { kind: "OCIRepository", name: "web" } });
    await ready("oci", "InstallSucceeded", "1.1.0");
  });

  it("fails in time when what it installs never becomes ready, and is uninstalled for each retry", async () => {
    const install = { remediation: { retries: 1 } };
    await create("broken", { chart: chart("*", "demo-broken"), timeout: "30s", install });
    await eventually(async () => {
      const found = await failed("broken", "InstallFailed");
      expect(found.status.installFailures).toBe(2);
      expect(conditionOf(found, "Stalled")).toMatchObject({ status: "True", reason: "RetriesExceeded" });
      expect(conditionOf(found, "Released")).toMatchObject({ status: "False", reason: "InstallFailed" });
      expect(conditionOf(found, "Remediated")).toMatchObject({ reason: "UninstallSucceeded" });
    });
  });

  it("goes back to the release before when an upgrade fails", async () => {
    const upgrade = { remediation: { retries: 1, remediateLastFailure: true } };
    await create("back", { timeout: "30s", upgrade });
    await ready("back", "InstallSucceeded", "1.0.0");
    await stage.patch(at("back"), { spec: { values: { image: "registry.example/pull-error" } } });
    await eventually(async () => {
      const found = await failed("back", "UpgradeFailed");
      expect(conditionOf(found, "Stalled")).toMatchObject({ status: "True" });
      expect(conditionOf(found, "Remediated")).toMatchObject({ status: "True", reason: "RollbackSucceeded" });
      expect(found.status.upgradeFailures).toBe(2);
    });
    await eventually(async () => {
      const deployment = await stage.get(`${paths.deployments}/back`);
      expect(deployment.spec.template.spec.containers[0].image).toBe("registry.example/demo-web:1.0.0");
      expect(deployment.status.availableReplicas).toBe(1);
    });
    await stage.patch(at("back"), { spec: { values: { image: "registry.example/good" } } });
    await ready("back", "UpgradeSucceeded", "1.0.0");
  });

  it("is left alone while it is suspended", async () => {
    await create("asleep", { suspend: true });
    await create("awake", {});
    await ready("awake", "InstallSucceeded", "1.0.0");
    expect((await stage.get(at("asleep"))).status?.history).toBeUndefined();
  });
});

describe("an Application", () => {
  const at = (name: string) => `${applications}/${name}`;
  const create = (name: string, syncPolicy: Json, helm: Json = {}) =>
    stage.create(applications, {
      metadata: { name, finalizers: ["resources-finalizer.argocd.argoproj.io"] },
      spec: {
        project: "default",
        source: { repoURL: "https://charts.example", chart: "demo-web", targetRevision: "1.0.0", helm },
        destination: { server: "https://kubernetes.default.svc", namespace: "default" },
        syncPolicy,
      },
    });
  const reaches = (name: string, sync: string, health: string) =>
    eventually(async () => {
      const { status } = await stage.get(at(name));
      expect(status).toMatchObject({ sync: { status: sync }, health: { status: health } });
      return status;
    });

  it("is synced by itself, follows its source, and takes its objects with it", async () => {
    const helm = {
      valuesObject: { ingress: { host: "argo.example" } },
      parameters: [{ name: "replicas", value: "2" }],
    };
    await create("auto", { automated: { prune: true, selfHeal: true } }, helm);
    const status = await reaches("auto", "Synced", "Healthy");
    expect(status).toMatchObject({ operationState: { phase: "Succeeded", syncResult: { revision: "1.0.0" } } });
    expect(status.resources).toContainEqual(
      expect.objectContaining({ kind: "Ingress", status: "Synced", health: { status: "Healthy" } }),
    );
    await stage.patch(at("auto"), { spec: { source: { targetRevision: "2.*", helm: { valuesObject: null } } } });
    await eventually(async () => {
      expect(await reaches("auto", "Synced", "Healthy")).toMatchObject({ sync: { revision: "2.0.0" } });
    });
    await gone(`${paths.ingresses}/auto`);
    await stage.patch(`${paths.services}/auto`, { spec: { selector: { "app.kubernetes.io/instance": "other" } } });
    await eventually(async () => {
      const { spec } = await stage.get(`${paths.services}/auto`);
      expect(spec.selector["app.kubernetes.io/instance"]).toBe("auto");
    });
    await stage.remove(at("auto"));
    await gone(at("auto"));
    await gone(`${paths.deployments}/auto`);
  });

  it("is out of sync until somebody asks for it", async () => {
    await create("manual", {});
    await reaches("manual", "OutOfSync", "Missing");
    await stage.patch(at("manual"), { operation: { sync: { revision: "1.0.0" } } });
    await reaches("manual", "Synced", "Healthy");
    expect((await stage.get(at("manual"))).operation).toBeUndefined();
    await stage.patch(at("manual"), { spec: { source: { chart: "nothing" } } });
    await eventually(async () => {
      const { status } = await stage.get(at("manual"));
      expect(status).toMatchObject({ sync: { status: "Unknown" }, conditions: [{ type: "ComparisonError" }] });
    });
  });
});

it("only the engines that are asked for are there", async () => {
  const own = await startStage({ engines: ["flux"] });
  const groups = async () => (await own.get("/apis")).groups.map(({ name }: Json) => name);
  await eventually(async () => expect(await groups()).toContain("helm.toolkit.fluxcd.io"));
  await own.workloads.stop();
  expect(await groups()).not.toContain("argoproj.io");
  await own.close();
});

describe("a Certificate", () => {
  const issuer = { metadata: { name: "self" }, spec: { selfSigned: {} } };
  const create = (name: string, annotations: Json = {}) =>
    stage.create(certificates, {
      metadata: { name, annotations },
      spec: {
        secretName: `${name}-tls`,
        dnsNames: [`${name}.example`],
        issuerRef: { kind: "ClusterIssuer", name: "self" },
      },
    });

  it("is issued once its issuer is there, and again for other names", async () => {
    await create("site");
    await eventually(async () => {
      const found = await stage.get(`${certificates}/site`);
      expect(conditionOf(found, "Issuing")).toMatchObject({ status: "True", reason: "DoesNotExist" });
      expect(conditionOf(found, "Ready")).toMatchObject({ status: "False" });
    });
    await stage.create("/apis/cert-manager.io/v1/clusterissuers", issuer);
    const ready = (revision: number) =>
      eventually(async () => {
        const found = await stage.get(`${certificates}/site`);
        expect(conditionOf(found, "Ready")).toMatchObject({ status: "True", reason: "Ready" });
        expect(conditionOf(found, "Issuing")).toBeUndefined();
        expect(found.status.revision).toBe(revision);
        const { data, type } = await stage.get(`${paths.secrets}/site-tls`);
        expect(type).toBe("kubernetes.io/tls");
        return { found, certificate: new X509Certificate(Buffer.from(data["tls.crt"], "base64")) };
      });
    const { found, certificate } = await ready(1);
    expect(certificate.subjectAltName).toBe("DNS:site.example");
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(Date.parse(found.status.notAfter)).toBe(Date.parse(certificate.validTo));
    await stage.patch(`${certificates}/site`, { spec: { dnsNames: ["a.example", "b.example"] } });
    expect((await ready(2)).certificate.subjectAltName).toBe("DNS:a.example, DNS:b.example");
    await stage.remove(`${paths.secrets}/site-tls`);
    await ready(3);
  });

  it("fails on demand", async () => {
    await create("refused", { "simulator.slipway.dev/fault": "issue-error" });
    await eventually(async () => {
      const found = await stage.get(`${certificates}/refused`);
      expect(conditionOf(found, "Issuing")).toMatchObject({ status: "False", reason: "Failed" });
    });
    expect((await stage.send("GET", `${paths.secrets}/refused-tls`)).code).toBe(404);
  });
});
