import { timestampMs } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { Link } from "wouter";
import { type BillingInvoice, InvoiceService } from "../../../../gen/ts/billing/v1/invoice_pb.js";
import { slipway } from "../../app/api.js";
import { useProject } from "../../app/project.js";
import { Page as PageBody, PageHeader } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { type Column, VirtualTable } from "../../kit/virtual-table.js";
import { TextLink } from "../deployments/text-link.js";
import { allPages } from "./all-pages.js";
import { dayText, monthText, stateOf } from "./invoice-state.js";
import { moneyText } from "./money.js";
import { PdfButton } from "./pdf-button.js";

const client = slipway.client(InvoiceService);

const columns: readonly Column<BillingInvoice>[] = [
  {
    id: "month",
    header: "Month",
    width: 140,
    grow: 1,
    sort: ({ periodStart }) => (periodStart === undefined ? 0 : timestampMs(periodStart)),
    text: ({ periodStart }) => monthText(periodStart),
    cell: (invoice) => <InvoiceLink invoice={invoice} />,
  },
  {
    id: "number",
    header: "Number",
    width: 130,
    priority: 3,
    sort: ({ number }) => number,
    text: ({ number }) => number,
    cell: ({ number }) => number,
  },
  {
    id: "state",
    header: "State",
    width: 110,
    sort: (invoice) => stateOf(invoice).text,
    text: (invoice) => stateOf(invoice).text,
    cell: (invoice) => <StatusBadge tone={stateOf(invoice).tone}>{stateOf(invoice).text}</StatusBadge>,
  },
  {
    id: "total",
    header: "Total",
    width: 120,
    align: "end",
    priority: 2,
    sort: ({ total }) => total,
    text: ({ total, currency }) => moneyText(total, currency),
    cell: ({ total, currency }) => moneyText(total, currency),
  },
  {
    id: "due",
    header: "To pay",
    width: 120,
    align: "end",
    priority: 1,
    sort: ({ amountDue }) => amountDue,
    cell: ({ amountDue, currency }) => moneyText(amountDue, currency),
  },
  {
    id: "until",
    header: "Due",
    width: 130,
    priority: 4,
    sort: ({ dueAt }) => (dueAt === undefined ? 0 : timestampMs(dueAt)),
    cell: ({ dueAt }) => dayText(dueAt),
  },
  {
    id: "paid",
    header: "Paid",
    width: 130,
    priority: 5,
    sort: ({ paidAt }) => (paidAt === undefined ? 0 : timestampMs(paidAt)),
    cell: ({ paidAt }) => dayText(paidAt),
  },
];

function InvoiceLink({ invoice: { uuid, periodStart } }: { invoice: BillingInvoice }) {
  const { uuid: project } = useProject();
  return (
    <Link href={`/projects/${project}/invoices/${uuid}`} tabIndex={-1}>
      {monthText(periodStart)}
    </Link>
  );
}

const keyOf = ({ uuid }: BillingInvoice): string => uuid;
const actions = (invoice: BillingInvoice) => <PdfButton invoice={invoice} inRow />;

/** The invoices of the tenant, a month each. */
export function Page() {
  const { uuid: project, tenant } = useProject();
  const hrefOf = useCallback(({ uuid }: BillingInvoice) => `/projects/${project}/invoices/${uuid}`, [project]);
  const { data, error, refetch } = useQuery({
    queryKey: ["invoices", tenant],
    queryFn: async ({ signal }) => {
      const pages = await allPages((page) => client.list({ login: tenant, paging: { page } }, { signal }));
      return pages.flatMap(({ invoices }) => invoices);
    },
  });
  return (
    <PageBody fill>
      <PageHeader title="Invoices" />
      {error !== null && data === undefined ? (
        <Problem error={error} what="The invoices could not be listed" onRetry={() => void refetch()} />
      ) : (
        <VirtualTable
          label="Invoices"
          rows={data}
          rowKey={keyOf}
          columns={columns}
          href={hrefOf}
          actions={actions}
          initialSort={{ column: "month", descending: true }}
          empty={
            <p>
              No invoices yet. There is one for each month in which something was used, soon after the month has ended.{" "}
              <TextLink href={`/projects/${project}/usage`}>What this month costs so far</TextLink>
            </p>
          }
        />
      )}
    </PageBody>
  );
}
