import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import type { Logger } from "pino";
import { createKeyring } from "../auth/keyring.js";
import { createSigningKeys } from "../auth/signing-keys.js";
import type { Config } from "../config.js";
import { type DatabaseServer, openPostgres } from "../db/database.js";
import { withoutValues } from "../db/errors.js";
import { pendingMigrations } from "../db/migrate.js";

const demands = {
  databaseUrl: "DATABASE_URL, the PostgreSQL database, as in postgres://user@host:5432/slipway",
  keyring: "SLIPWAY_KEYRING, the keys of the secrets in it, as ID:BASE64 of 32 bytes",
} as const;

/** Throws an error that names every setting that a command needs and does not have. */
export function demandSettings(config: Config, names: readonly (keyof typeof demands)[]): void {
  const given = { databaseUrl: config.databaseUrl !== undefined, keyring: config.keyring.length > 0 };
  const missing = names.filter((name) => !given[name]).map((name) => demands[name]);
  if (missing.length > 0) throw new Error(`not set: ${missing.join("; ")}`);
}

/** Opens the database of DATABASE_URL; throws when that is not set, or when nothing answers there. */
export async function openDatabase(config: Config, log: Logger): Promise<DatabaseServer> {
  demandSettings(config, ["databaseUrl"]);
  const server = openPostgres({
    url: config.databaseUrl ?? "",
    poolSize: config.databasePoolSize,
    poolQueue: config.databasePoolQueue,
    applicationName: "slipway",
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 15_000,
    log,
  });
  try {
    await server.ping();
    return server;
  } catch (error) {
    await server.close();
    // Without its cause: errors of queries are put in other words before they are shown.
    throw new Error(`the database of DATABASE_URL cannot be used: ${reasonOf(error)}`);
  }
}

/** Throws unless the schema is up to date and the keyring opens what is sealed; makes the key of the tokens where there is none. */
export async function demandUsable(server: DatabaseServer, config: Config): Promise<void> {
  await demandSchema(server);
  try {
    await createSigningKeys(server.db, createKeyring(config.keyring), () => new Date()).signer();
  } catch (error) {
    const ofDatabase = withoutValues(error) !== error;
    if (ofDatabase) throw error;
    const misfit = "SLIPWAY_KEYRING does not fit the database, whose secrets are sealed by another key";
    throw new Error(`${misfit}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Throws unless the schema is up to date. */
export async function demandSchema(server: DatabaseServer): Promise<void> {
  const pending = await pendingMigrations(server);
  if (pending.length === 0) return;
  throw new Error(`the database lacks ${pending.length} migrations (${pending.join(", ")}): run slipway migrate`);
}

/** Reads the files of TLS where they are configured; throws an error that names the setting at fault. */
export async function readTls({ tls }: Config): Promise<{ cert: string; key: string } | undefined> {
  if (tls === undefined) return undefined;
  const read = (setting: string, path: string) =>
    readFile(path, "utf8").catch((error: unknown) => {
      throw new Error(`${setting} cannot be read: ${reasonOf(error)}`, { cause: error });
    });
  const [cert, key] = await Promise.all([
    read("SLIPWAY_TLS_CERT_FILE", tls.certFile),
    read("SLIPWAY_TLS_KEY_FILE", tls.keyFile),
  ]);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    const files = "SLIPWAY_TLS_CERT_FILE and SLIPWAY_TLS_KEY_FILE";
    throw new Error(`${files} do not hold a certificate and its key in PEM: ${reasonOf(error)}`, { cause: error });
  }
  return { cert, key };
}

/** The words of the first cause; an error of several addresses has none of its own. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return reasonOf(error.cause);
  if (error instanceof AggregateError && error.message === "") return error.errors.map(reasonOf).join("; ");
  return error.message;
}
