import type { ConnectRouter } from "@connectrpc/connect";
import { InvoiceService } from "../../../../gen/ts/billing/v1/invoice_pb.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { cutPage, pageOf } from "../../api/paging.js";
import { downloadUrl } from "./download.js";
import { invoiceMessage } from "./messages.js";
import { invoiceStore } from "./store.js";

/** billing.v1.InvoiceService: the invoices of a tenant. */
export function registerInvoice(router: ConnectRouter, platform: Platform): void {
  const { db, clock } = platform;
  const urlOf = (invoice: string) => downloadUrl(platform, invoice);
  router.service(InvoiceService, {
    async list({ login, paging }) {
      const page = pageOf(paging);
      const { rows, next } = cutPage(page, await invoiceStore.ofTenant(db, login, page));
      const context = { now: clock(), urlOf };
      return { invoices: rows.map((row) => invoiceMessage(row, context)), ...next };
    },
    async get({ login, uuid }) {
      const row = await invoiceStore.getOf(db, login, uuid);
      if (row === undefined) throw new DomainError("missing", `invoice ${uuid} does not exist`);
      return { invoice: invoiceMessage(row, { now: clock(), urlOf }, await invoiceStore.lines(db, row.id)) };
    },
  });
}
