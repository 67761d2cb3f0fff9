import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { creditStore } from "../../../../../src/resources/api/payment/credit-store.js";
import { customers } from "../../../../../src/resources/api/payment/table.js";
import { invoiceStore } from "../../../../../src/resources/billing/invoice/store.js";
import { as } from "../../../../support/platform.js";
import { address } from "../support/payers.js";
import type { FakeCustomer } from "./support/accounts.js";
import type { FakeGrant } from "./support/credits.js";
import { on, type Stand, startStand } from "./support/stand.js";

let stand: Stand;

beforeAll(async () => {
  stand = await startStand(on(3, 5));
});

afterAll(() => stand.close());

interface Granted {
  readonly coupon: bigint;
  readonly balances: readonly bigint[];
}

/** A customer as the ledger leaves it: what it was granted, and the invoice of February that took of it. */
async function ofLedger({ coupon, balances }: Granted, taken: { readonly coupon: bigint; readonly balance: bigint }) {
  const { db, newId } = stand.platform.platform;
  const payer = await stand.platform.newTenant();
  const { tenant } = payer;
  const couponGrant = newId();
  const since = { createdAt: on(2, 1), updatedAt: on(2, 1) };
  const id = `cus_${couponGrant.replaceAll("-", "").slice(-14)}`;
  await db.insert(customers).values({ tenant, id, processor: "ledger", paymentMethodId: "mandate-1", ...since });
  const { insertGrant, insertEntry } = creditStore;
  await insertGrant(db, {
    ...{ id: couponGrant, tenant, coupon: await stand.coupon({ amountOff: coupon }) },
    ...{ grantedAt: on(2, 1), expiresAt: on(5, 1) },
  });
  const entry = { tenant, currency: "eur" };
  await insertEntry(db, { ...entry, id: newId(), couponGrant, amount: coupon, at: on(2, 1) });
  for (const [day, amount] of balances.entries()) {
    await insertEntry(db, { ...entry, id: newId(), couponGrant: null, amount, at: on(2, 2 + day) });
  }
  const party = { name: "Ada", email: "", vat: "", address: null };
  const sums = { subtotal: 10_000n, discount: 0n, vat: 0n, vatBasisPoints: 0, ...taken };
  const times = { periodStart: on(2, 1), periodEnd: on(3, 1), issuedAt: on(3, 4), dueAt: on(3, 18) };
  const parties = { seller: { ...party, footer: [] }, customer: party };
  const facts = { number: `2026-${tenant}`, processor: "ledger", currency: "eur", status: "open" } as const;
  const row = { id: newId(), tenant, ...facts, ...sums, ...times, ...parties };
  const all = [
    { couponGrant, amount: taken.coupon },
    { couponGrant: null, amount: taken.balance },
  ];
  const took = all.filter(({ amount }) => amount > 0n);
  await invoiceStore.insert(db, { row, lines: [], taken: took }, newId);
  return payer;
}

/** Saves the account, which is then Stripe's; answers its id there. */
async function move({ tenant, tokens }: Awaited<ReturnType<typeof ofLedger>>): Promise<string> {
  const account = { login: tenant, address, acceptedTermsAndConditions: true };
  const { customer } = await stand.payment.createOrUpdateCustomer(account, as(tokens.owner));
  expect(customer?.paymentMethodId).toBeUndefined();
  await stand.settle();
  return customer?.customerId ?? "";
}

const grantsAt = (customer: string) =>
  stand.fake.book.all<FakeGrant>("billing.credit_grant").filter((each) => each.customer === customer);
const given = (customer: string) =>
  stand.fake.book
    .all("customer_balance_transaction")
    .filter((each) => each.customer === customer && each.type === "adjustment")
    .map(({ amount }) => amount);

describe("customers that move from the ledger to Stripe", () => {
  it("have nothing there of what was used up, and all of what was not touched", async () => {
    const spent = await move(await ofLedger({ coupon: 500n, balances: [100n] }, { coupon: 500n, balance: 100n }));
    expect([grantsAt(spent), given(spent)]).toEqual([[], []]);
    const whole = await move(await ofLedger({ coupon: 500n, balances: [100n, 20n] }, { coupon: 0n, balance: 0n }));
    expect(grantsAt(whole)).toMatchObject([{ left: 500 }]);
    expect(given(whole)).toEqual([-100, -20]);
  });

  it("have there what the ledger's invoices left of their credit, and later invoices take no more", async () => {
    const payer = await ofLedger({ coupon: 500n, balances: [100n, 80n, 60n] }, { coupon: 350n, balance: 130n });
    const { tenant } = payer;
    const id = await move(payer);
    expect(grantsAt(id)).toMatchObject([{ left: 150 }]);
    expect(given(id)).toEqual([-50, -60]);
    // Whoever saves the account again is told nothing twice, and what is given later is told in full.
    await move(payer);
    await stand.operators.addBalanceToCustomer({ customer: { login: tenant }, balanceToAdd: 7n }, stand.root);
    await stand.settle();
    expect(grantsAt(id)).toHaveLength(1);
    expect(given(id)).toEqual([-50, -60, -7]);
    await stand.use(tenant, "kubernetes", on(3, 1), 1_000n);
    await stand.meteredUntil(on(4, 1));
    await stand.run("stripe.report");
    stand.moveTo(on(4, 1));
    await stand.settle();
    stand.moveTo(on(4, 4));
    await stand.run("stripe.lost");
    await stand.settle();
    const { db } = stand.platform.platform;
    const [march] = await invoiceStore.ofTenant(db, tenant);
    // 1000 less 150 is 850, with 19 % 1012 (161.5 is rounded up), of which 117 were left.
    expect(march).toMatchObject({ processor: "stripe", subtotal: 1_000n, coupon: 150n, vat: 162n, balance: 117n });
    expect(grantsAt(id)).toMatchObject([{ left: 0 }]);
    expect(stand.fake.book.get<FakeCustomer>("customer", id).balance).toBe(0);
    expect(await creditStore.balance(db, tenant, "eur")).toBe(0n);
    expect(await creditStore.couponInUse(db, tenant, "eur", stand.now())).toBeUndefined();
    expect(stand.platform.lines.filter(({ level }) => level >= 50)).toEqual([]);
  });
});
