import type { Config } from "../../../config.js";
import { createLedger } from "./ledger.js";
import type { Processor } from "./processor.js";

/** Opens the payment processor that the configuration names. */
export function openProcessor(name: Config["paymentProcessor"]): Processor {
  if (name === "ledger") return createLedger();
  throw new Error(`SLIPWAY_PAYMENT_PROCESSOR: ${name} is not offered by this build`);
}
