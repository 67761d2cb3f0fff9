import { describe, expect, it } from "vitest";
import { DomainError } from "../../../../src/errors.js";
import type { RenderInput } from "../../../../src/resources/deploy/engine/engine.js";
import { engineOf } from "../../../../src/resources/deploy/engine/engine-of.js";
import { jobManifest } from "../../../../src/resources/deploy/engine/images/jobs.js";
import { contents, digest, image, input, objectOf, process, release, textsOf, titles } from "./releases.js";

const render = (given: RenderInput) => engineOf(given.release).render(given);
const refusal = (given: RenderInput): string => {
  try {
    render(given);
  } catch (error) {
    if (error instanceof DomainError && error.kind === "precondition") return error.message;
    throw error;
  }
  throw new Error("it was rendered");
};

describe("a service", () => {
  it("is a Deployment with its Service, selected by what never changes", () => {
    const given = input({ number: 7 });
    const { first, releaseJobs, workloads } = render(given);
    expect(titles(first)).toEqual([]);
    expect(releaseJobs).toEqual([]);
    expect(titles(workloads)).toEqual(["Service shop-web", "Deployment shop-web"]);
    const selector = {
      "slipway.dev/deployment": given.owner.deployment,
      "slipway.dev/process": "web",
      "slipway.dev/variant": "active",
    };
    const deployment = objectOf(workloads, "Deployment", "shop-web");
    expect(deployment.spec).toMatchObject({
      replicas: 1,
      selector: { matchLabels: selector },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: "25%" } },
      progressDeadlineSeconds: 600,
      minReadySeconds: 5,
    });
    expect(deployment.spec.template.metadata.labels).toMatchObject({ ...selector, "slipway.dev/release": "7" });
    expect(deployment.metadata.labels["slipway.dev/release"]).toBeUndefined();
    const { containers, ...pod } = deployment.spec.template.spec;
    expect(pod).toEqual({
      restartPolicy: "Always",
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { seccompProfile: { type: "RuntimeDefault" } },
      terminationGracePeriodSeconds: 30,
    });
    expect(containers).toEqual([
      {
        name: "web",
        image: `registry.example/web:1@${digest}`,
        env: [
          { name: "PORT", value: "8080" },
          { name: "SLIPWAY_DEPLOYMENT", value: "shop" },
          { name: "SLIPWAY_PROCESS", value: "web" },
          { name: "SLIPWAY_RELEASE", value: "7" },
        ],
        ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
        securityContext: { allowPrivilegeEscalation: false },
      },
    ]);
    expect(objectOf(workloads, "Service", "shop-web").spec).toEqual({
      selector,
      ports: [{ name: "http", port: 8080, protocol: "TCP", targetPort: "http" }],
    });
  });

  it("has probes, resources, placement and its own command", () => {
    const own = process({
      command: ["serve"],
      args: ["--fast"],
      resources: { cpu: "250m", memory: "256Mi", cpuLimit: "", memoryLimit: "1Gi" },
      readiness: {
        check: { type: "http", path: "/ready", port: "http" },
        initialDelay: 0,
        period: 5,
        timeout: 0,
        failureThreshold: 2,
      },
      liveness: {
        check: { type: "command", command: ["true"] },
        initialDelay: 3,
        period: 0,
        timeout: 0,
        failureThreshold: 0,
      },
      terminationGrace: 5,
      annotations: { "prometheus.io/scrape": "true" },
    });
    const placement = {
      target: "t",
      namespace: "n",
      nodeSelector: { pool: "large" },
      tolerations: [{ key: "pool", operator: "Exists" }],
    };
    const { workloads } = render(input({ release: release({ processes: [own], placement }) }));
    expect(objectOf(workloads, "Deployment", "shop-web").spec.minReadySeconds).toBeUndefined();
    const { metadata, spec } = objectOf(workloads, "Deployment", "shop-web").spec.template;
    expect(metadata.annotations).toEqual({ "prometheus.io/scrape": "true" });
    expect(spec).toMatchObject({
      nodeSelector: { pool: "large" },
      tolerations: [{ key: "pool", operator: "Exists" }],
      terminationGracePeriodSeconds: 5,
    });
    expect(spec.containers[0]).toMatchObject({
      command: ["serve"],
      args: ["--fast"],
      resources: { requests: { cpu: "250m", memory: "256Mi" }, limits: { memory: "1Gi" } },
      readinessProbe: { httpGet: { path: "/ready", port: "http" }, periodSeconds: 5, failureThreshold: 2 },
      livenessProbe: { exec: { command: ["true"] }, initialDelaySeconds: 3 },
    });
  });

  it("has the size that is wanted, none when it is stopped, and one within the bounds of its autoscaler", () => {
    const replicas = (more: Partial<RenderInput>) =>
      objectOf(render(input(more)).workloads, "Deployment", "shop-web").spec.replicas;
    expect(replicas({ scale: { web: { replicas: 3 } } })).toBe(3);
    expect(replicas({ scale: { web: { replicas: 3 } }, stopped: true })).toBe(0);
    expect(replicas({ scale: { web: { replicas: 3, stopped: true } } })).toBe(0);
    const autoscale = { min: 2, max: 5, cpu: 80, memory: 0 };
    const scale = { web: { replicas: 9, autoscale } };
    expect(replicas({ scale })).toBe(5);
    const { workloads } = render(input({ scale }));
    expect(objectOf(workloads, "HorizontalPodAutoscaler", "shop-web").spec).toEqual({
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "shop-web" },
      minReplicas: 2,
      maxReplicas: 5,
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
      ],
    });
    const stopped = render(input({ scale, stopped: true })).workloads;
    expect(stopped.map(({ autoscaled }) => autoscaled)).toEqual([undefined, undefined, undefined]);
    expect(titles(stopped)).toContain("HorizontalPodAutoscaler shop-web");
  });
});

describe("a configuration", () => {
  const secrets = contents([
    ["0197a0c0-0000-7000-8000-0123456789ab", 3, { password: "hunter2", "tls.key": "key" }],
    ["pull", 0, { server: "registry.example", username: "me", password: "open" }],
  ]);
  const use = { secret: "0197a0c0-0000-7000-8000-0123456789ab", key: "password", version: 3, follows: true };
  const config = {
    variables: [
      { name: "COLOUR", value: "red", sensitive: false },
      { name: "PASSWORD", value: "", sensitive: false, use },
      { name: "PORT", value: "9000", sensitive: false },
    ],
    files: [{ path: "/etc/app/app.conf", content: "a = 1" }],
    secretMounts: [{ secret: use.secret, path: "/run/tls", version: 3, follows: false }],
  };

  it("is in a Secret of the release, its files in a ConfigMap, and secrets in Secrets of their version", () => {
    const source = image("registry.example/web:1", { registrySecret: "pull" });
    const { first, workloads } = render(input({ number: 4, secrets, release: release({ config, source }) }));
    expect(titles(first)).toEqual([
      "Secret shop-s0123456789ab-v3",
      "Secret shop-r4",
      "ConfigMap shop-r4-files",
      "Secret shop-pull",
    ]);
    expect(textsOf(objectOf(first, "Secret", "shop-r4"))).toEqual({ COLOUR: "red", PASSWORD: "hunter2", PORT: "9000" });
    expect(textsOf(objectOf(first, "Secret", "shop-s0123456789ab-v3"))).toEqual({
      password: "hunter2",
      "tls.key": "key",
    });
    expect(objectOf(first, "ConfigMap", "shop-r4-files").data).toEqual({ "file-0": "a = 1" });
    const pull = objectOf(first, "Secret", "shop-pull");
    expect(pull.type).toBe("kubernetes.io/dockerconfigjson");
    expect(JSON.parse(textsOf(pull)[".dockerconfigjson"] ?? "")).toEqual({
      auths: { "registry.example": { username: "me", password: "open", auth: btoa("me:open") } },
    });
    const { spec } = objectOf(workloads, "Deployment", "shop-web").spec.template;
    expect(spec.imagePullSecrets).toEqual([{ name: "shop-pull" }]);
    expect(spec.volumes).toEqual([
      { name: "files", configMap: { name: "shop-r4-files" } },
      { name: "secret-0", secret: { secretName: "shop-s0123456789ab-v3" } },
    ]);
    expect(spec.containers[0]).toMatchObject({
      envFrom: [{ secretRef: { name: "shop-r4" } }],
      volumeMounts: [
        { name: "files", mountPath: "/etc/app/app.conf", subPath: "file-0", readOnly: true },
        { name: "secret-0", mountPath: "/run/tls", readOnly: true },
      ],
    });
    expect(spec.containers[0].env.map(({ name }: { name: string }) => name)).not.toContain("PORT");
  });

  it("is refused with the reason when a secret, a key or a volume claim is not there, or is no text", () => {
    const withUse = (given: object) =>
      input({
        secrets,
        release: release({ config: { ...config, variables: [{ ...config.variables[1], ...given }] } as never }),
      });
    expect(refusal(withUse({ use: { ...use, version: 2 } }))).toContain("has no key password in its version 2");
    expect(refusal(withUse({ use: { ...use, key: "other" } }))).toContain("variable PASSWORD");
    const binary = contents([[use.secret, 3, { password: "a\0b" }]]);
    expect(refusal({ ...withUse({}), secrets: binary })).toContain("is no text");
    const mounts = [{ volumeClaim: "claim", path: "/data", readOnly: false }];
    const mounting = (path: string) =>
      release({ processes: [process({ mounts: [{ ...mounts[0], path } as never] })], config });
    expect(refusal(input({ secrets, release: mounting("/data") }))).toContain("volume claim claim is not there");
    const claims = new Map([["claim", { name: "pvc", accessMode: "ReadWriteOnce" }]] as const);
    expect(refusal(input({ secrets, claims, release: mounting("/run/tls/") }))).toContain("are at /run/tls");
  });

  it("is refused when it is larger than a Secret may be, and an image when it is not resolved", () => {
    const variables = Array.from({ length: 20 }, (_, i) => ({
      name: `V${i}`,
      value: "x".repeat(65_000),
      sensitive: true,
    }));
    expect(refusal(input({ release: release({ config: { variables } }) }))).toContain("may have 1048576");
    expect(refusal(input({ release: release({ source: image("a", { digest: "" }) }) }))).toContain("not resolved");
  });
});

it.each([
  ["ReadWriteOnce", "Recreate"],
  ["ReadWriteMany", "RollingUpdate"],
  ["ReadOnlyMany", "RollingUpdate"],
] as const)("a process that mounts a %s volume claim changes by %s", (accessMode, type) => {
  const mounts = [{ volumeClaim: "claim", path: "/data", readOnly: true }];
  const processes = [process({ mounts }), process({ name: "worker" })];
  const claims = new Map([["claim", { name: "pvc", accessMode }]]);
  const { workloads } = render(input({ claims, release: release({ processes }) }));
  const strategy = (name: string) => objectOf(workloads, "Deployment", name).spec.strategy;
  expect(strategy("shop-web").type).toBe(type);
  expect(strategy("shop-worker").type).toBe("RollingUpdate");
});

describe("other processes", () => {
  it("STATEFUL is a StatefulSet with storage and names for its replicas", () => {
    const storage = { size: "10Gi", storageClass: "fast", path: "/data" };
    const given = input({ release: release({ processes: [process({ name: "db", kind: "stateful", storage })] }) });
    const { workloads } = render(given);
    expect(titles(workloads)).toEqual(["Service shop-db", "Service shop-db-replicas", "StatefulSet shop-db"]);
    expect(objectOf(workloads, "Service", "shop-db-replicas").spec).toMatchObject({ clusterIP: "None" });
    const { spec } = objectOf(workloads, "StatefulSet", "shop-db");
    expect(spec.serviceName).toBe("shop-db-replicas");
    expect(spec.volumeClaimTemplates).toMatchObject([
      {
        metadata: { name: "storage", labels: { "slipway.dev/deployment": given.owner.deployment } },
        spec: {
          accessModes: ["ReadWriteOnce"],
          storageClassName: "fast",
          resources: { requests: { storage: "10Gi" } },
        },
      },
    ]);
    expect(spec.template.spec.containers[0].volumeMounts).toEqual([{ name: "storage", mountPath: "/data" }]);
    const later = render({ ...given, number: 2 }).workloads;
    expect(objectOf(later, "StatefulSet", "shop-db").spec.volumeClaimTemplates).toEqual(spec.volumeClaimTemplates);
  });

  it("JOB with a schedule is a CronJob that a stop suspends; without one it is nothing until it is run", () => {
    const nightly = process({ name: "nightly", kind: "job", schedule: "0 3 * * *", ports: [], args: ["--all"] });
    const once = process({ name: "once", kind: "job", ports: [], args: ["--all"] });
    const given = input({ release: release({ processes: [nightly, once] }) });
    expect(titles(render(given).workloads)).toEqual(["CronJob shop-nightly"]);
    const cron = (stopped: boolean) =>
      objectOf(render({ ...given, stopped }).workloads, "CronJob", "shop-nightly").spec;
    expect(cron(false)).toMatchObject({ schedule: "0 3 * * *", timeZone: "Etc/UTC", suspend: false });
    expect(cron(true).suspend).toBe(true);
    const run = jobManifest(given, "once", ["--one"], "shop-once-1");
    expect(run.object).toMatchObject({
      metadata: { name: "shop-once-1", labels: { "slipway.dev/process": "once", "slipway.dev/release": "1" } },
      spec: { backoffLimit: 0, template: { spec: { restartPolicy: "Never", containers: [{ args: ["--one"] }] } } },
    });
    const usual = jobManifest(given, "nightly", [], "x").object;
    expect(usual).toMatchObject({ spec: { template: { spec: { containers: [{ args: ["--all"] }] } } } });
    expect(() => jobManifest(given, "web", [], "x")).toThrow("no JOB process web");
  });

  it("RELEASE_JOB is a Job of the release", () => {
    const migrate = process({ name: "migrate", kind: "release_job", ports: [] });
    const { releaseJobs, workloads } = render(input({ number: 3, release: release({ processes: [migrate] }) }));
    expect(titles(releaseJobs)).toEqual(["Job shop-migrate-r3"]);
    expect(workloads).toEqual([]);
  });
});
