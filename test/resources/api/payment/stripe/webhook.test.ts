import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { processorEvents } from "../../../../../src/resources/api/payment/stripe/table.js";
import { confirmSetup, detach } from "./support/accounts.js";
import type { FakeEvent } from "./support/book.js";
import { on, type Stand, startStand } from "./support/stand.js";

let stand: Stand;

beforeAll(async () => {
  stand = await startStand(on(3, 5));
});

afterAll(() => stand.close());

const events = async (): Promise<number> => await stand.platform.platform.db.$count(processorEvents);
const event = (
  id: string,
  type = "customer.updated",
  object: object = { id: "cus_unknown0000000", object: "customer" },
) => ({
  id,
  object: "event",
  type,
  data: { object },
});

describe("webhooks of Stripe", () => {
  it("are refused without a signature that holds, and nothing of them is kept or said", async () => {
    const { webhooks } = stand.fake;
    const { url } = stand.platform;
    const old = new Date(Date.now() - 3_600_000);
    const answers = [
      await webhooks.send(url, event("evt_wrong"), { secret: "whsec_of_somebody_else" }),
      await webhooks.send(url, event("evt_forged"), { forge: (body) => body.replace("evt_forged", "evt_other") }),
      await webhooks.send(url, event("evt_old"), { at: old }),
      await fetch(`${url}/webhooks/stripe`, { method: "POST", body: JSON.stringify(event("evt_bare")) }),
      await fetch(`${url}/webhooks/stripe`, {
        method: "POST",
        body: "{",
        headers: { "stripe-signature": "t=1,v1=00" },
      }),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(400);
      expect(await answer.text()).toBe("the signature does not hold\n");
    }
    expect(await events()).toBe(0);
  });

  it("may be signed with either secret while one replaces the other", async () => {
    const before = await events();
    const { status } = await stand.fake.webhooks.send(stand.platform.url, event("evt_next"), {
      secret: "whsec_test_next",
    });
    expect(status).toBe(200);
    expect(await events()).toBe(before + 1);
  });

  it("are refused when they are larger than a megabyte", async () => {
    const before = await events();
    const large = { ...event("evt_large"), padding: "x".repeat(1024 * 1024) };
    const { status } = await stand.fake.webhooks.send(stand.platform.url, large);
    expect(status).toBe(413);
    expect(await events()).toBe(before);
  });

  it("count once however often they come, and of unknown things nothing becomes", async () => {
    const { webhooks } = stand.fake;
    const before = await events();
    const answers = await Promise.all(
      [1, 2, 3].map(() =>
        webhooks.send(stand.platform.url, event("evt_thrice", "invoice.paid", { id: "in_1", object: "file" })),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await events()).toBe(before + 1);
    const { rows } = await stand.platform.platform.db.execute(
      sql`select 1 from graphile_worker._private_jobs where key like 'stripe.invoice:in_1%'`,
    );
    expect(rows).toEqual([]);
  });

  it("bring in what a browser has set up, and what was taken away at Stripe, in any order", async () => {
    const { fake, methods, payment } = stand;
    const payer = await stand.customer();
    const { clientSecret, publishableKey } = await methods.startSetup({ login: payer.tenant }, payer.me);
    expect(publishableKey).toBe("pk_test_fake");
    const card = fake.newCard({
      card: { brand: "mastercard", country: "AT", exp_month: 1, exp_year: 2030, last4: "4444" },
    });
    confirmSetup(fake.book, clientSecret, card);
    await stand.settle();
    const seen = await payment.getCustomerWithLogin({ login: payer.tenant }, payer.me);
    expect(seen.customer).toMatchObject({
      paymentMethodId: card,
      card: { brand: "mastercard", last4: "4444", country: "AT" },
    });
    const late: FakeEvent[] = [];
    fake.book.emit("customer.updated", fake.book.get("customer", payer.customerId));
    late.push(...fake.webhooks.waiting.splice(0));
    detach(fake.book, card);
    await stand.settle();
    fake.webhooks.waiting.push(...late);
    await stand.settle();
    const { customer } = await payment.getCustomerWithLogin({ login: payer.tenant }, payer.me);
    expect(customer?.paymentMethodId).toBeUndefined();
    expect(customer?.card).toBeUndefined();
  });
});
