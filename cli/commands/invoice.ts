import type { Command } from "commander";
import type { BillingInvoiceSchema } from "../../gen/ts/billing/v1/invoice_pb.js";
import { Failure } from "../failure.js";
import { download } from "../resources/download.js";
import { wordOf } from "../resources/enums.js";
import { examples } from "../resources/examples.js";
import { given } from "../resources/given.js";
import { lazy } from "../resources/lazy.js";
import { moneyOf } from "../resources/money.js";
import { allNumberedPages } from "../resources/pages.js";
import { addGet, addList, findId, type Resource } from "../resources/resource.js";
import { addTenant, type TenantFlag, tenantOf } from "../resources/tenant-flag.js";
import { isoOf } from "../resources/times.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

const api = lazy(() => import("../../gen/ts/billing/v1/invoice_pb.js"));
const invoices = async (session: Session) => session.client((await api()).InvoiceService);
const downloadMs = 60_000;

const resource: Resource<typeof BillingInvoiceSchema, TenantFlag> = {
  noun: "invoice",
  group: "invoice",
  reference: "its number or uuid",
  flags: addTenant,
  kind: {
    schema: async () => (await api()).BillingInvoiceSchema,
    name: ({ number }) => number,
    columns: [
      { header: "NUMBER", value: ({ number }) => number },
      { header: "PERIOD", value: ({ periodStart }) => isoOf(periodStart).slice(0, 7) },
      { header: "TOTAL", value: ({ total, currency }) => moneyOf(total, currency) },
      { header: "DUE", value: ({ amountDue, currency }) => moneyOf(amountDue, currency) },
      { header: "STATUS", value: ({ status }) => wordOf(api.now().InvoiceStatus, status) },
      { header: "OVERDUE", value: ({ overdue }) => (overdue ? "yes" : "no") },
      { header: "ISSUED", value: ({ issuedAt }) => isoOf(issuedAt).slice(0, 10) },
      { header: "DUE-AT", value: ({ dueAt }) => isoOf(dueAt).slice(0, 10), wide: true },
      { header: "VAT", value: ({ vat, currency }) => moneyOf(vat, currency), wide: true },
      { header: "UUID", value: ({ uuid }) => uuid, wide: true },
    ],
  },
  id: ({ uuid }) => uuid,
  async list(session, flags) {
    const login = await tenantOf(session, flags);
    const client = await invoices(session);
    return await allNumberedPages(async (page) => {
      const answer = await client.list({ login, paging: given({ page }) });
      return { items: answer.invoices, nextPage: answer.nextPage };
    });
  },
  async get(session, uuid, flags) {
    return (await (await invoices(session)).get({ login: await tenantOf(session, flags), uuid })).invoice;
  },
};

/** `slipway invoice`: the invoices of a tenant. */
export function invoiceCommands(group: Command): void {
  addList(group, resource, "list the invoices of a tenant, newest first");
  addGet(group, resource, "show one invoice; -o json has its lines");
  const fetch = addTenant(group.command("download"))
    .description("download the PDF of an invoice")
    .argument("<invoice>", "its number or uuid")
    .option("--file <file>", "where to write it, - for stdout; invoice-NUMBER.pdf unless told")
    .action(run(downloadPdf));
  examples(fetch, "slipway invoice download 2026-000042", "slipway invoice download 2026-000042 --file - | lpr");
}

async function downloadPdf(
  session: Session,
  reference: string,
  flags: TenantFlag & { readonly file?: string },
): Promise<void> {
  const uuid = await findId(session, resource, reference, flags);
  // A link holds for an hour: each download asks for one of its own.
  const invoice = await resource.get(session, uuid, flags);
  if (invoice === undefined || invoice.pdfDownloadUrl === "") {
    throw new Failure("precondition", `the invoice ${reference} has no PDF yet`, ["Try again in a moment."]);
  }
  const file = flags.file ?? `invoice-${invoice.number.replace(/[^A-Za-z0-9-]/g, "-")}.pdf`;
  const { caFile } = await session.settings();
  const isStdout = file === "-";
  await download(invoice.pdfDownloadUrl, {
    caFile,
    timeoutMs: session.flags.timeout ?? downloadMs,
    file: isStdout ? undefined : file,
  });
  if (!isStdout) session.note(`wrote ${file}`);
}
