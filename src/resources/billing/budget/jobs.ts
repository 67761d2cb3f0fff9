import type { Database } from "../../../db/database.js";
import { withoutValues } from "../../../db/errors.js";
import type { TaskHandler } from "../../../jobs/jobs.js";
import { requestJob } from "../../../jobs/request.js";
import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { periodOf } from "../invoice/period.js";
import { pricedIn } from "../price/current.js";
import { spendingOf, spentIn } from "../usage/spending.js";
import { reachedThresholds } from "./rules.js";
import { type BudgetAlertRow, type BudgetRow, budgetStore } from "./store.js";

const checkTask = "budgets.check";
/** How many tenants one job looks at; another one goes on behind them. */
const batchSize = 100;

/** Asks, in the transaction of a run of the meter, for the job that compares all budgets with what is known then. */
export function queueBudgets(tx: Database, after = ""): Promise<void> {
  return requestJob(tx, { task: checkTask, payload: { after }, key: `${checkTask}:${after}`, queue: checkTask });
}

/** What workers do for budgets. */
export function budgetBackground(platform: Platform): Background {
  return { tasks: { [checkTask]: check(platform) }, controllers: [] };
}

/** Compares the budgets of some tenants with their spending; a tenant that fails keeps no other from its alerts. */
function check(platform: Platform): TaskHandler {
  const { db } = platform;
  return async (payload, { signal, log }) => {
    const { after } = payload as { after: string };
    const rows = await budgetStore.list(db, after, batchSize);
    const last = rows.length < batchSize ? undefined : rows.at(-1);
    if (last !== undefined) await queueBudgets(db, last.tenant);
    const currency = await pricedIn(platform);
    let failure: unknown;
    for (const budget of rows.filter((row) => row.currency === currency)) {
      signal.throwIfAborted();
      await checkBudget(platform, budget).catch((error: unknown) => {
        failure = error;
        log.warn({ err: withoutValues(error), tenant: budget.tenant }, "a budget could not be compared with spending");
      });
    }
    // What was given is not given again.
    if (failure !== undefined) throw failure;
  };
}

/** Gives the alerts that a tenant's budget calls for and that it has not got in this period. */
async function checkBudget({ db, clock, newId, log }: Platform, budget: BudgetRow): Promise<void> {
  const now = clock();
  const { tenant, amount: limit, currency } = budget;
  const known = (alert: Pick<BudgetAlertRow, "threshold" | "forecast">, given: readonly BudgetAlertRow[]): boolean =>
    given.some(({ threshold, forecast }) => threshold === alert.threshold && forecast === alert.forecast);
  for (const { period, spent, forecast } of await spendings(db, budget, now)) {
    const given = await budgetStore.alertsIn(db, tenant, period);
    const due = reachedThresholds(budget, { spent, forecast })
      .filter((reached) => !known(reached, given))
      .map((reached) => ({ id: newId(), tenant, period, ...reached, budget: limit, currency, createdAt: now }));
    for (const { threshold, forecast: isForecast, amount } of await budgetStore.alert(db, due)) {
      const facts = { tenant, period, threshold, forecast: isForecast, amount: String(amount), budget: String(limit) };
      log.warn({ ...facts, currency }, "a budget alert was given");
    }
  }
}

/** What a period cost; without a forecast where it is over. */
interface PeriodSpending {
  readonly period: Date;
  readonly spent: bigint;
  readonly forecast: bigint | undefined;
}

const lateDays = 3;

/** Spending in this period, and at its beginning in the last one: its last hours are known only now. */
async function spendings(db: Database, budget: BudgetRow, now: Date): Promise<PeriodSpending[]> {
  const { tenant, updatedAt } = budget;
  const { periodStart: period, spent, forecast } = await spendingOf(db, tenant, now);
  const present = { period, spent, forecast };
  // What was spent before a budget was made is no news.
  const isLate = now.getTime() - period.getTime() < lateDays * 86_400_000 && updatedAt < period;
  if (!isLate) return [present];
  const last = periodOf(new Date(period.getTime() - 1));
  return [{ period: last, spent: await spentIn(db, { tenant, period: last }), forecast: undefined }, present];
}
