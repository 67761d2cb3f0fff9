import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type BilledUse,
  computeInvoice,
  type InvoiceTerms,
  linesOf,
  type Reduction,
} from "../../../../src/resources/billing/invoice/compute.js";
import { vatOf } from "../../../../src/resources/billing/invoice/vat.js";
import { amountOf, partOf } from "../../../../src/resources/billing/money.js";

const periodEnd = new Date("2026-02-01T00:00:00Z");
const none: InvoiceTerms = { periodEnd, discounts: [], coupons: [], vatBasisPoints: 0, balance: 0n };

/** Use that costs so many minor units. */
const costing = (amount: bigint, changes: Partial<BilledUse> = {}): BilledUse => ({
  kind: "usage",
  project: "p",
  projectName: "default",
  resource: "r",
  resourceName: "web",
  product: "worker",
  productName: "Worker",
  unitLabel: "machine per hour",
  unitSize: 3_600n,
  unitAmountNano: 1_000_000_000n,
  quantity: amount * 3_600n,
  ...changes,
});

const off = (amountOff: bigint): Reduction => ({ name: "amount", amountOff, basisPointsOff: null });
const part = (basisPointsOff: number): Reduction => ({ name: "part", amountOff: null, basisPointsOff });

const name = fc.constantFrom("a", "b", "c");
const uses = fc.array(
  fc
    .record({
      kind: fc.constantFrom("usage" as const, "correction" as const),
      names: fc.tuple(name, name, name),
      quantity: fc.bigInt(-(10n ** 8n), 10n ** 11n),
      unitAmountNano: fc.bigInt(0n, 10n ** 12n),
    })
    .map(({ kind, names: [project, resource, product], quantity, unitAmountNano }) =>
      costing(0n, {
        kind,
        project,
        projectName: project,
        resource,
        resourceName: resource,
        product,
        quantity,
        unitAmountNano,
      }),
    ),
  { maxLength: 12 },
);
const money = fc.bigInt(1n, 10n ** 6n);
const terms: fc.Arbitrary<InvoiceTerms> = fc.record({
  periodEnd: fc.constant(periodEnd),
  discounts: fc.array(fc.oneof(money.map(off), fc.integer({ min: 1, max: 10_000 }).map(part)), { maxLength: 5 }),
  coupons: fc.array(
    fc.record({
      grant: fc.uuid(),
      name: fc.constant("coupon"),
      expiresAt: fc.integer({ min: -3, max: 3 }).map((days) => new Date(periodEnd.getTime() + days * 86_400_000)),
      left: money,
    }),
    { maxLength: 5 },
  ),
  vatBasisPoints: fc.constantFrom(0, 700, 1_900, 2_550),
  balance: fc.oneof(fc.constant(0n), money),
});

describe("an invoice", () => {
  it("adds up: its lines to its sums, its sums to what is due, and what it takes to what it says", () => {
    fc.assert(
      fc.property(uses, terms, (use, of) => {
        const invoice = computeInvoice(use, of);
        const sum = (...kinds: string[]): bigint =>
          invoice.lines.filter(({ kind }) => kinds.includes(kind)).reduce((all, { amount }) => all + amount, 0n);
        expect(sum("usage", "correction")).toBe(invoice.subtotal);
        expect(sum("discount")).toBe(-invoice.discount);
        expect(sum("coupon")).toBe(-invoice.coupon);
        expect(invoice.net).toBe(invoice.subtotal - invoice.discount - invoice.coupon);
        expect(invoice.total).toBe(invoice.net + invoice.vat);
        if (invoice.net >= 0n) expect(invoice.due).toBe(invoice.total - invoice.balance);
        const taken = (fromCoupons: boolean): bigint =>
          invoice.taken
            .filter((each) => (each.couponGrant !== null) === fromCoupons)
            .reduce((all, { amount }) => all + amount, 0n);
        expect(taken(true)).toBe(invoice.coupon);
        expect(taken(false)).toBe(invoice.balance);
        expect(invoice.lines.every(({ amount }) => amount !== 0n)).toBe(true);
      }),
    );
  });

  it("never asks for less than nothing, and takes no more than there is from anything", () => {
    fc.assert(
      fc.property(uses, terms, (use, of) => {
        const invoice = computeInvoice(use, of);
        const { subtotal, discount, coupon, net, vat, balance, due } = invoice;
        for (const amount of [discount, coupon, vat, balance, due]) expect(amount >= 0n).toBe(true);
        // Below 0 by corrections alone.
        expect(net >= 0n || (net === subtotal && discount + coupon + vat + balance + due === 0n)).toBe(true);
        for (const { couponGrant, amount } of invoice.taken) {
          const source = of.coupons.find(({ grant }) => grant === couponGrant);
          expect(amount > 0n && amount <= (couponGrant === null ? of.balance : (source?.left ?? 0n))).toBe(true);
          if (source !== undefined) expect(source.expiresAt >= periodEnd).toBe(true);
        }
      }),
    );
  });

  it("is the same in whatever order use comes, and its subtotal is that of its resources", () => {
    fc.assert(
      fc.property(uses, fc.array(fc.nat(), { minLength: 12, maxLength: 12 }), terms, (use, keys, of) => {
        const shuffled = use.map((each, at) => ({ each, key: keys[at] ?? 0 })).sort((a, b) => a.key - b.key);
        // Equal keys of everything but quantity may change places, so amounts alone are compared.
        const amounts = (all: readonly BilledUse[]) => ({ ...computeInvoice(all, of), lines: undefined });
        expect(amounts(shuffled.map(({ each }) => each))).toEqual(amounts(use));
        const resources = [...new Set(use.map(({ resource }) => resource))];
        const parts = resources.map(
          (of) =>
            computeInvoice(
              use.filter(({ resource }) => resource === of),
              none,
            ).subtotal,
        );
        expect(parts.reduce((all, each) => all + each, 0n)).toBe(computeInvoice(use, none).subtotal);
        expect(computeInvoice(use, none).subtotal).toBe(use.reduce((all, each) => all + amountOf(each), 0n));
      }),
    );
  });

  it("has lines by project, resource and product, with names before ids, and none that cost nothing", () => {
    const lines = linesOf([
      costing(3n, { projectName: "b", resourceName: "a" }),
      costing(2n, { projectName: "a", resourceName: "b" }),
      costing(0n, { projectName: "a", resourceName: "a" }),
      costing(-1n, { projectName: "a", resourceName: "b", kind: "correction" }),
      costing(1n, {
        projectName: "a",
        resourceName: "b",
        product: "address",
        quantity: 5_400n,
        unitAmountNano: 700_000_000n,
      }),
    ]);
    expect(lines.map(({ amount }) => amount)).toEqual([1n, 2n, -1n, 3n]);
    expect(lines[0]).toMatchObject({ quantity: "1.5", unitAmount: "0.7", unitLabel: "machine per hour" });
  });

  it("applies discounts in their order, each to what is left, until nothing is", () => {
    const discounted = (...discounts: Reduction[]) =>
      computeInvoice([costing(1_000n)], { ...none, discounts }).discount;
    expect(discounted(off(100n), part(1_000))).toBe(190n);
    expect(discounted(part(1_000), off(100n))).toBe(200n);
    expect(discounted(part(5_000), part(5_000))).toBe(750n);
    expect(discounted(off(900n), off(900n), part(10_000))).toBe(1_000n);
    expect(computeInvoice([costing(-10n)], { ...none, discounts: [off(5n), part(1_000)] }).discount).toBe(0n);
  });

  it("spends the coupon first that ends soonest, before tax, and none that ended before the period did", () => {
    const at = (day: string) => new Date(`2026-${day}T00:00:00Z`);
    const coupons = [
      { grant: "late", name: "late", expiresAt: at("05-01"), left: 500n },
      { grant: "over", name: "over", expiresAt: new Date(periodEnd.getTime() - 1), left: 500n },
      { grant: "soon", name: "soon", expiresAt: periodEnd, left: 300n },
    ];
    const invoice = computeInvoice([costing(700n)], { ...none, coupons, vatBasisPoints: 1_900, balance: 50n });
    expect(invoice.taken).toEqual([
      { couponGrant: "soon", amount: 300n },
      { couponGrant: "late", amount: 400n },
    ]);
    const some = computeInvoice([costing(1_000n)], { ...none, coupons, vatBasisPoints: 1_900, balance: 50n });
    expect(some).toMatchObject({ coupon: 800n, net: 200n, vat: 38n, total: 238n, balance: 50n, due: 188n });
  });

  it("bears tax on what discounts and coupons have left, rounded half up", () => {
    fc.assert(
      fc.property(money, fc.integer({ min: 0, max: 10_000 }), (amount, vatBasisPoints) => {
        const { net, vat } = computeInvoice([costing(amount)], { ...none, vatBasisPoints });
        expect(vat).toBe(partOf(net, vatBasisPoints));
      }),
    );
  });
});

describe("value added tax", () => {
  const address = { line1: "", line2: "", postalCode: "", city: "", state: "", country: "DE" };
  const seller = { name: "Seller", email: "", vat: "DE1", address, footer: [] };
  const vat = {
    rates: new Map([
      ["DE", 1_900],
      ["AT", 2_000],
    ]),
    other: 0,
    reverseCharge: new Set(["AT", "FR"]),
  };
  const of = (country: string | null, number = "") =>
    vatOf(
      { name: "", email: "", vat: number, address: country === null ? null : { ...address, country } },
      { seller, vat },
    );

  it("goes by the customer's country, or the seller's where the customer has none", () => {
    expect(of("DE", "DE2")).toEqual({ basisPoints: 1_900, note: "" });
    expect(of("AT")).toEqual({ basisPoints: 2_000, note: "" });
    expect(of(null)).toEqual({ basisPoints: 1_900, note: "" });
    expect(of("")).toEqual({ basisPoints: 1_900, note: "" });
  });

  it("is owed by customers with a VAT number in countries of reverse charge, and the invoice says so", () => {
    expect(of("AT", "ATU1")).toEqual({ basisPoints: 0, note: expect.stringContaining("Reverse charge") });
    expect(of("FR", "FR1")).toEqual({ basisPoints: 0, note: expect.stringContaining("Reverse charge") });
    expect(of("US", "US1")).toEqual({ basisPoints: 0, note: "No value added tax is charged." });
  });
});
