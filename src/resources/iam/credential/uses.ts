import { type SQL, sql } from "drizzle-orm";
import type { Logger } from "pino";
import type { Principals } from "../../../auth/principals.js";
import { uuidOfSecret } from "../../../auth/secrets.js";
import type { Database } from "../../../db/database.js";
import { credentials, credentialUses } from "./table.js";

const minuteMs = 60_000;
const gatherMs = 1_000;
/** Credentials that are remembered, and that may wait to be written. */
const maxKnown = 10_000;

/** Takes down when credentials are used. */
export interface CredentialUses {
  /** Notes that a credential was used now; cheap, and never fails. */
  note(id: string): void;
  /** Writes what waits. */
  close(): Promise<void>;
}

/**
 * Uses are written to the minute, at most one per credential and minute, one statement for all that came within a
 * second. A statement that fails is logged and forgotten: the next use of the credential is written again.
 */
export function createCredentialUses(db: Database, log: Logger, clock: () => Date): CredentialUses {
  /** The minute of the last use that was noted. */
  const known = new Map<string, number>();
  let waiting = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  const write = async (batch: ReadonlyMap<string, number>): Promise<void> => {
    try {
      await db.execute(insertUses(batch));
    } catch (err) {
      for (const id of batch.keys()) known.delete(id);
      log.warn({ err, credentials: batch.size }, "uses of credentials lost");
    }
  };
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const batch = waiting;
    waiting = new Map();
    if (batch.size > 0) writing = writing.then(() => write(batch));
  };

  return {
    note(id) {
      const minute = Math.floor(clock().getTime() / minuteMs);
      if (known.get(id) === minute || waiting.size >= maxKnown) return;
      if (known.size >= maxKnown) known.clear();
      known.set(id, minute);
      waiting.set(id, minute);
      timer ??= setTimeout(flush, gatherMs).unref();
    },
    async close() {
      flush();
      await writing;
    },
  };
}

/** In the order of the ids, so that processes do not wait for each other in a circle; what was deleted is left out. */
function insertUses(batch: ReadonlyMap<string, number>): SQL {
  const ids = [...batch.keys()];
  const seconds = [...batch.values()].map((minute) => minute * 60);
  return sql`
    insert into ${credentialUses} (credential, at)
    select c.id, to_timestamp(used.seconds)
    from unnest(${sql.param(ids)}::uuid[], ${sql.param(seconds)}::bigint[]) as used (id, seconds)
    join ${credentials} c on c.id = used.id
    order by c.id
    for key share of c
    on conflict (credential) do update set at = greatest(credential_uses.at, excluded.at)`;
}

/** The same principals, but each call that came by an API key is noted as a use of it. */
export function notingUses(principals: Principals, uses: Pick<CredentialUses, "note">): Principals {
  return {
    ...principals,
    authenticate(secret) {
      const caller = principals.authenticate(secret);
      if (uuidOfSecret("apiKey", secret) === undefined) return caller;
      return Promise.resolve(caller).then((found) => {
        uses.note(found.tokenId);
        return found;
      });
    },
  };
}
