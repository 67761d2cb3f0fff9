import { Code, ConnectError } from "@connectrpc/connect";
import { eq } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { secrets, secretVersions } from "../../../../src/resources/deploy/secret/table.js";
import { needsPostgres, postgresUrl } from "../../../support/database.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { dataOf, secretsOf } from "./secrets.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());

const db = () => platform.platform.db;

describe("limits", () => {
  it("a project never has more than 1000 secrets, whoever makes them at once", async () => {
    const all = secretsOf(platform, await platform.newTenant());
    await all.fill(997);
    const codes = await Promise.all(Array.from({ length: 7 }, () => codeOf(all.create())));
    expect(codes.toSorted()).toEqual([...Array(3).fill("OK"), ...Array(4).fill("ResourceExhausted")]);
    expect((await refusal(all.create())).message).toBe("the project has 1000 secrets already: delete some");
    await secretsOf(platform, await platform.newTenant()).create();
  });

  it("a secret never has more than 1000 versions", async () => {
    const all = secretsOf(platform, await platform.newTenant());
    const { uuid, name } = await all.create();
    // As if 998 more had been made.
    await db().update(secrets).set({ version: 999 }).where(eq(secrets.id, uuid));
    const [first] = await db().select().from(secretVersions).where(eq(secretVersions.secret, uuid));
    const id = platform.platform.newId();
    if (first !== undefined)
      await db()
        .insert(secretVersions)
        .values({ ...first, id, version: 999 });
    const data = dataOf({ key: "more" });
    const codes = await Promise.all(Array.from({ length: 3 }, () => codeOf(all.update(uuid, { data }))));
    expect(codes.toSorted()).toEqual(["OK", "ResourceExhausted", "ResourceExhausted"]);
    expect(await refusal(all.update(uuid, { data }))).toMatchObject({
      code: "ResourceExhausted",
      message: `secret ${name} has 1000 versions already: make a new secret`,
    });
    expect(await all.update(uuid, { description: "full" })).toMatchObject({ version: 1_000n, description: "full" });
    expect((await all.reveal(uuid)).values).toEqual({ key: "more" });
  });
});

/** A change of a secret; with content, and from an expected version, or not. */
interface Change {
  readonly content: boolean;
  readonly expected: number | undefined;
}
const change: fc.Arbitrary<Change> = fc.record({
  content: fc.boolean(),
  expected: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
});

describe.skipIf(postgresUrl === undefined)(`changes of a secret at once (${needsPostgres})`, () => {
  it("make versions that rise by one, each with the content of its change, and lose nothing", async () => {
    const all = secretsOf(platform, await platform.newTenant());
    let made = 0;
    const rounds = fc.array(fc.array(change, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(rounds, async (given) => {
        const { uuid } = await all.create({ data: dataOf({ key: "first" }) });
        const contents = new Map([[1n, "first"]]);
        for (const changes of given) {
          const before = BigInt(contents.size);
          const outcomes = await Promise.all(
            changes.map(async ({ content, expected }) => {
              made += 1;
              const text = `content ${made}`;
              const order = {
                ...(content ? { data: dataOf({ key: text }) } : { description: text }),
                ...(expected === undefined ? {} : { expectedVersion: BigInt(expected) }),
              };
              const answer = await all.update(uuid, order).catch((error: unknown) => {
                expect(ConnectError.from(error).code).toBe(Code.Aborted);
                return undefined;
              });
              return { content, expected, text, version: answer?.version };
            }),
          );
          for (const { content, expected, text, version } of outcomes) {
            // Whoever expects nothing is never refused.
            if (version === undefined) expect(expected).toBeDefined();
            else if (content) {
              if (expected !== undefined) expect(version).toBe(BigInt(expected) + 1n);
              expect(contents.has(version)).toBe(false);
              contents.set(version, text);
            } else if (expected !== undefined) expect(version).toBe(BigInt(expected));
          }
          // Of those who expect the version that there was one at least comes through, unless others were first.
          const fresh = outcomes.filter(({ expected }) => expected !== undefined && BigInt(expected) === before);
          if (fresh.length === outcomes.length) expect(fresh.some(({ version }) => version !== undefined)).toBe(true);
        }
        const versions = [...contents.keys()].toSorted((a, b) => Number(a - b));
        expect(versions).toEqual(versions.map((_, i) => BigInt(i + 1)));
        expect((await all.get(uuid))?.version).toBe(versions.at(-1));
        for (const [version, text] of contents) {
          expect(await all.reveal(uuid, { version })).toEqual({ version, values: { key: text } });
        }
      }),
      { numRuns: 20 },
    );
  });
});
