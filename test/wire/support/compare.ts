import { type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { expect } from "vitest";
import { encoderOf, envelopeEncoderOf } from "../../../src/wire/encoder.js";
import { planOf } from "../../../src/wire/plan.js";
import { Sink } from "../../../src/wire/sink.js";
import { writeFields } from "../../../src/wire/write-message.js";
import type { Fields } from "./arbitrary-message.js";

/** What a function gives, or the message of what it throws. */
function outcomeOf(run: () => Uint8Array): string {
  try {
    return Buffer.from(run()).toString("hex");
  } catch (error) {
    // What the language says of one and the same mistake changes when the code is compiled.
    return error instanceof TypeError ? "throws a TypeError" : `throws ${String(error)}`;
  }
}

/** The encoders do what the library does, be it to throw. */
export function expectSame(desc: DescMessage, message: Message): void {
  const theirs = outcomeOf(() => toBinary(desc, message));
  expect(outcomeOf(() => encoderOf(desc)(message))).toBe(theirs);
  const enveloped = outcomeOf(() => envelopeEncoderOf(desc)(message));
  const length = (theirs.length / 2).toString(16).padStart(8, "0");
  expect(enveloped).toBe(theirs.startsWith("throws") ? theirs : `00${length}${theirs}`);
}

/** The same, and nothing of the message is left to the library. */
export function expectSameWithoutHelp(desc: DescMessage, message: Message): void {
  expectSame(desc, message);
  const sink = new Sink();
  writeFields(sink, planOf(desc), message as unknown as Fields);
  expect(Buffer.compare(sink.copy(), toBinary(desc, message))).toBe(0);
}
