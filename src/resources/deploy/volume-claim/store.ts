import { and, eq, getTableColumns, inArray, isNull, ne, or, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { constraintOf } from "../../../db/errors.js";
import { DomainError } from "../../../errors.js";
import { deployments } from "../deployment/table.js";
import { targetNamespaces } from "../namespace/table.js";
import { releases } from "../release/table.js";
import { volumeClaims } from "./table.js";

export type VolumeClaimRow = typeof volumeClaims.$inferSelect;

/** A volume claim with what it takes to reach it. */
export interface PlacedClaim extends VolumeClaimRow {
  readonly target: string;
  /** Name of the Namespace. */
  readonly namespaceName: string;
}

/** A deployment that mounts a volume claim. */
export interface ClaimUser {
  readonly id: string;
  readonly name: string;
}

/** What a caller reaches: the volume claims of a project, or, where an environment is named, of that alone. */
export interface VolumeClaimScope {
  readonly project: string;
  /** Empty for those of all environments. */
  readonly environment: string;
}

/** Which volume claim, within what the caller reaches. */
export interface VolumeClaimKey extends VolumeClaimScope {
  readonly id: string;
}

/** What a caller changes; what is left out stays. */
export type VolumeClaimChanges = Partial<Pick<VolumeClaimRow, "size" | "storageClass" | "accessMode" | "labels">>;

/** What was seen of a volume claim. */
export type ClaimSight = Pick<VolumeClaimRow, "state" | "message" | "capacity">;

const placed = {
  ...getTableColumns(volumeClaims),
  target: targetNamespaces.target,
  namespaceName: targetNamespaces.name,
};

/** Volume claims in namespaces of targets. */
export const volumeClaimStore = {
  async get(db: Database, key: VolumeClaimKey): Promise<VolumeClaimRow | undefined> {
    const [row] = await db.select().from(volumeClaims).where(is(key));
    return row;
  },

  /** The same, locked until the transaction ends: nothing new mounts it. */
  async lock(tx: Database, key: VolumeClaimKey): Promise<VolumeClaimRow | undefined> {
    const [row] = await tx.select().from(volumeClaims).where(is(key)).for("update");
    return row;
  },

  /** Whatever project it is in: what jobs read. */
  async byId(db: Database, id: string): Promise<PlacedClaim | undefined> {
    const [row] = await placedClaims(db, eq(volumeClaims.id, id));
    return row;
  },

  ofTarget: (db: Database, target: string): Promise<PlacedClaim[]> =>
    placedClaims(db, eq(targetNamespaces.target, target)),

  /** Those of a scope, or of one namespace of it, by name. */
  list(db: Database, scope: VolumeClaimScope, namespace: string): Promise<VolumeClaimRow[]> {
    return db
      .select()
      .from(volumeClaims)
      .where(and(inScope(scope), namespace === "" ? undefined : eq(volumeClaims.namespace, namespace)))
      .orderBy(volumeClaims.name, volumeClaims.id);
  },

  count(db: Database, project: string): Promise<number> {
    return db.$count(volumeClaims, eq(volumeClaims.project, project));
  },

  /** The deployments that mount these, by name: those of which a release does that is active, or is to be. */
  async users(db: Database, ids: readonly string[]): Promise<Map<string, ClaimUser[]>> {
    const users = new Map<string, ClaimUser[]>();
    if (ids.length === 0) return users;
    const claim = sql<string>`claims.claim`;
    const rows = await db
      .selectDistinct({ claim, id: deployments.id, name: deployments.name })
      .from(releases)
      .innerJoin(deployments, eq(deployments.id, releases.deployment))
      .innerJoin(sql`unnest(${releases.usesVolumeClaims}) as claims(claim)`, sql`true`)
      .where(
        and(
          sql`${releases.usesVolumeClaims} && ${sql.param(ids)}::uuid[]`,
          sql`claims.claim = any(${sql.param(ids)}::uuid[])`,
          inArray(releases.status, ["active", "pending"]),
          isNull(deployments.deletedAt),
        ),
      )
      .orderBy(deployments.name, deployments.id);
    for (const { claim: of, ...user } of rows) users.set(of, [...(users.get(of) ?? []), user]);
    return users;
  },

  /** Adds a volume claim; throws "exists" when the namespace has one of that name. */
  async insert(tx: Database, row: typeof volumeClaims.$inferInsert): Promise<VolumeClaimRow> {
    const [added] = await tx
      .insert(volumeClaims)
      .values(row)
      .returning()
      .catch((error: unknown) => {
        throw translated(error, row.name);
      });
    if (added === undefined) throw new Error("the write answered no row");
    return added;
  },

  /** Changes what is wanted. */
  async want(tx: Database, id: string, changes: VolumeClaimChanges, now: Date): Promise<VolumeClaimRow | undefined> {
    const raised = {
      generation: sql`${volumeClaims.generation} + 1`,
      version: sql`${volumeClaims.version} + 1`,
      updatedAt: now,
    };
    const [row] = await tx
      .update(volumeClaims)
      .set({ ...changes, ...raised })
      .where(eq(volumeClaims.id, id))
      .returning();
    return row;
  },

  /** Wants it gone. */
  async requestDelete(tx: Database, id: string, now: Date): Promise<VolumeClaimRow | undefined> {
    const going = { deleteRequestedAt: now, state: "terminating", message: "it is being deleted" } as const;
    const [row] = await tx
      .update(volumeClaims)
      .set({ ...going, version: sql`${volumeClaims.version} + 1`, updatedAt: now })
      .where(eq(volumeClaims.id, id))
      .returning();
    return row;
  },

  /** The target has what is wanted, and that was seen of it. */
  async markApplied(db: Database, { id, generation }: VolumeClaimRow, seen: ClaimSight): Promise<void> {
    await db
      .update(volumeClaims)
      .set({ ...seen, appliedGeneration: generation })
      .where(and(isWanted(id, generation), or(differs(seen), ne(volumeClaims.appliedGeneration, generation))));
  },

  /** What was seen of one that is not, or not yet, what is wanted. */
  async markSeen(db: Database, { id, generation }: VolumeClaimRow, seen: ClaimSight): Promise<void> {
    await db
      .update(volumeClaims)
      .set(seen)
      .where(and(isWanted(id, generation), differs(seen)));
  },

  /** Why it is not gone yet. */
  async markTerminating(db: Database, id: string, message: string): Promise<void> {
    await db
      .update(volumeClaims)
      .set({ message })
      .where(and(eq(volumeClaims.id, id), isGoing, ne(volumeClaims.message, message)));
  },

  /** Forgets one that is gone, as was asked for. */
  async remove(db: Database, id: string): Promise<void> {
    await db.delete(volumeClaims).where(and(eq(volumeClaims.id, id), isGoing));
  },
};

function placedClaims(db: Database, where: SQL): Promise<PlacedClaim[]> {
  return db
    .select(placed)
    .from(volumeClaims)
    .innerJoin(targetNamespaces, eq(targetNamespaces.id, volumeClaims.namespace))
    .where(where);
}

// Every question carries the project, and the environment whenever one is named: a role may be held there alone.
const inScope = ({ project, environment }: VolumeClaimScope): SQL | undefined =>
  and(eq(volumeClaims.project, project), environment === "" ? undefined : eq(volumeClaims.environment, environment));

const is = (key: VolumeClaimKey): SQL | undefined => and(eq(volumeClaims.id, key.id), inScope(key));

const isGoing = sql`${volumeClaims.deleteRequestedAt} is not null`;

/** Nothing else was wanted meanwhile. */
const isWanted = (id: string, generation: number): SQL | undefined =>
  and(eq(volumeClaims.id, id), eq(volumeClaims.generation, generation), isNull(volumeClaims.deleteRequestedAt));

/** What is so already is not written again: watchers would hear of it. */
const differs = ({ state, message, capacity }: ClaimSight): SQL | undefined =>
  or(ne(volumeClaims.state, state), ne(volumeClaims.message, message), ne(volumeClaims.capacity, capacity));

function translated(error: unknown, name: string): unknown {
  if (constraintOf(error) !== "volume_claims_name") return error;
  return new DomainError("exists", `the namespace has a volume claim ${name} already`, { cause: error });
}
