import type { Readable } from "node:stream";
import type { Platform } from "../../../platform.js";
import { isUuid } from "../../api/uuid.js";
import { invoicePdf } from "./pdf/invoice-pdf.js";
import { invoiceStore } from "./store.js";

/** The answer to a plain HTTP request. */
export interface DownloadAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Readable;
}

/** What a link to a PDF says of itself. */
export interface DownloadRequest {
  /** The last part of the path, as in `ID.pdf`. */
  readonly file: string;
  readonly query: URLSearchParams;
}

const purpose = "invoice-download";
const validSeconds = 3_600;

/** A link to the PDF of an invoice that holds for an hour, for whoever has it. */
export function downloadUrl(
  { keyring, clock, issuer }: Pick<Platform, "keyring" | "clock" | "issuer">,
  invoice: string,
): string {
  const expires = String(Math.floor(clock().getTime() / 1_000) + validSeconds);
  const query = new URLSearchParams({ expires, signature: keyring.sign(purpose, signed(invoice, expires)) });
  return `${issuer().replace(/\/$/, "")}/invoices/${invoice}.pdf?${query}`;
}

/** Answers a request with such a link; only who has a valid one learns whether there is an invoice. */
export async function downloadInvoice(
  { db, keyring, clock }: Pick<Platform, "db" | "keyring" | "clock">,
  { file, query }: DownloadRequest,
): Promise<DownloadAnswer> {
  const id = file.replace(/\.pdf$/, "");
  if (id === file || !isUuid(id)) return refusal(404, "there is nothing here");
  const expires = query.get("expires") ?? "";
  const isSigned = keyring.verifies(purpose, signed(id, expires), query.get("signature") ?? "");
  if (!isSigned) return refusal(403, "the link does not hold: ask the API for another");
  if (Number(expires) * 1_000 < clock().getTime()) return refusal(410, "the link has expired: ask the API for another");
  const row = await invoiceStore.get(db, id);
  if (row === undefined) return refusal(404, "there is no such invoice");
  const headers = {
    "content-type": "application/pdf",
    "content-disposition": `inline; filename="invoice-${row.number.replace(/[^A-Za-z0-9-]/g, "-")}.pdf"`,
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  };
  return { status: 200, headers, body: invoicePdf(row, await invoiceStore.lines(db, id)) };
}

const signed = (invoice: string, expires: string): string => `${invoice.toLowerCase()} ${expires}`;

function refusal(status: number, message: string): DownloadAnswer {
  return { status, headers: { "cache-control": "no-store" }, body: `${message}\n` };
}
