import fc from "fast-check";
import { expect, test } from "vitest";
import { usesOf } from "../../../../src/resources/deploy/spec/merge.js";
import { secretsNamed } from "../../../../src/resources/deploy/spec/uses.js";
import {
  chart,
  configChange,
  image,
  merge,
  nginx,
  noConfig,
  place,
  processNamed,
  secretIds,
  someNames,
  thrown,
  variable,
} from "./contents.js";

const [one = "", two = "", three = ""] = secretIds;
const unknown = "0195c0de-0000-7000-8000-0000000000ff";
const use = (secret: string, version: number, follows: boolean) => ({ secret, key: "k", version, follows });

test("patches set and unset as a plain map does, and name the first that is not there", () => {
  const set = fc.tuple(someNames, fc.string()).map(([names, value]) => names.map((name) => variable(name, value)));
  const patches = fc.array(fc.record({ set, unset: someNames }), { maxLength: 6 });
  fc.assert(
    fc.property(patches, (given) => {
      const model = new Map<string, string>();
      let release = nginx();
      for (const { set: setVariables, unset } of given) {
        const unsetVariables = unset.filter((name) => !setVariables.some((each) => each.name === name));
        const change = configChange({ setVariables, unsetVariables });
        const absent = unsetVariables.find((name) => !model.has(name));
        if (absent !== undefined) {
          const message = `the configuration has no variable "${absent}" to unset`;
          expect(thrown(() => merge({ active: release, change }))).toMatchObject({ kind: "missing", message });
          continue;
        }
        for (const name of unsetVariables) model.delete(name);
        for (const { name, value } of setVariables) model.set(name, value);
        release = merge({ active: release, change });
        expect(release.config.variables.map(({ name, value }) => [name, value])).toEqual(
          [...model].toSorted(([a], [b]) => (a < b ? -1 : 1)),
        );
      }
    }),
  );
});

test("files and mounts of secrets are patched by path, and come in order", () => {
  const active = nginx({ files: [{ path: "/b", content: "old" }] });
  const mount = { secret: one, path: "/z", version: 0, follows: true };
  const setFiles = [
    { path: "/c", content: "3" },
    { path: "/a", content: "1" },
  ];
  const after = merge({ active, change: configChange({ setFiles, unsetFiles: ["/b"], setSecretMounts: [mount] }) });
  expect(after.config.files.map(({ path }) => path)).toEqual(["/a", "/c"]);
  expect(after.config.secretMounts).toEqual([{ ...mount, version: 5 }]);
  expect(thrown(() => merge({ active, change: configChange({ unsetFiles: ["/x"] }) }))).toMatchObject({
    kind: "missing",
  });
  expect(thrown(() => merge({ active, change: configChange({ unsetSecretMounts: ["/x"] }) }))).toMatchObject({
    kind: "missing",
    message: 'the configuration has no mount of a secret "/x" to unset',
  });
});

const worker = processNamed("worker");
const active = { ...nginx({ variables: [variable("NEW", "new")] }), source: image("nginx:2") };
const earlier = { ...nginx({ variables: [variable("OLD", "old")] }), source: image("nginx:1"), processes: [worker] };

test.each([
  ["all", earlier.source, earlier.processes, earlier.config],
  ["source", earlier.source, earlier.processes, active.config],
  ["config", active.source, active.processes, earlier.config],
] as const)(
  "a rollback of %s takes that of the earlier release, and the rest of the active one",
  (part, source, processes, config) => {
    const elsewhere = { target: one, namespace: two };
    const merged = merge({
      active,
      change: { rollback: { number: 3, part } },
      rolledBack: { ...earlier, placement: { ...elsewhere, nodeSelector: { old: "yes" }, tolerations: [] } },
      environment: { nodeSelector: { disk: "fast" }, tolerations: [{ operator: "Exists" }] },
    });
    const nodes = { nodeSelector: { disk: "fast" }, tolerations: [{ operator: "Exists" }] };
    expect(merged).toEqual({ source, processes, config, placement: { ...place, ...nodes } });
  },
);

test("a rollback comes before the rest of a change", () => {
  const change = { ...configChange({ unsetVariables: ["OLD"] }), rollback: { number: 1, part: "all" as const } };
  const merged = merge({ active, change: { ...change, source: image("nginx:3") }, rolledBack: earlier });
  expect(merged).toMatchObject({ source: image("nginx:3"), processes: [worker], config: noConfig });
  expect(thrown(() => merge({ active, change }))).toMatchObject({
    kind: "missing",
    message: "release 1 does not exist",
  });
});

test("a change that says nothing gives the release that is active, with the newest versions of what is followed", () => {
  const variables = [variable("F", "", use(one, 2, true)), variable("P", "", use(two, 3, false))];
  const secretMounts = [{ secret: three, path: "/s", version: 1, follows: true }];
  const now = nginx({ variables, secretMounts });
  const after = merge({ active: now, change: {} });
  expect(after.config.variables).toEqual([variable("F", "", use(one, 5, true)), variables[1]]);
  expect(after.config.secretMounts).toEqual([{ ...secretMounts[0], version: 5 }]);
  expect(merge({ active: after, change: {} })).toEqual(after);
});

test("what is gone back to keeps its versions of secrets, until the next release", () => {
  const then = nginx({ variables: [variable("F", "", use(one, 2, true))] });
  const back = merge({ active, change: { rollback: { number: 1, part: "all" } }, rolledBack: then });
  expect(back.config).toEqual(then.config);
  expect(merge({ active: back, change: {} }).config.variables[0]?.use?.version).toBe(5);
});

test("secrets and versions that are not there are missing", () => {
  const set = (each: ReturnType<typeof use>) => configChange({ setVariables: [variable("V", "", each)] });
  const error = (change: ReturnType<typeof set>) => thrown(() => merge({ active, change }));
  expect(error(set(use(unknown, 0, true)))).toMatchObject({
    kind: "missing",
    message: expect.stringContaining(unknown),
  });
  expect(error(set(use(one, 6, false)))).toMatchObject({
    kind: "missing",
    message: expect.stringContaining("version 6"),
  });
  const source = { ...image("private/app"), registrySecret: unknown };
  expect(thrown(() => merge({ change: { source } }))).toMatchObject({ kind: "missing" });
  const secretValues = [{ path: "a.b", use: use(unknown, 0, true) }];
  expect(thrown(() => merge({ change: { source: { ...chart, secretValues } } }))).toMatchObject({ kind: "missing" });
});

test("an image and a chart in turn keep the configuration; a chart has no processes, an image at least one", () => {
  const asChart = merge({ active, change: { source: { ...chart, variablesPath: "env" } } });
  expect(asChart).toMatchObject({ processes: [], config: active.config });
  const asImage = merge({ active: asChart, change: { source: image("app") } });
  expect(asImage.config).toEqual(active.config);
  expect(asImage.processes).toMatchObject([{ name: "web", ports: [{ name: "http", port: 8080, protocol: "TCP" }] }]);
});

test("what cannot run is refused with what to change", () => {
  const refused = (input: Parameters<typeof merge>[0]) => thrown(() => merge(input));
  const because = (message: string) => ({ kind: "precondition", message: expect.stringContaining(message) });
  expect(refused({ change: {} })).toMatchObject(because("say what it runs"));
  expect(refused({ active, change: { source: chart } })).toMatchObject(because("set variables_path"));
  expect(refused({ change: { source: chart, processes: [worker] } })).toMatchObject(because("processes"));
  const files = configChange({ setFiles: [{ path: "/a", content: "" }] });
  expect(refused({ change: { source: chart, ...files } })).toMatchObject(because("secret_values"));
  const many = Array.from({ length: 1_001 }, (_, i) => variable(`V${i}`));
  expect(refused({ active, change: configChange({ setVariables: many }) })).toMatchObject(because("1000 variables"));
  const large = Array.from({ length: 9 }, (_, i) => variable(`V${i}`, "x".repeat(65_536)));
  expect(refused({ active, change: configChange({ setVariables: large }) })).toMatchObject(
    because("512 KiB of variables"),
  );
  const half = nginx({ files: [{ path: "/a", content: "x".repeat(300_000) }] });
  const more = configChange({ setFiles: [{ path: "/b", content: "x".repeat(300_000) }] });
  expect(refused({ active: half, change: more })).toMatchObject(because("512 KiB of files"));
});

test("nothing is mounted within a file or a secret, or over it", () => {
  const mounts = [{ volumeClaim: three, path: "/data", readOnly: false }];
  const change = (path: string, secret?: string) =>
    secret === undefined
      ? configChange({ setFiles: [{ path, content: "" }] })
      : configChange({ setSecretMounts: [{ secret, path, version: 1, follows: false }] });
  const own = { ...active, processes: [{ ...worker, mounts }] };
  for (const bad of [change("/data"), change("/data", one)]) {
    expect(thrown(() => merge({ active: own, change: bad }))).toMatchObject({ kind: "precondition" });
  }
  expect(merge({ active: own, change: change("/data/app.conf") }).config.files).toHaveLength(1);
  const withSecret = merge({ active: own, change: change("/etc/app", one) });
  expect(thrown(() => merge({ active: withSecret, change: change("/etc/app/x") }))).toMatchObject({
    kind: "precondition",
    message: expect.stringContaining("/etc/app/x within /etc/app"),
  });
  expect(merge({ active: withSecret, change: change("/etc/app2") }).config.files).toHaveLength(1);
});

test("a release says which secrets and volume claims it uses", () => {
  const release = {
    ...nginx({
      variables: [variable("A", "", use(two, 1, false)), variable("B", "", use(one, 1, true)), variable("C")],
      secretMounts: [{ secret: two, path: "/s", version: 2, follows: true }],
    }),
    source: { ...image("app"), registrySecret: three },
    processes: [{ ...worker, mounts: [{ volumeClaim: unknown, path: "/d", readOnly: true }] }],
  };
  expect(usesOf(release)).toEqual({ secrets: secretIds, follows: secretIds, volumeClaims: [unknown] });
  expect(usesOf(nginx())).toEqual({ secrets: [], follows: [], volumeClaims: [] });
  const change = configChange({ setVariables: [variable("V", "", use(unknown, 0, true))] });
  expect(secretsNamed(change, release, undefined)).toEqual([...secretIds, unknown]);
});

test("a move changes the place alone", () => {
  const placement = { target: one, namespace: two };
  expect(merge({ active, change: { placement } })).toEqual({
    ...active,
    placement: { ...active.placement, ...placement },
  });
});
