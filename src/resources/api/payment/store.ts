import { and, eq, isNotNull, isNull, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { clusters } from "../cluster/table.js";
import { ips } from "../ip/table.js";
import { projects } from "../project/table.js";
import { snapshots, volumes } from "../volume/table.js";
import type { CustomerAccount, Processor } from "./processor.js";
import { customers } from "./table.js";

export type CustomerRow = typeof customers.$inferSelect;

/** What a customer may say of its account; what is left out stays. */
export type CustomerFields = Partial<Pick<CustomerRow, "name" | "email" | "phoneNumber" | "vat" | "address">>;

/** What to write of an account after the processor has taken it. */
export interface SavedCustomer {
  readonly tenant: string;
  readonly processor: Processor["name"];
  readonly account: CustomerAccount;
  /** Whether the payment method was asked to be another one. */
  readonly setsPaymentMethod: boolean;
  readonly fields: CustomerFields;
  readonly now: Date;
}

/** Something that costs money now. */
export interface ChargeableResource {
  readonly kind: "address" | "cluster" | "snapshot" | "volume";
  readonly name: string;
}

export const customerStore = {
  async get(db: Database, tenant: string): Promise<CustomerRow | undefined> {
    const [row] = await db.select().from(customers).where(eq(customers.tenant, tenant));
    return row;
  },

  /** The account with that id at the payment processor. */
  async byId(db: Database, id: string): Promise<CustomerRow | undefined> {
    const [row] = await db.select().from(customers).where(eq(customers.id, id));
    return row;
  },

  /** The same as `get`, locked until the transaction ends. */
  async lock(tx: Database, tenant: string): Promise<CustomerRow | undefined> {
    const [row] = await tx.select().from(customers).where(eq(customers.tenant, tenant)).for("update");
    return row;
  },

  /**
   * Makes the tenant's account or changes it: of two who make it at once the first one's id stays. An account that
   * moves to another processor gets the id that it has there.
   */
  async save(db: Database, saved: SavedCustomer): Promise<CustomerRow> {
    const { tenant, processor, account, setsPaymentMethod, fields, now } = saved;
    const { id, subscriptionId, paymentMethodId, card } = account;
    const moves = sql`${customers.processor} <> ${processor}`;
    const method = { paymentMethodId, card };
    const [row] = await db
      .insert(customers)
      .values({ tenant, id, processor, subscriptionId, ...method, ...fields, createdAt: now, updatedAt: now })
      .onConflictDoUpdate({
        target: customers.tenant,
        set: {
          ...fields,
          id: sql`case when ${moves} then ${id} else ${customers.id} end`,
          processor,
          subscriptionId,
          // What a processor holds is nothing to another.
          paymentMethodId: setsPaymentMethod ? paymentMethodId : keptUnless(moves, customers.paymentMethodId),
          card: setsPaymentMethod ? card : keptUnless(moves, customers.card),
          updatedAt: now,
        },
      })
      .returning();
    if (row === undefined) throw new Error("the database returned no customer");
    return row;
  },

  /** Forgets the payment method, if it is still that one. */
  async removePaymentMethod(tx: Database, tenant: string, paymentMethodId: string, now: Date): Promise<void> {
    await tx
      .update(customers)
      .set({ paymentMethodId: null, card: null, updatedAt: now })
      .where(and(eq(customers.tenant, tenant), eq(customers.paymentMethodId, paymentMethodId)));
  },

  /** Says that the processor has something to hear of the customer. */
  async raiseGeneration(tx: Database, tenant: string): Promise<void> {
    const generation = sql`${customers.generation} + 1`;
    await tx.update(customers).set({ generation }).where(eq(customers.tenant, tenant));
  },

  /** Says what the processor heard of the customer, unless it heard of something newer meanwhile. */
  async setSynced(
    db: Database,
    tenant: string,
    generation: number,
    { subscriptionId }: Pick<CustomerAccount, "subscriptionId">,
  ): Promise<void> {
    await db
      .update(customers)
      .set({ syncedGeneration: generation, subscriptionId })
      .where(and(eq(customers.tenant, tenant), sql`${customers.syncedGeneration} < ${generation}`));
  },

  /** Whether the tenant has anything that costs money now. */
  async hasChargeable(db: Database, tenant: string): Promise<boolean> {
    return (await customerStore.someChargeable(db, tenant, 1)).length > 0;
  },

  /** Some of what costs money now. */
  async someChargeable(db: Database, tenant: string, limit: number): Promise<ChargeableResource[]> {
    const { rows } = await db.execute<{ kind: ChargeableResource["kind"]; name: string }>(sql`
      select kind, name from (
        ${alive("cluster", clusters, isNull(clusters.deleteRequestedAt))}
        union all ${alive("volume", volumes, isNull(volumes.deletedAt))}
        union all ${alive("snapshot", snapshots, isNull(snapshots.deletedAt))}
        union all ${alive("address", ips, isNotNull(ips.project))}
      ) running
      where project in (select ${projects.id} from ${projects} where ${projects.tenant} = ${tenant})
      limit ${limit}`);
    return rows;
  },
};

const keptUnless = (moves: SQL, column: typeof customers.paymentMethodId | typeof customers.card): SQL =>
  sql`case when ${moves} then null else ${column} end`;

const alive = (
  kind: ChargeableResource["kind"],
  table: typeof clusters | typeof volumes | typeof snapshots | typeof ips,
  isAlive: SQL,
): SQL =>
  sql`select ${kind}::text as kind, ${table.name} as name, ${table.project} as project from ${table} where ${isAlive}`;
