import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConstraintField } from "../../../../gen/ts/deploy/v1/environment_pb.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { environmentsOf } from "./environments.js";

let platform: TestPlatform;
let envs: ReturnType<typeof environmentsOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  envs = environmentsOf(platform, platform);
});
afterAll(() => platform.close());

const { TARGET, PLAN, ROUTER, STORAGE_CLASS, ADDON } = ConstraintField;
const missing = "0195c0de-0000-7000-8000-0000000000ff";

describe("constraints", () => {
  it("are set, for each field one, and seen with the environment [tsuru.pool-constraint-set, tsuru.pool-constraint-list]", async () => {
    const target = await envs.target();
    const { uuid } = await envs.create({ constraints: [{ field: PLAN, values: ["small"] }] });
    const constraints = [
      { field: TARGET, values: [target], deny: true },
      { field: PLAN, values: ["*"], deny: false },
      { field: ROUTER, values: ["public-*"], deny: true },
      { field: STORAGE_CLASS, values: ["fast", "slow"], deny: false },
      { field: ADDON, values: ["db/postgres", "db/*"], deny: false },
    ];
    await envs.update(uuid, { constraints: { constraints } });
    expect((await envs.get(uuid))?.constraints).toMatchObject(constraints);
    await envs.update(uuid, { constraints: {} });
    expect((await envs.get(uuid))?.constraints).toEqual([]);
  });

  it.each([
    [
      "two on a field",
      [
        { field: PLAN, values: ["a"] },
        { field: PLAN, values: ["b"], deny: true },
      ],
      "[1].field",
    ],
    ["none on a field", [{ field: 0, values: ["a"] }], "[0].field"],
    ["on an unknown field", [{ field: 99, values: ["a"] }], "[0].field"],
    ["without a value", [{ field: PLAN, values: [] }], "[0].values"],
    ["with a value twice", [{ field: PLAN, values: ["a", "a"] }], "[0].values"],
    ["of targets by name", [{ field: TARGET, values: ["prod"] }], "[0].values[0]"],
    ["of any target", [{ field: TARGET, values: ["*"] }], "[0].values[0]"],
    ["of targets that begin alike", [{ field: TARGET, values: [`${missing.slice(0, 8)}*`] }], "[0].values[0]"],
    ["with a * in the middle", [{ field: PLAN, values: ["a", "a*b"] }], "[0].values[1]"],
    ["with two *", [{ field: ROUTER, values: ["a**"] }], "[0].values[0]"],
    ["with spaces", [{ field: ADDON, values: ["a b"] }], "[0].values[0]"],
  ])("%s are refused", async (_, constraints, field) => {
    const refused = await refusal(envs.create({ constraints }));
    expect(refused).toMatchObject({ code: "InvalidArgument", fields: [`constraints${field}`] });
    const { uuid } = await envs.create();
    const again = await refusal(envs.update(uuid, { constraints: { constraints } }));
    expect(again).toMatchObject({ code: "InvalidArgument", fields: [`constraints.constraints${field}`] });
  });

  it("name targets of the project alone", async () => {
    const foreign = await envs.target((await platform.newTenant()).project);
    const { uuid } = await envs.create();
    for (const target of [missing, foreign]) {
      const constraints = [{ field: TARGET, values: [await envs.target(), target] }];
      const unknown = { code: "NotFound", message: `target ${target} does not exist` };
      expect(await refusal(envs.create({ constraints }))).toMatchObject(unknown);
      expect(await refusal(envs.update(uuid, { constraints: { constraints } }))).toMatchObject(unknown);
    }
    expect((await envs.get(uuid))?.version).toBe(1n);
  });
});

describe("tolerations", () => {
  it.each([
    ["an empty key without Exists", { value: "a" }, "operator"],
    ["an empty key with Equal", { operator: "Equal" }, "operator"],
    ["a value with Exists", { key: "a", operator: "Exists", value: "b" }, "value"],
    ["a bad key", { key: "a b", operator: "Exists" }, "key"],
    ["a bad prefix", { key: "A_/a", operator: "Exists" }, "key"],
    ["a bad value", { key: "a", value: "-" }, "value"],
    ["seconds without an effect", { key: "a", tolerationSeconds: 1n }, "effect"],
    ["seconds with another effect", { key: "a", effect: "NoSchedule", tolerationSeconds: 0n }, "effect"],
    ["too many seconds", { key: "a", effect: "NoExecute", tolerationSeconds: 2n ** 62n }, "toleration_seconds"],
    ["an unknown operator", { key: "a", operator: "Lt" }, "operator"],
    ["an unknown effect", { key: "a", effect: "Never" }, "effect"],
  ])("with %s are refused, as by Kubernetes", async (_, toleration, field) => {
    const tolerations = [{ key: "fine" }, toleration];
    const refused = await refusal(envs.create({ tolerations }));
    expect(refused).toMatchObject({ code: "InvalidArgument", fields: [`tolerations[1].${field}`] });
    const { uuid } = await envs.create();
    const again = await refusal(envs.update(uuid, { tolerations: { tolerations } }));
    expect(again).toMatchObject({ code: "InvalidArgument", fields: [`tolerations.tolerations[1].${field}`] });
  });
});

describe("labels and node selectors", () => {
  const long = "x".repeat(63);

  it.each([
    { a: "" },
    { A: "b.c_d-e" },
    { [long]: long },
    { [`${"a.".repeat(126)}b/n`]: "1" },
    { "kubernetes.io/os": "linux" },
  ])("are taken as Kubernetes takes them: %j", async (labels) => {
    const environment = await envs.create({ labels, nodeSelector: labels });
    expect([environment.labels, environment.nodeSelector]).toEqual([labels, labels]);
  });

  it.each([
    { "": "a" },
    { "/a": "a" },
    { "a/": "a" },
    { "a/b/c": "a" },
    { [`${long}x`]: "a" },
    { [`${"a.".repeat(127)}b/n`]: "1" },
    { "a..b/c": "a" },
    { "-a": "a" },
    { "A.b/c": "a" },
    { a: `${long}x` },
    { a: "b c" },
    { a: "-" },
    { a: "ä" },
  ])("are refused as Kubernetes refuses them: %j", async (labels: Record<string, string>) => {
    const { uuid } = await envs.create();
    const refusedIn = async (call: Promise<unknown>) => {
      const { code, fields } = await refusal(call);
      return [code, ...fields];
    };
    expect(await refusedIn(envs.create({ labels }))).toEqual(["InvalidArgument", "labels"]);
    expect(await refusedIn(envs.create({ nodeSelector: labels }))).toEqual(["InvalidArgument", "node_selector"]);
    expect(await refusedIn(envs.update(uuid, { labels: { labels } }))).toEqual(["InvalidArgument", "labels.labels"]);
    expect(await refusedIn(envs.update(uuid, { nodeSelector: { labels } }))).toEqual([
      "InvalidArgument",
      "node_selector.labels",
    ]);
  });

  it("a name that is no DNS label is refused", async () => {
    for (const name of ["", "A", "a.b", "-a", "a-", "x".repeat(64)]) {
      expect(await codeOf(envs.create({ name }))).toBe("InvalidArgument");
    }
  });
});
