import { and, eq, getTableColumns, gte, isNull, lt, or, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { exactPrice, type PriceRow } from "../price/store.js";
import { prices } from "../price/table.js";
import { billingAccounts, metering, usageTotals } from "./table.js";

/** A tenant's billing period, by its start: the first of a month in UTC. */
export interface TenantPeriod {
  readonly tenant: string;
  readonly period: Date;
}

/** What one resource used of one product at one price, charged to one billing period. */
export interface UsageTotal {
  readonly project: string;
  /** As it is called, or was last. */
  readonly projectName: string;
  readonly resource: string;
  /** As it was called last. */
  readonly resourceName: string;
  readonly price: PriceRow;
  /** Whether the use was in an earlier period, whose invoice had been issued. */
  readonly correction: boolean;
  /** Pieces or bytes, times seconds; below 0 for what is taken back. */
  readonly quantity: bigint;
}

/** Which totals of a billing period are asked for; all of them unless told. */
export interface TotalsFilter {
  readonly project?: string | undefined;
  readonly page?: { readonly limit: number; readonly offset: number };
}

/** What was used of a product at one price. */
export interface UsagePart {
  readonly price: PriceRow;
  /** Pieces or bytes, times seconds. */
  readonly quantity: bigint;
}

/** What a tenant used of a product, and at which prices: its exact cost is the sum of its parts. */
export interface ProductUse {
  readonly product: string;
  readonly parts: readonly UsagePart[];
}

/** Something that costs by the time for which it runs, as it is now. */
export interface RunningUse {
  readonly project: string;
  readonly resource: string;
  readonly meter: PriceRow["meter"];
  readonly variant: string;
  /** Pieces or bytes. */
  readonly quantity: bigint;
}

const openPeriod = or(isNull(billingAccounts.closedUntil), gte(usageTotals.period, billingAccounts.closedUntil));

export const usageStore = {
  /**
   * What the resources of a tenant used, by names of project and resource, by product and the time of the price; of a
   * page one more than its limit.
   */
  async totals(
    db: Database,
    { tenant, period }: TenantPeriod,
    { project, page }: TotalsFilter = {},
  ): Promise<UsageTotal[]> {
    const query = db
      .select({
        project: usageTotals.project,
        projectName: sql<string>`coalesce(present.name, known.project_name, '')`.as("project_called"),
        resource: usageTotals.resource,
        resourceName: sql<string>`coalesce(known.resource_name, '')`.as("resource_called"),
        price: getTableColumns(prices),
        correction: usageTotals.correction,
        quantity: usageTotals.quantity,
      })
      .from(usageTotals)
      .innerJoin(prices, eq(prices.id, usageTotals.price))
      .leftJoin(sql`projects present`, sql`present.id = ${usageTotals.project}`)
      .leftJoin(
        sql`lateral (select f.project_name, f.resource_name from usage_facts f
          where f.resource = ${usageTotals.resource} and f.meter = ${prices.meter}
          order by f.id desc limit 1) known`,
        sql`true`,
      )
      .where(
        and(
          eq(usageTotals.tenant, tenant),
          eq(usageTotals.period, period),
          project === undefined ? undefined : eq(usageTotals.project, project),
        ),
      )
      .orderBy(
        sql`project_called, ${usageTotals.project}, resource_called, ${usageTotals.resource}, ${prices.product}, ${prices.validFrom}, ${usageTotals.correction}`,
      );
    const rows = await (page === undefined ? query : query.limit(page.limit + 1).offset(page.offset));
    return rows.map((row) => ({ ...row, price: exactPrice(row.price), quantity: BigInt(row.quantity) }));
  },

  /** Whether a tenant used anything in a project in a billing period. */
  async usedIn(db: Database, { tenant, period }: TenantPeriod, project: string): Promise<boolean> {
    const ofTenant = and(eq(usageTotals.tenant, tenant), eq(usageTotals.period, period));
    return (await db.$count(usageTotals, and(ofTenant, eq(usageTotals.project, project)))) > 0;
  },

  /** What a tenant used of each product that it used, by product; corrections of earlier periods are in it. */
  async costs(db: Database, { tenant, period }: TenantPeriod): Promise<ProductUse[]> {
    const rows = await db
      .select({ price: getTableColumns(prices), quantity: sql<string>`sum(${usageTotals.quantity})::text` })
      .from(usageTotals)
      .innerJoin(prices, eq(prices.id, usageTotals.price))
      .where(and(eq(usageTotals.tenant, tenant), eq(usageTotals.period, period)))
      .groupBy(prices.id)
      .orderBy(prices.product, prices.validFrom);
    const parts = rows.map(({ price, quantity }) => ({ price: exactPrice(price), quantity: BigInt(quantity) }));
    return [...new Set(parts.map(({ price }) => price.product))].map((product) => ({
      product,
      parts: parts.filter(({ price }) => price.product === product),
    }));
  },

  /** Everything of a tenant that runs now and would be metered, whether it has a price or not. */
  async running(db: Database, tenant: string): Promise<RunningUse[]> {
    const { rows } = await db.execute<Record<keyof RunningUse, string> & Pick<RunningUse, "meter">>(sql`
      select u.project, u.resource, u.meter, u.variant, u.quantity::text as quantity
      from running_use u join projects p on p.id = u.project where p.tenant = ${tenant}`);
    return rows.map((row) => ({ ...row, quantity: BigInt(row.quantity) }));
  },

  /** Until when all use is known; undefined before the first run of the meter. */
  async meteredUntil(db: Database): Promise<Date | undefined> {
    const [row] = await db.select({ until: metering.meteredUntil }).from(metering);
    return row?.until ?? undefined;
  },

  /** The same; the meter, which would add use, waits until the transaction ends. */
  async holdMeter(tx: Database): Promise<Date | undefined> {
    const [row] = await tx.select({ until: metering.meteredUntil }).from(metering).for("share");
    return row?.until ?? undefined;
  },

  /**
   * What the use that was metered and is on no invoice yet costs, in billionths of a minor unit, before discounts;
   * fractions of one are dropped for each price.
   */
  async unbilled(db: Database, tenant: string): Promise<bigint> {
    const rows = await db
      .select({
        size: prices.unitSize,
        nano: prices.unitAmountNano,
        quantity: sql<string>`sum(${usageTotals.quantity})::text`,
      })
      .from(usageTotals)
      .innerJoin(prices, eq(prices.id, usageTotals.price))
      .leftJoin(billingAccounts, eq(billingAccounts.tenant, usageTotals.tenant))
      .where(and(eq(usageTotals.tenant, tenant), openPeriod))
      .groupBy(prices.id);
    return rows.reduce((sum, { size, nano, quantity }) => sum + (BigInt(quantity) * BigInt(nano)) / BigInt(size), 0n);
  },

  /** The billing periods before a time in which tenants used something and which are not closed, the oldest first. */
  openPeriods(db: Database, before: Date): Promise<TenantPeriod[]> {
    return db
      .selectDistinct({ tenant: usageTotals.tenant, period: usageTotals.period })
      .from(usageTotals)
      .leftJoin(billingAccounts, eq(billingAccounts.tenant, usageTotals.tenant))
      .where(and(lt(usageTotals.period, before), openPeriod))
      .orderBy(usageTotals.period, usageTotals.tenant)
      .then((rows) => rows);
  },

  /** Locks a tenant's account until the transaction ends; answers until when it is closed, undefined when it never was. */
  async lockAccount(tx: Database, tenant: string): Promise<Date | undefined> {
    const beginning = new Date(0);
    await tx.insert(billingAccounts).values({ tenant, closedUntil: beginning }).onConflictDoNothing();
    const [row] = await tx.select().from(billingAccounts).where(eq(billingAccounts.tenant, tenant)).for("update");
    return row === undefined || row.closedUntil <= beginning ? undefined : row.closedUntil;
  },

  /** Closes a tenant's billing periods up to the start of one: use before it is charged to that one from now on. */
  async close(tx: Database, tenant: string, until: Date): Promise<void> {
    const raised = sql`greatest(${billingAccounts.closedUntil}, excluded.closed_until)`;
    await tx
      .insert(billingAccounts)
      .values({ tenant, closedUntil: until })
      .onConflictDoUpdate({ target: billingAccounts.tenant, set: { closedUntil: raised } });
  },
};
