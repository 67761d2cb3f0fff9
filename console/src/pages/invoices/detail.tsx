import { useQuery } from "@connectrpc/connect-query";
import { useMemo } from "react";
import { useParams } from "wouter";
import {
  type BillingInvoice,
  type InvoiceLine,
  InvoiceLineKind,
  InvoiceService,
} from "../../../../gen/ts/billing/v1/invoice_pb.js";
import { useProject } from "../../app/project.js";
import { KeyValue, Page as PageBody, PageHeader } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { type Column, VirtualTable } from "../../kit/virtual-table.js";
import { dayText, monthText, stateOf } from "./invoice-state.js";
import { moneyText, priceText, quantityText } from "./money.js";
import { PdfButton } from "./pdf-button.js";
import classes from "./table.module.css";

/** One invoice with its lines. */
export function Page() {
  const { uuid: project, tenant } = useProject();
  const { invoice: uuid = "" } = useParams();
  const { data, error, refetch } = useQuery(InvoiceService.method.get, { login: tenant, uuid });
  const invoice = data?.invoice;
  const state = invoice && stateOf(invoice);
  return (
    <PageBody fill>
      <PageHeader
        title={invoice === undefined ? "Invoice" : monthText(invoice.periodStart)}
        parents={[{ label: "Invoices", href: `/projects/${project}/invoices` }]}
        badge={state && <StatusBadge tone={state.tone}>{state.text}</StatusBadge>}
      >
        {invoice !== undefined && <PdfButton invoice={invoice} />}
      </PageHeader>
      {error !== null && invoice === undefined && (
        <Problem error={error} what="The invoice could not be read" onRetry={() => void refetch()} />
      )}
      {invoice !== undefined && (
        <>
          <Facts invoice={invoice} />
          <Lines invoice={invoice} />
        </>
      )}
    </PageBody>
  );
}

function Facts({ invoice }: { invoice: BillingInvoice }) {
  const { currency, discount, coupon, balance, vatRate } = invoice;
  const money = (amount: bigint) => moneyText(amount, currency);
  return (
    <KeyValue
      items={[
        ["Number", invoice.number],
        ["Issued", dayText(invoice.issuedAt)],
        ["Use", money(invoice.subtotal)],
        ...(discount === 0n ? [] : [["Discounts", money(-discount)] as const]),
        ...(coupon === 0n ? [] : [["Coupons", money(-coupon)] as const]),
        [`VAT ${vatRate} %`, money(invoice.vat)],
        ["Total", <b key="total">{money(invoice.total)}</b>],
        ...(balance === 0n ? [] : [["Paid by credit", money(balance)] as const]),
        [invoice.paidAt === undefined ? "To pay" : "Paid", <b key="due">{money(invoice.amountDue)}</b>],
        invoice.paidAt === undefined ? ["Due", dayText(invoice.dueAt)] : ["Paid on", dayText(invoice.paidAt)],
      ]}
    />
  );
}

interface Line {
  readonly key: string;
  readonly line: InvoiceLine;
  readonly currency: string;
}

const about: Readonly<Record<number, string>> = {
  [InvoiceLineKind.CORRECTION]: "Of an earlier month",
  [InvoiceLineKind.DISCOUNT]: "Discount",
  [InvoiceLineKind.COUPON]: "Coupon",
};

const columns: readonly Column<Line>[] = [
  {
    id: "description",
    header: "Product",
    width: 130,
    grow: 1,
    sort: ({ line }) => line.description,
    text: ({ line }) => `${line.description} ${about[line.kind] ?? ""}`,
    cell: ({ line }) => {
      const kind = about[line.kind];
      return kind === undefined ? line.description : `${line.description} (${kind.toLowerCase()})`;
    },
  },
  {
    id: "project",
    header: "Project",
    width: 110,
    grow: 1,
    priority: 3,
    sort: ({ line }) => line.projectName,
    text: ({ line }) => line.projectName,
    cell: ({ line }) => line.projectName || "–",
  },
  {
    id: "resource",
    header: "Resource",
    width: 110,
    grow: 1,
    priority: 2,
    sort: ({ line }) => line.resourceName,
    text: ({ line }) => `${line.resourceName} ${line.resource}`,
    cell: ({ line }) => line.resourceName || "–",
  },
  {
    id: "quantity",
    header: "Quantity",
    width: 190,
    align: "end",
    priority: 4,
    sort: ({ line }) => Number(line.quantity),
    cell: ({ line }) => (line.quantity === "" ? "–" : `${quantityText(line.quantity)} ${line.unitLabel}`),
  },
  {
    id: "price",
    header: "Price",
    width: 100,
    align: "end",
    priority: 5,
    sort: ({ line }) => Number(line.unitAmount),
    cell: ({ line, currency }) => (line.unitAmount === "" ? "–" : priceText(line.unitAmount, currency)),
  },
  {
    id: "amount",
    header: "Amount",
    width: 120,
    align: "end",
    sort: ({ line }) => line.amount,
    cell: ({ line, currency }) => moneyText(line.amount, currency),
  },
];

const keyOf = ({ key }: Line): string => key;

function Lines({ invoice: { lines, currency } }: { invoice: BillingInvoice }) {
  const rows = useMemo(() => lines.map((line, i): Line => ({ key: String(i), line, currency })), [lines, currency]);
  return (
    <div className={classes.lines}>
      <VirtualTable
        label="Lines"
        rows={rows}
        rowKey={keyOf}
        columns={columns}
        empty={<p>This invoice has no lines: nothing was used.</p>}
      />
    </div>
  );
}
