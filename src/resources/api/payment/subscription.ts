import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { InvoiceSchema, SubscriptionUsageItemSchema } from "../../../../gen/ts/api/v1/payment_pb.js";
import type { Platform } from "../../../platform.js";
import { downloadUrl } from "../../billing/invoice/download.js";
import { periodAfter, periodOf } from "../../billing/invoice/period.js";
import { invoiceStore } from "../../billing/invoice/store.js";
import { divideDown } from "../../billing/money.js";
import { type ProductUse, usageStore } from "../../billing/usage/store.js";
import { discountStore } from "./credit-store.js";
import { discountMessage } from "./messages.js";

/** What a tenant used of each product in the current billing period, as far as it is metered. */
export async function subscriptionUsage(
  { db, clock }: Pick<Platform, "db" | "clock">,
  tenant: string,
): Promise<MessageInitShape<typeof SubscriptionUsageItemSchema>[]> {
  const period = periodOf(clock());
  const uses = await usageStore.costs(db, { tenant, period });
  const discounts = (await discountStore.list(db, tenant)).map(discountMessage);
  const within = { periodStart: timestampFromDate(period), periodEnd: timestampFromDate(periodAfter(period)) };
  return uses.map((use) => ({
    subscriptionItemId: use.product,
    subscriptionItemName: use.parts.at(-1)?.price.name ?? use.product,
    totalUsage: unitsOf(use),
    discounts,
    ...within,
  }));
}

/** The invoices of a tenant, the newest first, each with a link that holds for an hour. */
export async function invoicesOf(
  platform: Pick<Platform, "db" | "clock" | "keyring" | "issuer">,
  tenant: string,
): Promise<MessageInitShape<typeof InvoiceSchema>[]> {
  const rows = await invoiceStore.ofTenant(platform.db, tenant);
  return rows.map(({ id, processorId, periodStart, periodEnd }) => ({
    id: processorId === "" ? id : processorId,
    pdfDownloadUrl: downloadUrl(platform, id),
    periodStart: timestampFromDate(periodStart),
    periodEnd: timestampFromDate(periodEnd),
  }));
}

/** Whole units, rounded down once for each size that a unit of the product had. */
function unitsOf({ parts }: ProductUse): bigint {
  const bySize = new Map<bigint, bigint>();
  for (const { price, quantity } of parts) {
    bySize.set(price.unitSize, (bySize.get(price.unitSize) ?? 0n) + quantity);
  }
  return [...bySize].reduce((sum, [size, quantity]) => sum + divideDown(quantity, size), 0n);
}
