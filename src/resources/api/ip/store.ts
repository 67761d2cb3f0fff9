import { and, eq, getTableColumns, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { constraintOf } from "../../../db/errors.js";
import { prepared } from "../../../db/prepared.js";
import { queries, statement, type Values } from "../../../db/statement.js";
import { addressPools } from "../../infra/address-pool/table.js";
import { isUuid } from "../uuid.js";
import { ips, ipUses } from "./table.js";

/** An address that a project has, with the network of its pool. */
export type IpRow = Omit<typeof ips.$inferSelect, "project"> & { readonly project: string; readonly network: string };

/** What a caller decides about a new address. */
export interface NewIp {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  readonly description: string;
  readonly type: "ephemeral" | "static";
  readonly tags: readonly string[];
  readonly now: Date;
  /** Which pools may serve it; what is left out matches all. */
  readonly network?: string | undefined;
  readonly partition?: string | undefined;
  readonly family?: 4 | 6 | undefined;
  /** How many addresses the project may have; 0 is no limit. */
  readonly most: number;
}

/** Why there is no address: no pool fits, those that fit have none left, or the project has all that it may have. */
export type NoAddress = "unfit" | "exhausted" | "quota";

const given = sql.placeholder;
const shown = { ...getTableColumns(ips), network: addressPools.network };

const select = (where: SQL | undefined) =>
  queries
    .select(shown)
    .from(ips)
    .innerJoin(addressPools, eq(addressPools.id, ips.pool))
    .where(and(eq(ips.project, given("project")), where))
    .orderBy(ips.id);

const one = eq(ips.id, given("id"));
/** An address of a project has one. */
const ofProject = <Query>(query: Query) => query as (db: Database, values: Values) => Promise<IpRow[]>;
const getIp = ofProject(statement("ip_get", shown, () => select(one)));
const lockIp = ofProject(statement("ip_lock", shown, () => select(one).for("update", { of: ips })));
const listIps = ofProject(statement("ip_list", shown, () => select(undefined)));

export const ipStore = {
  /** An address of that project. */
  async get(db: Database, project: string, id: string): Promise<IpRow | undefined> {
    if (!isUuid(project) || !isUuid(id)) return undefined;
    return (await getIp(db, { project, id }))[0];
  },

  /** The same, locked until the transaction ends. */
  async lock(tx: Database, project: string, id: string): Promise<IpRow | undefined> {
    if (!isUuid(project) || !isUuid(id)) return undefined;
    return (await lockIp(tx, { project, id }))[0];
  },

  list(db: Database, project: string): Promise<IpRow[]> {
    return isUuid(project) ? listIps(db, { project }) : Promise.resolve([]);
  },

  /**
   * Hands out an address that nobody has, and asks for the job that tells the project's clusters. The database does
   * all of it in one call, which outside of a transaction is one.
   */
  async allocate(db: Database, ip: NewIp): Promise<IpRow | NoAddress> {
    const { id, project, name, description, type, now, network, partition, family, most } = ip;
    const tags = [...ip.tags];
    const facts = { id, project, name, description, type, tags };
    const asked = { network: network ?? null, partition: partition ?? null, family: family ?? null, most };
    const call = withoutDeadlock(() => allocation(db).execute({ ...facts, now: now.toISOString(), ...asked }));
    // Somebody else of the project took the last one at the same moment.
    const [got] = await call.catch((error: unknown) => {
      if (constraintOf(error) === "ips_quota") return [{ outcome: "quota" as const }];
      throw error;
    });
    if (got?.outcome !== "allocated") return got?.outcome ?? "exhausted";
    const { outcome: _, ...place } = got;
    return { ...facts, ...place, createdAt: now, updatedAt: now, quarantinedUntil: null };
  },

  async update(
    tx: Database,
    id: string,
    change: Partial<Pick<IpRow, "name" | "description" | "type" | "tags">>,
    now: Date,
  ): Promise<void> {
    await tx
      .update(ips)
      .set({ ...change, tags: change.tags === undefined ? undefined : [...change.tags], updatedAt: now })
      .where(eq(ips.id, id));
  },

  /** Whether a Service of any cluster uses the address. */
  async isUsed(tx: Database, id: string): Promise<boolean> {
    const [row] = await tx.select({ ip: ipUses.ip }).from(ipUses).where(eq(ipUses.ip, id)).limit(1);
    return row !== undefined;
  },

  /** Takes an address from its project, which it answers; it is handed out again after the time. */
  async release(tx: Database, id: string, until: Date, now: Date): Promise<string | undefined> {
    const { rows } = await tx.execute<{ project: string }>(sql`
      update ${ips} set project = null, name = '', description = '', tags = '{}',
        quarantined_until = ${until.toISOString()}::timestamptz, updated_at = ${now.toISOString()}::timestamptz
      from (select id, project from ${ips} where id = ${id} and project is not null for update) had
      where ips.id = had.id returning had.project`);
    return rows[0]?.project;
  },
};

const allocation = prepared((db) =>
  db
    .select({
      outcome: sql<"allocated" | NoAddress>`outcome`,
      pool: sql<string>`pool`,
      address: sql<string>`address`,
      network: sql<string>`network`,
    })
    .from(
      sql`allocate_address(${given("id")}, ${given("project")}, ${given("name")}, ${given("description")},
        ${given("type")}, ${given("tags")}, ${given("now")}, ${given("network")}, ${given("partition")},
        ${given("family")}, ${given("most")})`,
    )
    .prepare("ip_allocate"),
);

const mostTries = 4;

/** Calls again when it was the one that the database chose to end a deadlock: of that call nothing was done. */
async function withoutDeadlock<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await call();
    } catch (error) {
      const { code } = ((error as Error).cause ?? {}) as { readonly code?: unknown };
      if (code !== "40P01" || tries === mostTries) throw error;
    }
  }
}
