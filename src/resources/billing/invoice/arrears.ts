import { metrics } from "@opentelemetry/api";
import { withoutValues } from "../../../db/errors.js";
import type { Platform } from "../../../platform.js";
import { formatMoney } from "../money.js";
import { invoiceStore } from "./store.js";

/** The gauge `slipway_receivables_overdue`: how many invoices are overdue, by currency; read when it is asked for. */
export function measureArrears({ db, clock, log }: Pick<Platform, "db" | "clock" | "log">): void {
  metrics
    .getMeter("slipway")
    .createObservableGauge("slipway_receivables_overdue", { description: "Invoices that are open after they were due" })
    .addCallback(async (result) => {
      try {
        for (const { currency, invoices } of await invoiceStore.overdue(db, clock())) {
          result.observe(invoices, { currency });
        }
      } catch (error) {
        log.warn({ err: withoutValues(error) }, "overdue invoices could not be counted");
      }
    });
}

/** Says in the log what is overdue, if anything is: one line for each currency. */
export async function reportArrears({ db, clock, log }: Pick<Platform, "db" | "clock" | "log">): Promise<void> {
  for (const { currency, tenants, invoices, amount } of await invoiceStore.overdue(db, clock())) {
    log.warn({ tenants, invoices, amount: formatMoney(amount, currency) }, "tenants are in arrears");
  }
}
