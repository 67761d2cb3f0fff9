import { and, asc, eq, gt, inArray, isNotNull, isNull, or, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { constraintOf } from "../../../db/errors.js";
import { DomainError } from "../../../errors.js";
import { releases } from "../release/table.js";
import type { ReadFrom, ResumableRead } from "../resume.js";
import { deployments } from "./table.js";

export type DeploymentRow = typeof deployments.$inferSelect;

/** What a caller reaches: the deployments of a project, or, where an environment is named, of that environment alone. */
export interface DeploymentScope {
  readonly project: string;
  /** Empty for those of all environments. */
  readonly environment: string;
}

/** Which deployment, within what the caller reaches. */
export interface DeploymentKey extends DeploymentScope {
  readonly id: string;
}

/** What of a deployment can be written; the version rises only where it is asked for. */
export type DeploymentChanges = Partial<
  Omit<
    typeof deployments.$inferInsert,
    "id" | "project" | "environment" | "objectName" | "version" | "revision" | "changedXid" | "createdAt"
  >
>;

/** Which deployments to list. */
export interface DeploymentFilter extends DeploymentScope {
  readonly name?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly target?: string | undefined;
  readonly kind?: string | undefined;
  readonly phase?: DeploymentRow["phase"] | undefined;
}

/** A part of a list by name: those after that name and id, and one more than `limit` when there are more. */
export interface DeploymentPage {
  readonly after?: { readonly name: string; readonly id: string } | undefined;
  readonly limit: number;
}

/** Deployments. Those that are deleted are found by `byIds` and `changedSince` alone. */
export const deploymentStore = {
  async get(db: Database, key: DeploymentKey): Promise<DeploymentRow | undefined> {
    const [row] = await db
      .select()
      .from(deployments)
      .where(and(is(key), isNull(deployments.deletedAt)));
    return row;
  },

  /** The same, locked until the transaction ends: all that is written of a deployment and its tasks comes one by one. */
  async lock(tx: Database, key: DeploymentKey): Promise<DeploymentRow | undefined> {
    const [row] = await tx
      .select()
      .from(deployments)
      .where(and(is(key), isNull(deployments.deletedAt)))
      .for("no key update");
    return row;
  },

  /** Whatever project it is in, locked: what workers do. Undefined for one that is deleted. */
  async lockById(tx: Database, id: string): Promise<DeploymentRow | undefined> {
    const [row] = await tx
      .select()
      .from(deployments)
      .where(and(eq(deployments.id, id), isNull(deployments.deletedAt)))
      .for("no key update");
    return row;
  },

  /** The same, kept as it is until the transaction ends: nobody deletes it. */
  async hold(tx: Database, key: DeploymentKey): Promise<DeploymentRow | undefined> {
    const [row] = await tx
      .select()
      .from(deployments)
      .where(and(is(key), isNull(deployments.deletedAt)))
      .for("share");
    return row;
  },

  /** Keeps these, as far as they are there, as they are until the transaction ends. */
  async holdAll(tx: Database, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await tx
      .select({ id: deployments.id })
      .from(deployments)
      .where(sql`${deployments.id} = any(${sql.param(ids)}::uuid[])`)
      .orderBy(deployments.id)
      .for("share");
  },

  /** Whatever project they are in, deleted ones too. */
  byIds(db: Database, ids: readonly string[]): Promise<DeploymentRow[]> {
    return db
      .select()
      .from(deployments)
      .where(sql`${deployments.id} = any(${sql.param(ids)}::uuid[])`);
  },

  /** A page of those that match, by name and id. */
  list(db: Database, filter: DeploymentFilter, { after, limit }: DeploymentPage): Promise<DeploymentRow[]> {
    const { name, labels, target, kind, phase } = filter;
    const later =
      after &&
      or(gt(deployments.name, after.name), and(eq(deployments.name, after.name), gt(deployments.id, after.id)));
    return db
      .select()
      .from(deployments)
      .where(
        and(
          inScope(filter),
          isNull(deployments.deletedAt),
          name === undefined ? undefined : eq(deployments.name, name),
          labels === undefined ? undefined : sql`${deployments.labels} @> ${JSON.stringify(labels)}::jsonb`,
          target === undefined ? undefined : eq(deployments.liveTarget, target),
          kind === undefined ? undefined : eq(deployments.kind, kind),
          phase === undefined ? undefined : eq(deployments.phase, phase),
          later,
        ),
      )
      .orderBy(asc(deployments.name), asc(deployments.id))
      .limit(limit + 1);
  },

  /** How many a project has. */
  count(db: Database, project: string): Promise<number> {
    return db.$count(deployments, and(eq(deployments.project, project), isNull(deployments.deletedAt)));
  },

  /**
   * Whether a deployment of the project, or one that was forgotten and has left objects behind, has that object name, or
   * one with which a process of either could be called as one of the other: `a-b` and c, or `a` and b-c.
   */
  async hasObjectName(db: Database, project: string, objectName: string): Promise<boolean> {
    const begins = (long: SQL, short: SQL) => sql`${long} ~ ('^' || ${short} || '-[a-z]')`;
    const [own, other] = [sql`${objectName}::text`, sql`${deployments.objectName}`];
    const where = and(
      eq(deployments.project, project),
      or(sql`${other} = ${own}`, begins(other, own), begins(own, other)),
      or(isNull(deployments.deletedAt), sql`${deployments.inventory} <> '[]'`),
    );
    return (await db.$count(deployments, where)) > 0;
  },

  /** Adds a deployment; throws "exists" when the environment has one of that name. */
  async insert(tx: Database, row: typeof deployments.$inferInsert): Promise<DeploymentRow> {
    const [added] = await tx
      .insert(deployments)
      .values(row)
      .returning()
      .catch((error: unknown) => {
        throw translated(error, row.name);
      });
    if (added === undefined) throw new Error("the write answered no row");
    return added;
  },

  /**
   * Writes what is given; whoever calls it has locked the deployment. With `byCaller` its version rises, as for each
   * change that a caller makes. Throws "exists" when the environment has another one of that name.
   */
  async update(
    tx: Database,
    id: string,
    changes: DeploymentChanges,
    { byCaller = false }: { readonly byCaller?: boolean } = {},
  ): Promise<DeploymentRow> {
    const [row] = await tx
      .update(deployments)
      .set({ ...changes, ...(byCaller ? { version: sql`${deployments.version} + 1` } : {}) })
      .where(eq(deployments.id, id))
      .returning()
      .catch((error: unknown) => {
        throw translated(error, changes.name);
      });
    if (row === undefined) throw new Error(`deployment ${id} is not there any more`);
    return row;
  },

  /**
   * What was written of the scope, or of that one, after a place, at most `limit` of them, deleted ones too; and how far
   * the statement saw.
   */
  async changedSince(
    db: Database,
    key: DeploymentScope & { readonly id?: string | undefined },
    { changedXid, id }: ReadFrom,
    limit: number,
  ): Promise<ResumableRead<DeploymentRow>> {
    const seen = db
      .select({ horizon: sql<string>`pg_snapshot_xmin(pg_current_snapshot())::text`.as("horizon") })
      .from(sql`(values (1)) one`)
      .as("seen");
    const isAfter =
      id === ""
        ? sql`${deployments.changedXid} >= ${changedXid.toString()}::bigint`
        : sql`(${deployments.changedXid}, ${deployments.id}) > (${changedXid.toString()}::bigint, ${id}::uuid)`;
    const read = await db
      .select({ horizon: seen.horizon, row: deployments })
      .from(seen)
      .leftJoin(deployments, and(among(key), isAfter))
      .orderBy(asc(deployments.changedXid), asc(deployments.id))
      .limit(limit);
    const rows = read.flatMap(({ row }) => (row === null ? [] : [row]));
    return { rows, horizon: BigInt(read[0]?.horizon ?? 0) };
  },

  /** The deployments one of whose releases uses a secret, by name: the first of them, and how many there are. */
  usingSecret: (db: Database, secret: string, most: number): Promise<Users> =>
    using(db, releases.usesSecrets, secret, most),

  /** The same for a volume claim. */
  usingVolumeClaim: (db: Database, claim: string, most: number): Promise<Users> =>
    using(db, releases.usesVolumeClaims, claim, most),

  /** Ids of the deployments whose release that runs, or is about to, has a secret whose newest version it follows. */
  async following(db: Database, secret: string): Promise<string[]> {
    const rows = await db
      .selectDistinct({ id: deployments.id })
      .from(deployments)
      .innerJoin(releases, eq(releases.deployment, deployments.id))
      .where(
        and(
          isNull(deployments.deletedAt),
          has(releases.followsSecrets, secret),
          inArray(releases.status, ["active", "pending"]),
          isNotNull(releases.content),
        ),
      )
      .orderBy(deployments.id);
    return rows.map(({ id }) => id);
  },
};

/** The first of many deployments by name, and how many there are. */
export interface Users {
  readonly named: string[];
  readonly count: number;
}

type UuidList = typeof releases.usesSecrets | typeof releases.followsSecrets | typeof releases.usesVolumeClaims;

const has = (column: UuidList, id: string): SQL => sql`${column} @> array[${id}]::uuid[]`;

async function using(db: Database, column: UuidList, id: string, most: number): Promise<Users> {
  const rows = await db
    .select({ name: deployments.name, count: sql<number>`(count(*) over ())::int` })
    .from(deployments)
    .innerJoin(releases, eq(releases.deployment, deployments.id))
    .where(and(isNull(deployments.deletedAt), has(column, id)))
    .groupBy(deployments.id)
    .orderBy(deployments.name)
    .limit(most);
  return { named: rows.map(({ name }) => name), count: rows[0]?.count ?? 0 };
}

// Every question carries the project, and the environment whenever one is named: a role may be held there alone.
const inScope = ({ project, environment }: DeploymentScope): SQL | undefined =>
  and(eq(deployments.project, project), environment === "" ? undefined : eq(deployments.environment, environment));

const is = (key: DeploymentKey): SQL | undefined => and(eq(deployments.id, key.id), inScope(key));

const among = (key: DeploymentScope & { readonly id?: string | undefined }): SQL | undefined =>
  and(inScope(key), key.id === undefined ? undefined : eq(deployments.id, key.id));

function translated(error: unknown, name: string | undefined): unknown {
  if (constraintOf(error) !== "deployments_name") return error;
  return new DomainError("exists", `the environment has a deployment ${name} already`, { cause: error });
}
