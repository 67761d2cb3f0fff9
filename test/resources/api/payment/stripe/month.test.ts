import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { invoiceStore } from "../../../../../src/resources/billing/invoice/store.js";
import { as } from "../../../../support/platform.js";
import { address } from "../support/payers.js";
import type { FakeInvoice } from "./support/invoices.js";
import { on, type Stand, startStand } from "./support/stand.js";

let stand: Stand;

beforeAll(async () => {
  stand = await startStand(on(3, 5));
});

afterAll(() => stand.close());

describe("a month at Stripe", () => {
  it("is billed as our books say: lines, discount, coupon, tax and balance, to the cent", async () => {
    const { fake, platform, payment, operators, discounts } = stand;
    const { db } = platform.platform;
    const payer = await stand.customer();
    const card = fake.newCard();
    const account = { login: payer.tenant, address, paymentMethodId: card, name: "Payer", email: "payer@example.com" };
    const { customer } = await payment.createOrUpdateCustomer(account, payer.me);
    expect(customer).toMatchObject({ paymentMethodId: card, card: { brand: "visa", country: "DE", last4: "4242" } });
    expect(customer?.customerId).toMatch(/^cus_.{14}$/);
    await discounts.create(
      { tenant: payer.tenant, name: "Partner", reduction: { case: "basisPointsOff", value: 1_000 } },
      stand.root,
    );
    const couponId = await stand.coupon({ amountOff: 150n });
    await operators.addCouponToCustomer({ customer: { login: payer.tenant }, couponId }, stand.root);
    await operators.addBalanceToCustomer({ customer: { login: payer.tenant }, balanceToAdd: 100n }, stand.root);
    await stand.settle();

    await stand.use(payer.tenant, "kubernetes", on(3, 1), 1_000n);
    for (let each = 0; each < 5; each += 1) await stand.use(payer.tenant, "storage", on(3, 1), 2n);
    await stand.meteredUntil(on(3, 20));
    await stand.run("stripe.report");
    await stand.meteredUntil(on(4, 1));
    await stand.run("stripe.report");
    stand.moveTo(on(4, 1, 0));
    await stand.settle();
    expect(fake.book.all<FakeInvoice>("invoice").at(-1)).toMatchObject({ status: "draft", auto_advance: false });
    stand.moveTo(on(4, 4));
    await stand.run("stripe.lost");
    await stand.settle();

    const [row, ...others] = await invoiceStore.ofTenant(db, payer.tenant);
    expect(others).toEqual([]);
    // 1000 and five times round(0.667) is 1005; less 10 % is 904 (100.5 is rounded up to 101); less 150 is 754;
    // 19 % of it are 143.26, in all 897, of which 100 were given before.
    expect(row).toMatchObject({
      processor: "stripe",
      ...{ subtotal: 1_005n, discount: 101n, coupon: 150n, vat: 143n, balance: 100n },
      ...{ vatBasisPoints: 1_900, status: "paid", periodStart: on(3, 1), periodEnd: on(4, 1) },
    });
    const invoice = fake.book.all<FakeInvoice>("invoice").at(-1);
    expect(invoice).toMatchObject({
      subtotal: 1_005,
      total: 897,
      amount_due: 797,
      number: row?.number,
      id: row?.processorId,
    });
    expect(platform.lines.filter(({ level }) => level >= 50)).toEqual([]);
    const me = as(
      await platform.token({ owner: payer.tenant, projectRoles: {}, tenantRoles: { "*": "owner" }, adminRole: null }),
    );
    const after = await payment.getCustomer({ login: payer.tenant, customerId: customer?.customerId ?? "" }, me);
    expect(after.customer).toMatchObject({ balance: 0n });
  });
});
