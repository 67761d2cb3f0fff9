import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../../../../src/config.js";
import { openStripe } from "../../../../../src/resources/api/payment/stripe/client.js";
import { codeOf, refusal } from "../../../support/refusals.js";
import { address } from "../support/payers.js";
import type { FakeCustomer, FakeMethod } from "./support/accounts.js";
import { type FakeStripe, secretKey, startFakeStripe } from "./support/fake-stripe.js";
import { on, type Stand, startStand } from "./support/stand.js";

let stand: Stand;

beforeAll(async () => {
  stand = await startStand(on(3, 5), { background: false });
});

afterAll(() => stand.close());

describe("accounts at Stripe", () => {
  it("metalstack.api.v1.PaymentService.CreateOrUpdateCustomer makes one account, with what the tenant says of itself", async () => {
    const { fake, payment } = stand;
    const payer = await stand.customer();
    const again = {
      login: payer.tenant,
      name: "Payer",
      email: "payer@example.com",
      phoneNumber: "+49 89 123456",
      vat: "DE136695976",
      address,
    };
    const { customer } = await payment.createOrUpdateCustomer(again, payer.me);
    expect(customer?.customerId).toBe(payer.customerId);
    const doc = fake.book.get<FakeCustomer>("customer", payer.customerId);
    expect(doc).toMatchObject({
      name: "Payer",
      email: "payer@example.com",
      phone: "+4989123456",
      metadata: { tenant: payer.tenant },
    });
    expect(doc.address).toMatchObject({ city: "Munich", postal_code: "80331", country: "DE" });
    expect(fake.book.all("tax_id").filter(({ customer }) => customer === payer.customerId)).toMatchObject([
      { type: "eu_vat", value: "DE136695976" },
    ]);
    await payment.createOrUpdateCustomer({ ...again, vat: "" }, payer.me);
    expect(fake.book.all("tax_id").filter(({ customer }) => customer === payer.customerId)).toEqual([]);
  });

  it("are made once when the answer is lost", async () => {
    const { fake } = stand;
    const before = fake.book.all("customer").length;
    fake.faults.add("accept-then-die", "POST /v1/customers", 1);
    await stand.customer();
    expect(fake.book.all("customer").length).toBe(before + 1);
  });

  it("refuse payment methods of others, unknown and declined ones, and replace the one before", async () => {
    const { fake, payment } = stand;
    const [payer, other] = [await stand.customer(), await stand.customer()];
    const set = (login: string, paymentMethodId: string, me = payer.me) =>
      payment.createOrUpdateCustomer({ login, paymentMethodId }, me);
    const [first, second] = [fake.newCard(), fake.newCard()];
    await set(other.tenant, first, other.me);
    for (const id of [first, "pm_unknown", "../customers", fake.newCard({ declines: true })]) {
      expect(await codeOf(set(payer.tenant, id))).toBe("InvalidArgument");
    }
    const told = await refusal(set(payer.tenant, first));
    expect(told.message).not.toContain(other.customerId);
    await set(payer.tenant, second);
    const third = fake.newCard();
    const { customer } = await set(payer.tenant, third);
    expect(customer).toMatchObject({ paymentMethodId: third, card: { expMonth: 12n, expYear: 2031n } });
    expect(fake.book.get<FakeMethod>("payment_method", second).customer).toBeNull();
    await payment.deletePaymentMethod({ login: payer.tenant }, payer.me);
    expect(fake.book.get<FakeMethod>("payment_method", third).customer).toBeNull();
  });

  it("are unavailable while Stripe is, and nothing of the keys is said", async () => {
    const { fake, payment, platform } = stand;
    const payer = await stand.customer();
    for (const [kind, times] of [
      ["error", 3],
      ["limit", 1],
      ["refuse-connection", 4],
    ] as const) {
      fake.faults.add(kind, `POST /v1/customers/${payer.customerId}`, times);
      expect(await codeOf(payment.createOrUpdateCustomer({ login: payer.tenant, name: "New" }, payer.me))).toBe(
        "Unavailable",
      );
      fake.faults.clear();
    }
    const { customer } = await payment.createOrUpdateCustomer({ login: payer.tenant, name: "New" }, payer.me);
    expect(customer?.name).toBe("New");
    expect(JSON.stringify(platform.lines)).not.toContain(secretKey);
  });
});

describe("access to Stripe", () => {
  let fake: FakeStripe;
  beforeAll(async () => {
    fake = await startFakeStripe();
  });
  afterAll(() => fake.close());
  const settings = () => ({ secretKey, publishableKey: "pk", webhookSecrets: ["whsec"], url: fake.url });

  it("ends after a while when there is no answer, and when its caller leaves", async () => {
    fake.faults.add("silence", "GET /v1/customers", 10);
    const access = openStripe(settings(), 50);
    const list = (signal?: AbortSignal) => access.call((stripe) => stripe.customers.list({ limit: 1 }), signal);
    await expect(list()).rejects.toMatchObject({ kind: "unavailable" });
    await expect(list(AbortSignal.timeout(1))).rejects.toThrow();
    fake.faults.clear();
    expect((await list()).data).toEqual([]);
  });

  it("says that operators have to look at a key that is refused, and not the key", async () => {
    const access = openStripe({ ...settings(), secretKey: "sk_test_wrong" });
    const error: unknown = await access.call((stripe) => stripe.customers.list()).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ kind: "unavailable" });
    expect(String(error)).not.toContain("sk_test");
  });

  it("needs all of its keys", () => {
    const given = { SLIPWAY_PAYMENT_PROCESSOR: "stripe", SLIPWAY_STRIPE_SECRET_KEY: "sk_live_secret" };
    expect(() => loadConfig(given)).toThrow(
      "SLIPWAY_STRIPE_PUBLISHABLE_KEY, SLIPWAY_STRIPE_WEBHOOK_SECRET must be given",
    );
    expect(() => loadConfig(given)).not.toThrow("sk_live_secret");
    expect(loadConfig({}).stripe).toBeUndefined();
    expect(loadConfig(fake.env).stripe).toMatchObject({ webhookSecrets: ["whsec_test_next", "whsec_test_fake"] });
  });
});
