import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  create,
  type DescMessage,
  type DescMethod,
  type JsonObject,
  type JsonValue,
  type Message,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Visibility } from "../../gen/ts/api/v1/common_pb.js";
import { loadDescriptors } from "../../scripts/descriptors.js";
import { isObject } from "../../scripts/openapi/rules.js";
import { root } from "../../scripts/run.js";
import { pathOf, policyOf } from "../../src/rpc/method-options.js";
import { sampleOf } from "../resources/support/samples.js";
import { createChecker, knownKeywords } from "./support/check.js";

const document: JsonValue = JSON.parse(readFileSync(join(root, "gen", "openapi", "openapi.json"), "utf8"));
const methods = (await loadDescriptors())
  .flatMap((file) => file.services)
  .flatMap((service) => service.methods)
  .filter((method) => policyOf(method).visibility !== Visibility.PRIVATE);
const validator = createValidator();

/** What stands at a path of keys in the document. */
function at(...keys: readonly string[]): JsonObject {
  let value: JsonValue | undefined = document;
  for (const key of keys) value = isObject(value) ? value[key] : undefined;
  if (!isObject(value)) throw new Error(`the document has no ${keys.join(" ")}`);
  return value;
}

const schemas = at("components", "schemas");
const check = createChecker(schemas);
const operation = (method: DescMethod) => at("paths", pathOf(method), "post");
const requestRef = (method: DescMethod) => {
  const content = at("paths", pathOf(method), "post", "requestBody", "content");
  const [media] = Object.values(content);
  return isObject(media) ? (media.schema ?? media["x-slipway-message"]) : undefined;
};

/** Every object in the document, with where it stands. */
function* objects(value: JsonValue, path = "#"): Generator<[string, JsonObject]> {
  if (Array.isArray(value)) for (const [i, one] of value.entries()) yield* objects(one, `${path}/${i}`);
  if (!isObject(value)) return;
  yield [path, value];
  for (const [key, one] of Object.entries(value)) yield* objects(one, `${path}/${key.replace(/\//g, "~1")}`);
}

describe("the document", () => {
  it("has an operation for each method that may be called, and no other", () => {
    expect(Object.keys(at("paths")).sort()).toEqual(methods.map(pathOf).sort());
    const ids = methods.map((method) => operation(method).operationId);
    expect(new Set(ids).size).toBe(methods.length);
    const { tags } = at();
    const names = Array.isArray(tags) ? tags.map((tag) => (isObject(tag) ? tag.name : undefined)) : [];
    expect(names).toEqual([...new Set(methods.map((method) => method.parent.typeName))].sort());
  });

  it("has what OpenAPI 3.1 demands of each operation", () => {
    expect(at()).toMatchObject({ openapi: "3.1.0", info: { title: "Slipway", version: expect.any(String) } });
    for (const method of methods) {
      expect(operation(method)).toMatchObject({
        operationId: expect.stringMatching(/^[A-Za-z0-9.]+$/),
        summary: expect.stringMatching(/\S/),
        description: expect.stringMatching(/\S/),
        requestBody: { content: expect.anything() },
        responses: { "200": { description: expect.any(String) }, default: expect.anything() },
      });
    }
    for (const name of Object.keys(schemas)) expect(name).toMatch(/^[A-Za-z0-9._-]+$/);
  });

  it("refers to nothing that is not there, and keeps nothing that is not referred to", () => {
    const all = [...objects(document)];
    const refs = new Set(all.flatMap(([, { $ref }]) => (typeof $ref === "string" ? [$ref] : [])));
    const there = new Set(all.map(([path]) => path));
    expect([...refs].filter((ref) => !there.has(ref))).toEqual([]);
    expect(Object.keys(schemas).filter((name) => !refs.has(`#/components/schemas/${name}`))).toEqual([]);
  });

  it("has schemas of known keywords, whose patterns are expressions and whose required fields are there", () => {
    const inner = (schema: JsonValue): JsonValue[] => {
      if (!isObject(schema)) return [];
      const { properties, allOf, anyOf, oneOf, items, not, additionalProperties, propertyNames } = schema;
      const lists = [allOf, anyOf, oneOf].flatMap((list) => (Array.isArray(list) ? list : []));
      const named = isObject(properties) ? Object.values(properties) : [];
      const own = [...named, ...lists, items, not, additionalProperties, propertyNames].filter(
        (one) => one !== undefined,
      );
      return [schema, ...own.flatMap(inner)];
    };
    for (const schema of Object.values(schemas).flatMap(inner)) {
      if (!isObject(schema)) throw new Error("a schema is an object");
      expect(Object.keys(schema).filter((key) => !knownKeywords.has(key))).toEqual([]);
      if (typeof schema.pattern === "string") expect(() => new RegExp(String(schema.pattern), "u")).not.toThrow();
      const { properties, required } = schema;
      if (isObject(properties) && Array.isArray(required))
        expect(Object.keys(properties)).toEqual(expect.arrayContaining(required));
    }
  });

  it("says who may call, as the options of the methods do", () => {
    for (const method of methods) {
      const { visibility, projectRoles, tenantRoles, adminRoles, chargeable } = policyOf(method);
      const said = operation(method);
      expect(said.security !== undefined).toBe(visibility === Visibility.PUBLIC);
      expect(said["x-slipway-chargeable"] === true).toBe(chargeable);
      const roles = Array.isArray(said["x-slipway-roles"]) ? said["x-slipway-roles"] : [];
      expect(roles.length).toBe(projectRoles.length + tenantRoles.length + adminRoles.length);
    }
  });
});

describe("the schema of a request", () => {
  it("takes what the rules of the contract take", () => {
    for (const method of methods) {
      const sample = sampleOf(method.input);
      expect([pathOf(method), check(requestRef(method), toJson(method.input, sample))]).toEqual([pathOf(method), true]);
    }
  });

  it("refuses a request without what it needs", () => {
    for (const method of methods) {
      const empty = create(method.input);
      const { violations = [] } = validator.validate(method.input, empty);
      const isRefused = violations.some(({ field }) => field.length > 0);
      expect([pathOf(method), check(requestRef(method), toJson(method.input, empty))]).toEqual([
        pathOf(method),
        !isRefused,
      ]);
    }
  });

  it("takes every request that the rules take, whatever is in its fields", () => {
    const texts = fc.oneof(
      fc.constantFrom(
        "",
        "a",
        "web-1",
        "a.example.org",
        "someone@example.org",
        "192.0.2.1",
        "::1",
        "https://a.example/b",
      ),
      fc.uuid(),
      fc.string({ unit: "grapheme", maxLength: 70 }),
    );
    const change = fc.record({ field: fc.nat(), text: texts, number: fc.integer({ min: -2, max: 70_000 }) });
    let taken = 0;
    fc.assert(
      fc.property(fc.constantFrom(...methods), fc.array(change, { maxLength: 3 }), (method, changes) => {
        const message = changed(method, changes);
        if (validator.validate(method.input, message).kind !== "valid") return;
        taken += 1;
        expect([pathOf(method), check(requestRef(method), toJson(method.input, message))]).toEqual([
          pathOf(method),
          true,
        ]);
      }),
      { numRuns: 2_000 },
    );
    expect(taken).toBeGreaterThan(100);
  });
});

function fieldValue(scalar: ScalarType, text: string, number: number): string | number | bigint | boolean | Uint8Array {
  if (scalar === ScalarType.STRING) return text;
  if (scalar === ScalarType.BYTES) return new TextEncoder().encode(text);
  if (scalar === ScalarType.BOOL) return number > 0;
  if (scalar === ScalarType.INT64) return BigInt(number);
  if (scalar === ScalarType.UINT64) return BigInt(Math.abs(number));
  return scalar === ScalarType.UINT32 ? Math.abs(number) : number;
}

describe("the schema of an answer", () => {
  it("takes answers full and empty: they need not keep the rules of requests", () => {
    for (const method of methods) {
      const [media] = Object.values(at("paths", pathOf(method), "post", "responses", "200", "content"));
      const schema = isObject(media) ? (media.schema ?? media["x-slipway-message"]) : undefined;
      for (const message of [create(method.output), filled(method.output)]) {
        expect([pathOf(method), check(schema, toJson(method.output, message))]).toEqual([pathOf(method), true]);
      }
    }
  });
});

/** A message with something in each field that is no list or map, four messages deep. */
function filled(desc: DescMessage, depth = 0): Message {
  const message = reflect(desc, create(desc));
  for (const field of desc.fields) {
    if (field.fieldKind === "scalar") message.set(field, fieldValue(field.scalar, "é", 7));
    if (field.fieldKind === "enum") message.set(field, field.enum.values.at(-1)?.number ?? 0);
    if (field.fieldKind !== "message" || depth > 3) continue;
    const isForeign = field.message.typeName.startsWith("google.protobuf.");
    const inner = isForeign ? create(field.message) : filled(field.message, depth + 1);
    message.set(field, reflect(field.message, inner));
  }
  return message.message;
}

/** A sample with other values in some fields of its own. */
function changed(method: DescMethod, changes: readonly { field: number; text: string; number: number }[]): Message {
  const message = reflect(method.input, sampleOf(method.input));
  for (const { field: index, text, number } of changes) {
    const field = method.input.fields[index % Math.max(method.input.fields.length, 1)];
    if (field === undefined) continue;
    if (field.fieldKind === "enum")
      message.set(field, field.enum.values[Math.abs(number) % field.enum.values.length]?.number ?? 0);
    else if (field.fieldKind === "message") message.clear(field);
    else if (field.fieldKind === "scalar") {
      message.set(field, fieldValue(field.scalar, text, number));
    }
  }
  return message.message;
}
