import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type BillingInvoiceSchema,
  InvoiceLineKind,
  type InvoiceLineSchema,
  InvoiceStatus,
} from "../../../../gen/ts/billing/v1/invoice_pb.js";
import { formatPercent } from "../money.js";
import { type InvoiceLineRow, type InvoiceRow, isOverdue, sumsOf } from "./store.js";

const statuses = {
  open: InvoiceStatus.OPEN,
  paid: InvoiceStatus.PAID,
  void: InvoiceStatus.VOID,
} as const;

const kinds = {
  usage: InvoiceLineKind.USAGE,
  correction: InvoiceLineKind.CORRECTION,
  discount: InvoiceLineKind.DISCOUNT,
  coupon: InvoiceLineKind.COUPON,
} as const;

/** What a message says beside its row. */
export interface InvoiceContext {
  readonly now: Date;
  /** Where the PDF of an invoice can be fetched. */
  readonly urlOf: (invoice: string) => string;
}

/** An invoice with those lines. */
export function invoiceMessage(
  row: InvoiceRow,
  { now, urlOf }: InvoiceContext,
  lines: readonly InvoiceLineRow[] = [],
): MessageInitShape<typeof BillingInvoiceSchema> {
  const { total, due } = sumsOf(row);
  return {
    uuid: row.id,
    number: row.number,
    login: row.tenant,
    periodStart: timestampFromDate(row.periodStart),
    periodEnd: timestampFromDate(row.periodEnd),
    currency: row.currency,
    subtotal: row.subtotal,
    discount: row.discount,
    coupon: row.coupon,
    vat: row.vat,
    vatRate: formatPercent(row.vatBasisPoints),
    total,
    balance: row.balance,
    amountDue: due,
    status: statuses[row.status],
    issuedAt: timestampFromDate(row.issuedAt),
    dueAt: timestampFromDate(row.dueAt),
    ...(row.paidAt === null ? {} : { paidAt: timestampFromDate(row.paidAt) }),
    overdue: isOverdue(row, now),
    pdfDownloadUrl: urlOf(row.id),
    lines: lines.map(lineMessage),
  };
}

function lineMessage(line: InvoiceLineRow): MessageInitShape<typeof InvoiceLineSchema> {
  const { kind, project, resource, description, projectName, resourceName, product } = line;
  const { quantity, unitLabel, unitAmount, amount } = line;
  return {
    kind: kinds[kind],
    project: project ?? "",
    resource: resource ?? "",
    ...{ description, projectName, resourceName, product, quantity, unitLabel, unitAmount, amount },
  };
}
