import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PriceSchema } from "../../../../gen/ts/api/v1/payment_pb.js";
import type { BillingSettings } from "../../../billing.js";
import type { Database } from "../../../db/database.js";
import { priceMessage } from "./messages.js";
import { priceStore } from "./store.js";

/** Where prices come from. */
export interface PriceSources {
  readonly db: Database;
  readonly billing: BillingSettings | undefined;
}

/** What amounts are in where nothing says otherwise. */
export const usualCurrency = "eur";

/** The prices that hold now, as api.v1 shows them. They come from the database, which the workers keep to the file. */
export async function pricesNow({
  db,
  clock,
}: {
  readonly db: Database;
  readonly clock: () => Date;
}): Promise<MessageInitShape<typeof PriceSchema>[]> {
  return (await priceStore.current(db, clock())).map(priceMessage);
}

/** The currency of the prices, or of those that the workers will bring; undefined where nothing has a price. */
export async function pricedIn({ db, billing }: PriceSources): Promise<string | undefined> {
  return (await priceStore.currency(db)) ?? billing?.currency;
}

/** The currency of all amounts: that of the prices, or euro where there are none. */
export async function currencyOf(sources: PriceSources): Promise<string> {
  return (await pricedIn(sources)) ?? usualCurrency;
}
