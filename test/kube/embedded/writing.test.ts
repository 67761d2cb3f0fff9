import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configMap, configMaps, startKube, type TestKube, until, widgetDefinition, widgets } from "./support.js";

let kube: TestKube;

beforeAll(async () => {
  kube = await startKube();
  await kube.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", { body: widgetDefinition });
});
afterAll(() => kube.close());

describe("objects", () => {
  test("get what the server gives, and only that", async () => {
    const body = {
      metadata: { name: "born", uid: "mine", generation: 7, creationTimestamp: "2000-01-01T00:00:00Z" },
      spec: { size: 1 },
      status: { mine: true },
    };
    const created = await kube.send("POST", widgets, { body });
    expect(created.code).toBe(201);
    expect(created.json).toMatchObject({ apiVersion: "example.org/v1", kind: "Widget", metadata: { generation: 1 } });
    expect(created.json.metadata.uid).not.toBe("mine");
    expect(created.json.metadata.creationTimestamp).not.toMatch(/^2000/);
    expect(created.json.status).toBeUndefined();
    const again = await kube.send("POST", widgets, { body });
    expect(again.json).toMatchObject({
      code: 409,
      reason: "AlreadyExists",
      message: 'widgets.example.org "born" already exists',
      details: { name: "born", group: "example.org", kind: "widgets" },
    });
  });

  test("are served in every version of their definition", async () => {
    await kube.send("POST", widgets, { body: { metadata: { name: "both" }, spec: { size: 2 } } });
    const other = await kube.send("GET", `${widgets.replace("/v1/", "/v1beta1/")}/both`);
    expect(other.json).toMatchObject({ apiVersion: "example.org/v1beta1", spec: { size: 2 } });
  });

  test("count generations by spec, keep their version when nothing changes, refuse stale writes", async () => {
    const { json: first } = await kube.send("POST", widgets, {
      body: { metadata: { name: "gen" }, spec: { size: 1 } },
    });
    const same = await kube.send("PUT", `${widgets}/gen`, { body: first });
    expect(same.json.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    const larger = await kube.send("PUT", `${widgets}/gen`, { body: { ...first, spec: { size: 2 } } });
    expect(larger.json.metadata.generation).toBe(2);
    const labelled = { ...larger.json, metadata: { ...larger.json.metadata, labels: { a: "b" } } };
    expect((await kube.send("PUT", `${widgets}/gen`, { body: labelled })).json.metadata.generation).toBe(2);
    const stale = await kube.send("PUT", `${widgets}/gen`, { body: { ...first, spec: { size: 9 } } });
    expect(stale.json).toMatchObject({ code: 409, reason: "Conflict", details: { name: "gen", kind: "widgets" } });
    const { resourceVersion: _, ...unversioned } = first.metadata;
    const blind = await kube.send("PUT", `${widgets}/gen`, { body: { ...first, metadata: unversioned } });
    expect(blind.json).toMatchObject({ code: 422, reason: "Invalid" });
  });

  test("keep status and the rest apart", async () => {
    const { json } = await kube.send("POST", widgets, { body: { metadata: { name: "parts" }, spec: { size: 1 } } });
    const body = { ...json, spec: { size: 5 }, status: { phase: "Up" } };
    const status = await kube.send("PUT", `${widgets}/parts/status`, { body });
    expect(status.json).toMatchObject({ spec: { size: 1 }, status: { phase: "Up" }, metadata: { generation: 1 } });
    const main = await kube.send("PUT", `${widgets}/parts`, {
      body: { ...status.json, spec: { size: 5 }, status: { phase: "Down" } },
    });
    expect(main.json).toMatchObject({ spec: { size: 5 }, status: { phase: "Up" }, metadata: { generation: 2 } });
  });

  test("scale", async () => {
    await kube.send("POST", widgets, { body: { metadata: { name: "scaled" }, spec: { replicas: 1 } } });
    const { json: scale } = await kube.send("GET", `${widgets}/scaled/scale`);
    expect(scale).toMatchObject({ kind: "Scale", apiVersion: "autoscaling/v1", spec: { replicas: 1 } });
    const put = await kube.send("PUT", `${widgets}/scaled/scale`, { body: { ...scale, spec: { replicas: 4 } } });
    expect(put.json.spec.replicas).toBe(4);
    const stale = await kube.send("PUT", `${widgets}/scaled/scale`, { body: { ...scale, spec: { replicas: 5 } } });
    expect(stale.code).toBe(409);
    const type = "application/merge-patch+json";
    const wrong = await kube.send("PATCH", `${widgets}/scaled/scale`, { body: { spec: { replicas: -1 } }, type });
    expect(wrong.code).toBe(422);
    expect((await kube.send("GET", `${widgets}/scaled`)).json.spec.replicas).toBe(4);
  });

  test("stay until their finalizers are gone", async () => {
    await kube.send("POST", widgets, { body: { metadata: { name: "held", finalizers: ["example.org/hold"] } } });
    const deleted = await kube.send("DELETE", `${widgets}/held`);
    expect(deleted.json.metadata.deletionTimestamp).toBeDefined();
    const type = "application/merge-patch+json";
    const more = { metadata: { finalizers: ["example.org/hold", "example.org/more"] } };
    expect((await kube.send("PATCH", `${widgets}/held`, { body: more, type })).code).toBe(422);
    const none = { metadata: { finalizers: null } };
    expect((await kube.send("PATCH", `${widgets}/held`, { body: none, type })).code).toBe(200);
    expect((await kube.send("GET", `${widgets}/held`)).json).toMatchObject({ code: 404, reason: "NotFound" });
  });

  test("are deleted only as the caller means them", async () => {
    const { json } = await kube.send("POST", configMaps, { body: configMap("exact") });
    const path = `${configMaps}/exact`;
    expect((await kube.send("DELETE", path, { body: { preconditions: { uid: "other" } } })).code).toBe(409);
    expect((await kube.send("DELETE", path, { body: { preconditions: { resourceVersion: "1" } } })).code).toBe(409);
    expect((await kube.send("DELETE", path, { body: { dryRun: ["All"] } })).code).toBe(200);
    expect((await kube.send("DELETE", path, { body: { propagationPolicy: "Sideways" } })).code).toBe(400);
    const { uid } = json.metadata;
    const gone = await kube.send("DELETE", path, { body: { preconditions: { uid }, propagationPolicy: "Background" } });
    expect(gone.json).toMatchObject({ kind: "Status", status: "Success", details: { name: "exact", uid } });
  });

  test("are not kept by a dry run", async () => {
    const created = await kube.send("POST", `${configMaps}?dryRun=All`, { body: configMap("dry") });
    expect(created.code).toBe(201);
    expect((await kube.send("GET", `${configMaps}/dry`)).code).toBe(404);
    expect((await kube.send("POST", `${configMaps}?dryRun=Some`, { body: configMap("dry") })).code).toBe(400);
  });

  test("get generated names", async () => {
    const { json } = await kube.send("POST", configMaps, { body: { metadata: { generateName: "made-" } } });
    expect(json.metadata.name).toMatch(/^made-[a-z0-9]{5}$/);
  });

  test("go with their owners, or stay without", async () => {
    const own = async (owner: string, dependent: string) => {
      const { json } = await kube.send("POST", configMaps, { body: configMap(owner) });
      const ownerReferences = [{ apiVersion: "v1", kind: "ConfigMap", name: owner, uid: json.metadata.uid }];
      await kube.send("POST", configMaps, { body: { metadata: { name: dependent, ownerReferences } } });
    };
    const missing = async (name: string) => (await kube.send("GET", `${configMaps}/${name}`)).code === 404;
    await own("owner-1", "child-1");
    await kube.send("DELETE", `${configMaps}/owner-1`);
    await until(() => missing("child-1"));
    await own("owner-2", "child-2");
    await kube.send("DELETE", `${configMaps}/owner-2?propagationPolicy=Foreground`);
    await until(() => missing("owner-2"));
    expect(await missing("child-2")).toBe(true);
    await own("owner-3", "child-3");
    await kube.send("DELETE", `${configMaps}/owner-3`, { body: { propagationPolicy: "Orphan" } });
    await until(() => missing("owner-3"));
    const child = await kube.send("GET", `${configMaps}/child-3`);
    expect(child.json.metadata.ownerReferences).toBeUndefined();
  });

  test("are deleted as a collection by selector", async () => {
    for (const name of ["many-1", "many-2", "other"]) {
      const labels = { group: name.split("-")[0] };
      await kube.send("POST", configMaps, { body: { metadata: { name, labels } } });
    }
    const deleted = await kube.send("DELETE", `${configMaps}?labelSelector=group=many`);
    expect(deleted.json.items).toHaveLength(2);
    expect((await kube.send("GET", `${configMaps}/other`)).code).toBe(200);
  });
});

describe("namespaces and definitions", () => {
  test("a namespace in deletion takes nothing new, waits for its contents and goes", async () => {
    await kube.send("POST", "/api/v1/namespaces", { body: { metadata: { name: "leaving" } } });
    const path = "/apis/example.org/v1/namespaces/leaving/widgets";
    await kube.send("POST", path, { body: { metadata: { name: "free" } } });
    await kube.send("POST", path, { body: { metadata: { name: "held", finalizers: ["example.org/hold"] } } });
    const deleted = await kube.send("DELETE", "/api/v1/namespaces/leaving");
    expect(deleted.json.status.phase).toBe("Terminating");
    await until(async () => (await kube.send("GET", `${path}/free`)).code === 404);
    expect((await kube.send("POST", path, { body: { metadata: { name: "late" } } })).json.code).toBe(403);
    expect((await kube.send("GET", "/api/v1/namespaces/leaving")).code).toBe(200);
    const body = [{ op: "remove", path: "/metadata/finalizers" }];
    await kube.send("PATCH", `${path}/held`, { body, type: "application/json-patch+json" });
    await until(async () => (await kube.send("GET", "/api/v1/namespaces/leaving")).code === 404);
    expect((await kube.send("DELETE", "/api/v1/namespaces/default")).code).toBe(403);
    expect((await kube.send("POST", path, { body: { metadata: { name: "x" } } })).json.details.kind).toBe("namespaces");
  });

  test("a definition is established at once, and takes its objects with it", async () => {
    const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    const names = { plural: "gadgets", kind: "Gadget" };
    const metadata = { name: "gadgets.example.net" };
    const spec = { ...widgetDefinition.spec, group: "example.net", names };
    const created = await kube.send("POST", definitions, { body: { metadata, spec } });
    const types = created.json.status.conditions.map((condition: { type: string }) => condition.type);
    expect(types).toEqual(["NamesAccepted", "Established"]);
    expect(created.json.spec.names).toEqual({ singular: "gadget", listKind: "GadgetList", ...names });
    const gadgets = "/apis/example.net/v1/namespaces/default/gadgets";
    await kube.send("POST", gadgets, { body: { metadata: { name: "g" } } });
    await kube.send("DELETE", `${definitions}/gadgets.example.net`);
    await until(async () => (await kube.send("GET", `${definitions}/gadgets.example.net`)).code === 404);
    expect((await kube.send("GET", gadgets)).code).toBe(404);
    const wrong = await kube.send("POST", definitions, { body: { metadata: { name: "x" }, spec } });
    expect(wrong.json).toMatchObject({ code: 422, details: { causes: [{ field: "metadata.name" }] } });
  });
});
