import { create, toJsonString } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  ConfigPatchSchema,
  ConfigurationSchema,
  PlacementSchema,
  ProcessScaleSchema,
  ProcessSchema,
  SourceSchema,
} from "../../../../gen/ts/deploy/v1/spec_pb.js";
import type {
  ConfigContent,
  ProbeContent,
  ProcessContent,
  ScaleEntry,
  SecretUse,
  SourceContent,
} from "../../../../src/resources/deploy/spec/content.js";
import { configChangeOf, processesOf, scaleOf, sourceOf } from "../../../../src/resources/deploy/spec/convert.js";
import {
  configurationMessage,
  placementMessage,
  processMessages,
  scaleMessages,
  sourceMessage,
} from "../../../../src/resources/deploy/spec/messages.js";
import { noConfig, place, processNamed, secretIds } from "./contents.js";

const secret = fc.constantFrom(...secretIds);
/** As they are in a request: the newest, which is followed, or a version that stays. */
const version = fc.nat(9).map((n) => ({ version: n, follows: n === 0 }));
const use: fc.Arbitrary<SecretUse> = fc
  .tuple(secret, fc.constantFrom("key", "tls.crt"), version)
  .map(([id, key, which]) => ({ secret: id, key, ...which }));
const name = fc.stringMatching(/^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$/);
const path = fc.stringMatching(/^(\/[A-Za-z0-9_-]{1,5}){1,3}$/);
const seconds = fc.nat(3_600);
const registrySecret = fc.constantFrom("", ...secretIds);

const source: fc.Arbitrary<SourceContent> = fc.oneof(
  fc.record({
    type: fc.constant("image" as const),
    image: fc.constantFrom("nginx", "ghcr.io/team/app:1.2"),
    digest: fc.constant(""),
    registrySecret,
  }),
  fc.record({
    type: fc.constant("chart" as const),
    repository: fc.constantFrom("https://charts.example/stable", "oci://registry.example/charts"),
    name,
    version: fc.constantFrom("", "^1.2", "1.x"),
    resolvedVersion: fc.constant(""),
    digest: fc.constant(""),
    values: fc.dictionary(
      name,
      fc.jsonValue({ maxDepth: 3 }).filter((value) => !JSON.stringify(value).includes("__proto__")),
    ),
    secretValues: fc
      .uniqueArray(name, { maxLength: 3 })
      .chain((names) => fc.tuple(...names.map((each) => use.map((which) => ({ path: `secret.${each}`, use: which }))))),
    variablesPath: fc.constantFrom("", "env", "web.env"),
    engine: fc.constantFrom("flux" as const, "argo_cd" as const),
    registrySecret,
  }),
);

const check: fc.Arbitrary<ProbeContent["check"]> = fc.oneof(
  fc.constant({ type: "http" as const, path: "/ready", port: "http" }),
  fc.constant({ type: "tcp" as const, port: "http" }),
  fc.constant({ type: "command" as const, command: ["true", "-x"] }),
);
const probe: fc.Arbitrary<ProbeContent> = fc.record({
  check,
  initialDelay: seconds,
  period: seconds,
  timeout: seconds,
  failureThreshold: fc.nat(1_000),
});
const optional = <T, K extends string>(key: K, value: fc.Arbitrary<T>) =>
  fc
    .option(value, { nil: undefined })
    .map((given): { [key in K]?: T } => (given === undefined ? {} : { [key]: given }) as { [key in K]?: T });

const process: fc.Arbitrary<ProcessContent> = fc
  .tuple(
    fc.record({
      name,
      kind: fc.constantFrom("service" as const, "stateful" as const),
      command: fc.array(fc.string(), { maxLength: 2 }),
      args: fc.array(fc.string(), { maxLength: 2 }),
      terminationGrace: seconds,
      annotations: fc.dictionary(name, fc.string(), { maxKeys: 2 }),
      mounts: fc
        .uniqueArray(path, { maxLength: 3 })
        .map((paths) => paths.map((each, i) => ({ volumeClaim: secretIds[0] ?? "", path: each, readOnly: i > 0 }))),
    }),
    optional("readiness", probe),
    optional("liveness", probe),
    fc.constantFrom("", "250m"),
  )
  .map(([given, readiness, liveness, cpu]) => ({
    ...processNamed("x"),
    ...given,
    ports: [
      { name: "http", port: 80, protocol: "TCP" as const },
      { name: "dns", port: 80, protocol: "UDP" as const },
    ],
    ...readiness,
    ...liveness,
    resources: { cpu, memory: "", cpuLimit: "", memoryLimit: cpu === "" ? "1Gi" : "" },
    ...(given.kind === "stateful" ? { storage: { size: "10Gi", storageClass: "", path: "/own/storage" } } : {}),
  }));

test("a source that is shown and sent back is the same source", () => {
  fc.assert(
    fc.property(source, (given) => {
      expect(sourceOf("source", create(SourceSchema, sourceMessage(given)))).toEqual(given);
    }),
  );
});

test("processes that are shown and sent back are the same processes", () => {
  const several = fc.uniqueArray(process, { selector: (each) => each.name, maxLength: 3 });
  fc.assert(
    fc.property(several, (given) => {
      const back = processMessages(given).map((each) => create(ProcessSchema, each));
      expect(processesOf("processes", back)).toEqual(given);
    }),
  );
});

test("a job is shown and sent back with its schedule", () => {
  const job = { ...processNamed("tidy"), kind: "job" as const, schedule: "0 3 * * *" };
  const setup = { ...processNamed("setup"), kind: "release_job" as const };
  const back = processMessages([job, setup]).map((each) => create(ProcessSchema, each));
  expect(processesOf("processes", back)).toEqual([job, setup]);
});

const hidden = "do not show me";
const inOrder = <T>(list: readonly T[], of: (each: T) => string) => list.toSorted((a, b) => (of(a) < of(b) ? -1 : 1));
const config: fc.Arbitrary<ConfigContent> = fc.record({
  variables: fc
    .uniqueArray(fc.tuple(fc.stringMatching(/^[A-Z_]{1,6}$/), fc.boolean(), fc.option(use, { nil: undefined })), {
      selector: ([each]) => each,
    })
    .map((list) =>
      inOrder(
        list.map(([each, sensitive, which]) => ({
          name: each,
          value: which === undefined ? (sensitive ? hidden : `value of ${each}`) : "",
          sensitive,
          ...(which === undefined ? {} : { use: which }),
        })),
        (each) => each.name,
      ),
    ),
  files: fc
    .uniqueArray(path)
    .map((paths) => paths.toSorted().map((each) => ({ path: each, content: `text of ${each}` }))),
  secretMounts: fc.uniqueArray(fc.tuple(path, secret, version), { selector: ([each]) => each }).map((list) =>
    inOrder(
      list.map(([each, id, which]) => ({ secret: id, path: each, ...which })),
      (each) => each.path,
    ),
  ),
});

test("a configuration that is shown and set is the same but for what is sensitive, which never shows", () => {
  fc.assert(
    fc.property(config, (given) => {
      const shown = create(ConfigurationSchema, configurationMessage(given, { values: true }));
      expect(toJsonString(ConfigurationSchema, shown)).not.toContain(hidden);
      const { variables: setVariables, files: setFiles, secretMounts: setSecretMounts } = shown;
      const patch = create(ConfigPatchSchema, { setVariables, setFiles, setSecretMounts });
      const variables = given.variables.map((each) => (each.sensitive ? { ...each, value: "" } : each));
      expect(configChangeOf("patch", patch)).toMatchObject({
        setVariables: variables,
        setFiles: given.files,
        setSecretMounts: given.secretMounts,
      });
    }),
  );
});

test("without values there are names alone", () => {
  fc.assert(
    fc.property(config, (given) => {
      const shown = create(ConfigurationSchema, configurationMessage(given, { values: false }));
      expect(shown.variables.map((each) => [each.name, each.value])).toEqual(
        given.variables.map((each) => [each.name, ""]),
      );
      expect(shown.files.map((each) => [each.path, each.content])).toEqual(given.files.map((each) => [each.path, ""]));
    }),
  );
  expect(configurationMessage(noConfig, { values: true })).toEqual({ variables: [], files: [], secretMounts: [] });
});

test("a scale that is shown and sent back is the same scale", () => {
  const bounds = fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.nat(5), fc.nat(90))
    .map(([min, more, memory]) => ({ min, max: min + more, cpu: 80, memory }));
  const entry: fc.Arbitrary<ScaleEntry> = fc.oneof(
    fc.record({ replicas: fc.nat(9) }),
    bounds.map((autoscale) => ({ replicas: autoscale.min, autoscale })),
  );
  const scales = fc.dictionary(fc.constantFrom("web", "worker", "constructor"), entry, {
    minKeys: 3,
    noNullPrototype: true,
  });
  fc.assert(
    fc.property(scales, (given) => {
      const back = scaleMessages(given).map((each) => create(ProcessScaleSchema, each));
      expect(scaleOf("scale", back, Object.keys(given).map(processNamed))).toEqual(given);
    }),
  );
});

test("a placement shows tolerations as Kubernetes has them", () => {
  const tolerations = [{ key: "gpu", operator: "Exists", effect: "NoExecute", tolerationSeconds: 60 }];
  const shown = create(PlacementSchema, placementMessage({ ...place, nodeSelector: { disk: "fast" }, tolerations }));
  expect(shown).toMatchObject({ ...place, nodeSelector: { disk: "fast" } });
  expect(shown.tolerations).toMatchObject([{ key: "gpu", effect: "NoExecute", value: "", tolerationSeconds: 60n }]);
});
