import { eq } from "drizzle-orm";
import pino from "pino";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { Database } from "../../../../src/db/database.js";
import { credentials, credentialUses } from "../../../../src/resources/iam/credential/table.js";
import { createCredentialUses } from "../../../../src/resources/iam/credential/uses.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { type Key, peopleOf } from "./people.js";

let platform: TestPlatform;
let people: ReturnType<typeof peopleOf>;
let keys: Key[];
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  people = peopleOf(platform);
  const bot = await people.bot();
  keys = [await people.apiKey(bot), await people.apiKey(bot)];
});
afterAll(() => platform.close());

const log = pino({ level: "silent" });
const at = (time: string) => () => new Date(`2026-01-01T${time}Z`);
const stored = async ({ uuid }: Pick<Key, "uuid">) =>
  (await platform.platform.db.select().from(credentialUses).where(eq(credentialUses.credential, uuid)))[0]?.at;

/** The database, and how many statements went to it. */
function counting(): { readonly db: Database; readonly statements: () => number } {
  const execute = vi.spyOn(platform.platform.db, "execute");
  return { db: platform.platform.db, statements: () => execute.mock.calls.length };
}

it("are written to the minute, in one statement, and once per credential and minute", async () => {
  const { db, statements } = counting();
  let now = "10:20:30.500";
  const uses = createCredentialUses(db, log, () => at(now)());
  for (let i = 0; i < 1_000; i += 1) for (const { uuid } of keys) uses.note(uuid);
  await uses.close();
  expect(statements()).toBe(1);
  for (const key of keys) expect(await stored(key)).toEqual(at("10:20:00")());
  now = "10:20:59";
  uses.note(keys[0]?.uuid ?? "");
  await uses.close();
  expect(statements()).toBe(1);
  now = "10:21:00";
  uses.note(keys[0]?.uuid ?? "");
  await uses.close();
  expect(statements()).toBe(2);
  expect(await stored(keys[0] as Key)).toEqual(at("10:21:00")());
  vi.restoreAllMocks();
});

it("never go back: a process that is late writes nothing older", async () => {
  const [, key] = keys as [Key, Key];
  for (const time of ["12:00:00", "11:00:00"]) {
    const uses = createCredentialUses(platform.platform.db, log, at(time));
    uses.note(key.uuid);
    await uses.close();
  }
  expect(await stored(key)).toEqual(at("12:00:00")());
});

it("of what was deleted meanwhile cost the others nothing", async () => {
  const gone = await people.apiKey(await people.bot());
  const kept = await people.apiKey(await people.bot());
  await platform.platform.db.delete(credentials).where(eq(credentials.id, gone.uuid));
  const uses = createCredentialUses(platform.platform.db, log, at("13:00:00"));
  for (const { uuid } of [gone, kept]) uses.note(uuid);
  await uses.close();
  expect(await stored(kept)).toEqual(at("13:00:00")());
  expect(await stored(gone)).toBeUndefined();
});

it("fail no call when the database does, and are written with the next use", async () => {
  const key = await people.apiKey(await people.bot());
  const { db } = platform.platform;
  vi.spyOn(db, "execute").mockRejectedValueOnce(new Error("away"));
  const warned: unknown[] = [];
  const uses = createCredentialUses(
    db,
    { ...log, warn: (line: unknown) => warned.push(line) } as never,
    at("14:00:00"),
  );
  uses.note(key.uuid);
  await uses.close();
  expect(warned).toHaveLength(1);
  expect(await stored(key)).toBeUndefined();
  uses.note(key.uuid);
  await uses.close();
  expect(await stored(key)).toEqual(at("14:00:00")());
  vi.restoreAllMocks();
});

it("show at the credential when its key called, also while the caller is cached", async () => {
  const key = await people.apiKey(await people.bot("viewer"));
  const { credentials: client } = people;
  const lastUse = async () =>
    (await client.get({ login: platform.tenant, uuid: key.uuid }, as(platform.tokens.owner))).credential?.lastUsedAt;
  expect(await lastUse()).toBeUndefined();
  expect(await people.tries(key.secret)).toBe("OK");
  await expect.poll(lastUse, { timeout: 10_000 }).toBeDefined();
  const noted = vi.spyOn(platform.platform.credentialUses, "note");
  expect(await people.tries(key.secret)).toBe("OK");
  expect(noted).toHaveBeenCalledWith(key.uuid);
  expect(await people.tries(platform.tokens.viewer)).toBe("OK");
  expect(noted).toHaveBeenCalledTimes(1);
  vi.restoreAllMocks();
  expect(Number((await lastUse())?.seconds) % 60).toBe(0);
});
