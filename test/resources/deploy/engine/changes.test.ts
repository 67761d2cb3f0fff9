import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DomainError } from "../../../../src/errors.js";
import { KubeError } from "../../../../src/kube/errors.js";
import { changesBetween } from "../../../../src/resources/deploy/engine/changes.js";
import { shown, yamlOf } from "../../../../src/resources/deploy/engine/hidden.js";
import { configMaps, secrets, services } from "../../../../src/resources/deploy/engine/kinds.js";
import { inTurns, refusalOf } from "../../../../src/resources/deploy/engine/live.js";

describe("changes of fields", () => {
  it("are told by their paths, entries of lists by their names", () => {
    const before = {
      a: { "b/c": 1, gone: true },
      list: [
        { name: "x", v: 1 },
        { name: "y", v: 2 },
      ],
      plain: [1, 2],
    };
    const after = { a: { "b/c": 2 }, list: [{ name: "new" }, { name: "y", v: 3 }], plain: [1] };
    expect(changesBetween(before, after)).toEqual([
      { path: 'a["b/c"]', before: "1", after: "2" },
      { path: "a.gone", before: "true", after: "" },
      { path: "list[0]", before: "", after: '{"name":"new"}' },
      { path: "list[1].v", before: "2", after: "3" },
      { path: "list[0]", before: '{"name":"x","v":1}', after: "" },
      { path: "plain[1]", before: "2", after: "" },
    ]);
  });

  it("are none between the same, and some between others", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(changesBetween({ a }, structuredClone({ a }))).toEqual([]);
        expect(changesBetween({ a }, { a: b }).length > 0).toBe(!isDeepStrictEqual(a, b));
      }),
    );
  });

  it("show nothing of Secrets, ConfigMaps and variables, wherever those are", () => {
    const secret = "hunter2-never";
    const value = fc.constantFrom(secret, `${secret}!`);
    const data = fc.dictionary(fc.string({ maxLength: 9 }), value, { maxKeys: 4 });
    const env = fc.array(fc.record({ name: fc.constantFrom("A", "B"), value }), { maxLength: 3 });
    const object = fc.record({ data, stringData: data, spec: fc.record({ deep: fc.array(fc.record({ env })) }) });
    fc.assert(
      fc.property(fc.constantFrom("Secret", "ConfigMap", "Deployment"), object, object, (kind, a, b) => {
        const part = (each: typeof a) => (kind === "Deployment" ? { spec: each.spec } : { data: each.data });
        const [before, after] = [shown(kind, part(a)), shown(kind, part(b))];
        expect(JSON.stringify(changesBetween(before, after)) + yamlOf(after)).not.toContain(secret);
      }),
    );
  });
});

it("works are done a few at a time, and none is begun after one failed", async () => {
  let running = 0;
  let most = 0;
  const begun: number[] = [];
  const work = async (each: number) => {
    begun.push(each);
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    if (each === 9) throw new Error("nine");
    return each * 2;
  };
  const all = Array.from({ length: 30 }, (_, i) => i);
  const { signal } = new AbortController();
  expect(await inTurns(all.slice(0, 9), signal, work)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16]);
  expect(most).toBe(4);
  begun.length = 0;
  await expect(inTurns(all, signal, work)).rejects.toThrow("nine");
  expect(running).toBe(0);
  expect(begun.length).toBeLessThan(16);
});

it("refusals are told, but not what a server quotes of configuration; faults that pass stay what they are", () => {
  const error = new KubeError("status", 'Invalid value: "hunter2"', { code: 422 });
  const object = { metadata: { name: "a" } };
  const told = refusalOf(error, { type: services, object });
  expect(told).toBeInstanceOf(DomainError);
  expect(String(told)).toContain('Service a was refused: Invalid value: "hunter2"');
  for (const type of [secrets, configMaps]) {
    expect(String(refusalOf(error, { type, object }))).not.toContain("hunter2");
  }
  const late = new KubeError("timeout", "late");
  expect(refusalOf(late, { type: secrets, object })).toBe(late);
});
