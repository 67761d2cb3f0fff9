import { randomInt } from "node:crypto";
import { DomainError } from "../../../errors.js";
import type { Processor } from "./processor.js";

const alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789";
const idLength = 14;

/**
 * The processor of whoever collects the money by themselves: the own books, and nobody else. Payment methods are
 * references that mean something to whoever reads them, such as the number of a mandate.
 */
export function createLedger(): Processor {
  return {
    name: "ledger",
    collects: false,
    async saveCustomer({ id, paymentMethodId, card }) {
      return {
        id: id ?? newCustomerId(),
        subscriptionId: "",
        paymentMethodId: paymentMethodId ?? null,
        card: card ?? null,
      };
    },
    async removePaymentMethod() {},
    async startSetup() {
      const hand = "hand a reference of it to PaymentService/CreateOrUpdateCustomer as payment_method_id";
      throw new DomainError("precondition", `payment methods need no setup here: ${hand}`);
    },
    sync: undefined,
    ping: undefined,
  };
}

/** "cus_" and 14 letters and digits, which nobody can guess. */
const newCustomerId = (): string =>
  `cus_${Array.from({ length: idLength }, () => alphabet[randomInt(alphabet.length)]).join("")}`;
