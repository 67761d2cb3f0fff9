import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Line,
  lastOf,
  linesOf,
  longestLine,
  padded,
  stampOf,
  timestampOf,
} from "../../../../../src/resources/deploy/runtime/logs/lines.js";
import { createLineQueue, inOrder } from "../../../../../src/resources/deploy/runtime/logs/merge.js";

const second = fc
  .date({ min: new Date("2000-01-01"), max: new Date("2100-01-01"), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 19));
const stamp = fc.tuple(second, fc.integer({ min: 0, max: 999_999_999 })).map(([whole, nanos]) => {
  const digits = String(nanos).padStart(9, "0").replace(/0+$/, "");
  return digits === "" ? `${whole}Z` : `${whole}.${digits}Z`;
});
const text = fc.string({ unit: "grapheme", maxLength: 40 }).map((one) => one.replace(/[\r\n]/g, " "));

async function* cut(bytes: Buffer, sizes: readonly number[]) {
  let at = 0;
  for (const size of sizes) {
    yield bytes.subarray(at, at + size);
    at += size;
  }
  yield bytes.subarray(at);
}

async function all(lines: AsyncIterable<Line[]>): Promise<Line[]> {
  const found: Line[] = [];
  for await (const some of lines) found.push(...some);
  return found;
}

test("lines are the same however a log is cut into pieces", async () => {
  const log = fc.array(fc.record({ at: stamp, text }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(log, fc.array(fc.integer({ min: 1, max: 30 })), async (lines, sizes) => {
      const bytes = Buffer.from(lines.map((line) => `${line.at} ${line.text}\n`).join(""));
      const wanted = lines.map((line) => ({ at: padded(line.at), text: line.text }));
      expect(await all(linesOf(cut(bytes, sizes)))).toEqual(wanted);
    }),
  );
});

test("a line that never ends is cut, and the next one is read", async () => {
  const bytes = Buffer.from(`2026-01-01T00:00:00Z ${"x".repeat(5 * longestLine)}\n2026-01-01T00:00:01Z next\n`);
  const lines = await all(linesOf(cut(bytes, Array(40).fill(2_000))));
  expect(lines.map((line) => line.text.length)).toEqual([longestLine, 4]);
});

test("what has no time is left out", async () => {
  const bytes = Buffer.from("rpc error: no such container\n2026-01-01T00:00:00.5Z yes");
  expect(await all(linesOf(cut(bytes, [])))).toEqual([{ at: "2026-01-01T00:00:00.500000000Z", text: "yes" }]);
});

test("times compare as texts, and go to messages and back", () => {
  fc.assert(
    fc.property(stamp, stamp, (a, b) => {
      const [first, last] = [padded(a) ?? "", padded(b) ?? ""];
      const nanos = (at: string) => {
        const { seconds = 0n, nanos: rest = 0 } = timestampOf(at);
        return BigInt(seconds) * 1_000_000_000n + BigInt(rest);
      };
      expect(first < last).toBe(nanos(first) < nanos(last));
      const { seconds = 0n, nanos: rest = 0 } = timestampOf(first);
      expect(stampOf({ seconds, nanos: rest })).toBe(first);
    }),
  );
});

const lineAt = (number: number): Line => ({
  at: `2026-01-01T00:00:00.${String(number).padStart(9, "0")}Z`,
  text: String(number),
});

test("lines of many logs come in the order of their times, each once", async () => {
  const logs = fc.array(fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 30 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(logs, async (numbers) => {
      const queue = createLineQueue(new AbortController().signal);
      for (const [index, log] of numbers.entries()) {
        const sorted = [...log].sort((a, b) => a - b);
        queue.push(`pod-${index}`, "web", sorted.map(lineAt));
      }
      queue.end();
      const read: string[] = [];
      for (let next = await queue.take(); next !== undefined; next = await queue.take()) {
        expect(next.dropped).toBe(0);
        read.push(...next.lines.map((line) => line.text));
      }
      expect(read).toEqual(
        numbers
          .flat()
          .sort((a, b) => a - b)
          .map(String),
      );
    }),
  );
});

test("whoever reads too slowly is told how many lines were left out, and gets the newest", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }), async (bursts) => {
      const queue = createLineQueue(new AbortController().signal, 10);
      let written = 0;
      for (const burst of bursts) {
        queue.push(
          "pod",
          "web",
          Array.from({ length: burst }, () => lineAt(written++)),
        );
      }
      queue.end();
      let dropped = 0;
      const read: number[] = [];
      for (let next = await queue.take(); next !== undefined; next = await queue.take()) {
        dropped += next.dropped;
        read.push(...next.lines.map((line) => Number(line.text)));
      }
      expect(dropped + read.length).toBe(written);
      expect(read.length).toBeLessThanOrEqual(10);
      expect(read).toEqual(Array.from({ length: read.length }, (_, index) => written - read.length + index));
    }),
  );
});

test("many long lines are left out before they fill the memory, and no answer is too large for clients", async () => {
  const queue = createLineQueue(new AbortController().signal);
  const long = "x".repeat(longestLine);
  const written = 4_000;
  for (let number = 0; number < written; number += 1) {
    queue.push("pod", "web", [{ ...lineAt(number), text: long }]);
  }
  queue.end();
  let dropped = 0;
  let read = 0;
  for (let next = await queue.take(); next !== undefined; next = await queue.take()) {
    dropped += next.dropped;
    read += next.lines.length;
    expect(next.lines.length * longestLine).toBeLessThanOrEqual(1024 * 1024);
  }
  expect(dropped + read).toBe(written);
  expect(read * longestLine).toBeLessThanOrEqual(4 * 1024 * 1024);
});

test("the last lines are as many as are asked for and fit", () => {
  const lines = Array.from({ length: 10 }, (_, number) => ({ ...lineAt(number), text: "x".repeat(72) }));
  expect(lastOf(lines, 3, 10_000)).toEqual(lines.slice(7));
  expect(lastOf(lines, 20, 10_000)).toEqual(lines);
  expect(lastOf(lines, 20, 450)).toEqual(lines.slice(8));
  expect(lastOf(lines, 20, 10)).toEqual([]);
});

test("equal times keep the order of their instance", () => {
  const line = (name: string) => ({ ...lineAt(1), text: name, instance: "pod", process: "web" });
  expect(inOrder(["a", "b", "c"].map(line)).map((one) => one.text)).toEqual(["a", "b", "c"]);
});
