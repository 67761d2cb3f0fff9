import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startKube, type TestKube, widgetDefinition, widgets } from "./support.js";

let kube: TestKube;

beforeAll(async () => {
  kube = await startKube();
  await kube.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", { body: widgetDefinition });
});
afterAll(() => kube.close());

const deployments = "/apis/apps/v1/namespaces/default/deployments";

function apply(path: string, manager: string, body: object, query = "") {
  const type = "application/apply-patch+yaml";
  return kube.send("PATCH", `${path}?fieldManager=${manager}${query}`, { body, type });
}

function widget(name: string, spec: object, metadata: object = {}): object {
  return { apiVersion: "example.org/v1", kind: "Widget", metadata: { name, ...metadata }, spec };
}

function deployment(name: string, spec: object): object {
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name }, spec };
}

describe("server-side apply", () => {
  test("creates, then changes nothing when nothing changes", async () => {
    const first = await apply(`${widgets}/one`, "me", widget("one", { size: 1 }));
    expect(first.code).toBe(201);
    expect(first.json.metadata.managedFields).toMatchObject([
      { manager: "me", operation: "Apply", fieldsV1: { "f:spec": { "f:size": {} } } },
    ]);
    const again = await apply(`${widgets}/one`, "me", widget("one", { size: 1 }));
    expect(again.code).toBe(200);
    expect(again.json).toEqual(first.json);
  });

  test("removes what its manager no longer gives, and leaves what others have", async () => {
    const path = `${widgets}/two`;
    await apply(path, "me", widget("two", { size: 1, colour: "red", shared: "x" }, { labels: { a: "1", b: "2" } }));
    await apply(path, "you", widget("two", { shared: "x", own: true }));
    const { json } = await apply(path, "me", widget("two", { size: 2 }, { labels: { a: "1" } }));
    expect(json.spec).toEqual({ size: 2, shared: "x", own: true });
    expect(json.metadata.labels).toEqual({ a: "1" });
  });

  test("names conflicts, and takes fields over by force", async () => {
    const path = `${widgets}/three`;
    await apply(path, "me", widget("three", { size: 1, colour: "red" }));
    const refused = await apply(path, "you", widget("three", { size: 2 }));
    expect(refused.json).toMatchObject({
      code: 409,
      reason: "Conflict",
      message: 'Apply failed with 1 conflict: conflict with "me": .spec.size',
      details: { causes: [{ reason: "FieldManagerConflict", field: ".spec.size" }] },
    });
    const forced = await apply(path, "you", widget("three", { size: 2 }), "&force=true");
    expect(forced.json.spec).toEqual({ size: 2, colour: "red" });
    const back = await apply(path, "me", widget("three", { colour: "red" }));
    expect(back.json.spec).toEqual({ size: 2, colour: "red" });
    expect((await apply(path, "me", widget("three", { size: 1 }))).code).toBe(409);
  });

  test("sees plain writes as the writer's own", async () => {
    const path = `${widgets}/four`;
    await apply(path, "me", widget("four", { size: 1 }));
    const type = "application/merge-patch+json";
    await kube.send("PATCH", `${path}?fieldManager=editor`, { body: { spec: { size: 5 } }, type });
    const refused = await apply(path, "me", widget("four", { size: 1 }));
    expect(refused.json.message).toContain('conflict with "editor"');
    await kube.send("PATCH", `${path}?fieldManager=editor`, { body: { metadata: { managedFields: [] } }, type });
    expect((await apply(path, "me", widget("four", { size: 1 }))).json.spec.size).toBe(1);
  });

  test("merges lists by the keys of the kind", async () => {
    const path = `${deployments}/lists`;
    const pod = (containers: object[]) => deployment("lists", { template: { spec: { containers } } });
    const a = { name: "a", image: "a:1", ports: [{ containerPort: 80 }] };
    await apply(path, "me", pod([a]));
    await apply(path, "you", pod([{ name: "b", image: "b:1" }]));
    const ports = [{ containerPort: 80 }, { containerPort: 81 }];
    const more = await apply(path, "me", pod([{ ...a, image: "a:2", ports }]));
    expect(more.json.spec.template.spec.containers).toEqual([
      { name: "a", image: "a:2", ports },
      { name: "b", image: "b:1" },
    ]);
    const less = await apply(path, "me", deployment("lists", { replicas: 2 }));
    expect(less.json.spec.template.spec.containers).toEqual([{ name: "b", image: "b:1" }]);
  });

  test("merges lists of custom resources as their schema says, else replaces them", async () => {
    const path = `${widgets}/five`;
    await apply(path, "me", widget("five", { parts: [{ id: "a", weight: 1 }], plain: [1, 2] }));
    await apply(path, "you", widget("five", { parts: [{ id: "b", weight: 2 }] }));
    const { json } = await apply(path, "me", widget("five", { parts: [{ id: "a", weight: 3 }], plain: [3] }));
    expect(json.spec).toEqual({
      parts: [
        { id: "a", weight: 3 },
        { id: "b", weight: 2 },
      ],
      plain: [3],
    });
  });

  test("applies the status by its own path only", async () => {
    const path = `${widgets}/six`;
    const body = { ...widget("six", { size: 1 }), status: { phase: "Up" } };
    expect((await apply(path, "me", body)).json.status).toBeUndefined();
    const { json } = await apply(`${path}/status`, "controller", { ...body, spec: { size: 9 } });
    expect(json).toMatchObject({ spec: { size: 1 }, status: { phase: "Up" } });
    const own = json.metadata.managedFields.find((entry: { manager: string }) => entry.manager === "controller");
    expect(own).toMatchObject({ subresource: "status", fieldsV1: { "f:status": { "f:phase": {} } } });
  });

  test("refuses what an apply must not be", async () => {
    const path = `${widgets}/bad`;
    const type = "application/apply-patch+yaml";
    expect((await kube.send("PATCH", path, { body: widget("bad", {}), type })).code).toBe(422);
    expect((await apply(path, "me", { spec: {} })).code).toBe(400);
    expect((await apply(path, "me", widget("other", {}))).code).toBe(400);
    expect((await apply(path, "me", widget("bad", {}, { managedFields: [{}] }))).code).toBe(400);
    expect((await apply(path, "m".repeat(129), widget("bad", {}))).code).toBe(422);
    const dry = await apply(path, "me", widget("bad", {}), "&dryRun=All");
    expect(dry.code).toBe(201);
    expect((await kube.send("GET", path)).code).toBe(404);
  });

  test("reads YAML", async () => {
    const body = "apiVersion: example.org/v1\nkind: Widget\nmetadata:\n  name: yaml\nspec:\n  size: 4\n";
    const type = "application/apply-patch+yaml";
    expect((await kube.send("PATCH", `${widgets}/yaml?fieldManager=me`, { body, type })).json.spec.size).toBe(4);
  });
});
