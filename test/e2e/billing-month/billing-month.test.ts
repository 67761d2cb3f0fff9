import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  type BillingInvoice,
  InvoiceLineKind,
  InvoiceService,
  InvoiceStatus,
} from "../../../gen/ts/billing/v1/invoice_pb.js";
import { UsageService } from "../../../gen/ts/billing/v1/usage_pb.js";
import { type FakeStripe, startFakeStripe } from "../../resources/api/payment/stripe/support/fake-stripe.js";
import { becomeCustomer, liveThrough, type Month, march, startMonth } from "./month.js";

/*
 * In hours: the first cluster runs 714, the second 438. Two medium machines run 204.5 and three of them 125.5 at
 * 34.5, then three of them 384 at 36; a large one 438. 50 GiB are kept for 336, the address for 312.
 */
const used = [
  { resource: "first", product: "kubernetes", amount: 5_712n },
  { resource: "first", product: "medium", amount: 27_100n },
  { resource: "first", product: "medium", amount: 41_472n },
  { resource: "second", product: "kubernetes", amount: 3_504n },
  { resource: "second", product: "large", amount: 54_312n },
  { resource: "data", product: "volume", amount: 230n },
  { resource: "web", product: "address", amount: 156n },
];

/** What is due: 12.5 % off, a coupon of 50 €, 19 % on the rest, less 20 € of credit. */
const sums = {
  subtotal: 132_486n,
  discount: 16_561n,
  coupon: 5_000n,
  vat: 21_076n,
  vatRate: "19",
  total: 132_001n,
  balance: 2_000n,
  amountDue: 130_001n,
  currency: "eur",
};

const textOfLine = ({ resource, product, amount }: (typeof used)[number]) => `${resource} ${product} ${amount}`;

let month: Month;
afterAll(() => month?.close());

async function usageIsAsReckoned(): Promise<void> {
  const period = timestampFromDate(march(5));
  const { usages } = await month.platform.client(UsageService).list({ login: month.tenant, period }, await month.me());
  const seen = usages.map(({ resourceName: resource, product, amount }) => ({ resource, product, amount }));
  expect(seen.map(textOfLine).sort()).toEqual(used.map(textOfLine).sort());
}

/** The one invoice, with its lines; waits for it. */
async function theInvoice(): Promise<BillingInvoice> {
  const invoices = month.platform.client(InvoiceService);
  const login = month.tenant;
  const me = await month.me();
  return await vi.waitFor(
    async () => {
      const { invoices: found } = await invoices.list({ login }, me);
      expect(found).toHaveLength(1);
      const { invoice } = await invoices.get({ login, uuid: found[0]?.uuid ?? "" }, me);
      if (invoice === undefined) throw new Error("the answer has no invoice");
      return invoice;
    },
    { timeout: 40_000, interval: 50 },
  );
}

function linesAreAsReckoned({ lines }: BillingInvoice): void {
  const ofUse = lines.filter(({ kind }) => kind === InvoiceLineKind.USAGE);
  const seen = ofUse.map(({ resourceName: resource, product, amount }) => ({ resource, product, amount }));
  expect(seen.map(textOfLine).sort()).toEqual(used.map(textOfLine).sort());
  expect(lines.filter(({ kind }) => kind === InvoiceLineKind.DISCOUNT).map(({ amount }) => amount)).toEqual([-16_561n]);
  expect(lines.filter(({ kind }) => kind === InvoiceLineKind.COUPON).map(({ amount }) => amount)).toEqual([-5_000n]);
}

async function pdfSays({ pdfDownloadUrl, number }: BillingInvoice): Promise<void> {
  const answer = await fetch(pdfDownloadUrl);
  expect(answer.headers.get("content-type")).toBe("application/pdf");
  const pdf = Buffer.from(await answer.arrayBuffer());
  expect(pdf.subarray(0, 5).toString()).toBe("%PDF-");
  const text = await textOf(pdf);
  // Where no reader of PDFs is installed, that it is one must do.
  if (text === undefined) return;
  for (const part of [number, "1,300.01", "1,324.86", "first", "second", "Payer", "DE136695976"]) {
    expect(text).toContain(part);
  }
}

/** The text of a PDF by pdftotext; undefined where that is not installed. */
async function textOf(pdf: Buffer): Promise<string | undefined> {
  const directory = await mkdtemp(join(tmpdir(), "slipway-pdf-"));
  try {
    const file = join(directory, "invoice.pdf");
    await writeFile(file, pdf);
    return (await promisify(execFile)("pdftotext", ["-layout", file, "-"])).stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  } finally {
    await rm(directory, { recursive: true });
  }
}

describe("a month on the ledger", () => {
  beforeAll(async () => {
    month = await startMonth();
    await becomeCustomer(month, "pm_invoice");
    await liveThrough(month);
    await month.moveOverTheEnd();
    month.moveTo(march(33, 1));
    await month.run("invoices.issue");
  }, 120_000);

  it("is used, billed and printed to the cent", async () => {
    const invoice = await theInvoice();
    await usageIsAsReckoned();
    expect(invoice).toMatchObject({ ...sums, number: "2026-00001", status: InvoiceStatus.OPEN });
    linesAreAsReckoned(invoice);
    await pdfSays(invoice);
    await month.close();
  });
});

describe("the same month at Stripe", () => {
  let fake: FakeStripe;
  beforeAll(async () => {
    fake = await startFakeStripe({ now: march(1) });
    month = await startMonth({ env: fake.env, onMove: (at) => fake.advance(at) });
    await becomeCustomer(month, fake.newCard());
    await liveThrough(month);
    // The draft of the invoice is told at once, and held until all use is counted.
    await month.moveOverTheEnd(async () => {
      await fake.webhooks.deliver(month.platform.url);
      await month.run("stripe.report");
    });
    await month.run("stripe.report");
    month.moveTo(march(34));
    await month.run("stripe.lost");
  }, 120_000);
  afterAll(() => fake?.close());

  it("is used, billed and printed to the same cent", async () => {
    const invoice = await vi.waitFor(
      async () => {
        await fake.webhooks.deliver(month.platform.url);
        const found = await month.platform.client(InvoiceService).list({ login: month.tenant }, await month.me());
        expect(found.invoices).toHaveLength(1);
        return await theInvoice();
      },
      { timeout: 40_000, interval: 250 },
    );
    await usageIsAsReckoned();
    expect(invoice).toMatchObject({ ...sums, status: InvoiceStatus.PAID });
    linesAreAsReckoned(invoice);
    await pdfSays(invoice);
  });
});
