import { sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { periodAfter, periodOf } from "../invoice/period.js";
import { type PriceRow, priceStore } from "../price/store.js";
import { costOf, secondsOf, type UseStep, withSteps } from "./forecast.js";
import { type TenantPeriod, usageStore } from "./store.js";

/** What a tenant spends in a billing period, in minor units before discounts and tax. */
export interface Spending {
  readonly periodStart: Date;
  readonly periodEnd: Date;
  /** Until when use is known. */
  readonly meteredUntil: Date;
  readonly spent: bigint;
  /** What the whole period will cost if everything runs on as it does now. */
  readonly forecast: bigint;
}

/** What was metered of a billing period costs; corrections of earlier ones are in it. */
export async function spentIn(db: Database, period: TenantPeriod): Promise<bigint> {
  return costOf(await usageStore.totals(db, period));
}

/**
 * Spending in the billing period of a time: what is metered, and from there on what runs, until the end of the period,
 * at the prices that will hold. It is all read as of one moment, so that nothing counts twice.
 */
export async function spendingOf(db: Database, tenant: string, now: Date): Promise<Spending> {
  const periodStart = periodOf(now);
  const periodEnd = periodAfter(now);
  const { meteredUntil, totals, steps, prices } = await db.transaction(
    async (tx) => {
      const metered = await usageStore.meteredUntil(tx);
      const until = metered !== undefined && metered > periodStart ? metered : periodStart;
      return {
        meteredUntil: until,
        totals: await usageStore.totals(tx, { tenant, period: periodStart }),
        steps: await stepsOf(tx, tenant, until, periodEnd),
        prices: await priceStore.list(tx),
      };
    },
    { isolationLevel: "repeatable read", accessMode: "read only" },
  );
  const spent = costOf(totals);
  const forecast = costOf(withSteps(totals, steps, prices));
  return { periodStart, periodEnd, meteredUntil, spent, forecast };
}

/**
 * What a tenant's resources use between two times, as the meter will see it: each fact holds until the first moment of
 * which a later one tells, and the last one until the end.
 */
async function stepsOf(db: Database, tenant: string, from: Date, end: Date): Promise<UseStep[]> {
  const [start, stop] = [secondsOf(from), secondsOf(end)];
  const second = sql`floor(extract(epoch from at))::bigint`;
  const { rows } = await db.execute<{
    resource: string;
    meter: PriceRow["meter"];
    variant: string;
    quantity: string;
    from: string;
    until: string;
  }>(sql`
    with series as (
      select u.resource, u.meter, u.variant from running_use u join projects p on p.id = u.project
        where p.tenant = ${tenant}
      union select resource, meter, variant from usage_facts where tenant = ${tenant} and at > to_timestamp(${start})
    ), fact as (
      select f.* from series s cross join lateral (
        select * from usage_facts f
        where f.resource = s.resource and f.meter = s.meter and f.variant = s.variant and f.at <= to_timestamp(${start})
        order by f.id desc limit 1) f
      union all
      select f.* from series s join usage_facts f using (resource, meter, variant)
        where f.at > to_timestamp(${start}) and f.at < to_timestamp(${stop})
    ), step as (
      select resource, meter, variant, quantity, greatest(${second}, ${start}::bigint) as since,
        least(min(${second}) over (partition by resource, meter, variant order by id desc
          rows between unbounded preceding and 1 preceding), ${stop}::bigint) as until
      from fact
    )
    select resource, meter, variant, quantity::text as quantity, since::text as "from", until::text as until
    from step where quantity > 0 and until > since`);
  return rows.map((row) => ({
    ...row,
    quantity: BigInt(row.quantity),
    from: Number(row.from),
    until: Number(row.until),
  }));
}
