import { buffer } from "node:stream/consumers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linesOf } from "../../../../src/resources/billing/invoice/compute.js";
import { paginate } from "../../../../src/resources/billing/invoice/pdf/blocks.js";
import { partyLines, spanText, unitPriceText } from "../../../../src/resources/billing/invoice/pdf/format.js";
import { invoicePdf } from "../../../../src/resources/billing/invoice/pdf/invoice-pdf.js";
import type { InvoiceRow } from "../../../../src/resources/billing/invoice/store.js";
import { uuid } from "../usage/book.js";
import { billing, day, month } from "./books.js";

const base: InvoiceRow = {
  id: uuid(1),
  tenant: "acme",
  number: "2025-00001",
  processor: "ledger",
  processorId: "",
  periodStart: month(0),
  periodEnd: month(1),
  currency: "eur",
  subtotal: 100n,
  discount: 0n,
  coupon: 0n,
  vat: 19n,
  vatBasisPoints: 1_900,
  vatNote: "",
  balance: 0n,
  status: "open",
  seller: billing.seller,
  customer: { name: "Acme", email: "a@example.com", vat: "", address: null },
  issuedAt: day(1, 2),
  dueAt: day(1, 16),
  paidAt: null,
  paymentReference: "",
};

const pdfOf = (row: Partial<InvoiceRow>, names: readonly string[]) => {
  const use = names.map((name, n) => ({
    kind: "usage" as const,
    project: uuid(n % 2),
    projectName: names[n % 2] ?? "",
    resource: uuid(n),
    resourceName: name,
    product: "worker",
    productName: name,
    unitLabel: "machine per hour",
    unitSize: 3_600n,
    unitAmountNano: 1_234_567_890n,
    quantity: 7_200n,
  }));
  const lines = linesOf(use).map((line, position) => ({ ...line, invoice: base.id, position }));
  return buffer(invoicePdf({ ...base, ...row }, lines));
};

const pagesIn = (pdf: Buffer): number => pdf.toString("latin1").match(/\/Type \/Page\b(?!s)/g)?.length ?? 0;

describe("the PDF of an invoice", () => {
  it("is the same whenever it is made, and whether it was paid since", async () => {
    const first = await pdfOf({}, ["web"]);
    expect((await pdfOf({}, ["web"])).equals(first)).toBe(true);
    expect((await pdfOf({ status: "paid", paidAt: day(1, 3) }, ["web"])).equals(first)).toBe(true);
    expect((await pdfOf({ number: "2025-00002" }, ["web"])).equals(first)).toBe(false);
  });

  it("has as many pages as its lines need", async () => {
    expect(pagesIn(await pdfOf({}, ["web"]))).toBe(1);
    const many = pagesIn(
      await pdfOf(
        {},
        Array.from({ length: 300 }, (_, n) => `web-${n}`),
      ),
    );
    expect(many).toBeGreaterThan(5);
    expect(many).toBeLessThan(20);
  });

  it("takes any name", async () => {
    const odd = [
      "",
      " ",
      "名前",
      "مشروع الاختبار",
      "שלום",
      "Ελληνικά",
      "👩‍👩‍👧",
      "\u202etxt.exe",
      "a\u0000b",
      "\ud800",
      "x".repeat(5_000),
    ];
    const names = fc.oneof(
      fc.constantFrom(...odd),
      fc.string({ unit: "binary", maxLength: 60 }),
      fc.string({ unit: "grapheme", maxLength: 60 }),
    );
    const texts = fc.array(names, { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(texts, fc.tuple(names, names, names), async (resources, [name, email, line1]) => {
        const address = { line1, line2: name, postalCode: "1", city: email, state: "", country: line1 };
        const customer = { name, email, vat: email, address };
        const seller = { ...customer, footer: [name, email] };
        const pdf = await pdfOf(
          { customer, seller, tenant: name, number: email, currency: line1, vatNote: name },
          resources,
        );
        expect(pagesIn(pdf)).toBeGreaterThan(0);
      }),
      { numRuns: 12 },
    );
  });
});

describe("the parts of the page", () => {
  const room = { first: 300, others: 50, bottom: 800 };
  const block = (height: number, keepWithNext = false) => ({ height, keepWithNext, draw() {} });

  it("stay within it, in their order, and are each there once", () => {
    const blocks = fc.array(fc.record({ height: fc.integer({ min: 0, max: 400 }), keep: fc.boolean() }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(blocks, (sizes) => {
        const all = sizes.map(({ height, keep }) => block(height, keep));
        const pages = paginate(all, room);
        expect(pages.flat().map(({ block: each }) => each)).toEqual(all);
        for (const [at, page] of pages.entries()) {
          let y = at === 0 ? room.first : room.others;
          for (const placed of page) {
            expect(placed.y).toBe(y);
            y += placed.block.height;
          }
          expect(y).toBeLessThanOrEqual(room.bottom);
        }
      }),
    );
  });

  it("begin a page with what is repeated, and a heading goes along with what it is of", () => {
    const head = block(20);
    const rows = Array.from({ length: 4 }, () => ({ ...block(200), repeat: head }));
    expect(paginate([block(50), ...rows], room).map((page) => page.length)).toEqual([3, 3]);
    const pages = paginate([block(400), block(60, true), block(60)], room);
    expect(pages.map((page) => page.length)).toEqual([1, 2]);
  });
});

describe("the words of the page", () => {
  it("say days, prices and parties", () => {
    expect(spanText(month(1), month(2))).toBe("1 February 2025 to 28 February 2025");
    expect(["3.2", "1200", "0.000000001", "odd"].map((text) => unitPriceText(text, "eur"))).toEqual([
      "0.032",
      "12.00",
      "0.00000000001",
      "odd",
    ]);
    expect(unitPriceText("1200.5", "jpy")).toBe("1,200.5");
    const { lines } = partyLines(billing.seller);
    expect(lines).toEqual([
      "Cloudallee 1",
      "80331 München",
      "Germany",
      "billing@cloud.example",
      "VAT number DE123456789",
    ]);
  });
});
