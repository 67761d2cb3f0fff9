import type { Usage } from "../../../../gen/ts/billing/v1/usage_pb.js";
import { type Column, VirtualTable } from "../../kit/virtual-table.js";
import { moneyText, priceText } from "../invoices/money.js";

/** What a resource used, with the currency in which it costs. */
export interface ResourceUse {
  readonly usage: Usage;
  readonly currency: string;
}

const columns: readonly Column<ResourceUse>[] = [
  {
    id: "resource",
    header: "Resource",
    width: 130,
    grow: 2,
    sort: ({ usage }) => usage.resourceName,
    text: ({ usage }) => `${usage.resourceName} ${usage.resource}`,
    cell: ({ usage }) => <span title={usage.resource}>{usage.resourceName || usage.resource}</span>,
  },
  {
    id: "project",
    header: "Project",
    width: 110,
    grow: 1,
    priority: 3,
    sort: ({ usage }) => usage.projectName,
    text: ({ usage }) => usage.projectName,
    cell: ({ usage }) => usage.projectName,
  },
  {
    id: "product",
    header: "Product",
    width: 120,
    grow: 1,
    priority: 2,
    sort: ({ usage }) => usage.productName,
    text: ({ usage }) => usage.productName,
    cell: ({ usage }) => usage.productName || usage.product,
  },
  {
    id: "quantity",
    header: "Quantity",
    width: 190,
    align: "end",
    priority: 4,
    sort: ({ usage }) => usage.quantity,
    cell: ({ usage }) => `${usage.quantity.toLocaleString("en")} ${usage.unitLabel}`,
  },
  {
    id: "price",
    header: "Price",
    width: 100,
    align: "end",
    priority: 5,
    sort: ({ usage }) => Number(usage.unitAmount),
    cell: ({ usage, currency }) => priceText(usage.unitAmount, currency),
  },
  {
    id: "amount",
    header: "Cost",
    width: 110,
    align: "end",
    sort: ({ usage }) => usage.amount,
    cell: ({ usage, currency }) => moneyText(usage.amount, currency),
  },
];

const keyOf = ({ usage }: ResourceUse): string => `${usage.resource} ${usage.product} ${usage.unitAmount}`;

/** What each resource used of each product. */
export function Resources({ rows }: { rows: readonly ResourceUse[] | undefined }) {
  return (
    <VirtualTable
      label="Resources"
      rows={rows}
      rowKey={keyOf}
      columns={columns}
      initialSort={{ column: "amount", descending: true }}
      empty={<p>Nothing was used in this month.</p>}
    />
  );
}
