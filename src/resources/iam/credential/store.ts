import { and, desc, eq, getTableColumns, or, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { prepared } from "../../../db/prepared.js";
import { projects } from "../../api/project/table.js";
import { principals } from "../principal/table.js";
import { credentials, credentialUses } from "./table.js";

export type CredentialRow = typeof credentials.$inferSelect;
export type NewCredential = typeof credentials.$inferInsert;
export type CredentialKindName = CredentialRow["kind"];

/** A credential, and when it was used last. */
export interface UsedCredential extends CredentialRow {
  readonly lastUsedAt: Date | null;
}

/** Which credentials a caller reaches: those of the tenant's bots and teams, and the caller's own in the personal tenant. */
export interface CredentialScope {
  readonly login: string;
  /** Id of the calling principal. */
  readonly user: string;
}

const given = sql.placeholder;
const getUsable = prepared((db) =>
  db
    .select()
    .from(credentials)
    .where(
      and(
        eq(credentials.id, given("id")),
        sql`${credentials.enabled}`,
        sql`(${credentials.expiresAt} is null or ${credentials.expiresAt} > ${given("now")}::timestamptz)`,
      ),
    )
    .prepare("credential_usable"),
);

/** Holds for the principals whose credentials the caller reaches. */
const reached = ({ login, user }: CredentialScope): SQL | undefined =>
  or(eq(principals.tenant, login), and(eq(principals.kind, "user"), eq(principals.id, login), eq(principals.id, user)));

const inScope = (scope: CredentialScope, id: string): SQL | undefined =>
  and(
    eq(credentials.id, id),
    sql`${credentials.principal} in (select ${principals.id} from ${principals} where ${reached(scope)})`,
  );

export const credentialStore = {
  /** A credential that is enabled and has not expired. */
  async usable(db: Database, id: string, now: Date): Promise<CredentialRow | undefined> {
    const [row] = await getUsable(db).execute({ id, now: now.toISOString() });
    return row;
  },

  async get(db: Database, scope: CredentialScope, id: string): Promise<UsedCredential | undefined> {
    const [row] = await selectUsed(db).where(inScope(scope, id));
    return row;
  },

  /** Newest first. */
  list(
    db: Database,
    scope: CredentialScope,
    filter: { readonly principal?: string | undefined; readonly kind?: CredentialKindName | undefined },
  ): Promise<UsedCredential[]> {
    const { principal, kind } = filter;
    return selectUsed(db)
      .innerJoin(principals, eq(principals.id, credentials.principal))
      .where(
        and(
          reached(scope),
          principal === undefined ? undefined : eq(credentials.principal, principal),
          kind === undefined ? undefined : eq(credentials.kind, kind),
        ),
      )
      .orderBy(desc(credentials.createdAt), desc(credentials.id));
  },

  /** Ids of the projects of a tenant. */
  async projectsOf(db: Database, tenant: string): Promise<string[]> {
    const rows = await db.select({ id: projects.id }).from(projects).where(eq(projects.tenant, tenant));
    return rows.map(({ id }) => id);
  },

  /**
   * How many the principal has; makes others who add to them wait until the transaction ends. Undefined for a
   * principal that is gone.
   */
  async lockAndCount(tx: Database, principal: string): Promise<number | undefined> {
    const id = eq(principals.id, principal);
    const rows = await tx.select({ id: principals.id }).from(principals).where(id).for("no key update");
    if (rows.length === 0) return undefined;
    return await tx.$count(credentials, eq(credentials.principal, principal));
  },

  async insert(db: Database, row: NewCredential): Promise<CredentialRow> {
    const [inserted] = await db.insert(credentials).values(row).returning();
    if (inserted === undefined) throw new Error("the insert answered no row");
    return inserted;
  },

  /** False when there is none in that scope. */
  async change(
    db: Database,
    scope: CredentialScope,
    id: string,
    set: Partial<Pick<NewCredential, "name" | "enabled" | "expiresAt">>,
  ): Promise<boolean> {
    const rows = await db.update(credentials).set(set).where(inScope(scope, id)).returning({ id: credentials.id });
    return rows.length > 0;
  },

  /** Puts a new secret in place of the one that there was, which holds until then; false when there is none. */
  async rotate(
    db: Database,
    scope: CredentialScope,
    id: string,
    {
      digest,
      now,
      previousUntil,
    }: { readonly digest: string; readonly now: Date; readonly previousUntil: Date | null },
  ): Promise<boolean> {
    const previousDigest = previousUntil === null ? null : sql`${credentials.digest}`;
    const rows = await db
      .update(credentials)
      .set({ digest, rotatedAt: now, previousDigest, previousUntil })
      .where(inScope(scope, id))
      .returning({ id: credentials.id });
    return rows.length > 0;
  },

  /** Deletes one that is disabled, has expired or is an SSH key; false when there is no such one. */
  async removeUnused(db: Database, scope: CredentialScope, id: string, now: Date): Promise<boolean> {
    const rows = await db
      .delete(credentials)
      .where(
        and(
          inScope(scope, id),
          or(
            eq(credentials.enabled, false),
            eq(credentials.kind, "ssh_public_key"),
            sql`${credentials.expiresAt} <= ${now.toISOString()}::timestamptz`,
          ),
        ),
      )
      .returning({ id: credentials.id });
    return rows.length > 0;
  },
};

const selectUsed = (db: Database) =>
  db
    .select({ ...getTableColumns(credentials), lastUsedAt: credentialUses.at })
    .from(credentials)
    .leftJoin(credentialUses, eq(credentialUses.credential, credentials.id))
    .$dynamic();
