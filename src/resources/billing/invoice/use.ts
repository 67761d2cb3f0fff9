import { and, eq, gte, lt } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { type UsageTotal, usageStore } from "../usage/store.js";
import { usageTotals } from "../usage/table.js";
import type { BilledUse } from "./compute.js";
import { periodAfter, periodOf } from "./period.js";

/** What is charged to a tenant in the billing periods from one time to another. */
export async function billedUse(db: Database, tenant: string, start: Date, end: Date): Promise<BilledUse[]> {
  const use: BilledUse[] = [];
  for (let period = periodOf(start); period < end; period = periodAfter(period)) {
    use.push(...(await usageStore.totals(db, { tenant, period })).map(billed));
  }
  return use;
}

/** The first billing period with use of a tenant in that span; undefined when there is none. */
export async function firstPeriod(db: Database, tenant: string, from: Date, until: Date): Promise<Date | undefined> {
  const { period } = usageTotals;
  const [row] = await db
    .select({ period })
    .from(usageTotals)
    .where(and(eq(usageTotals.tenant, tenant), gte(period, from), lt(period, until)))
    .orderBy(period)
    .limit(1);
  return row?.period;
}

function billed({ price, correction, quantity, ...names }: UsageTotal): BilledUse {
  const { project, projectName, resource, resourceName } = names;
  return {
    kind: correction ? "correction" : "usage",
    ...{ project, projectName, resource, resourceName, quantity },
    product: price.product,
    productName: price.name,
    unitLabel: price.unitLabel,
    unitSize: price.unitSize,
    unitAmountNano: price.unitAmountNano,
  };
}
