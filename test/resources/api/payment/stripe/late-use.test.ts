import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stripeStore } from "../../../../../src/resources/api/payment/stripe/store.js";
import { type InvoiceRow, invoiceStore } from "../../../../../src/resources/billing/invoice/store.js";
import { address } from "../support/payers.js";
import type { FakeInvoice } from "./support/invoices.js";
import { eventsOf } from "./support/products.js";
import { on, type Stand, startStand } from "./support/stand.js";

let stand: Stand;
let tenant: string;

beforeEach(async () => {
  stand = await startStand(on(3, 5));
  const payer = await stand.customer();
  tenant = payer.tenant;
  const card = stand.fake.newCard();
  await stand.payment.createOrUpdateCustomer({ login: tenant, address, paymentMethodId: card }, payer.me);
  await stand.settle();
});

afterEach(() => stand.close());

/** Stripe makes its draft final without us; then the worker is back, and finds what it missed. */
async function missTheEnd(month: number): Promise<void> {
  stand.moveTo(on(month, 1, 2));
  stand.fake.webhooks.waiting.splice(0);
  await stand.meteredUntil(on(month, 1, 2));
  await comeBack();
}

async function comeBack(): Promise<void> {
  await stand.run("stripe.lost");
  await stand.settle();
  await stand.run("stripe.report");
  await stand.settle();
}

/** A month ends while everybody is there. */
async function seeTheEnd(month: number): Promise<void> {
  await stand.meteredUntil(on(month, 1));
  await stand.run("stripe.report");
  stand.moveTo(on(month, 1));
  await stand.settle();
  stand.moveTo(on(month, 5));
  await stand.run("stripe.lost");
  await stand.settle();
}

/** The invoices in the books, the oldest first. */
async function booked(): Promise<InvoiceRow[]> {
  return (await invoiceStore.ofTenant(stand.platform.platform.db, tenant)).reverse();
}

async function linesOf(row: InvoiceRow | undefined): Promise<string[]> {
  const lines = await invoiceStore.lines(stand.platform.platform.db, row?.id ?? "");
  return lines.map(({ description, product, amount }) => `${description} ${product} ${amount}`);
}

const errors = () => stand.platform.lines.filter(({ level }) => level >= 50);

async function nothingIsLeft(): Promise<void> {
  expect(await stripeStore.lateUse(stand.platform.platform.db, tenant)).toEqual(new Map());
  expect(errors()).toEqual([]);
  // Each invoice is at Stripe what it is here.
  for (const { processorId, subtotal, vat } of await booked()) {
    const invoice = stand.fake.book.get<FakeInvoice>("invoice", processorId);
    expect([BigInt(Number(invoice.subtotal)), vat]).toEqual([subtotal, (subtotal * 19n + 50n) / 100n]);
  }
}

const product = "Kubernetes control plane kubernetes";
const left = (amount: number) => `Charged by a later invoice kubernetes ${-amount}`;
const taken = (amount: number) => `Not charged by an earlier invoice kubernetes ${amount}`;

describe("use that Stripe did not know when it made its invoice final", () => {
  it("is on the next one, once, and both say so", async () => {
    await stand.use(tenant, "kubernetes", on(3, 1), 100n);
    await stand.meteredUntil(on(3, 30));
    await stand.run("stripe.report");
    await stand.use(tenant, "kubernetes", on(3, 1), 50n);
    await missTheEnd(4);
    const [march] = await booked();
    expect(march).toMatchObject({ subtotal: 100n, vat: 19n, status: "paid" });
    expect((await linesOf(march)).sort()).toEqual([left(50), `${product} 100`, `${product} 50`].sort());
    await stand.use(tenant, "kubernetes", on(4, 1), 10n);
    await seeTheEnd(5);
    const [, april] = await booked();
    expect(april).toMatchObject({ subtotal: 60n, status: "paid", periodStart: on(4, 1) });
    expect((await linesOf(april)).sort()).toEqual([taken(50), `${product} 10`].sort());
    await seeTheEnd(6);
    expect(await booked()).toHaveLength(2);
    await nothingIsLeft();
  });

  it("goes on until an invoice has it, though nothing at all was told in time", async () => {
    await stand.use(tenant, "kubernetes", on(3, 1), 1_000n);
    stand.moveTo(on(4, 1, 2));
    await stand.settle();
    await stand.meteredUntil(on(4, 1, 2));
    await comeBack();
    const [march] = await booked();
    expect(march).toMatchObject({ subtotal: 0n, vat: 0n, status: "paid" });
    expect(await linesOf(march)).toEqual([`${product} 1000`, left(1_000)]);
    await seeTheEnd(5);
    const [, april] = await booked();
    expect(april).toMatchObject({ subtotal: 1_000n, vat: 190n, status: "paid" });
    expect(await linesOf(april)).toEqual([taken(1_000)]);
    await nothingIsLeft();
  });

  it("is told again when Stripe took it in time and counted it too late", async () => {
    await stand.use(tenant, "kubernetes", on(3, 1), 500n);
    await stand.meteredUntil(on(3, 30));
    await stand.run("stripe.report");
    const late = eventsOf(stand.fake.book).splice(0);
    expect(late).toHaveLength(1);
    stand.moveTo(on(4, 1, 2));
    eventsOf(stand.fake.book).push(...late);
    await stand.settle();
    await stand.meteredUntil(on(4, 1, 2));
    await comeBack();
    expect((await booked()).map(({ subtotal }) => subtotal)).toEqual([0n]);
    await stand.use(tenant, "kubernetes", on(4, 1), 10n);
    await seeTheEnd(5);
    const [, april] = await booked();
    expect(april).toMatchObject({ subtotal: 510n, vat: 97n });
    expect((await linesOf(april)).sort()).toEqual([taken(500), `${product} 10`].sort());
    const { rows } = await stand.platform.platform.db.execute(
      sql`select sum(value)::text as value from usage_reports where sent_at is not null`,
    );
    expect(rows).toEqual([{ value: String(1_010_000_000) }]);
    await nothingIsLeft();
  });

  it("is nobody's debt when the invoice was void before it came into the books, which have it all the same", async () => {
    const methods = stand.fake.book.all("payment_method");
    for (const method of methods) Object.assign(method, { fails: true });
    await stand.use(tenant, "kubernetes", on(3, 1), 300n);
    await stand.meteredUntil(on(4, 1));
    await stand.run("stripe.report");
    stand.moveTo(on(4, 1, 2));
    const [invoice] = stand.fake.book.all<FakeInvoice>("invoice").filter(({ subtotal }) => subtotal === 300);
    stand.fake.act("POST", `/v1/invoices/${invoice?.id}/void`);
    await stand.settle();
    expect(await booked()).toMatchObject([{ status: "void", subtotal: 300n, processorId: invoice?.id }]);
    for (const method of methods) Object.assign(method, { fails: false });
    await stand.use(tenant, "kubernetes", on(4, 1), 80n);
    await seeTheEnd(5);
    const [, april] = await booked();
    expect(april).toMatchObject({ status: "paid", subtotal: 80n, periodStart: on(4, 1) });
    await nothingIsLeft();
  });

  it("is settled in the order of the months when several are missed", async () => {
    for (const [month, units] of [
      [3, 100n],
      [4, 200n],
    ] as const) {
      await stand.use(tenant, "kubernetes", on(month, 1), units);
      await stand.meteredUntil(on(month, 20));
      await stand.run("stripe.report");
      await stand.use(tenant, "kubernetes", on(month, 1), 70n);
      stand.moveTo(on(month + 1, 1, 2));
      stand.fake.webhooks.waiting.splice(0);
    }
    await stand.meteredUntil(on(5, 1, 2));
    for (let look = 0; look < 3; look += 1) {
      await stand.platform.platform.db.execute(sql`update graphile_worker._private_jobs set run_at = now()`);
      await comeBack();
    }
    // What March lacked was told in time for April.
    expect((await booked()).map(({ subtotal, periodEnd }) => [subtotal, periodEnd])).toEqual([
      [100n, on(4, 1)],
      [270n, on(5, 1)],
    ]);
    await seeTheEnd(6);
    const [, , may] = await booked();
    expect(may).toMatchObject({ subtotal: 70n });
    await nothingIsLeft();
  });
});
