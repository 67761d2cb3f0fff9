import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { creditStore } from "../../../../../src/resources/api/payment/credit-store.js";
import { type InvoiceRow, invoiceStore, sumsOf } from "../../../../../src/resources/billing/invoice/store.js";
import { address } from "../support/payers.js";
import type { FakeInvoice } from "./support/invoices.js";
import { on, type Stand, startStand } from "./support/stand.js";

const march = on(3, 1);
let stand: Stand;

beforeAll(async () => {
  stand = await startStand(on(3, 5));
});

afterAll(() => stand.close());

/** A tenant in Germany, with a card or without. */
async function payer(card?: string): Promise<string> {
  const { tenant, me } = await stand.customer();
  const method = card === undefined ? {} : { paymentMethodId: card };
  await stand.payment.createOrUpdateCustomer({ login: tenant, address, ...method }, me);
  return tenant;
}

const rows = (tenant: string) => invoiceStore.ofTenant(stand.platform.platform.db, tenant);

async function only(tenant: string): Promise<InvoiceRow> {
  const [row, ...others] = await rows(tenant);
  if (row === undefined || others.length > 0) throw new Error(`${tenant} has not one invoice`);
  return row;
}

const balanceOf = (tenant: string) => creditStore.balance(stand.platform.platform.db, tenant, "eur");
const act = (invoice: string, what: string) => stand.fake.act("POST", `/v1/invoices/${invoice}/${what}`);

describe("invoices of Stripe", () => {
  let byTransfer: string;
  let declined: string;
  let takenBack: string;
  let lost: string;
  let idle: string;

  beforeAll(async () => {
    const { operators, root, fake } = stand;
    byTransfer = await payer();
    declined = await payer(fake.newCard({ fails: true }));
    takenBack = await payer(fake.newCard());
    lost = await payer(fake.newCard());
    idle = await payer(fake.newCard());
    const couponId = await stand.coupon({ amountOff: 200n });
    await operators.addCouponToCustomer({ customer: { login: declined }, couponId }, root);
    await operators.addBalanceToCustomer({ customer: { login: declined }, balanceToAdd: 100n }, root);
    await stand.settle();
    for (const tenant of [byTransfer, declined, lost]) await stand.use(tenant, "kubernetes", march, 1_000n);
    await stand.use(takenBack, "kubernetes", march, -500n);
    await stand.use(takenBack, "storage", march, 300n);
    await stand.meteredUntil(on(4, 1));
    await stand.run("stripe.report");
    stand.moveTo(on(4, 1, 0));
    await stand.settle();
    stand.moveTo(on(4, 5));
    await stand.run("stripe.lost");
    await stand.settle();
  });

  it("are sent to who has no payment method, and paid when Stripe says so", async () => {
    const row = await only(byTransfer);
    expect(row).toMatchObject({ status: "open", paidAt: null, subtotal: 1_000n, vat: 190n, coupon: 0n });
    expect(row.dueAt.getTime() - row.issuedAt.getTime()).toBe(14 * 86_400_000);
    act(row.processorId, "mark_uncollectible");
    await stand.settle();
    expect((await only(byTransfer)).status).toBe("open");
    act(row.processorId, "pay");
    await stand.settle();
    expect(await only(byTransfer)).toMatchObject({ status: "paid", paidAt: stand.now() });
  });

  it("stay open when the card is declined, and give back what they took when they are void, once", async () => {
    const row = await only(declined);
    // 1000 less 200 and 19 % of 800 are 952, of which 100 were there.
    expect(row).toMatchObject({ status: "open", subtotal: 1_000n, coupon: 200n, vat: 152n, balance: 100n });
    expect(sumsOf(row).due).toBe(852n);
    expect(await balanceOf(declined)).toBe(0n);
    act(row.processorId, "void");
    const again = stand.fake.webhooks.waiting.map((event) => ({ ...event }));
    await stand.settle();
    for (const event of again) await stand.fake.webhooks.send(stand.platform.url, { ...event, id: `${event.id}again` });
    await stand.settle();
    expect(await only(declined)).toMatchObject({ status: "void" });
    expect(await balanceOf(declined)).toBe(100n);
    await stand.operators.addBalanceToCustomer({ customer: { login: declined }, balanceToAdd: 7n }, await root());
    await stand.settle();
    const [customer] = stand.fake.book.all("customer").filter(({ id }) => id === customerOf(row));
    expect(customer?.balance).toBe(-107);
  });

  it("are none for who used nothing, and credit for who gets more back than it used", async () => {
    expect(await rows(idle)).toEqual([]);
    // 100 for storage less 500, with 19 % of that.
    expect(await balanceOf(takenBack)).toBe(476n);
    expect(await only(takenBack)).toMatchObject({ status: "paid", subtotal: 0n, vat: 0n, balance: 0n });
    const told = stand.platform.lines.filter(({ level, tenant }) => level === 50 && tenant === takenBack);
    expect(told).toEqual([]);
    expect(stand.fake.book.all<FakeInvoice>("invoice").filter(({ total }) => Number(total) < 0)).toEqual([]);
  });

  it("are found when no webhook arrives, and what Stripe did not know in time is on the next one", async () => {
    const first = await only(lost);
    await stand.use(lost, "kubernetes", on(4, 1), 100n);
    await stand.meteredUntil(on(4, 30));
    await stand.run("stripe.report");
    await stand.use(lost, "kubernetes", on(4, 1), 50n);
    stand.fake.webhooks.waiting.splice(0);
    // Nobody holds the draft back: Stripe makes it final an hour later.
    stand.moveTo(on(5, 1, 2));
    stand.fake.webhooks.waiting.splice(0);
    await stand.meteredUntil(on(5, 1, 2));
    await stand.run("stripe.lost");
    await stand.settle();
    const [april] = await rows(lost);
    expect(april).toMatchObject({ subtotal: 100n, periodStart: on(4, 1), status: "paid" });
    expect(april?.id).not.toBe(first.id);
    const told = stand.platform.lines.filter(({ level, tenant }) => level === 50 && tenant === lost);
    expect(told).toEqual([]);
    const lines = await invoiceStore.lines(stand.platform.platform.db, april?.id ?? "");
    expect(lines.reduce((total, { amount }) => total + amount, 0n)).toBe(100n);
    await stand.run("stripe.send");
    const { rows: sent } = await stand.platform.platform.db.execute<{ value: string }>(
      sql`select sum(value)::text as value from usage_reports where tenant = ${lost} and sent_at is not null`,
    );
    expect(sent).toEqual([{ value: "1150000000" }]);
    stand.moveTo(on(6, 1));
    expect(stand.fake.book.all<FakeInvoice>("invoice").filter(({ status }) => status === "draft")).toContainEqual(
      expect.objectContaining({ subtotal: 50 }),
    );
  });
});

const customerOf = ({ processorId }: InvoiceRow) => stand.fake.book.get<FakeInvoice>("invoice", processorId).customer;

async function root() {
  const { platform } = stand;
  const token = await platform.token({ owner: "root", projectRoles: {}, tenantRoles: {}, adminRole: "editor" });
  return { headers: { authorization: `Bearer ${token}` } };
}
