import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { type BillingInvoice, InvoiceStatus } from "../../../../gen/ts/billing/v1/invoice_pb.js";
import type { Tone } from "../../kit/status-badge.js";

const month = new Intl.DateTimeFormat("en", { month: "long", year: "numeric", timeZone: "UTC" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });

/** Where an invoice stands. */
export function stateOf({ status, overdue }: BillingInvoice): { readonly text: string; readonly tone: Tone } {
  if (overdue) return { text: "Overdue", tone: "bad" };
  switch (status) {
    case InvoiceStatus.OPEN:
      return { text: "Open", tone: "warn" };
    case InvoiceStatus.PAID:
      return { text: "Paid", tone: "good" };
    case InvoiceStatus.VOID:
      return { text: "Void", tone: "quiet" };
    default:
      return { text: "Unknown", tone: "quiet" };
  }
}

/** The month of a billing period, which is one in UTC. */
export function monthText(at: Timestamp | undefined): string {
  return at === undefined ? "–" : month.format(timestampDate(at));
}

/** A day of an invoice, in UTC as on the paper. */
export function dayText(at: Timestamp | undefined): string {
  return at === undefined ? "–" : day.format(timestampDate(at));
}
