import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mergePatched } from "../../../src/kube/embedded/patches.js";
import { createRegistry } from "../../../src/kube/embedded/registry.js";
import { labelSelector } from "../../../src/kube/embedded/selectors.js";
import { strategicMerge } from "../../../src/kube/embedded/strategic-merge.js";
import type { Fields, KubeObject } from "../../../src/kube/embedded/types.js";
import { configMap, configMaps, startKube, type TestKube, widgetDefinition, widgets } from "./support.js";

let kube: TestKube;

beforeAll(async () => {
  kube = await startKube();
  await kube.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", { body: widgetDefinition });
});
afterAll(() => kube.close());

const types = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
};

function deployment(containers: object[]): object {
  return {
    metadata: { name: "d" },
    spec: { replicas: 1, strategy: { type: "RollingUpdate", rollingUpdate: {} }, template: { spec: { containers } } },
  };
}

describe("patches", () => {
  test("JSON patches change, and refuse what does not fit with 422", async () => {
    const path = `${configMaps}/jp`;
    await kube.send("POST", configMaps, { body: configMap("jp", { data: { a: "1" } }) });
    const send = (body: unknown) => kube.send("PATCH", path, { body, type: types.json });
    const done = await send([
      { op: "test", path: "/data/a", value: "1" },
      { op: "add", path: "/data/b~1c", value: "2" },
      { op: "remove", path: "/data/a" },
    ]);
    expect(done.json.data).toEqual({ "b/c": "2" });
    expect((await send([{ op: "test", path: "/data/a", value: "1" }])).json).toMatchObject({ code: 422 });
    expect((await send([{ op: "remove", path: "/data/none" }])).code).toBe(422);
    expect((await send([{ op: "turn", path: "/data" }])).code).toBe(422);
    expect((await send(["nonsense"])).code).toBe(422);
    expect((await send([{ op: "replace", path: "", value: 5 }])).code).toBe(422);
    expect((await send([{ op: "add", path: "/__proto__/polluted", value: "yes" }])).code).toBe(422);
    expect((await send([{ op: "add", path: "/constructor/prototype/polluted", value: "yes" }])).code).toBe(422);
    expect(({} as Fields).polluted).toBeUndefined();
    expect((await send({ op: "remove" })).code).toBe(400);
    const doubling = Array.from({ length: 40 }, (_, at) => ({ op: "copy", from: "/data", path: `/data/x${at}` }));
    expect((await send(doubling)).code).toBe(413);
    expect((await kube.send("GET", path)).json.data).toEqual({ "b/c": "2" });
  });

  test("strategic merge patches merge lists by key for built-in kinds only", async () => {
    const path = "/apis/apps/v1/namespaces/default/deployments";
    await kube.send("POST", path, {
      body: deployment([
        { name: "a", image: "a:1" },
        { name: "b", image: "b:1" },
      ]),
    });
    const body = {
      spec: {
        strategy: { $retainKeys: ["type"], type: "Recreate" },
        template: {
          spec: {
            "$setElementOrder/containers": [{ name: "c" }, { name: "a" }],
            containers: [
              { name: "c", image: "c:1" },
              { name: "a", image: "a:2" },
              { name: "b", $patch: "delete" },
            ],
          },
        },
      },
    };
    const { json } = await kube.send("PATCH", `${path}/d`, { body, type: types.strategic });
    expect(json.spec.template.spec.containers).toEqual([
      { name: "c", image: "c:1" },
      { name: "a", image: "a:2" },
    ]);
    expect(json.spec.strategy).toEqual({ type: "Recreate" });
    expect(json.spec.replicas).toBe(1);
    await kube.send("POST", widgets, { body: { metadata: { name: "custom" } } });
    const refused = await kube.send("PATCH", `${widgets}/custom`, { body: { spec: {} }, type: types.strategic });
    expect(refused.json).toMatchObject({ code: 415, reason: "UnsupportedMediaType" });
    expect((await kube.send("PATCH", `${widgets}/custom`, { body: {}, type: "text/plain" })).code).toBe(415);
  });

  test("a patch cannot rename, and honours a resourceVersion that it carries", async () => {
    await kube.send("POST", configMaps, { body: configMap("fixed") });
    const send = (metadata: object) =>
      kube.send("PATCH", `${configMaps}/fixed`, { body: { metadata }, type: types.merge });
    expect((await send({ name: "other" })).code).toBe(400);
    expect((await send({ resourceVersion: "1" })).code).toBe(409);
    expect((await send({ uid: "other" })).code).toBe(409);
    expect((await send({ labels: { "not a key": "x" } })).code).toBe(422);
    expect((await kube.send("PATCH", `${configMaps}/nobody`, { body: {}, type: types.merge })).code).toBe(404);
  });

  const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean());
  const key = fc.stringMatching(/^[a-z]{1,3}$/);
  const tree = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof({ depthSize: "small" }, leaf, fc.dictionary(key, tie("node"), { maxKeys: 4 })),
  })).node;
  const document = fc.dictionary(key, tree, { maxKeys: 4 });

  test("a merge patch is idempotent, and one made of the result itself changes nothing", () => {
    fc.assert(
      fc.property(document, document, (target, patch) => {
        const once = mergePatched(target, patch);
        expect(mergePatched(once, patch)).toEqual(once);
        expect(mergePatched(once, once)).toEqual(once);
      }),
    );
  });

  test("a strategic merge patch is idempotent and keeps entries unique by key", () => {
    const type = createRegistry(
      [],
      () => [],
      () => 0,
    ).find("apps", "v1", "deployments");
    const container = fc.record({ name: fc.constantFrom("a", "b", "c", "d"), image: fc.string() });
    const containers = fc.uniqueArray(container, { selector: ({ name }) => name });
    fc.assert(
      fc.property(containers, containers, (before, change) => {
        const patch = deployment(change) as Fields;
        const once = strategicMerge(type!, deployment(before) as Fields, patch);
        expect(strategicMerge(type!, once, patch)).toEqual(once);
        const list = (once as { spec: { template: { spec: { containers: { name: string }[] } } } }).spec.template.spec;
        const names = list.containers.map(({ name }) => name);
        expect(new Set(names).size).toBe(names.length);
        expect(names).toEqual(expect.arrayContaining([...before, ...change].map(({ name }) => name)));
      }),
    );
  });

  test("a selector and its opposite part all objects between them", () => {
    const labels = fc.dictionary(fc.constantFrom("a", "b"), fc.constantFrom("x", "y", ""), { maxKeys: 2 });
    const pairs = fc.constantFrom(
      ["a=x", "a!=x"],
      ["a in (x,y)", "a notin (x,y)"],
      ["a", "!a"],
      ["b in (,x)", "b notin (,x)"],
    );
    fc.assert(
      fc.property(labels, pairs, (given, [one = "", other = ""]) => {
        const object = { metadata: { labels: given } } as unknown as KubeObject;
        expect(labelSelector(one)(object)).toBe(!labelSelector(other)(object));
      }),
    );
  });
});
