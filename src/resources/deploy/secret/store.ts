import { and, eq, getTableColumns, isNull, or, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { constraintOf } from "../../../db/errors.js";
import { DomainError } from "../../../errors.js";
import type { Page } from "../../api/paging.js";
import { environments } from "../environment/table.js";
import { secrets, secretVersions } from "./table.js";

export type SecretRow = typeof secrets.$inferSelect;

/** A secret with the keys of its newest version. */
export interface SecretView extends SecretRow {
  readonly keys: readonly string[];
}

/** What a caller reaches: the secrets of a project, or, where an environment is named, of that environment alone. */
export interface SecretScope {
  readonly project: string;
  /** Empty for those of all environments and of the whole project. */
  readonly environment: string;
}

/** Which secret, within what the caller reaches. */
export interface SecretKey extends SecretScope {
  readonly id: string;
}

/** Which secrets to list. */
export interface SecretFilter extends SecretScope {
  readonly collection: string | undefined;
  readonly type: SecretRow["type"] | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** A sealed version. */
export interface SealedVersion {
  readonly id: string;
  readonly keys: readonly string[];
  readonly dataSealed: string;
}

const shown = { ...getTableColumns(secrets), keys: secretVersions.keys };
const isNewest = and(eq(secretVersions.secret, secrets.id), eq(secretVersions.version, secrets.version));

/** Secrets and their versions. Only `content` reads what is sealed. */
export const secretStore = {
  async get(db: Database, key: SecretKey): Promise<SecretView | undefined> {
    const [row] = await db.select(shown).from(secrets).innerJoin(secretVersions, isNewest).where(is(key));
    return row;
  },

  /**
   * The same, locked until the transaction ends: versions come one by one. Releases that name it are accepted all the
   * same: they hold its row by its key.
   */
  async lock(tx: Database, key: SecretKey): Promise<SecretRow | undefined> {
    const [row] = await tx.select().from(secrets).where(is(key)).for("no key update");
    return row;
  },

  /** The same, locked to be deleted: nothing new uses it. */
  async lockToDelete(tx: Database, key: SecretKey): Promise<SecretRow | undefined> {
    const [row] = await tx.select().from(secrets).where(is(key)).for("update");
    return row;
  },

  /**
   * Those among these that deployments of an environment may use, which are its own and those of the whole project: they
   * are not deleted until the transaction ends.
   */
  hold(tx: Database, scope: SecretScope, ids: readonly string[]): Promise<SecretRow[]> {
    return tx.select().from(secrets).where(isUsable(scope, ids)).orderBy(secrets.id).for("key share");
  },

  /** The newest version of a secret, whatever project it is in. */
  async newest(
    db: Database,
    id: string,
  ): Promise<Pick<typeof secretVersions.$inferSelect, "version" | "createdAt"> | undefined> {
    const { version, createdAt } = secretVersions;
    const [row] = await db
      .select({ version, createdAt })
      .from(secrets)
      .innerJoin(secretVersions, isNewest)
      .where(eq(secrets.id, id));
    return row;
  },

  /** The keys of some versions of secrets, by `SECRET@VERSION`; those that are not there are left out. */
  async keysOf(
    db: Database,
    versions: readonly { readonly secret: string; readonly version: number }[],
  ): Promise<Map<string, readonly string[]>> {
    const { secret, version, keys } = secretVersions;
    const rows = await db
      .select({ secret, version, keys })
      .from(secretVersions)
      .where(
        sql`(${secret}, ${version}) in (select * from unnest(
          ${sql.param(versions.map((each) => each.secret))}::uuid[],
          ${sql.param(versions.map((each) => each.version))}::bigint[]))`,
      );
    return new Map(rows.map((row) => [`${row.secret}@${row.version}`, row.keys]));
  },

  /** The newest versions of those that `hold` would answer: until the transaction ends there are no newer ones. */
  async newestVersions(tx: Database, scope: SecretScope, ids: readonly string[]): Promise<Map<string, number>> {
    const rows = await tx
      .select({ id: secrets.id, version: secrets.version })
      .from(secrets)
      .where(isUsable(scope, ids))
      .orderBy(secrets.id)
      .for("share");
    return new Map(rows.map(({ id, version }) => [id, version]));
  },

  /** A page of the secrets that match, by environment, collection and name, and one more when there are more. */
  list(db: Database, filter: SecretFilter, { limit, offset }: Page): Promise<SecretView[]> {
    const { collection, type, labels } = filter;
    return db
      .select(shown)
      .from(secrets)
      .innerJoin(secretVersions, isNewest)
      .leftJoin(environments, eq(environments.id, secrets.environment))
      .where(
        and(
          inScope(filter),
          collection === undefined ? undefined : eq(secrets.collection, collection),
          type === undefined ? undefined : eq(secrets.type, type),
          sql`${secrets.labels} @> ${JSON.stringify(labels)}::jsonb`,
        ),
      )
      .orderBy(sql`${environments.name} nulls first`, secrets.collection, secrets.name)
      .limit(limit + 1)
      .offset(offset);
  },

  /** How many secrets a project has, with those of its environments. */
  count(db: Database, project: string): Promise<number> {
    return db.$count(secrets, eq(secrets.project, project));
  },

  /**
   * Adds a secret with its first version; throws "exists" when there is one of that name, and "missing" for an
   * environment that the project has not.
   */
  async insert(tx: Database, row: typeof secrets.$inferInsert, version: SealedVersion): Promise<void> {
    await tx
      .insert(secrets)
      .values({ ...row, version: 1 })
      .catch((error: unknown) => {
        throw translated(error, row);
      });
    await addVersion(tx, row.id, 1, version, row.createdAt);
  },

  /** Changes what is given, and adds the next version if there is one. Whoever calls it has locked the secret. */
  async update(
    tx: Database,
    { id, version }: Pick<SecretRow, "id" | "version">,
    changes: Partial<Pick<SecretRow, "description" | "labels" | "certificate">>,
    next: { readonly sealed: SealedVersion | undefined; readonly now: Date },
  ): Promise<void> {
    const { sealed, now } = next;
    const following = sealed === undefined ? {} : { version: version + 1 };
    if (sealed !== undefined) await addVersion(tx, id, version + 1, sealed, now);
    await tx
      .update(secrets)
      .set({ ...changes, ...following, updatedAt: now })
      .where(eq(secrets.id, id));
  },

  /** Deletes a secret with all of its versions. */
  async delete(tx: Database, key: SecretKey): Promise<void> {
    await tx.delete(secrets).where(is(key));
  },

  /** A version of a secret, sealed; the newest unless told. */
  async content(
    db: Database,
    key: SecretKey,
    version?: number,
  ): Promise<Pick<typeof secretVersions.$inferSelect, "version" | "keys" | "dataSealed"> | undefined> {
    const wanted =
      version === undefined
        ? isNewest
        : and(eq(secretVersions.secret, secrets.id), eq(secretVersions.version, version));
    const { version: number, keys, dataSealed } = secretVersions;
    const [row] = await db
      .select({ version: number, keys, dataSealed })
      .from(secrets)
      .innerJoin(secretVersions, wanted)
      .where(is(key));
    return row;
  },
};

async function addVersion(
  tx: Database,
  secret: string,
  version: number,
  { id, keys, dataSealed }: SealedVersion,
  now: Date,
): Promise<void> {
  await tx.insert(secretVersions).values({ id, secret, version, keys: [...keys], dataSealed, createdAt: now });
}

// Every question carries the project, and the environment whenever one is named: a role may be held there alone.
const inScope = ({ project, environment }: SecretScope): SQL | undefined =>
  and(eq(secrets.project, project), environment === "" ? undefined : eq(secrets.environment, environment));

const isUsable = ({ project, environment }: SecretScope, ids: readonly string[]): SQL | undefined =>
  and(
    eq(secrets.project, project),
    or(isNull(secrets.environment), eq(secrets.environment, environment)),
    sql`${secrets.id} = any(${sql.param(ids)}::uuid[])`,
  );

const is = (key: SecretKey): SQL | undefined => and(eq(secrets.id, key.id), inScope(key));

function translated(error: unknown, { name, environment }: typeof secrets.$inferInsert): unknown {
  const cause = { cause: error };
  switch (constraintOf(error)) {
    case "secrets_name":
      return new DomainError("exists", `there is a secret ${name} in that collection already`, cause);
    case "secrets_project_environment_environments_project_id_fk":
      return new DomainError("missing", `environment ${environment} does not exist`, cause);
    default:
      return error;
  }
}
