import { ActionIcon, Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { type BillingInvoice, InvoiceService } from "../../../../gen/ts/billing/v1/invoice_pb.js";
import { slipway } from "../../app/api.js";
import { session } from "../../app/session.js";
import { Icon } from "../../kit/icons.js";
import { problemText } from "../../kit/problem.js";

const client = slipway.client(InvoiceService);
const timeoutMs = 60_000;

/** Downloads the PDF of an invoice. */
export function PdfButton({ invoice, inRow = false }: { invoice: BillingInvoice; inRow?: boolean }) {
  const [busy, setBusy] = useState(false);
  const start = async () => {
    setBusy(true);
    try {
      await download(invoice);
    } catch (error) {
      notifications.show({ color: "red", title: `No PDF of ${invoice.number}`, message: problemText(error) });
    } finally {
      setBusy(false);
    }
  };
  if (inRow) {
    const label = `Download ${invoice.number} as PDF`;
    return (
      <ActionIcon aria-label={label} title={label} tabIndex={-1} loading={busy} onClick={() => void start()}>
        <Icon name="download" />
      </ActionIcon>
    );
  }
  return (
    <Button
      variant="default"
      leftSection={<Icon name="download" size={14} />}
      loading={busy}
      onClick={() => void start()}
    >
      Download PDF
    </Button>
  );
}

async function download({ login, uuid, number }: BillingInvoice): Promise<void> {
  // Links hold for an hour: the one in the list may be older.
  const { invoice } = await client.get({ login, uuid });
  const link = new URL(invoice?.pdfDownloadUrl ?? "", location.origin);
  if (!/^\/invoices\/[0-9a-f-]+\.pdf$/.test(link.pathname)) {
    // A payment processor keeps its PDFs itself.
    window.open(link, "_blank", "noopener,noreferrer");
    return;
  }
  const token = await session.token();
  const answer = await fetch(`${link.pathname}${link.search}`, {
    cache: "no-store",
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!answer.ok) throw new Error((await answer.text()).trim() || `the server answered HTTP ${answer.status}`);
  save(await answer.blob(), `invoice-${number.replaceAll(/[^A-Za-z0-9-]/g, "-")}.pdf`);
}

function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
