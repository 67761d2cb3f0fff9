import { create, type DescMessage, type Message, setExtension } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encoderOf } from "../../src/wire/encoder.js";
import { generatedMessages, wellKnownMessages } from "./support/all-types.js";
import { arbitraryMessage, type Fields } from "./support/arbitrary-message.js";
import { expectSame, expectSameWithoutHelp } from "./support/compare.js";
import { oddMessages, oddType, oddTypes } from "./support/odd-types.js";

const depth = 3;

function check(desc: DescMessage, numRuns: number): void {
  const compare = isHelped(desc) ? expectSame : expectSameWithoutHelp;
  fc.assert(
    fc.property(arbitraryMessage(desc, depth), (message) => compare(desc, message)),
    { numRuns },
  );
}

/** It has a wrapper between tags, which is left to the library. */
const isHelped = (desc: DescMessage): boolean => desc.typeName === "odd2023.Featured";

describe("valid messages", () => {
  it("of every type of the platform have the bytes of the library", async () => {
    const types = await generatedMessages();
    expect(types.length).toBeGreaterThan(300);
    for (const desc of types) check(desc, 8);
  }, 240_000);

  it.each(wellKnownMessages.map((desc) => desc.typeName))("of %s have the bytes of the library", (name) => {
    check(wellKnownMessages.find((desc) => desc.typeName === name) as DescMessage, 25);
  });

  it.each(oddMessages.map((desc) => desc.typeName))("of %s have the bytes of the library", (name) => {
    check(oddType(name), 60);
  });

  it("keep extensions", () => {
    const desc = oddType("odd2.Old");
    const message = create(desc);
    for (const [name, value] of [
      ["odd2.note", "a note"],
      ["odd2.notes", [1, -2]],
    ] as const) {
      const extension = oddTypes.map((registry) => registry.getExtension(name)).find((found) => found !== undefined);
      if (extension === undefined) throw new Error(`there is no ${name}`);
      setExtension(message, extension, value);
    }
    expect(message.$unknown).toHaveLength(3);
    expectSameWithoutHelp(desc, message);
  });
});

/** Values that some types refuse, and others take. */
const anything = fc.constantFrom<unknown>(
  undefined,
  null,
  "",
  "text",
  "5",
  "-1",
  "1e3",
  0,
  -0,
  1.5,
  -1,
  2 ** 31,
  2 ** 32,
  1e300,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  0n,
  -1n,
  2n ** 63n,
  2n ** 64n,
  true,
  false,
  [],
  [undefined],
  [null],
  ["x"],
  {},
  { x: 1 },
  { "1.5": "x", abc: 0 },
  { case: "nothing", value: 1 },
  new Uint8Array(3),
  [new Uint8Array(1)],
  Symbol.iterator,
  { $typeName: "somebody.Else" },
);

/** Properties of a message and of the messages in it, each with who has it. */
function propertiesOf(value: unknown): { readonly owner: Fields; readonly name: string }[] {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return [];
  const owner = value as Fields;
  return Object.keys(owner).flatMap((name) => [{ owner, name }, ...propertiesOf(owner[name])]);
}

/** Messages with something in them that may not belong there. */
const spoiled = (desc: DescMessage): fc.Arbitrary<Message> =>
  fc.tuple(arbitraryMessage(desc, 2), fc.nat(), anything).map(([message, at, value]) => {
    const copy = copied(message);
    const properties = propertiesOf(copy);
    const chosen = properties[at % properties.length];
    if (chosen !== undefined) chosen.owner[chosen.name] = value;
    return copy as Message;
  });

function copied(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(copied);
  const copy = Object.create(Object.getPrototypeOf(value));
  for (const [name, item] of Object.entries(value)) copy[name] = copied(item);
  return copy;
}

describe("messages with a value that does not fit", () => {
  const compare = (desc: DescMessage, numRuns: number) =>
    fc.assert(
      fc.property(spoiled(desc), (message) => expectSame(desc, message)),
      { numRuns },
    );

  it("of every type of the platform have the outcome of the library", async () => {
    for (const desc of await generatedMessages()) compare(desc, 8);
  }, 240_000);

  it.each(oddMessages.map((desc) => desc.typeName))("of %s have the outcome of the library", (name) => {
    compare(oddType(name), 300);
  });

  it("are refused in the words of the library", () => {
    const desc = oddType("odd3.Plain");
    const message = { ...create(desc), oneInt32: 2 ** 31 } as Message;
    expect(() => encoderOf(desc)(message)).toThrow("cannot encode field odd3.Plain.one_int32 to binary: invalid int32");
    expectSame(desc, message);
    const strict = oddType("odd2.Strict");
    expect(() => encoderOf(strict)(create(strict))).toThrow("must_double to binary: required field not set");
  });
});
