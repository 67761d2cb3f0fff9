import type { Database } from "../../../db/database.js";
import { queueBudgets } from "../budget/jobs.js";
import { periodOf } from "../invoice/period.js";
import { queueInvoices } from "../invoice/queue.js";
import { type MeterState, meterStore } from "./meter-store.js";

const hourMs = 3_600_000;

/** What one transaction may do, so that none lasts. */
export interface MeterBounds {
  readonly hours: number;
  /** About so many; a single hour is never divided. */
  readonly records: number;
}

const usual: MeterBounds = { hours: 48, records: 50_000 };

/** Facts of the past that came late, on the way through the hours that they change. */
interface Correction {
  /** The facts that were known before, and those that will be. */
  readonly known: string | null;
  readonly visible: string;
  /** The hours before are done. */
  readonly done: Date;
}

/** What one transaction of the meter has done. */
type Step = { readonly finished: true } | { readonly finished: false; readonly correction?: Correction };

/** The start of the hour. */
export const hourOf = (time: Date): Date => new Date(Math.floor(time.getTime() / hourMs) * hourMs);

/**
 * Meters all hours that are over at a time, and what became known of earlier ones. Any number may run at once, and
 * may end anywhere: they take turns, and go on where the last transaction ended. Answers false when the signal
 * aborted before all was done.
 */
export async function meter(
  { db, clock }: { readonly db: Database; readonly clock: () => Date },
  until: Date,
  { signal, bounds = usual }: { readonly signal?: AbortSignal; readonly bounds?: MeterBounds } = {},
): Promise<boolean> {
  let correction: Correction | undefined;
  while (signal?.aborted !== true) {
    const run = { until: hourOf(until), now: clock(), bounds };
    const step: Step = await db.transaction((tx) => takeStep(tx, run, correction));
    if (step.finished) return true;
    correction = step.correction;
  }
  return false;
}

/** What a run of the meter was asked for. */
interface Asked {
  readonly until: Date;
  readonly now: Date;
  readonly bounds: MeterBounds;
}

async function takeStep(tx: Database, asked: Asked, correction: Correction | undefined): Promise<Step> {
  const state = await meterStore.lock(tx);
  const { meteredUntil, known, visible, news } = state;
  if (meteredUntil !== undefined && news !== undefined && news < meteredUntil) {
    return correct(tx, asked, meteredUntil, goingOn(state, correction) ?? begin(state, news));
  }
  const from = meteredUntil ?? news;
  if (from === undefined || from >= asked.until) return { finished: true };
  const to = await endOf(tx, { from, to: asked.until, all: true, known }, asked.bounds);
  await meterStore.run(tx, { from, to, all: true, known, now: asked.now });
  await advance(tx, to, visible);
  // One that was away for long need not wait for the next hour.
  if (periodOf(from) < periodOf(to)) await queueInvoices(tx);
  return { finished: false };
}

/** Brings hours that were metered up to date with facts that came late; the last step takes these for known. */
async function correct(
  tx: Database,
  { now, bounds }: Asked,
  meteredUntil: Date,
  { known, visible, done }: Correction,
): Promise<Step> {
  const to = await endOf(tx, { from: done, to: meteredUntil, all: false, known }, bounds);
  await meterStore.run(tx, { from: done, to, all: false, known, now });
  if (to < meteredUntil) return { finished: false, correction: { known, visible, done: to } };
  await advance(tx, meteredUntil, visible);
  return { finished: false };
}

/** Writes down how far the meter is; what was spent is known anew, and budgets are compared with it. */
async function advance(tx: Database, meteredUntil: Date, known: string): Promise<void> {
  await meterStore.advance(tx, meteredUntil, known);
  await queueBudgets(tx);
}

const begin = ({ known, visible }: MeterState, news: Date): Correction => ({ known, visible, done: news });

/** A correction that another run has not finished meanwhile. */
const goingOn = ({ known }: MeterState, correction: Correction | undefined): Correction | undefined =>
  correction?.known === known ? correction : undefined;

/** How far one transaction may go. */
async function endOf(tx: Database, run: Parameters<typeof meterStore.count>[1], bounds: MeterBounds): Promise<Date> {
  const most = new Date(Math.min(run.to.getTime(), run.from.getTime() + bounds.hours * hourMs));
  const resources = await meterStore.count(tx, { ...run, to: most });
  const hours = Math.max(1, Math.floor(bounds.records / Math.max(1, resources)));
  return new Date(Math.min(most.getTime(), run.from.getTime() + hours * hourMs));
}
