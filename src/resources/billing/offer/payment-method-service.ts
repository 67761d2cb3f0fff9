import type { ConnectRouter } from "@connectrpc/connect";
import { PaymentMethodService } from "../../../../gen/ts/billing/v1/offer_pb.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { customerStore } from "../../api/payment/store.js";

/** billing.v1.PaymentMethodService: how payment methods come to the payment processor. */
export function registerPaymentMethod(router: ConnectRouter, platform: Platform): void {
  const { db, processor } = platform;
  router.service(PaymentMethodService, {
    async startSetup({ login }, { signal }) {
      const account = await customerStore.get(db, login);
      if (account === undefined) throw new DomainError("missing", `tenant ${login} has no customer account`);
      if (account.processor !== processor.name) {
        const first = "call PaymentService/CreateOrUpdateCustomer first, which moves it";
        throw new DomainError("precondition", `the account is at another payment processor: ${first}`);
      }
      return await processor.startSetup(account, signal);
    },
  });
}
