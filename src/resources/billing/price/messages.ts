import type { MessageInitShape } from "@bufbuild/protobuf";
import { type PriceSchema, type ProductType, UsageType } from "../../../../gen/ts/api/v1/payment_pb.js";
import { formatDecimal } from "../decimal.js";
import type { PriceRow } from "./store.js";

const nanoPlaces = 9;

/** A price in minor units for a unit, as a decimal number. */
export const unitAmountText = (unitAmountNano: bigint): string => formatDecimal(unitAmountNano, nanoPlaces);

/** A price as the contract shows it: its amount is a double, which nothing is computed from. */
export function priceMessage(row: PriceRow): MessageInitShape<typeof PriceSchema> {
  return {
    name: row.name,
    unitAmountDecimal: Number(unitAmountText(row.unitAmountNano)),
    currency: row.currency,
    unitLabel: row.unitLabel,
    productType: row.productType as ProductType,
    ...(row.description === "" ? {} : { description: row.description }),
    usageType: UsageType.METERED,
  };
}
