import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type DescField, type DescMessage, fromJson, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import type { AnySchema } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { Visibility } from "../../gen/ts/api/v1/common_pb.js";
import { loadDescriptors } from "../../scripts/descriptors.js";
import { isObject } from "../../scripts/openapi/rules.js";
import { root } from "../../scripts/run.js";
import { pathOf, policyOf } from "../../src/rpc/method-options.js";

// The specification's own schemas, as far as ajv can read them: references that are dynamic there are plain here.
const official: AnySchema = createRequire(import.meta.url)(
  "@seriousme/openapi-schema-validator/schemas/v3.1/schema.json",
);
const document: JsonObject = JSON.parse(readFileSync(join(root, "gen", "openapi", "openapi.json"), "utf8"));
const methods = (await loadDescriptors())
  .flatMap((file) => file.services)
  .flatMap((service) => service.methods)
  .filter((method) => policyOf(method).visibility !== Visibility.PRIVATE);
const rules = createValidator();

/** ajv with the formats of JSON Schema and those of OpenAPI. */
function createAjv(): Ajv2020 {
  const ajv = new Ajv2020({
    strict: true,
    allErrors: true,
    strictTypes: false,
    strictRequired: false,
    allowMatchingProperties: true,
  });
  addFormats.default(ajv);
  for (const name of ["int64", "uint64"]) ajv.addFormat(name, { type: "string", validate: /^-?[0-9]+$/ });
  ajv.addFormat("media-range", true);
  for (const name of ["components", "x-slipway-message"]) ajv.addKeyword(name);
  return ajv;
}

function object(value: JsonValue | undefined): JsonObject {
  if (!isObject(value)) throw new Error(`no object: ${JSON.stringify(value)}`);
  return value;
}

const schemas = object(object(document.components).schemas);

/** The schema and the example of a body, however it is sent. */
function bodyOf(holder: JsonValue | undefined): { schema: JsonObject; example: JsonValue | undefined } {
  const [media] = Object.values(object(object(holder).content));
  const { schema, example, "x-slipway-message": message } = object(media);
  return { schema: object(schema ?? message), example };
}

const operations = methods.map((method) => {
  const operation = object(object(object(document.paths)[pathOf(method)]).post);
  return {
    method,
    path: pathOf(method),
    request: bodyOf(operation.requestBody),
    answer: bodyOf(object(operation.responses)["200"]),
  };
});

describe("the document by the official schemas", () => {
  it("is OpenAPI 3.1", () => {
    const ajv = createAjv();
    const isValid = ajv.compile(official);
    isValid(document);
    expect(isValid.errors ?? []).toEqual([]);
    // The schema is one that can say no.
    expect(isValid({ ...document, paths: { "no-slash": {} } })).toBe(false);
  });

  it("has schemas of draft 2020-12, each of which compiles", () => {
    const ajv = createAjv();
    ajv.addSchema({ $id: "https://slipway.test/openapi.json", components: { schemas } });
    for (const [name, schema] of Object.entries(schemas)) {
      expect([name, ajv.validateSchema(object(schema)), ajv.errors ?? []]).toEqual([name, true, []]);
      expect(() => ajv.getSchema(`https://slipway.test/openapi.json#/components/schemas/${name}`)).not.toThrow();
    }
  });
});

describe("the examples", () => {
  it("are there for each operation, and keep the schemas of their requests and answers", () => {
    const ajv = createAjv();
    const base = "https://slipway.test/openapi.json";
    ajv.addSchema({ $id: base, components: { schemas } });
    const validators = new Map<string, ReturnType<typeof ajv.compile>>();
    const problems = (schema: JsonObject, example: JsonValue | undefined) => {
      const key = JSON.stringify(schema);
      const check =
        validators.get(key) ?? ajv.compile(JSON.parse(key.replaceAll('"#/components', `"${base}#/components`)));
      validators.set(key, check);
      return check(example) ? [] : check.errors;
    };
    for (const { path, request, answer } of operations) {
      expect([path, isObject(request.example), isObject(answer.example)]).toEqual([path, true, true]);
      expect([path, problems(request.schema, request.example)]).toEqual([path, []]);
      expect([path, problems(answer.schema, answer.example)]).toEqual([path, []]);
    }
  });

  it("are requests that servers take, and answers that clients read", () => {
    for (const { method, path, request, answer } of operations) {
      const { violations = [] } = rules.validate(method.input, fromJson(method.input, request.example ?? null));
      expect([path, violations.map(String)]).toEqual([path, []]);
      expect(() => fromJson(method.output, answer.example ?? null)).not.toThrow();
    }
  });

  it("name in each request what the method is about", () => {
    const empty = operations.filter(({ method, request }) => {
      const needed = method.input.fields.some(({ name }) => ["project", "login", "uuid"].includes(name));
      return needed && Object.keys(object(request.example)).length === 0;
    });
    expect(empty.map(({ path }) => path)).toEqual([]);
  });

  it("have nothing that looks like a secret in fields that are secret", () => {
    const found: JsonValue[] = [];
    for (const { method, request, answer } of operations) {
      found.push(...secretsIn(method.input, request.example), ...secretsIn(method.output, answer.example));
    }
    const plain = new Set(["(secret)", Buffer.from("(secret)").toString("base64")]);
    const others = found.flatMap((value) => (isObject(value) ? Object.values(value) : [value]));
    expect(others.filter((value) => !plain.has(String(value)) && !/^x+$/.test(String(value)))).toEqual([]);
    expect(found.length).toBeGreaterThan(20);
  });
});

/** What stands in secret fields of a message, and of those in it. */
function secretsIn(desc: DescMessage, value: JsonValue | undefined): JsonValue[] {
  if (!isObject(value) || desc.typeName.startsWith("google.protobuf.")) return [];
  return desc.fields.flatMap((field) => {
    const one = value[field.jsonName];
    if (one === undefined) return [];
    if (field.proto.options?.debugRedact === true) return [one];
    return field.message === undefined ? [] : entries(field, one).flatMap((each) => secretsIn(field.message!, each));
  });
}

function entries(field: DescField, value: JsonValue): JsonValue[] {
  if (field.fieldKind === "list") return Array.isArray(value) ? value : [];
  return field.fieldKind === "map" ? Object.values(object(value)) : [value];
}
