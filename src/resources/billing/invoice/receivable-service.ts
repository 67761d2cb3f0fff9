import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  ReceivableService,
  type ReceivableServiceRecordPaymentRequest,
} from "../../../../gen/ts/billing/v1/invoice_pb.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { cutPage, pageOf } from "../../api/paging.js";
import { downloadUrl } from "./download.js";
import { invoiceMessage } from "./messages.js";
import { type InvoiceRow, invoiceStore } from "./store.js";

/** billing.v1.ReceivableService: what tenants owe, for operators. */
export function registerReceivable(router: ConnectRouter, platform: Platform): void {
  const { db, clock } = platform;
  const urlOf = (invoice: string) => downloadUrl(platform, invoice);
  router.service(ReceivableService, {
    async list({ tenant, overdue, paging }) {
      const page = pageOf(paging);
      const now = clock();
      const filter = { tenant, dueBefore: overdue ? now : undefined };
      const { rows, next } = cutPage(page, await invoiceStore.receivables(db, filter, page));
      return { invoices: rows.map((row) => invoiceMessage(row, { now, urlOf })), ...next };
    },
    async recordPayment(request) {
      return { invoice: invoiceMessage(await recordPayment(platform, request), { now: clock(), urlOf }) };
    },
  });
}

async function recordPayment(
  { db, clock }: Platform,
  { uuid, paidAt, reference }: ReceivableServiceRecordPaymentRequest,
): Promise<InvoiceRow> {
  const now = clock();
  const at = paidAt === undefined ? now : timestampDate(paidAt);
  if (at > now) throw invalidField("paid_at", "must not be in the future");
  return await db.transaction(async (tx) => {
    const row = await invoiceStore.get(tx, uuid);
    if (row === undefined) throw new DomainError("missing", `invoice ${uuid} does not exist`);
    if (row.processor !== "ledger") {
      throw new DomainError("precondition", `invoice ${row.number} is collected by ${row.processor}: record it there`);
    }
    if (!(at >= row.periodStart)) throw invalidField("paid_at", "must not be before the period of the invoice");
    const paid = await invoiceStore.pay(tx, uuid, at, reference);
    if (paid === undefined) throw new DomainError("precondition", `invoice ${row.number} is not open`);
    return paid;
  });
}
