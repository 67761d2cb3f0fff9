import { databaseError } from "./db/errors.js";
import type { Platform } from "./platform.js";
import { downloadInvoice } from "./resources/billing/invoice/download.js";
import type { HttpRoute } from "./rpc/http-routes.js";

/** /invoices/ID.pdf: the PDF of an invoice, for whoever has a link that the API signed. */
export function invoiceRoutes(platform: Pick<Platform, "db" | "keyring" | "clock">): readonly HttpRoute[] {
  return [
    {
      method: "GET",
      path: "/invoices/{file}",
      handle: ({ params, query }) =>
        downloadInvoice(platform, { file: params.file ?? "", query }).catch((error: unknown) => {
          const known = databaseError(error);
          if (known?.kind !== "unavailable") throw error;
          return { status: 503, headers: { "cache-control": "no-store" }, body: `${known.message}\n` };
        }),
    },
  ];
}
