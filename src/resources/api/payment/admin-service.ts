import type { ConnectRouter } from "@connectrpc/connect";
import { PaymentService } from "../../../../gen/ts/admin/v1/payment_pb.js";
import type { PaymentCustomer } from "../../../../gen/ts/api/v1/payment_pb.js";
import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { accountMessage, accountOf, demandAccount } from "./accounts.js";
import { addBalance, grantCoupon } from "./credit.js";
import { creditStore } from "./credit-store.js";
import { couponMessage } from "./messages.js";
import { type CustomerRow, customerStore } from "./store.js";

const mostListed = 1_000;

/** admin.v1.PaymentService: coupons and credit, for operators. */
export function registerAdminPayment(router: ConnectRouter, platform: Platform): void {
  const { db, clock } = platform;
  /** Gives the account something in a transaction, and answers it. */
  const give = async (customer: PaymentCustomer | undefined, gift: (tx: Database, tenant: string) => Promise<void>) => {
    const { tenant } = await named(platform, customer);
    await db.transaction(async (tx) => {
      demandAccount(await customerStore.lock(tx, tenant), tenant);
      await gift(tx, tenant);
    });
    platform.standings.forget(tenant);
    return { customer: await accountMessage(platform, await accountOf(platform, tenant)) };
  };
  router.service(PaymentService, {
    async listCoupons() {
      const uses = await creditStore.grantable(db, clock(), mostListed);
      return { coupons: uses.map((use) => couponMessage(use)) };
    },
    addCouponToCustomer: ({ customer, couponId }) =>
      give(customer, (tx, tenant) => grantCoupon(tx, platform, tenant, couponId)),
    addBalanceToCustomer: ({ customer, balanceToAdd }) =>
      give(customer, (tx, tenant) => addBalance(tx, platform, tenant, balanceToAdd)),
  });
}

/** The account that a request names by the tenant, by its id, or by both. */
async function named({ db }: Platform, customer: PaymentCustomer | undefined): Promise<CustomerRow> {
  const { login = "", customerId = "" } = customer ?? {};
  if (login === "" && customerId === "") throw invalidField("customer.login", "must be set, or customer_id");
  const row = login === "" ? await customerStore.byId(db, customerId) : await customerStore.get(db, login);
  if (row !== undefined && (customerId === "" || row.id === customerId)) return row;
  if (login !== "" && customerId === "") return demandAccount(row, login);
  throw new DomainError("missing", `customer account ${customerId} does not exist`);
}
