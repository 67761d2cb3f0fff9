import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { UsageSchema, UsageServiceGetForecastResponseSchema } from "../../../../gen/ts/billing/v1/usage_pb.js";
import { amountOf, divideDown } from "../money.js";
import { unitAmountText } from "../price/messages.js";
import type { Spending } from "./spending.js";
import type { UsageTotal } from "./store.js";

/** What a resource used of a product at one price, as the API shows it. */
export function usageMessage(total: UsageTotal): MessageInitShape<typeof UsageSchema> {
  const { price, quantity } = total;
  return {
    project: total.project,
    projectName: total.projectName,
    resource: total.resource,
    resourceName: total.resourceName,
    product: price.product,
    productName: price.name,
    quantity: divideDown(quantity, price.unitSize),
    unitLabel: price.unitLabel,
    unitAmount: unitAmountText(price.unitAmountNano),
    amount: amountOf({ ...price, quantity }),
  };
}

/** Spending as the API shows it. */
export function spendingMessage(
  spending: Spending,
  currency: string,
): MessageInitShape<typeof UsageServiceGetForecastResponseSchema> {
  return {
    currency,
    periodStart: timestampFromDate(spending.periodStart),
    periodEnd: timestampFromDate(spending.periodEnd),
    meteredUntil: timestampFromDate(spending.meteredUntil),
    spent: spending.spent,
    forecast: spending.forecast,
  };
}
