import { sql } from "drizzle-orm";
import type { Database } from "../../../../src/db/database.js";

/** A fact of use, as triggers write them. */
export interface Fact {
  readonly tenant: string;
  readonly project: string;
  readonly resource: string;
  readonly meter: string;
  readonly variant: string;
  readonly quantity: bigint;
  readonly at: Date;
}

/** A price of a unit of one piece or byte for a second, whose id is told. */
export interface Price {
  readonly id: string;
  readonly meter: string;
  readonly variant: string;
  readonly validFrom: Date;
}

export const hourMs = 3_600_000;

/** A uuid that ends in that number. */
export const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

/** Forgets all use, prices and closings; only a test may. */
export async function clearBook(db: Database): Promise<void> {
  await db.execute(sql`truncate usage_facts, usage_records, usage_totals, billing_accounts, prices restart identity`);
  await db.execute(sql`update metering set metered_until = null, snapshot = null`);
}

export async function addFacts(db: Database, facts: readonly Fact[]): Promise<void> {
  for (const { tenant, project, resource, meter, variant, quantity, at } of facts) {
    await db.execute(sql`
      insert into usage_facts (tenant, project, project_name, resource, resource_name, meter, variant, quantity, at)
      values (${tenant}, ${project}, 'shop', ${resource}, 'thing', ${meter}, ${variant}, ${quantity}, ${at.toISOString()})`);
  }
}

export async function addPrices(db: Database, prices: readonly Price[]): Promise<void> {
  for (const { id, meter, variant, validFrom } of prices) {
    await db.execute(sql`
      insert into prices (id, product, name, meter, variant, product_type, unit_label, unit_size, unit_amount_nano,
        currency, valid_from)
      values (${id}, ${`${meter} ${variant}`}, 'Something', ${meter}, ${variant}, 1, 'unit', 1, 1000000000, 'eur',
        ${validFrom.toISOString()})`);
  }
}

/** What was recorded of each hour: quantities by a key that names everything else. */
export async function recordedHours(db: Database): Promise<ReadonlyMap<string, bigint>> {
  const { rows } = await db.execute<{ key: string; quantity: string }>(sql`
    select concat_ws(' ', tenant, project, resource, meter, variant, extract(epoch from hour)::bigint / 3600) as key,
      sum(quantity)::text as quantity
    from usage_records group by 1 having sum(quantity) <> 0`);
  return new Map(rows.map(({ key, quantity }) => [key, BigInt(quantity)]));
}

/** What differs between the totals and the sums of the records that have a price: nothing. */
export async function wrongTotals(db: Database): Promise<unknown[]> {
  const { rows } = await db.execute(sql`
    with sums as (
      select tenant, period, project, resource, price, period > date_trunc('month', hour, 'UTC') as correction,
        sum(quantity) as quantity
      from usage_records where price is not null group by 1, 2, 3, 4, 5, 6
    )
    select * from sums full join usage_totals t using (tenant, period, project, resource, price, correction)
    where sums.quantity is distinct from t.quantity`);
  return rows;
}

/** The facts in the database with their ids, and until when the meter has run. */
export async function stateOf(db: Database): Promise<{ facts: (Fact & { id: number })[]; until: Date | undefined }> {
  const { rows } = await db.execute<Omit<Fact, "at" | "quantity"> & { id: string; ms: string; quantity: string }>(sql`
    select *, id::text as id, quantity::text as quantity, (extract(epoch from at) * 1000)::bigint::text as ms
    from usage_facts`);
  const { rows: meter } = await db.execute<{ ms: string | null }>(
    sql`select (extract(epoch from metered_until) * 1000)::bigint::text as ms from metering`,
  );
  const ms = meter[0]?.ms ?? null;
  return {
    facts: rows.map((row) => ({
      ...row,
      id: Number(row.id),
      quantity: BigInt(row.quantity),
      at: new Date(Number(row.ms)),
    })),
    until: ms === null ? undefined : new Date(Number(ms)),
  };
}

/** The same by plain integration: between any two moments at which something changes, the fact that holds counts. */
export function integrate(facts: readonly (Fact & { id: number })[], until: Date): ReadonlyMap<string, bigint> {
  const hours = new Map<string, bigint>();
  const nameOf = ({ resource, meter, variant }: Fact): string => `${resource} ${meter} ${variant}`;
  for (const name of new Set(facts.map(nameOf))) {
    const ofThing = facts.filter((fact) => nameOf(fact) === name);
    const second = ({ at }: Fact): number => Math.floor(at.getTime() / 1000);
    const end = until.getTime() / 1000;
    const moments = new Set([...ofThing.map(second), end]);
    for (let hour = Math.floor(Math.min(...moments) / 3600) * 3600; hour < end; hour += 3600) moments.add(hour);
    const sorted = [...moments].filter((moment) => moment <= end).sort((a, b) => a - b);
    sorted.slice(0, -1).forEach((began, index) => {
      const ended = sorted[index + 1] ?? began;
      const known = ofThing.filter((fact) => second(fact) <= began).sort((a, b) => b.id - a.id);
      const [holds] = known;
      if (holds === undefined || holds.quantity === 0n) return;
      const { tenant, project, resource, meter, variant, quantity } = holds;
      const key = [tenant, project, resource, meter, variant, Math.floor(began / 3600)].join(" ");
      hours.set(key, (hours.get(key) ?? 0n) + quantity * BigInt(ended - began));
    });
  }
  return hours;
}
