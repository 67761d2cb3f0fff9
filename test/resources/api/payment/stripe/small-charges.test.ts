import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { creditStore } from "../../../../../src/resources/api/payment/credit-store.js";
import { type InvoiceRow, invoiceStore, sumsOf } from "../../../../../src/resources/billing/invoice/store.js";
import { as } from "../../../../support/platform.js";
import { address } from "../support/payers.js";
import type { FakeCustomer } from "./support/accounts.js";
import { on, type Stand, startStand } from "./support/stand.js";

let stand: Stand;

beforeAll(async () => {
  stand = await startStand(on(3, 5));
});

afterAll(() => stand.close());

interface Payer {
  readonly tenant: string;
  readonly customerId: string;
}

/** Somebody who pays no tax. */
async function payer(card: Record<string, unknown> = {}): Promise<Payer> {
  const { tenant, customerId, me } = await stand.customer();
  const account = { login: tenant, paymentMethodId: stand.fake.newCard(card), address: { ...address, country: "CH" } };
  await stand.payment.createOrUpdateCustomer(account, me);
  return { tenant, customerId };
}

async function give({ tenant }: Payer, balanceToAdd: bigint): Promise<void> {
  const token = await stand.platform.token({
    owner: "root",
    projectRoles: {},
    tenantRoles: {},
    adminRole: "editor",
  });
  await stand.operators.addBalanceToCustomer({ customer: { login: tenant }, balanceToAdd }, as(token));
  await stand.settle();
}

/** Ends a month in which tenants used so many cents' worth. */
async function month(number: number, uses: readonly (readonly [Payer, bigint])[]): Promise<void> {
  for (const [{ tenant }, cents] of uses) await stand.use(tenant, "kubernetes", on(number, 1), cents);
  await stand.meteredUntil(on(number + 1, 1));
  await stand.run("stripe.report");
  stand.moveTo(on(number + 1, 1));
  await stand.settle();
  stand.moveTo(on(number + 1, 4));
  await stand.run("stripe.lost");
  await stand.settle();
}

/** The invoices, the oldest first, each with its status, what credit paid, and what else is due. */
async function invoices({ tenant }: Payer): Promise<string[]> {
  const rows: InvoiceRow[] = await invoiceStore.ofTenant(stand.platform.platform.db, tenant);
  return rows.reverse().map((row) => `${row.status} ${row.balance} ${sumsOf(row).due}`);
}

/** What the book says is left of credit; Stripe has to say the same. */
async function balance({ tenant, customerId }: Payer): Promise<bigint> {
  const atStripe = stand.fake.book.get<FakeCustomer>("customer", customerId).balance;
  const left = await creditStore.balance(stand.platform.platform.db, tenant, "eur");
  expect(atStripe).toBe(-Number(left) || 0);
  return left;
}

describe("amounts below Stripe's least charge", () => {
  it("are open until a later invoice takes them along or credit pays them, and the books agree with Stripe", async () => {
    const later = await payer();
    const credited = await payer();
    const declined = await payer({ fails: true });
    await give(credited, 10n);
    await month(3, [
      [later, 20n],
      [credited, 30n],
      [declined, 40n],
    ]);
    expect(await invoices(later)).toEqual(["open 0 20"]);
    expect(await invoiceStore.ofTenant(stand.platform.platform.db, later.tenant)).toMatchObject([{ dueAt: on(6, 1) }]);
    expect(await balance(later)).toBe(-20n);
    expect(await invoices(credited)).toEqual(["open 10 20"]);
    expect(await balance(credited)).toBe(-20n);
    await give(credited, 50n);
    expect(await balance(credited)).toBe(30n);

    await month(4, [
      [later, 20n],
      [credited, 100n],
      [declined, 100n],
    ]);
    // 40 are too little still.
    expect(await invoices(later)).toEqual(["open 0 20", "open 0 20"]);
    expect(await balance(later)).toBe(-40n);
    expect(await invoices(credited)).toEqual(["paid 10 20", "paid 30 70"]);
    expect(await balance(credited)).toBe(0n);
    expect(await invoices(declined)).toEqual(["open 0 40", "open 0 100"]);
    expect(await balance(declined)).toBe(0n);
    const [april] = await invoiceStore.ofTenant(stand.platform.platform.db, declined.tenant);
    stand.fake.act("POST", `/v1/invoices/${april?.processorId}/void`);
    await stand.settle();
    expect(await invoices(declined)).toEqual(["open 0 40", "void 0 100"]);
    expect(await balance(declined)).toBe(-40n);

    await month(5, [
      [later, 20n],
      [declined, 60n],
    ]);
    expect(await invoices(later)).toEqual(["paid 0 20", "paid 0 20", "paid 0 20"]);
    expect(await balance(later)).toBe(0n);
    expect(await invoices(declined)).toEqual(["open 0 40", "void 0 100", "open 0 60"]);
    const [may] = await invoiceStore.ofTenant(stand.platform.platform.db, declined.tenant);
    stand.fake.act("POST", `/v1/invoices/${may?.processorId}/pay`);
    await stand.settle();
    expect(await invoices(declined)).toEqual(["paid 0 40", "void 0 100", "paid 0 60"]);
    expect(await balance(declined)).toBe(0n);
    expect(stand.platform.lines.filter(({ level }) => level >= 50)).toEqual([]);
  });
});
