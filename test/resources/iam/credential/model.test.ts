import fc from "fast-check";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { type Key, peopleOf } from "./people.js";

let platform: TestPlatform;
let people: ReturnType<typeof peopleOf>;
/** An API key without an end: the clock of these tests runs ahead of every token. */
let owner: string;
let bot: string;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  people = peopleOf(platform);
  owner = (await people.apiKey("")).secret;
  bot = await people.bot("viewer");
});
afterEach(() => vi.useRealTimers());
afterAll(() => platform.close());

/** What a key is by the contract: its secrets, each until when, and what ends all of them. Times in ms. */
interface Model {
  enabled: boolean;
  botEnabled: boolean;
  expiresAt: number;
  secrets: { readonly secret: string; until: number }[];
}

const holds = ({ enabled, botEnabled, expiresAt }: Model, until: number): boolean =>
  enabled && botEnabled && Date.now() < expiresAt && Date.now() < until;

type Step = (key: Key, model: Model) => Promise<void>;

const named = (uuid: string) => ({ login: platform.tenant, uuid });
const enable =
  (enabled: boolean): Step =>
  async ({ uuid }, model) => {
    // A key of a disabled bot cannot be made good again, which escalation.test.ts says.
    if (enabled && !model.botEnabled) return;
    await people.credentials.update({ ...named(uuid), enabled }, as(owner));
    model.enabled = enabled;
  };
const enableBot =
  (enabled: boolean): Step =>
  async (_, model) => {
    await people.principals.update({ login: platform.tenant, id: bot, enabled }, as(owner));
    model.botEnabled = enabled;
  };
const rotate =
  (seconds: number): Step =>
  async ({ uuid }, model) => {
    if (!model.botEnabled) return;
    const overlap = { seconds: BigInt(seconds) };
    const { secret } = await people.credentials.rotate({ ...named(uuid), overlap }, as(owner));
    const previous = model.secrets.at(-1);
    for (const each of model.secrets) each.until = each === previous ? Date.now() + seconds * 1000 : 0;
    model.secrets.push({ secret, until: Number.POSITIVE_INFINITY });
  };
const last =
  (seconds: number): Step =>
  async ({ uuid }, model) => {
    if (!model.botEnabled) return;
    await people.credentials.update({ ...named(uuid), expires: { seconds: BigInt(seconds) } }, as(owner));
    model.expiresAt = Date.now() + seconds * 1000;
  };
const wait =
  (seconds: number): Step =>
  async () => {
    vi.setSystemTime(Date.now() + seconds * 1000);
  };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.boolean().map(enable),
  fc.boolean().map(enableBot),
  fc.constantFrom(0, 60, 900).map(rotate),
  fc.constantFrom(600, 1_200).map(last),
  fc.constantFrom(1, 90, 700).map(wait),
);

it("a key holds if and only if the model says so, after any steps", { timeout: 120_000 }, async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      await enableBot(true)({ uuid: "", secret: "" }, {} as Model);
      const key = await people.apiKey(bot, owner);
      const model: Model = {
        enabled: true,
        botEnabled: true,
        expiresAt: Number.POSITIVE_INFINITY,
        secrets: [{ secret: key.secret, until: Number.POSITIVE_INFINITY }],
      };
      for (const each of steps) {
        await each(key, model);
        for (const { secret, until } of model.secrets) {
          const expected = holds(model, until) ? "OK" : "Unauthenticated";
          await expect.poll(() => people.tries(secret)).toBe(expected);
        }
      }
    }),
    { numRuns: 25 },
  );
});
