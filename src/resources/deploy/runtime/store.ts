import { isDeepStrictEqual } from "node:util";
import { and, eq, isNull, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { storableJson } from "../../../db/storable-json.js";
import { deployments, type ObservedProcess } from "../deployment/table.js";
import { targetNamespaces } from "../namespace/table.js";
import { targets } from "../target/table.js";

const columns = {
  id: deployments.id,
  project: deployments.project,
  target: deployments.target,
  /** Name of the Namespace. */
  namespace: targetNamespaces.name,
  objectName: deployments.objectName,
  inventory: deployments.inventory,
  scale: deployments.scale,
  stopped: deployments.stopped,
  phase: deployments.phase,
  health: deployments.health,
  healthMessage: deployments.healthMessage,
  reported: deployments.reported,
  observed: deployments.observed,
} as const;

/** What is to be known of a deployment to tell how it is. */
export type Subject = Pick<typeof deployments.$inferSelect, Exclude<keyof typeof columns, "namespace">> & {
  readonly namespace: string;
};

export type HealthName = Subject["health"];

/** How a deployment is seen to be. */
export interface Seen {
  readonly health: HealthName;
  readonly healthMessage: string;
  readonly reported: string;
  readonly observed: Readonly<Record<string, ObservedProcess>>;
}

/** How a deployment is seen to be on a target; it holds only as long as it is the deployment's. */
export interface Sighting extends Seen {
  readonly id: string;
  readonly target: string;
}

/** What a request names; texts are empty where it names nothing. */
export interface RuntimeScope {
  readonly project: string;
  readonly environment: string;
  readonly deployment: string;
}

/** A target, as far as it takes to tell whether it is followed. */
export type RuntimeTarget = Pick<
  typeof targets.$inferSelect,
  "id" | "project" | "name" | "version" | "connection" | "connectionMessage"
>;

/** How many rows are written in one statement. */
const mostAtOnce = 200;

/** What the observer reads and writes. */
export const runtimeStore = {
  /** Deployments that are not deleted: all, or those among these. */
  subjects(db: Database, ids?: readonly string[]): Promise<Subject[]> {
    return db
      .select(columns)
      .from(deployments)
      .innerJoin(targetNamespaces, eq(targetNamespaces.id, deployments.namespace))
      .where(
        and(
          isNull(deployments.deletedAt),
          ids === undefined ? undefined : sql`${deployments.id} = any(${sql.param(ids)}::uuid[])`,
        ),
      );
  },

  /** Those that a caller reaches: of a project, an environment where one is named, and that deployment where one is. */
  inScope(db: Database, { project, environment, deployment }: RuntimeScope): Promise<Subject[]> {
    return db
      .select(columns)
      .from(deployments)
      .innerJoin(targetNamespaces, eq(targetNamespaces.id, deployments.namespace))
      .where(
        and(
          isNull(deployments.deletedAt),
          eq(deployments.project, project),
          environment === "" ? undefined : eq(deployments.environment, environment),
          deployment === "" ? undefined : eq(deployments.id, deployment),
        ),
      )
      .orderBy(deployments.id);
  },

  targets(db: Database, ids: readonly string[]): Promise<RuntimeTarget[]> {
    const { id, project, name, version, connection, connectionMessage } = targets;
    return db
      .select({ id, project, name, version, connection, connectionMessage })
      .from(targets)
      .where(sql`${targets.id} = any(${sql.param(ids)}::uuid[])`);
  },

  /**
   * Writes how deployments are seen to be, where that is new. The rows are locked in the order of their ids, so that it
   * waits for others who hold several of them, and never in a circle.
   */
  async observe(db: Database, sightings: readonly Sighting[]): Promise<void> {
    for (let at = 0; at < sightings.length; at += mostAtOnce) {
      await observeSome(db, sightings.slice(at, at + mostAtOnce));
    }
  },
};

async function observeSome(db: Database, sightings: readonly Sighting[]): Promise<void> {
  const ids = sightings.map(({ id }) => id);
  await db.execute(sql`
      with held as (
        select id from ${deployments} where id = any(${sql.param(ids)}::uuid[]) order by id for no key update
      )
      update ${deployments} d
        set health = s.health, health_message = s."healthMessage", reported = s.reported, observed = s.observed
        from jsonb_to_recordset(${storableJson(sightings)}::jsonb)
          as s(id uuid, target uuid, health text, "healthMessage" text, reported text, observed jsonb)
        where d.id in (select id from held) and d.id = s.id and d.target = s.target and d.deleted_at is null
          and (d.health, d.health_message, d.reported, d.observed)
            is distinct from (s.health, s."healthMessage", s.reported, s.observed)`);
}

/** Whether a deployment is shown as it is seen to be. */
export function isShown(shown: Seen, seen: Seen): boolean {
  const of = ({ health, healthMessage, reported, observed }: Seen): Seen => ({
    health,
    healthMessage,
    reported,
    observed,
  });
  return isDeepStrictEqual(of(shown), of(seen));
}
