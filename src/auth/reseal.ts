import { type SQL, sql } from "drizzle-orm";
import type { Database } from "../db/database.js";
import type { Keyring } from "./keyring.js";

/** A column of sealed secrets, and one that is unique in its table: nothing is sealed the same way twice. */
interface SealedColumn {
  readonly table: string;
  readonly key: string;
  readonly column: string;
  /** How many to read at once; fewer where they may be large. */
  readonly batch?: number;
}

/** Everywhere the keyring seals something. */
const sealedColumns: readonly SealedColumn[] = [
  { table: "signing_keys", key: "kid", column: "private_jwe" },
  { table: "clusters", key: "id", column: "monitoring_sealed" },
  { table: "invites", key: "digest", column: "sealed" },
  { table: "login_attempts", key: "digest", column: "sealed" },
  { table: "targets", key: "id", column: "kubeconfig_sealed" },
  { table: "secret_versions", key: "id", column: "data_sealed", batch: 10 },
  { table: "releases", key: "id", column: "change_sealed", batch: 10 },
  { table: "releases", key: "id", column: "config_sealed", batch: 10 },
  { table: "shell_inputs", key: "input_sealed", column: "input_sealed", batch: 10 },
];
const batchSize = 200;

/** What became of the secrets of one column. */
export interface Resealed {
  readonly column: string;
  /** Those that the newest key seals now, and did not before. */
  readonly resealed: number;
  /** Those that no key of the ring opens. */
  readonly unopened: number;
}

/**
 * Seals every stored secret with the newest key of the ring, in batches. It may be
 * stopped and started again: what the newest key has sealed already is left alone.
 */
export async function resealAll(db: Database, keyring: Keyring): Promise<Resealed[]> {
  const results: Resealed[] = [];
  for (const column of sealedColumns) results.push(await resealColumn(db, keyring, column));
  return results;
}

interface SealedRow extends Record<string, unknown> {
  readonly key: string;
  readonly sealed: string;
}

async function resealColumn(db: Database, keyring: Keyring, place: SealedColumn): Promise<Resealed> {
  const [table, key, column] = [place.table, place.key, place.column].map((name) => sql.identifier(name));
  let resealed = 0;
  let unopened = 0;
  let after: SQL = sql`true`;
  for (;;) {
    const { rows } = await db.execute<SealedRow>(sql`
      select ${key} as key, ${column} as sealed from ${table}
      where ${column} is not null and ${after} order by ${key} limit ${place.batch ?? batchSize}`);
    for (const row of rows) {
      if (keyring.isNewest(row.sealed)) continue;
      const plain = await keyring.open(row.sealed).catch(() => undefined);
      if (plain === undefined) unopened += 1;
      else {
        // Whoever changed it meanwhile has sealed it anew.
        await db.execute(sql`
          update ${table} set ${column} = ${await keyring.seal(plain)}
          where ${key} = ${row.key} and ${column} = ${row.sealed}`);
        resealed += 1;
      }
    }
    const last = rows.at(-1);
    if (last === undefined) return { column: `${place.table}.${place.column}`, resealed, unopened };
    after = sql`${key} > ${last.key}`;
  }
}
