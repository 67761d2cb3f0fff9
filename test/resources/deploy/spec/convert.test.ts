import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import {
  ChartEngine,
  ConfigPatchSchema,
  ProcessKind,
  ProcessScaleSchema,
  ProcessSchema,
  SourceSchema,
} from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { configChangeOf, processesOf, scaleOf, sourceOf } from "../../../../src/resources/deploy/spec/convert.js";
import { processNamed, secretIds, thrown } from "./contents.js";

const [one = ""] = secretIds;
const upper = one.toUpperCase();

/** The path of the field that is refused. */
const fieldOf = (call: () => unknown) =>
  (thrown(call) as { readonly violations: readonly { readonly field: string }[] }).violations[0]?.field;

describe("sources", () => {
  const image = (name: string) =>
    sourceOf(
      "source",
      create(SourceSchema, { source: { case: "image", value: { image: name, registrySecret: upper } } }),
    );
  type Chart = Extract<MessageInitShape<typeof SourceSchema>["source"], { case: "chart" }>["value"];
  const chart = (value: Chart, engine?: "argo_cd") =>
    sourceOf("s", create(SourceSchema, { source: { case: "chart", value: { ...usual, ...value } } }), engine);
  const usual = { repository: "https://charts.example", name: "redis" };
  const at = (path: string) => ({ path, secret: { secret: upper, key: "k" } });

  test("an image is what was asked for; what the server sets is not taken", () => {
    const value = { image: "nginx", digest: "sha256:0" };
    const message = create(SourceSchema, { source: { case: "image", value } });
    expect(sourceOf("source", message)).toEqual({ type: "image", image: "nginx", digest: "", registrySecret: "" });
    expect(image("nginx:1.27")).toMatchObject({ image: "nginx:1.27", registrySecret: one });
  });

  test.each(["Nginx", "nginx:", "https://registry.example/app", "user:pw@registry.example/app", "a b"])(
    "%j is no image",
    (name) => expect(fieldOf(() => image(name))).toBe("source.image.image"),
  );

  test("a chart is what was asked for, with the usual engine unless it names one", () => {
    expect(chart({ resolvedVersion: "9", digest: "x", values: { a: [1, null, { b: "c" }] } })).toMatchObject({
      resolvedVersion: "",
      digest: "",
      engine: "flux",
      values: { a: [1, null, { b: "c" }] },
    });
    expect(chart({}, "argo_cd")).toMatchObject({ engine: "argo_cd" });
    expect(chart({ engine: ChartEngine.FLUX }, "argo_cd")).toMatchObject({ engine: "flux" });
    expect(chart({ secretValues: [at("a.b")] })).toMatchObject({
      secretValues: [{ path: "a.b", use: { secret: one, key: "k", version: 0, follows: true } }],
    });
  });

  test.each([
    "http://charts.example",
    "ftp://charts.example",
    "charts.example",
    "https://",
    "https://user:pw@charts.example",
    "https://charts.example?token=1",
    "https://charts.example#x",
    "https://charts.example/a b",
    "oci://",
  ])("%j is no repository", (repository) => expect(fieldOf(() => chart({ repository }))).toBe("s.chart.repository"));

  test.each(["https://charts.example/stable/", "oci://registry.example:5000/charts"])(
    "%s is a repository",
    (repository) => expect(chart({ repository })).toMatchObject({ repository }),
  );

  test("values are small, plain JSON", () => {
    const nested = Array.from({ length: 60 }).reduce<{ [key: string]: object }>((inner) => ({ inner }), {});
    for (const values of [
      { a: "x".repeat(262_144) },
      { a: "\u0000" },
      { "a\u0000": 1 },
      { a: Number.NaN },
      { a: "\ud800" },
      JSON.parse(JSON.stringify({ nested })),
      { a: Object.create({ b: 1 }) },
    ]) {
      expect(fieldOf(() => chart({ values }))).toBe("s.chart.values");
    }
  });

  test("no value is given twice", () => {
    const values = (secretValues: ReturnType<typeof at>[], variablesPath = "") =>
      chart({ secretValues, variablesPath });
    expect(fieldOf(() => values([at("a.b"), at("a")]))).toBe("s.chart.secret_values[0].path");
    expect(fieldOf(() => values([at("a"), at("a")]))).toBe("s.chart.secret_values[0].path");
    expect(fieldOf(() => values([at("env")], "env"))).toBe("s.chart.secret_values[0].path");
    expect(values([at("a.b"), at("a.bc"), at("env.X")], "env")).toBeDefined();
  });
});

describe("processes", () => {
  const usual = {
    name: "web",
    ports: [
      { name: "http", port: 80 },
      { name: "dns", port: 53, protocol: "UDP" },
    ],
  };
  type Given = MessageInitShape<typeof ProcessSchema>;
  const processes = (...given: readonly Given[]) =>
    processesOf(
      "p",
      given.map((each) => create(ProcessSchema, { ...usual, ...each })),
    );
  const http = (port: string) => ({ check: { case: "http" as const, value: { path: "/", port } } });
  const tcp = (port: string) => ({ check: { case: "tcpPort" as const, value: port } });
  const job = { kind: ProcessKind.JOB, ports: [] };

  test("names that objects of the platform have are refused", () => {
    for (const name of ["web-r2", "db-replicas"]) {
      expect(() => processes({ name })).toThrow(/p\[0\].name: must not end like/);
    }
    expect(processes({ name: "web-r2d2" }, { name: "replicas" })).toHaveLength(2);
  });

  test("defaults are filled in", () => {
    expect(processesOf("p", [create(ProcessSchema, { name: "web" })])).toEqual([processNamed("web")]);
    expect(processes({ terminationGraceSeconds: 0 })).toMatchObject([{ terminationGrace: 0 }]);
    expect(processes({ ...job, schedule: "*/5 0-6 1,15 JAN-MAR mon" })).toMatchObject([{ kind: "job" }]);
    expect(processes({ readiness: http("http"), liveness: tcp("http") })).toMatchObject([
      { readiness: { check: { type: "http", path: "/", port: "http" } }, liveness: { check: { type: "tcp" } } },
    ]);
    const storage = { size: "10Gi", storageClass: "fast.ssd", path: "/data" };
    expect(processes({ kind: ProcessKind.STATEFUL, storage })).toMatchObject([{ storage }]);
    const annotations = { "prometheus.io/scrape": "true", "cluster-autoscaler.kubernetes.io/safe-to-evict": "false" };
    expect(processes({ annotations })).toMatchObject([{ annotations }]);
  });

  const resources = (given: NonNullable<Given["resources"]>) => ({ resources: given });
  const mounts = (...paths: readonly string[]) => ({ mounts: paths.map((path) => ({ volumeClaim: one, path })) });
  const storage = (size: string, path = "/d") => ({ kind: ProcessKind.STATEFUL, storage: { size, path } });
  const ports = (...given: readonly [string, number][]) => ({ ports: given.map(([name, port]) => ({ name, port })) });
  const cases: readonly (readonly [Given, string])[] = [
    [ports(["a", 1], ["a", 2]), "ports[1].name"],
    [ports(["a--b", 1]), "ports[0].name"],
    [ports(["a", 1], ["b", 1]), "ports[1].port"],
    [resources({ cpu: "a lot" }), "resources.cpu"],
    [resources({ memoryLimit: "-1Gi" }), "resources.memory_limit"],
    [resources({ cpu: "600m", cpuLimit: "0.5" }), "resources.cpu"],
    [resources({ memory: "1.1Gi", memoryLimit: "1Gi" }), "resources.memory"],
    [{ readiness: http("other") }, "readiness.http.port"],
    [{ liveness: tcp("dns") }, "liveness.tcp_port"],
    [{ liveness: {} }, "liveness"],
    [{ schedule: "* * * * *" }, "schedule"],
    [{ ...job, ports: usual.ports }, "ports"],
    [{ ...job, readiness: tcp("http") }, "readiness"],
    [{ ...job, kind: ProcessKind.RELEASE_JOB, liveness: tcp("http") }, "liveness"],
    [{ storage: { size: "1Gi", path: "/d" } }, "storage"],
    [storage("0"), "storage.size"],
    [storage("big"), "storage.size"],
    [{ ...storage("1Gi", "/m"), ...mounts("/m") }, "storage.path"],
    [
      { kind: ProcessKind.STATEFUL, storage: { size: "1Gi", path: "/d", storageClass: "A b" } },
      "storage.storage_class",
    ],
    [mounts("/m", "/m"), "mounts[1].path"],
    ...["/", "/a/../b", "/a//b", "/a/", "/a:b", "/./a", "/a\n"].map(
      (path) => [mounts(path), "mounts[0].path"] as const,
    ),
    ...[
      "slipway.dev/status",
      "a.slipway.dev/x",
      "kubectl.kubernetes.io/restartedAt",
      "x.k8s.io/y",
      "kubernetes.io/z",
      "a b",
    ].map((key) => [{ annotations: { [key]: "" } }, "annotations"] as const),
    [{ annotations: { a: "x".repeat(65_536) } }, "annotations"],
    ...[
      "* * * *",
      "* * * * * *",
      "@daily",
      "60 * * * *",
      "0 0 31 2 *",
      "5-1 * * * *",
      "0 0 * * 7",
      "0 0 L * *",
      "*/0 * * * *",
      "5/15 * * * *",
      "0 0 * * 1-7",
      "TZ=UTC 0 0 * * *",
      "*  * * * *",
    ].map((schedule) => [{ ...job, schedule }, "schedule"] as const),
  ];
  test.each(cases)("%j is refused at %s", (given, field) => {
    expect(fieldOf(() => processes(given))).toBe(`p[0].${field}`);
  });

  test("two of one name are refused", () => {
    expect(fieldOf(() => processes({}, { name: "worker" }, {}))).toBe("p[2].name");
  });
});

describe("configurations", () => {
  const change = (given: MessageInitShape<typeof ConfigPatchSchema>) =>
    configChangeOf("config", create(ConfigPatchSchema, given));
  const secret = { secret: upper, key: "k", version: 2n };

  test("variables, files and mounts come in order", () => {
    expect(
      change({
        setVariables: [
          { name: "B", value: "2", sensitive: true },
          { name: "A", secret },
        ],
        unsetVariables: ["C"],
        setFiles: [{ path: "/b", content: "b" }, { path: "/a" }],
        setSecretMounts: [{ secret: upper, path: "/s" }],
      }),
    ).toEqual({
      setVariables: [
        { name: "A", value: "", sensitive: false, use: { secret: one, key: "k", version: 2, follows: false } },
        { name: "B", value: "2", sensitive: true },
      ],
      unsetVariables: ["C"],
      setFiles: [
        { path: "/a", content: "" },
        { path: "/b", content: "b" },
      ],
      unsetFiles: [],
      setSecretMounts: [{ secret: one, path: "/s", version: 0, follows: true }],
      unsetSecretMounts: [],
    });
  });

  const A = { name: "A", value: "hidden" };
  test.each([
    [{ setVariables: [A, A] }, "set_variables[1].name"],
    [{ setVariables: [{ ...A, secret }] }, "set_variables[0].value"],
    [{ setVariables: [{ name: "A", secret: { ...secret, version: 2n ** 60n } }] }, "set_variables[0].secret.version"],
    [{ setVariables: [A], unsetVariables: ["B", "A"] }, "unset_variables[1]"],
    [{ setFiles: [{ path: "/a/.." }] }, "set_files[0].path"],
    [{ setFiles: [{ path: "/a" }, { path: "/a" }] }, "set_files[1].path"],
    [{ setFiles: ["/a", "/b"].map((path) => ({ path, content: "x".repeat(300_000) })) }, "set_files"],
    [{ setFiles: [{ path: "/a" }], unsetFiles: ["/a"] }, "unset_files[0]"],
    [{ setSecretMounts: ["/a", "/a"].map((path) => ({ secret: one, path })) }, "set_secret_mounts[1].path"],
    [{ setSecretMounts: [{ secret: one, path: "/a" }], unsetSecretMounts: ["/a"] }, "unset_secret_mounts[0]"],
  ])("a wrong one is refused at its field, and no value shows: %#", (given, field) => {
    expect(fieldOf(() => change(given))).toBe(`config.${field}`);
    expect(String(thrown(() => change(given)))).not.toContain("hidden");
  });
});

describe("scales", () => {
  const processes = [processNamed("web"), processNamed("worker"), { ...processNamed("tidy"), kind: "job" as const }];
  const scale = (...given: readonly MessageInitShape<typeof ProcessScaleSchema>[]) =>
    scaleOf(
      "scale",
      given.map((each) => create(ProcessScaleSchema, each)),
      processes,
    );
  const bounds = { minReplicas: 2, maxReplicas: 4, cpuPercent: 80 };

  test("each process that runs all the time has an entry: 1 replica where none is told", () => {
    expect(scale()).toEqual({ web: { replicas: 1 }, worker: { replicas: 1 } });
    expect(scale({ process: "web", replicas: 0 })).toMatchObject({ web: { replicas: 0 } });
    const autoscale = { min: 2, max: 4, cpu: 80, memory: 0 };
    expect(scale({ process: "web", autoscale: bounds })).toMatchObject({ web: { replicas: 2, autoscale } });
    expect(scale({ process: "web", replicas: 9, autoscale: bounds })).toMatchObject({ web: { replicas: 4 } });
  });

  test.each([
    [[{ process: "other" }], "[0].process"],
    [[{ process: "tidy" }], "[0].process"],
    [[{ process: "web" }, { process: "web" }], "[1].process"],
    [[{ process: "web", autoscale: { ...bounds, maxReplicas: 1 } }], "[0].autoscale.max_replicas"],
    [[{ process: "web", autoscale: { ...bounds, cpuPercent: 0 } }], "[0].autoscale"],
  ])("%j is refused at %s", (given, field) => expect(fieldOf(() => scale(...given))).toBe(`scale${field}`));
});
