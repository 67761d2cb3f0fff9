import type { BudgetRow } from "./store.js";

const defaults = { thresholds: [50, 80, 100], forecastThresholds: [100] };

/** A part of the budget that spending, or its forecast, has reached. */
export interface ReachedThreshold {
  /** Percent of the budget. */
  readonly threshold: number;
  readonly forecast: boolean;
  /** What was spent, or forecast. */
  readonly amount: bigint;
}

/** The thresholds that a budget gets: those asked for in rising order, or the usual ones where none are. */
export function thresholdsOf(
  thresholds: readonly number[],
  forecastThresholds: readonly number[],
): Pick<BudgetRow, "thresholds" | "forecastThresholds"> {
  if (thresholds.length === 0 && forecastThresholds.length === 0) return defaults;
  const rising = (list: readonly number[]): number[] => [...list].sort((a, b) => a - b);
  return { thresholds: rising(thresholds), forecastThresholds: rising(forecastThresholds) };
}

/** What spending and its forecast have reached; the forecast is silent of what is spent already. */
export function reachedThresholds(
  budget: Pick<BudgetRow, "amount" | "thresholds" | "forecastThresholds">,
  { spent, forecast }: { readonly spent: bigint; readonly forecast: bigint | undefined },
): ReachedThreshold[] {
  const reaches = (amount: bigint, threshold: number): boolean => amount * 100n >= budget.amount * BigInt(threshold);
  const bySpending = budget.thresholds
    .filter((threshold) => reaches(spent, threshold))
    .map((threshold) => ({ threshold, forecast: false, amount: spent }));
  if (forecast === undefined) return bySpending;
  const byForecast = budget.forecastThresholds
    .filter((threshold) => reaches(forecast, threshold) && !reaches(spent, threshold))
    .map((threshold) => ({ threshold, forecast: true, amount: forecast }));
  return [...bySpending, ...byForecast];
}
