import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configMap, configMaps, startKube, type TestKube, until, widgetDefinition, widgets } from "./support.js";

let kube: TestKube;

beforeAll(async () => {
  kube = await startKube();
  await kube.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", { body: widgetDefinition });
});
afterAll(() => kube.close());

describe("discovery", () => {
  const aggregated = (version: string) =>
    `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;

  test.each(["v2", "v2beta1"])("answers the aggregated %s form with exactly its content type", async (version) => {
    const answer = await kube.send("GET", "/apis", { accept: `${aggregated(version)},application/json` });
    expect(answer.headers["content-type"]).toBe(aggregated(version));
    expect(answer.json.apiVersion).toBe(`apidiscovery.k8s.io/${version}`);
    const group = answer.json.items.find(
      (item: { metadata: { name: string } }) => item.metadata.name === "example.org",
    );
    expect(group.versions.map((entry: { version: string }) => entry.version)).toEqual(["v1", "v1beta1"]);
    const [widget] = group.versions[0].resources;
    expect(widget).toMatchObject({ resource: "widgets", scope: "Namespaced", shortNames: ["wd"] });
    expect(widget.subresources.map((part: { subresource: string }) => part.subresource)).toEqual(["status", "scale"]);
  });

  test("answers the plain form to those who do not ask, or ask for an unknown version", async () => {
    const plain = await kube.send("GET", "/apis", { accept: `${aggregated("v9")},application/json` });
    expect(plain.headers["content-type"]).toBe("application/json");
    expect(plain.json.kind).toBe("APIGroupList");
    expect((await kube.send("GET", "/api")).json).toMatchObject({ kind: "APIVersions", versions: ["v1"] });
    const core = await kube.send("GET", "/api/v1");
    const names = core.json.resources.map((resource: { name: string }) => resource.name);
    expect(names).toEqual(expect.arrayContaining(["pods", "pods/log", "pods/exec", "namespaces/finalize"]));
    expect((await kube.send("GET", "/apis/apps")).json.preferredVersion.groupVersion).toBe("apps/v1");
    expect((await kube.send("GET", "/apis/nope")).code).toBe(404);
  });

  test("describes itself by OpenAPI v3 and v2", async () => {
    const index = await kube.send("GET", "/openapi/v3");
    const { serverRelativeURL } = index.json.paths["apis/example.org/v1"];
    const document = await kube.send("GET", serverRelativeURL);
    const widget = document.json.components.schemas["org.example.v1.Widget"];
    expect(widget.properties.spec.properties.size.description).toBe("How large the widget is.");
    expect(widget["x-kubernetes-group-version-kind"]).toEqual([
      { group: "example.org", version: "v1", kind: "Widget" },
    ]);
    expect((await kube.send("GET", "/openapi/v2")).json.definitions["org.example.v1.Widget"]).toBeDefined();
    expect((await kube.send("GET", "/openapi/v3/apis/nope/v1")).code).toBe(404);
  });

  test("answers health and version without a certificate", async () => {
    for (const path of ["/livez", "/readyz", "/healthz", "/readyz/ping"]) {
      expect((await kube.send("GET", path, { kubeconfig: "none" })).text).toBe("ok");
    }
    expect((await kube.send("GET", "/version", { kubeconfig: "none" })).json.major).toBe("1");
  });
});

describe("lists", () => {
  const names = (answer: { json: { items: { metadata: { name: string } }[] } }) =>
    answer.json.items.map((item) => item.metadata.name);

  beforeAll(async () => {
    await kube.send("POST", "/api/v1/namespaces", { body: { metadata: { name: "lists" } } });
    for (const [name, tier] of [
      ["a", "web"],
      ["b", "db"],
      ["c", "web"],
      ["d", ""],
      ["e", undefined],
    ]) {
      const labels = tier === undefined ? {} : { labels: { tier } };
      await kube.send("POST", list, { body: { metadata: { name, ...labels } } });
    }
  });
  const list = "/api/v1/namespaces/lists/configmaps";

  test("pages show one state, count what is left, and end", async () => {
    const first = await kube.send("GET", `${list}?limit=2`);
    expect(names(first)).toEqual(["a", "b"]);
    expect(first.json.metadata.remainingItemCount).toBe(3);
    await kube.send("DELETE", `${list}/d`);
    await kube.send("POST", list, { body: configMap("cc") });
    const second = await kube.send("GET", `${list}?limit=2&continue=${first.json.metadata.continue}`);
    expect(names(second)).toEqual(["c", "d"]);
    expect(second.json.metadata.resourceVersion).toBe(first.json.metadata.resourceVersion);
    const third = await kube.send("GET", `${list}?limit=2&continue=${second.json.metadata.continue}`);
    expect(names(third)).toEqual(["e"]);
    expect(third.json.metadata.continue).toBeUndefined();
    expect(names(await kube.send("GET", list))).toEqual(["a", "b", "c", "cc", "e"]);
    await kube.send("DELETE", `${list}/cc`);
    await kube.send("POST", list, { body: { metadata: { name: "d", labels: { tier: "" } } } });
  });

  test.each([
    ["tier=web", ["a", "c"]],
    ["tier==web", ["a", "c"]],
    ["tier!=web", ["b", "d", "e"]],
    ["tier in (web, db)", ["a", "b", "c"]],
    ["tier notin (web,db)", ["d", "e"]],
    ["tier", ["a", "b", "c", "d"]],
    ["!tier", ["e"]],
    ["tier=", ["d"]],
    ["tier in (web),tier!=db", ["a", "c"]],
  ])("selects by label %s", async (selector, expected) => {
    expect(names(await kube.send("GET", `${list}?labelSelector=${encodeURIComponent(selector)}`))).toEqual(expected);
  });

  test("selects by the fields that the kind knows, and refuses others", async () => {
    expect(names(await kube.send("GET", `${list}?fieldSelector=metadata.name=b`))).toEqual(["b"]);
    expect(names(await kube.send("GET", `${list}?fieldSelector=metadata.name!=b`))).toEqual(["a", "c", "d", "e"]);
    const refused = await kube.send("GET", `${list}?fieldSelector=data.x=1`);
    expect(refused.json).toMatchObject({ code: 400, message: "field label not supported: data.x" });
    const pods = await kube.send("GET", "/api/v1/pods?fieldSelector=spec.nodeName=n1,status.phase!=Failed");
    expect(pods.code).toBe(200);
  });

  test.each(["a=b=c", "x in y", "=", "a in (b", "a,,b"])("refuses the selector %s", async (selector) => {
    const answer = await kube.send("GET", `${list}?labelSelector=${encodeURIComponent(selector)}`);
    expect(answer.json).toMatchObject({ kind: "Status", code: 400, reason: "BadRequest" });
  });

  test("refuses broken tokens, and tokens and versions that are no longer known", async () => {
    expect((await kube.send("GET", `${list}?continue=xyz`)).code).toBe(400);
    const old = Buffer.from(JSON.stringify({ version: 5, after: "" })).toString("base64url");
    expect((await kube.send("GET", `${list}?continue=${old}`)).json).toMatchObject({ code: 410, reason: "Expired" });
    const ahead = await kube.send("GET", `${list}?resourceVersion=9000000000000000`);
    expect(ahead.json).toMatchObject({ code: 504, reason: "Timeout" });
    expect((await kube.send("GET", `${list}?limit=-1`)).code).toBe(400);
  });

  test("prints tables with the columns of the kind", async () => {
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    await kube.send("POST", widgets, { body: { metadata: { name: "w1" }, spec: { size: 3 } } });
    const status = { status: { conditions: [{ type: "Ready", status: "True" }] } };
    await kube.send("PATCH", `${widgets}/w1/status`, { body: status, type: "application/merge-patch+json" });
    const table = await kube.send("GET", widgets, { accept });
    expect(table.json.kind).toBe("Table");
    const columns = table.json.columnDefinitions.map((column: { name: string }) => column.name);
    expect(columns).toEqual(["Name", "Size", "Ready", "Age"]);
    expect(table.json.rows[0].cells.slice(0, 3)).toEqual(["w1", 3, "True"]);
    expect(table.json.rows[0].object.kind).toBe("PartialObjectMetadata");
    const whole = await kube.send("GET", `${widgets}/w1?includeObject=Object`, { accept });
    expect(whole.json.rows[0].object.spec).toEqual({ size: 3 });
    expect((await kube.send("GET", list, { accept: "application/vnd.kubernetes.protobuf" })).code).toBe(406);
  });

  test("answers metadata only, and YAML, to those who ask", async () => {
    const accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    const partial = await kube.send("GET", `${list}?limit=1`, { accept });
    expect(partial.json.kind).toBe("PartialObjectMetadataList");
    expect(Object.keys(partial.json.items[0]).sort()).toEqual(["apiVersion", "kind", "metadata"]);
    expect((await kube.send("GET", `${list}/a`, { accept: "application/yaml" })).text).toMatch(/^kind: ConfigMap$/m);
  });
});

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

describe("bad input", () => {
  const post = (body: unknown, type = "application/json") => kube.send("POST", configMaps, { body, type });

  test.each([
    ["no JSON", "{nope", 400],
    ["a list", "[]", 400],
    ["nothing", "", 400],
    ["another kind", configMap("x", { kind: "Secret" }), 400],
    ["another version", configMap("x", { apiVersion: "v2" }), 400],
    ["another namespace", { metadata: { name: "x", namespace: "kube-system" } }, 400],
    ["metadata of the wrong form", { metadata: [] }, 400],
    ["labels of the wrong form", { metadata: { name: "x", labels: { a: 1 } } }, 400],
    ["a resourceVersion on create", { metadata: { name: "x", resourceVersion: "5" } }, 400],
    ["a prototype", '{"metadata":{"name":"x"},"data":{"__proto__":{"a":"b"}}}', 400],
    ["endless nesting", `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`, 400],
    ["no name", { metadata: {} }, 422],
    ["a bad name", { metadata: { name: "Not_A_Name" } }, 422],
    ["a bad label", { metadata: { name: "x", labels: { "a b": "c" } } }, 422],
    ["managedFields of the wrong form", { metadata: { name: "x", managedFields: [null] } }, 400],
    ["an owner without uid", { metadata: { name: "x", ownerReferences: [{ name: "y", kind: "Z" }] } }, 422],
    ["a bad label value", { metadata: { name: "x", labels: { a: "-" } } }, 422],
  ])("answers a Status to %s", async (_, body, code) => {
    const answer = await post(body);
    expect(answer.json).toMatchObject({ kind: "Status", status: "Failure", code });
    expect(answer.code).toBe(code);
  });

  test("reads YAML, refuses other formats", async () => {
    expect((await post("metadata:\n  name: from-yaml\n", "application/yaml")).code).toBe(201);
    expect((await post("metadata:\n  name: [", "application/yaml")).code).toBe(400);
    expect((await post("<a/>", "application/xml")).json).toMatchObject({ code: 415, reason: "UnsupportedMediaType" });
    const unknown = Buffer.concat([Buffer.from("k8s\0"), Buffer.from("\x0a\x0d\x0a\x02v1\x12\x07Unknown")]);
    expect((await post(unknown, "application/vnd.kubernetes.protobuf")).code).toBe(415);
    const broken = Buffer.concat([Buffer.from("k8s\0"), Buffer.from([0xff, 0xff, 0xff])]);
    expect((await post(broken, "application/vnd.kubernetes.protobuf")).code).toBe(400);
  });

  test("keeps connections, except after a body that nobody has read", async () => {
    expect((await kube.send("GET", "/readyz")).headers.connection).toBe("keep-alive");
    expect((await kube.send("GET", configMaps)).headers.connection).toBe("keep-alive");
    const unread = await kube.send("POST", "/nope", { body: { x: "y".repeat(2_000_000) } });
    expect(unread).toMatchObject({ code: 404, headers: { connection: "close" } });
  });

  test("refuses bodies above 3 MiB", async () => {
    const answer = await post(configMap("big", { data: { x: "y".repeat(3 * 1024 * 1024) } }));
    expect(answer.json).toMatchObject({ code: 413, reason: "RequestEntityTooLarge" });
    expect((await kube.send("GET", "/readyz")).code).toBe(200);
  });

  test.each([
    ["TRACE", configMaps, 405],
    ["PATCH", configMaps, 405],
    ["POST", `${configMaps}/x`, 405],
    ["POST", "/api", 405],
    ["PUT", "/api/v1/namespaces/default/pods/x/log", 405],
    ["GET", "/nope", 404],
    ["GET", "/api/v1/nope", 404],
    ["GET", "/api/v1/namespaces/default/nodes", 404],
    ["GET", "/api/v1/namespaces/default/configmaps/%zz", 404],
    ["GET", "//", 404],
    ["GET", `${configMaps}/x/y/z`, 404],
    ["GET", "/clusters/none/api", 404],
  ])("answers %s %s with %i", async (method, path, code) => {
    expect((await kube.send(method, path)).code).toBe(code);
  });
});
