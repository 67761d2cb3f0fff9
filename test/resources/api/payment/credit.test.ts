import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { couponGrants, coupons, creditEntries } from "../../../../src/resources/api/payment/table.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { type Payers, payersOf } from "./support/payers.js";

let platform: TestPlatform;
let payers: Payers;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  payers = payersOf(platform);
});
afterAll(() => platform.close());

const grant = (login: string, couponId: string) =>
  payers.operators.addCouponToCustomer({ customer: { login }, couponId }, payers.root);
const entries = (tenant: string) =>
  platform.platform.db.select().from(creditEntries).where(eq(creditEntries.tenant, tenant));

describe("coupons", () => {
  it("are listed while they can be granted", async () => {
    const once = await payers.coupon({ maxRedemptions: 1 });
    const listed = async () => {
      const answer = await payers.operators.listCoupons({}, payers.root);
      return answer.coupons.map(({ id }) => id);
    };
    const { coupons: all } = await payers.operators.listCoupons({}, payers.root);
    expect(all.find(({ id }) => id === once)).toMatchObject({
      ...{ name: "Welcome", amountOff: 5_000n, amountLeft: 5_000n, currency: "eur", durationInMonth: 3n },
      ...{ timesRedeemed: 0n, maxRedemptions: 1n },
    });
    const { tenant } = await payers.customer();
    await grant(tenant, once);
    const withdrawn = await payers.coupon();
    expect(await listed()).toContain(withdrawn);
    await payers.coupons.delete({ id: withdrawn }, payers.root);
    expect(await listed()).not.toContain(withdrawn);
    expect(await listed()).not.toContain(once);
    expect(await codeOf(payers.coupons.delete({ id: withdrawn }, payers.root))).toBe("NotFound");
  });

  it("are credit once they are granted, until their months are over", async () => {
    const { tenant, customerId, me } = await payers.customer();
    const id = await payers.coupon({ amountOff: 700n });
    const { customer } = await payers.operators.addCouponToCustomer(
      { customer: { customerId }, couponId: id },
      payers.root,
    );
    expect(customer).toMatchObject({ login: tenant, coupon: { id, amountLeft: 700n, timesRedeemed: 1n }, balance: 0n });
    const seen = await payers.payment.getCustomerWithLogin({ login: tenant }, me);
    expect(seen.customer?.coupon).toMatchObject({ id, amountLeft: 700n });
    const [row] = await platform.platform.db.select().from(couponGrants).where(eq(couponGrants.tenant, tenant));
    const months = (date: Date | undefined) => (date?.getUTCFullYear() ?? 0) * 12 + (date?.getUTCMonth() ?? 0);
    expect(months(row?.expiresAt) - months(row?.grantedAt)).toBe(3);
  });

  it("are spent by what ends soonest", async () => {
    const { tenant, me } = await payers.customer();
    const make = async (durationInMonths: number) =>
      (await payers.coupons.create({ name: "Many", amountOff: 100n, durationInMonths }, payers.root)).coupon?.id ?? "";
    const [later, sooner] = [await make(12), await make(1)];
    await grant(tenant, later);
    await grant(tenant, sooner);
    const { customer } = await payers.payment.getCustomerWithLogin({ login: tenant }, me);
    expect(customer?.coupon?.id).toBe(sooner);
  });

  it("that cannot be granted any more are refused", async () => {
    const { tenant } = await payers.customer();
    const other = await payers.customer();
    const { db, clock } = platform.platform;
    const late = await payers.coupon();
    await db
      .update(coupons)
      .set({ redeemBy: new Date(clock().getTime() - 1_000) })
      .where(eq(coupons.id, late));
    const withdrawn = await payers.coupon();
    await payers.coupons.delete({ id: withdrawn }, payers.root);
    const once = await payers.coupon({ maxRedemptions: 1 });
    await grant(other.tenant, once);
    const foreign = await payers.coupon();
    await db.update(coupons).set({ currency: "chf" }).where(eq(coupons.id, foreign));
    for (const [id, word] of [
      [late, "until"],
      [withdrawn, "withdrawn"],
      [once, "1 times"],
      [foreign, "chf"],
    ] as const) {
      const refused = await refusal(grant(tenant, id));
      expect(refused.code).toBe("FailedPrecondition");
      expect(refused.message).toContain(word);
    }
    expect(await codeOf(grant(tenant, "nothing"))).toBe("NotFound");
    expect(await entries(tenant)).toEqual([]);
    expect(await codeOf(grant(other.tenant, once))).toBe("AlreadyExists");
  });

  it("need an account, which is named by its tenant, its id, or both", async () => {
    const id = await payers.coupon();
    const { tenant, customerId } = await payers.customer();
    const other = await payers.customer();
    const without = await platform.newTenant();
    const add = (customer: object) =>
      codeOf(payers.operators.addCouponToCustomer({ customer, couponId: id }, payers.root));
    expect(await add({})).toBe("InvalidArgument");
    expect(await codeOf(payers.operators.addCouponToCustomer({ couponId: id }, payers.root))).toBe("InvalidArgument");
    expect(await add({ login: without.tenant })).toBe("NotFound");
    expect(await add({ customerId: "cus_00000000000001" })).toBe("NotFound");
    expect(await add({ login: tenant, customerId: other.customerId })).toBe("NotFound");
    expect(await add({ login: tenant, customerId })).toBe("OK");
  });
});

describe("balances", () => {
  it("are added up, and shown to the customer", async () => {
    const { tenant, me } = await payers.customer();
    const add = (balanceToAdd: bigint) =>
      payers.operators.addBalanceToCustomer({ customer: { login: tenant }, balanceToAdd }, payers.root);
    expect((await add(250n)).customer?.balance).toBe(250n);
    expect((await add(1_000_000_000_000n)).customer?.balance).toBe(1_000_000_000_250n);
    expect((await payers.payment.getCustomerWithLogin({ login: tenant }, me)).customer?.balance).toBe(
      1_000_000_000_250n,
    );
    for (const wrong of [0n, -1n]) expect(await codeOf(add(wrong))).toBe("InvalidArgument");
    expect(await refusal(add(1_000_000_000_001n))).toMatchObject({
      code: "InvalidArgument",
      fields: ["balance_to_add"],
    });
    expect(await entries(tenant)).toHaveLength(2);
  });

  it("are in the book as they were given, in every order of calls at once", async () => {
    const { tenant, me } = await payers.customer();
    const amounts = Array.from({ length: 12 }, (_, i) => BigInt(i + 1));
    await Promise.all(
      amounts.map((balanceToAdd) =>
        payers.operators.addBalanceToCustomer({ customer: { login: tenant }, balanceToAdd }, payers.root),
      ),
    );
    expect((await payers.payment.getCustomerWithLogin({ login: tenant }, me)).customer?.balance).toBe(78n);
  });
});

describe("HasPaymentMethod", () => {
  it("tells by what a tenant can pay [metalstack.api.v1.PaymentService.HasPaymentMethod]", async () => {
    const { tenant, project, tokens, me } = await payers.customer();
    const viewer = as(tokens.viewer);
    const has = async () => {
      const { exists, couponLeft, positiveBalance } = await payers.payment.hasPaymentMethod(
        { login: tenant, project },
        viewer,
      );
      return { exists, couponLeft, positiveBalance };
    };
    expect(await has()).toEqual({ exists: false, couponLeft: false, positiveBalance: false });
    await payers.operators.addBalanceToCustomer({ customer: { login: tenant }, balanceToAdd: 1n }, payers.root);
    expect(await has()).toEqual({ exists: false, couponLeft: false, positiveBalance: true });
    await grant(tenant, await payers.coupon());
    expect(await has()).toEqual({ exists: false, couponLeft: true, positiveBalance: true });
    await payers.payment.createOrUpdateCustomer({ login: tenant, paymentMethodId: "mandate-1" }, me);
    expect(await has()).toEqual({ exists: true, couponLeft: true, positiveBalance: true });
    await payers.payment.deletePaymentMethod({ login: tenant }, me);
    expect(await has()).toMatchObject({ exists: false });
  });

  it("is about projects of the tenant alone", async () => {
    const { tenant, me } = await payers.customer();
    const other = await platform.newTenant();
    for (const project of [other.project, "0195c0de-0000-7000-8000-00000000000c", "no uuid"]) {
      expect(await codeOf(payers.payment.hasPaymentMethod({ login: tenant, project }, me))).toBe("NotFound");
    }
  });

  it("does not count a coupon that has ended", async () => {
    const { tenant, project, me } = await payers.customer();
    const { db, clock, standings } = platform.platform;
    await grant(tenant, await payers.coupon());
    const expiresAt = new Date(clock().getTime() - 1_000);
    await db.update(couponGrants).set({ expiresAt }).where(eq(couponGrants.tenant, tenant));
    standings.forget(tenant);
    expect((await payers.payment.hasPaymentMethod({ login: tenant, project }, me)).couponLeft).toBe(false);
    const { customer } = await payers.payment.getCustomerWithLogin({ login: tenant }, me);
    expect(customer?.coupon).toBeUndefined();
  });
});

describe("admission with something to begin with", () => {
  it("gives both or neither", async () => {
    const { tenant, me } = await payers.customer();
    await payers.admission.revoke({ tenantId: tenant }, payers.root);
    const couponId = await payers.coupon();
    const admitted = async () => (await payers.payment.checkAdmitted({ login: tenant }, me)).admitted;
    const admit = (more: object) => payers.admission.admit({ tenantId: tenant, ...more }, payers.root);
    expect(await codeOf(admit({ couponId: "nothing", balanceToAdd: 5n }))).toBe("NotFound");
    expect([await admitted(), await entries(tenant)]).toEqual([false, []]);
    expect((await admit({ couponId, balanceToAdd: 5n })).tenant).toMatchObject({ login: tenant, admitted: true });
    const { customer } = await payers.payment.getCustomerWithLogin({ login: tenant }, me);
    expect(customer).toMatchObject({ balance: 5n, coupon: { id: couponId, amountLeft: 5_000n } });
    expect(await codeOf(admit({ couponId }))).toBe("AlreadyExists");
    expect(await admitted()).toBe(true);
  });
});
