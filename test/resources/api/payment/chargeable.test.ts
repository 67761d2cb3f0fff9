import type { DescMethod } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clusters } from "../../../../src/resources/api/cluster/table.js";
import { syncPrices } from "../../../../src/resources/billing/price/background.js";
import { priceStore } from "../../../../src/resources/billing/price/store.js";
import { usageStore } from "../../../../src/resources/billing/usage/store.js";
import { usageTotals } from "../../../../src/resources/billing/usage/table.js";
import { resources } from "../../../../src/resources.js";
import { policyOf } from "../../../../src/rpc/method-options.js";
import { type SecondServer, startSecond } from "../../../auth/support/second.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { clustersOf } from "../../support/clusters.js";
import { type Refusal, refusal } from "../../support/refusals.js";
import { sampleOf } from "../../support/samples.js";
import { type Payers, payersOf, withPrices } from "./support/payers.js";

let platform: TestPlatform;
let second: SecondServer;
let payers: Payers;
let prices: Awaited<ReturnType<typeof withPrices>>;
beforeAll(async () => {
  prices = await withPrices();
  platform = await startPlatform({ background: false, env: prices.env });
  second = await startSecond(platform);
  payers = payersOf(platform);
});
afterAll(async () => {
  await second?.close();
  await platform?.close();
  await prices?.remove();
});

/** Whatever the contract calls chargeable. */
const methods = resources
  .flatMap(({ service }) => service.methods)
  .filter((method) => policyOf(method).chargeable)
  .map((method) => [policyOf(method).path, method] as const);

/** Calls a method about the tenant's project as its owner, at the first server unless told. */
async function call(method: DescMethod, { tenant, project, tokens }: TestTenant, url = platform.url): Promise<Refusal> {
  const message = reflect(method.input, sampleOf(method.input));
  for (const field of method.input.fields) {
    if (field.name === "project" && field.fieldKind === "scalar") message.set(field, project);
    if (field.name === "login" && field.fieldKind === "scalar") message.set(field, tenant);
  }
  const headers = { authorization: `Bearer ${tokens.owner}` };
  const transport = createGrpcTransport({ baseUrl: url });
  if (method.methodKind === "unary") {
    return refusal(transport.unary(method as never, undefined, 10_000, headers, message.message as never));
  }
  async function* input() {
    yield message.message as never;
  }
  const opened = transport.stream(method as never, undefined, 10_000, headers, input());
  return refusal(opened.then(({ message: answers }) => answers[Symbol.asyncIterator]().next()));
}

/** Why a call is not let through to its handler; undefined when it is. */
async function reason(method: DescMethod, tenant: TestTenant, url?: string): Promise<string | undefined> {
  const { code, message } = await call(method, tenant, url);
  const isRefused = message.startsWith(`tenant ${tenant.tenant} `) && code === "FailedPrecondition";
  return isRefused ? message.slice(`tenant ${tenant.tenant} `.length) : undefined;
}

const reasons = (tenant: TestTenant, url?: string) =>
  Promise.all(methods.map(([, method]) => reason(method, tenant, url)));

const notAdmitted = "is not admitted: ask with TenantService/RequestAdmission";
const noMeans =
  "has no payment method, and no coupon, discount or balance left: add a payment method with PaymentService/CreateOrUpdateCustomer";
const all = (word: string | undefined) => methods.map(() => word);

const balance = (customer: { readonly tenant: string }, balanceToAdd = 100n) =>
  payers.operators.addBalanceToCustomer({ customer: { login: customer.tenant }, balanceToAdd }, payers.root);

type Customer = Awaited<ReturnType<Payers["customer"]>>;
const means: Readonly<Record<string, (customer: Customer) => Promise<unknown>>> = {
  "a payment method": ({ tenant, me }) =>
    payers.payment.createOrUpdateCustomer({ login: tenant, paymentMethodId: "mandate-1" }, me),
  "a coupon": async ({ tenant }) =>
    payers.operators.addCouponToCustomer({ customer: { login: tenant }, couponId: await payers.coupon() }, payers.root),
  "a discount": ({ tenant }) =>
    payers.discounts.create(
      { tenant, name: "Friends", order: 0, reduction: { case: "basisPointsOff", value: 1_000 } },
      payers.root,
    ),
  "a balance": (customer) => balance(customer),
};

describe("what the contract calls chargeable", () => {
  it("is more than a few methods", () => {
    expect(methods.map(([path]) => path)).toEqual(
      expect.arrayContaining(["/api.v1.ClusterService/Create", "/api.v1.IPService/Allocate"]),
    );
    expect(methods.length).toBeGreaterThanOrEqual(5);
  });

  it("is refused for a tenant that is not admitted, whatever it could pay with", async () => {
    const customer = await payers.customer();
    await balance(customer);
    await payers.admission.revoke({ tenantId: customer.tenant }, payers.root);
    expect(await reasons(customer)).toEqual(all(notAdmitted));
    await payers.admission.admit({ tenantId: customer.tenant }, payers.root);
    expect(await reasons(customer)).toEqual(all(undefined));
  });

  it("is refused for a tenant without an account, and for one without means", async () => {
    expect(await reasons(await platform.newTenant())).toEqual(all(noMeans));
    expect(await reasons(await payers.customer())).toEqual(all(noMeans));
  });

  it.each(Object.entries(means))("is let through with %s, at every server at once", async (_, give) => {
    const customer = await payers.customer();
    expect(await reasons(customer, second.url)).toEqual(all(noMeans));
    await give(customer);
    expect(await reasons(customer)).toEqual(all(undefined));
    expect(await reasons(customer, second.url)).toEqual(all(undefined));
  });
});

describe("what is taken back", () => {
  const first = (): DescMethod => (methods[0] as (typeof methods)[number])[1];

  it("is heard of by other servers, and kills nothing that runs", async () => {
    const customer = await payers.customer();
    const { discount } = await payers.discounts.create(
      { tenant: customer.tenant, name: "Friends", order: 0, reduction: { case: "amountOff", value: 1n } },
      payers.root,
    );
    const { uuid } = await clustersOf(platform, customer).create();
    expect(await reasons(customer, second.url)).toEqual(all(undefined));
    await payers.discounts.delete({ tenant: customer.tenant, id: discount?.id ?? "" }, payers.root);
    expect(await reasons(customer)).toEqual(all(noMeans));
    await expect.poll(() => reason(first(), customer, second.url), { timeout: 20_000 }).toBe(noMeans);
    await payers.admission.revoke({ tenantId: customer.tenant }, payers.root);
    expect(await reasons(customer)).toEqual(all(notAdmitted));
    await expect.poll(() => reason(first(), customer, second.url), { timeout: 20_000 }).toBe(notAdmitted);
    const [row] = await platform.platform.db.select().from(clusters).where(sql`${clusters.id} = ${uuid}`);
    expect(row).toMatchObject({ deleteRequestedAt: null, generation: 1 });
    expect((await clustersOf(platform, customer).get(uuid)).uuid).toBe(uuid);
  });

  it("is a payment method, too", async () => {
    const customer = await payers.customer();
    await payers.payment.createOrUpdateCustomer({ login: customer.tenant, paymentMethodId: "mandate-1" }, customer.me);
    expect(await reason(first(), customer, second.url)).toBeUndefined();
    await payers.payment.deletePaymentMethod({ login: customer.tenant }, customer.me);
    expect(await reasons(customer)).toEqual(all(noMeans));
    await expect.poll(() => reason(first(), customer, second.url), { timeout: 20_000 }).toBe(noMeans);
  });
});

describe("credit", () => {
  it("counts less what was used and is on no invoice yet", async () => {
    const { db, clock, newId } = platform.platform;
    await syncPrices(platform.platform);
    const [price] = await priceStore.list(db);
    const customer = await payers.customer();
    const { tenant, project, me } = customer;
    const has = async () => {
      const viewed = await payers.payment.hasPaymentMethod({ login: tenant, project }, me);
      return { coupon: viewed.couponLeft, balance: viewed.positiveBalance };
    };
    await balance(customer, 100n);
    const couponId = await payers.coupon({ amountOff: 50n });
    await payers.operators.addCouponToCustomer({ customer: { login: tenant }, couponId }, payers.root);
    expect(await has()).toEqual({ coupon: true, balance: true });
    const period = new Date(Date.UTC(clock().getUTCFullYear(), clock().getUTCMonth(), 1));
    /** So many hours of a cluster, each of which costs a cent, become known. */
    const use = async (hours: bigint) => {
      const total = { tenant, period, resource: newId(), price: price?.id ?? "", correction: false, project };
      await db.insert(usageTotals).values({ ...total, quantity: String(hours * 3_600n) });
      await db.execute(sql`update metering set metered_until = metered_until`);
    };
    await use(50n);
    await expect.poll(has, { timeout: 20_000 }).toEqual({ coupon: false, balance: true });
    await use(99n);
    expect(await reasons(customer)).toEqual(all(undefined));
    await use(1n);
    await expect.poll(has, { timeout: 20_000 }).toEqual({ coupon: false, balance: false });
    expect(await reasons(customer)).toEqual(all(noMeans));
    // Once an invoice has taken it, it is on the book of credit.
    await usageStore.close(db, tenant, new Date(Date.UTC(period.getUTCFullYear(), period.getUTCMonth() + 1, 1)));
    expect(await reasons(customer)).toEqual(all(undefined));
  });

  it("of another currency does not count", async () => {
    const customer = await payers.customer();
    await balance(customer);
    await platform.platform.db.execute(
      sql`insert into credit_entries (id, tenant, amount, currency, at) values (${platform.platform.newId()}, ${customer.tenant}, 100, 'chf', now())`,
    );
    const { customer: seen } = await payers.payment.getCustomerWithLogin({ login: customer.tenant }, customer.me);
    expect(seen?.balance).toBe(100n);
  });
});

it("where nothing has a price, admission alone decides", async () => {
  const free = await startPlatform({ background: false });
  try {
    const [, create] = methods.find(([path]) => path === "/api.v1.ClusterService/Create") ?? [];
    const { code } = await call(create as DescMethod, free, free.url);
    expect(code).not.toBe("FailedPrecondition");
    // Prices that stand in the database hold without a billing file, too.
    const { db, newId } = free.platform;
    await db.execute(sql`
      insert into prices (id, product, name, meter, product_type, unit_label, unit_size, unit_amount_nano, currency, valid_from)
      values (${newId()}, 'kubernetes', 'Kubernetes', 'control_plane', 5, 'cluster', 3600, 1, 'chf', '2025-01-01Z')`);
    await expect
      .poll(() => call(create as DescMethod, free, free.url), { timeout: 20_000 })
      .toMatchObject({ code: "FailedPrecondition", message: `tenant ${free.tenant} ${noMeans}` });
    const { payment, operators, admission } = payersOf(free);
    const account = { login: free.tenant, acceptedTermsAndConditions: true };
    await payment.createOrUpdateCustomer(account, as(free.tokens.owner));
    // Credit is in their currency.
    const gift = { customer: { login: free.tenant }, balanceToAdd: 1n };
    expect((await operators.addBalanceToCustomer(gift, as(free.adminToken))).customer).toMatchObject({ balance: 1n });
    expect((await call(create as DescMethod, free, free.url)).code).not.toBe("FailedPrecondition");
    await admission.revoke({ tenantId: free.tenant }, as(free.adminToken));
    expect((await call(create as DescMethod, free, free.url)).message).toBe(`tenant ${free.tenant} ${notAdmitted}`);
  } finally {
    await free.close();
  }
});
