import type { Database } from "../../../db/database.js";
import { type MeterState, meterStore } from "./meter-store.js";

const hourMs = 3_600_000;
/** In one transaction, so that none lasts: at most so many hours, and about so many records. */
const mostHours = 48;
const mostRecords = 50_000;

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
  signal?: AbortSignal,
): Promise<boolean> {
  let correction: Correction | undefined;
  while (signal?.aborted !== true) {
    const step: Step = await db.transaction((tx) => takeStep(tx, hourOf(until), clock(), correction));
    if (step.finished) return true;
    correction = step.correction;
  }
  return false;
}

async function takeStep(tx: Database, until: Date, now: Date, correction: Correction | undefined): Promise<Step> {
  const state = await meterStore.lock(tx);
  const { meteredUntil = state.news, news } = state;
  // Nothing has ever run.
  if (meteredUntil === undefined) return { finished: true };
  if (state.meteredUntil !== undefined && news !== undefined && news < meteredUntil) {
    return correct(tx, state, meteredUntil, now, goingOn(state, correction) ?? begin(state, news));
  }
  if (meteredUntil >= until) return { finished: true };
  const to = await endOf(tx, { from: meteredUntil, to: until, all: true, known: state.known });
  await meterStore.run(tx, { from: meteredUntil, to, all: true, known: state.known, now });
  await meterStore.advance(tx, to, state.visible);
  return { finished: false };
}

/** Brings hours that were metered up to date with facts that came late; the last step takes these for known. */
async function correct(
  tx: Database,
  { known }: MeterState,
  meteredUntil: Date,
  now: Date,
  { done, visible }: Correction,
): Promise<Step> {
  const to = await endOf(tx, { from: done, to: meteredUntil, all: false, known });
  await meterStore.run(tx, { from: done, to, all: false, known, now });
  if (to < meteredUntil) return { finished: false, correction: { known, visible, done: to } };
  await meterStore.advance(tx, meteredUntil, visible);
  return { finished: false };
}

const begin = ({ known, visible }: MeterState, news: Date): Correction => ({ known, visible, done: news });

/** A correction that another run has not finished meanwhile. */
const goingOn = ({ known }: MeterState, correction: Correction | undefined): Correction | undefined =>
  correction?.known === known ? correction : undefined;

/** How far one transaction may go. */
async function endOf(tx: Database, run: Parameters<typeof meterStore.count>[1]): Promise<Date> {
  const most = new Date(Math.min(run.to.getTime(), run.from.getTime() + mostHours * hourMs));
  const resources = await meterStore.count(tx, { ...run, to: most });
  const hours = Math.max(1, Math.floor(mostRecords / Math.max(1, resources)));
  return new Date(Math.min(most.getTime(), run.from.getTime() + hours * hourMs));
}
