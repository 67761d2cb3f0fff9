import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startKube, type TestKube, widgetDefinition, widgets } from "./support.js";

const faults: object[] = [];
let kube: TestKube;

beforeAll(async () => {
  kube = await startKube({ log: { error: (fields) => faults.push(fields), warn: () => undefined } });
  await kube.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", { body: widgetDefinition });
});
afterAll(() => kube.close());

const collections = [
  "/api/v1/namespaces",
  "/api/v1/namespaces/default/pods",
  "/api/v1/namespaces/default/secrets",
  "/api/v1/namespaces/default/services",
  "/apis/apps/v1/namespaces/default/deployments",
  "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
  "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
  widgets,
];
const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
];

const words = fc.constantFrom(
  ...["metadata", "name", "namespace", "labels", "annotations", "finalizers", "ownerReferences", "managedFields"],
  ...[
    "spec",
    "status",
    "data",
    "schema",
    "scope",
    "openAPIV3Schema",
    "additionalPrinterColumns",
    "jsonPath",
    "served",
    "stringData",
    "containers",
    "template",
    "replicas",
    "group",
    "names",
    "versions",
  ],
  ...["$patch", "$retainKeys", "$setElementOrder/containers", "constructor", "toString", "uid", "conditions"],
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "medium" },
    fc.constantFrom(null, true, 0, -1, 1.5, "", "a", "Not A Name", "replace", "delete"),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(words, tie("value"), { maxKeys: 5 }),
  ),
}));
const metadata = fc.record({ labels: value, finalizers: value, ownerReferences: value }, { requiredKeys: [] });
const object = fc
  .tuple(
    fc.dictionary(words, value, { maxKeys: 6 }),
    fc.constantFrom("b", "c"),
    fc.oneof({ weight: 4, arbitrary: fc.constant({}) }, metadata),
  )
  .map(([fields, own, more]) => ({ ...fields, metadata: { name: own, ...more } }));
const change = fc.oneof(
  fc.dictionary(words, value, { maxKeys: 4 }),
  fc.record({ spec: value, status: value }, { requiredKeys: [] }),
  object.map(({ metadata: { name: _, ...rest }, ...fields }) => ({ ...fields, metadata: rest })),
);
const operation = fc.record({
  op: fc.constantFrom("add", "remove", "replace", "move", "copy", "test"),
  path: fc.constantFrom("", "/", "/metadata", "/metadata/labels/a", "/spec/x/0", "/spec/-", "/__proto__/x"),
  from: fc.constantFrom("/metadata", "/spec", "/none"),
  value,
});
interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly type: string;
}

const collection = fc.constantFrom(...collections);
const query = fc.constantFrom("", "?dryRun=All", "?fieldManager=fuzz&force=true", "?fieldManager=fuzz");
const part = fc.constantFrom("", "", "", "/status", "/scale", "/finalize", "/nothing");
const create = fc.tuple(collection, query, object).map(([path, parameters, body]): Sent => {
  return { method: "POST", path: path + parameters, body, type: "application/json" };
});
const replace = fc
  .tuple(collection, part, query, fc.oneof(change, value))
  .map(([path, below, parameters, body]): Sent => {
    return { method: "PUT", path: `${path}/${targetOf(path)}${below}${parameters}`, body, type: "application/json" };
  });
const patch = fc
  .tuple(
    collection,
    part,
    query,
    fc.constantFrom(...patchTypes),
    fc.oneof(change, fc.array(operation, { maxLength: 3 })),
  )
  .map(([path, below, parameters, type, body]): Sent => {
    const named = type.includes("apply") && !Array.isArray(body) ? { ...identityOf(path), ...body } : body;
    return { method: "PATCH", path: `${path}/${targetOf(path)}${below}${parameters}`, body: named, type };
  });
const remove = fc.tuple(collection, fc.oneof(change, value)).map(([path, body]): Sent => {
  return { method: "DELETE", path: `${path}/b`, body, type: "application/json" };
});

const read = fc
  .constantFrom(...collections, "/apis", "/openapi/v3/apis/example.org/v1", "/openapi/v2")
  .map((path): Sent => ({ method: "GET", path, body: undefined, type: "" }));

function targetOf(path: string): string {
  return path.endsWith("customresourcedefinitions") ? widgetDefinition.metadata.name : "a";
}

function identityOf(path: string): object {
  const segments = path.split("/");
  const kinds: Record<string, string> = { pods: "Pod", secrets: "Secret", services: "Service", widgets: "Widget" };
  const kind = kinds[segments.at(-1) ?? ""] ?? "Deployment";
  return { kind, apiVersion: segments[1] === "api" ? "v1" : `${segments[2]}/${segments[3]}` };
}

const accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

test("answers a Status, and no fault of its own, to whatever is sent", async () => {
  for (const path of collections) await kube.send("POST", path, { body: { metadata: { name: "a" }, spec: {} } });
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.oneof(create, replace, patch, remove, read), async ({ method, path, body, type }) => {
      const sent = method === "GET" ? { accept } : { body: JSON.stringify(body), type };
      const answer = await kube.send(method, path, sent);
      seen.add(`${method} ${answer.code < 400}`);
      expect(faults).toEqual([]);
      expect(answer.code).toBeLessThan(500);
      if (answer.code >= 400) expect(answer.json).toMatchObject({ kind: "Status", code: answer.code });
    }),
    { numRuns: 2000 },
  );
  // Else it would all have stopped at the door.
  for (const method of ["POST", "PUT", "PATCH", "DELETE"]) expect(seen).toContain(`${method} true`);
});
