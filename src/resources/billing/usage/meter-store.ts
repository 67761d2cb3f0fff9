import { sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { metering } from "./table.js";

/** Where the meter stands, as it was found with its row locked. */
export interface MeterState {
  /** Until when all hours are metered; undefined before the first run. */
  readonly meteredUntil: Date | undefined;
  /** The transactions whose facts have been taken into account; null: none. */
  readonly known: string | null;
  /** The transactions that are visible now. */
  readonly visible: string;
  /** Start of the hour of the earliest fact that is not known yet; undefined when there is none. */
  readonly news: Date | undefined;
}

/** Some hours, by the starts of the first and of the one after the last. */
export interface Hours {
  readonly from: Date;
  readonly to: Date;
}

/** A run of the meter over some hours. */
export interface MeterRun extends Hours {
  /** Whether everything is metered; otherwise only what there are facts of that are not known yet. */
  readonly all: boolean;
  readonly known: string | null;
  readonly now: Date;
}

// A fact is seen when its transaction is: readers of changes say why (src/changes/read.ts). After a database was
// restored elsewhere transactions are counted anew, and those of the facts of before are yet to come.
const unknown = (known: string | null) =>
  known === null
    ? sql`true`
    : sql`f.xid >= pg_snapshot_xmin(${known}::pg_snapshot) and f.xid < pg_snapshot_xmax(pg_current_snapshot())
        and not pg_visible_in_snapshot(f.xid, ${known}::pg_snapshot)`;

const time = (date: Date) => sql`${date.toISOString()}::timestamptz`;
const hourMs = 3_600_000;

/** What is to be metered in some hours: all that was used in the hour before them, and all that changed since. */
const everything = ({ from, to }: Hours) => sql`
  select resource, meter, variant from usage_records where hour = ${time(new Date(from.getTime() - hourMs))}
  union select resource, meter, variant from usage_facts
    where at >= ${time(new Date(from.getTime() - hourMs))} and at < ${time(to)}`;

/** What there are facts of that are not known yet. */
const changed = ({ to }: Hours, known: string | null) => sql`
  select distinct f.resource, f.meter, f.variant from usage_facts f where f.at < ${time(to)} and ${unknown(known)}`;

export const meterStore = {
  /** Locks the meter until the transaction ends and tells where it stands. */
  async lock(tx: Database): Promise<MeterState> {
    await tx.select({ one: metering.one }).from(metering).for("update");
    // Only a statement that begins after the lock was got sees what its last holder did.
    const { rows } = await tx.execute<{ until: string | null; known: string | null; visible: string }>(sql`
      select extract(epoch from metered_until)::bigint::text as until, pg_current_snapshot()::text as visible,
        case when pg_snapshot_xmax(snapshot::pg_snapshot) <= pg_snapshot_xmax(pg_current_snapshot()) then snapshot end as known
      from metering`);
    const [row] = rows;
    if (row === undefined) throw new Error("the row of the table metering is missing");
    const { rows: found } = await tx.execute<{ news: string | null }>(sql`
      select (floor(extract(epoch from min(at)) / 3600) * 3600)::bigint::text as news from usage_facts f
      where ${unknown(row.known)}`);
    return {
      meteredUntil: dateOf(row.until),
      known: row.known,
      visible: row.visible,
      news: dateOf(found[0]?.news ?? null),
    };
  },

  /** About how many resources a run meters in each hour. */
  async count(tx: Database, { all, known, ...hours }: Omit<MeterRun, "now">): Promise<number> {
    const { rows } = await tx.execute<{ count: number }>(
      sql`select count(*)::int as count from (${all ? everything(hours) : changed(hours, known)}) k`,
    );
    return rows[0]?.count ?? 0;
  },

  /**
   * Adds what is missing in the records and totals of some hours, in one statement. It bears repetition: what is
   * recorded already is taken into account. The meter must be locked.
   */
  async run(tx: Database, run: MeterRun): Promise<void> {
    const { from, to, all, known, now } = run;
    await tx.execute(sql`
      with metered as materialized (${all ? everything(run) : changed(run, known)}),
      -- The facts that matter: the one that held at the beginning, and those that came after.
      fact as (
        select f.* from metered m cross join lateral (
          select * from usage_facts f
          where f.resource = m.resource and f.meter = m.meter and f.variant = m.variant and f.at <= ${time(from)}
          order by f.id desc limit 1) f
        union all
        select f.* from metered m join usage_facts f using (resource, meter, variant)
        where f.at > ${time(from)} and f.at < ${time(to)}
      ),
      -- From when to when each of them holds, in whole seconds: until the first moment of which a later one tells.
      stretch as (
        select tenant, project, resource, meter, variant, quantity,
          greatest(date_trunc('second', at), ${time(from)}) as began,
          least(date_trunc('second', min(at) over (
            partition by resource, meter, variant order by id desc
            rows between unbounded preceding and 1 preceding)), ${time(to)}) as ended
        from fact
      ),
      used as (
        select tenant, project, resource, meter, variant, hour,
          sum(quantity * extract(epoch from least(ended, hour + interval '1 hour') - greatest(began, hour))::numeric(10, 0))
            as quantity
        from stretch cross join lateral generate_series(
          date_trunc('hour', began, 'UTC'), ended - interval '1 second', interval '1 hour') hour
        where quantity > 0 and ended > began
        group by tenant, project, resource, meter, variant, hour
      ),
      recorded as (
        select tenant, project, resource, meter, variant, hour, sum(r.quantity) as quantity,
          (array_agg(price order by id))[1] as price
        from metered m join usage_records r using (resource, meter, variant)
        where hour >= ${time(from)} and hour < ${time(to)}
        group by tenant, project, resource, meter, variant, hour
      ),
      missing as (
        select tenant, project, resource, meter, variant, hour, r.quantity is not null as again, r.price,
          coalesce(u.quantity, 0) - coalesce(r.quantity, 0) as quantity
        from used u full join recorded r using (tenant, project, resource, meter, variant, hour)
        where coalesce(u.quantity, 0) <> coalesce(r.quantity, 0)
      ),
      -- The price of the very kind, or that of all kinds without one of their own.
      held as (
        select meter, variant, hour, p.id as price
        from (select distinct meter, variant, hour from missing where not again) h cross join lateral (
          select id from prices where prices.meter = h.meter and prices.variant in (h.variant, '') and valid_from <= hour
          order by prices.variant <> '' desc, valid_from desc limit 1) p
      ),
      -- Use is charged to the month of its hour, or to the first month that is still open; what an hour was charged
      -- at, corrections of it are charged at as well.
      added as (
        insert into usage_records (tenant, project, resource, meter, variant, hour, period, price, quantity, metered_at)
        select m.tenant, project, resource, meter, variant, hour,
          greatest(date_trunc('month', hour, 'UTC'), a.closed_until),
          case when again then m.price else held.price end, m.quantity, ${time(now)}
        from missing m left join held using (meter, variant, hour) left join billing_accounts a on a.tenant = m.tenant
        returning tenant, project, resource, hour, period, price, quantity
      )
      insert into usage_totals (tenant, period, project, resource, price, correction, quantity)
      select tenant, period, project, resource, price, period > date_trunc('month', hour, 'UTC') as correction, sum(quantity)
      from added where price is not null
      group by tenant, period, project, resource, price, correction
      on conflict (tenant, period, project, resource, price, correction)
        do update set quantity = usage_totals.quantity + excluded.quantity`);
  },

  /** Writes down until when the hours are metered, and which facts are taken into account. */
  async advance(tx: Database, meteredUntil: Date, known: string): Promise<void> {
    await tx.execute(sql`
      update metering set snapshot = ${known}, metered_until = greatest(metered_until, ${time(meteredUntil)})`);
  },
};

const dateOf = (seconds: string | null): Date | undefined =>
  seconds === null ? undefined : new Date(Number(seconds) * 1000);
