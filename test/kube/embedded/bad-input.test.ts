import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configMap, configMaps, startKube, type TestKube, widgetDefinition } from "./support.js";

let kube: TestKube;

beforeAll(async () => {
  kube = await startKube();
  await kube.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", { body: widgetDefinition });
});
afterAll(() => kube.close());

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
