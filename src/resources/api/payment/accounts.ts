import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PaymentCustomerSchema } from "../../../../gen/ts/api/v1/payment_pb.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { currencyOf, pricesNow } from "../../billing/price/current.js";
import { creditStore } from "./credit-store.js";
import { customerMessage } from "./messages.js";
import { type CustomerRow, customerStore } from "./store.js";

/** The account with its credit and prices as of now. */
export async function accountMessage(
  platform: Pick<Platform, "db" | "clock" | "billing">,
  row: CustomerRow,
): Promise<MessageInitShape<typeof PaymentCustomerSchema>> {
  const { db, clock } = platform;
  const currency = await currencyOf(platform);
  const [balance, coupon, prices] = await Promise.all([
    creditStore.balance(db, row.tenant, currency),
    creditStore.couponInUse(db, row.tenant, currency, clock()),
    pricesNow(platform),
  ]);
  return customerMessage(row, { balance, coupon, prices });
}

/** The account of a tenant; throws "missing" when it has none. */
export async function accountOf({ db }: Pick<Platform, "db">, tenant: string): Promise<CustomerRow> {
  return demandAccount(await customerStore.get(db, tenant), tenant);
}

/** The account of that id; throws "missing" when it is not the tenant's. */
export async function ownAccount(platform: Pick<Platform, "db">, tenant: string, id: string): Promise<CustomerRow> {
  const row = await customerStore.get(platform.db, tenant);
  if (row === undefined || row.id !== id) {
    throw new DomainError("missing", `customer account ${id} does not exist in tenant ${tenant}`);
  }
  return row;
}

/** The row; or "missing". */
export function demandAccount(row: CustomerRow | undefined, tenant: string): CustomerRow {
  if (row !== undefined) return row;
  const make = "make one with PaymentService/CreateOrUpdateCustomer";
  throw new DomainError("missing", `tenant ${tenant} has no customer account: ${make}`);
}
