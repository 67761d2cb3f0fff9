import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configMap, startKube, type TestKube, widgetDefinition, widgets } from "./support.js";

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
