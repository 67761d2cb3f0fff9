import type { Logger } from "pino";
import { createKeyring } from "../auth/keyring.js";
import { removeSigningKey } from "../auth/remove-signing-key.js";
import { resealAll } from "../auth/reseal.js";
import { signingKeyStore } from "../auth/signing-key-store.js";
import { addSigningKey, signingKey } from "../auth/signing-keys.js";
import type { Config } from "../config.js";
import type { Database } from "../db/database.js";
import { demandSchema, demandSettings, openDatabase } from "./settings.js";

/** `slipway keys list`: one line per key, the newest first: id, made, signs from, and whether it signs now. */
export function listKeys(config: Config, log: Logger): Promise<string> {
  return withDatabase(config, log, async (db) => {
    const keys = await signingKeyStore.list(db);
    const signing = signingKey(keys, new Date())?.kid;
    const lines = keys.map(({ kid, createdAt, signsFrom }) =>
      [kid, createdAt.toISOString(), signsFrom.toISOString(), stateOf(kid === signing, signsFrom)].join("  "),
    );
    return lines.map((line) => `${line}\n`).join("");
  });
}

function stateOf(signs: boolean, signsFrom: Date): string {
  if (signs) return "signs";
  return signsFrom > new Date() ? "is published" : "verifies";
}

/** `slipway keys rotate`: makes a key that is published at once and signs after so many seconds; answers its id. */
export function rotateKeys(config: Config, log: Logger, publishFirst: number): Promise<string> {
  demandSettings(config, ["databaseUrl", "keyring"]);
  return withDatabase(config, log, async (db) => {
    return `${await addSigningKey(db, createKeyring(config.keyring), new Date(), publishFirst)}\n`;
  });
}

/** `slipway keys remove`: throws unless the key can go without ending a token, or that is forced. */
export function removeKey(config: Config, log: Logger, kid: string, force: boolean): Promise<void> {
  return withDatabase(config, log, (db) => removeSigningKey(db, kid, new Date(), force));
}

/** `slipway keys reseal`: tells one line per column; throws after all of them when a secret could not be opened. */
export async function resealSecrets(config: Config, log: Logger, tell: (line: string) => void): Promise<void> {
  demandSettings(config, ["databaseUrl", "keyring"]);
  await withDatabase(config, log, async (db) => {
    const results = await resealAll(db, createKeyring(config.keyring));
    for (const { column, resealed } of results) tell(`${column}  ${resealed} resealed\n`);
    const unopened = results.filter((result) => result.unopened > 0);
    if (unopened.length === 0) return;
    const counts = unopened.map((result) => `${result.unopened} of ${result.column}`).join(", ");
    throw new Error(`no key of SLIPWAY_KEYRING opens ${counts}: they stay as they are`);
  });
}

/** Opens the database for one command. */
async function withDatabase<T>(config: Config, log: Logger, work: (db: Database) => Promise<T>): Promise<T> {
  const server = await openDatabase(config, log);
  try {
    await demandSchema(server);
    return await work(server.db);
  } finally {
    await server.close();
  }
}
