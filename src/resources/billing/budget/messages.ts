import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { BudgetAlertSchema, BudgetSchema } from "../../../../gen/ts/billing/v1/budget_pb.js";
import type { BudgetAlertRow, BudgetRow } from "./store.js";

/** A budget as the API shows it. */
export function budgetMessage(row: BudgetRow): MessageInitShape<typeof BudgetSchema> {
  const { tenant, amount, currency, thresholds, forecastThresholds, updatedAt } = row;
  return {
    login: tenant,
    amount,
    currency,
    thresholds,
    forecastThresholds,
    updatedAt: timestampFromDate(updatedAt),
  };
}

/** An alert as the API shows it. */
export function alertMessage(row: BudgetAlertRow): MessageInitShape<typeof BudgetAlertSchema> {
  const { id, period, threshold, forecast, budget, amount, currency, createdAt } = row;
  return {
    uuid: id,
    periodStart: timestampFromDate(period),
    threshold,
    forecast,
    budget,
    amount,
    currency,
    createdAt: timestampFromDate(createdAt),
  };
}
