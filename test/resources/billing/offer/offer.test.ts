import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { principalStore } from "../../../../src/resources/iam/principal/store.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { type Payers, payersOf } from "../../api/payment/support/payers.js";
import { codeOf, refusal } from "../../support/refusals.js";

let platform: TestPlatform;
let payers: Payers;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  payers = payersOf(platform);
});
afterAll(() => platform.close());

describe("CouponService", () => {
  const valid = { name: "Welcome", amountOff: 100n, durationInMonths: 1 };
  const create = (more: object) => payers.coupons.create({ ...valid, ...more }, payers.root);

  it("makes coupons", async () => {
    const redeemBy = timestampFromDate(new Date(Date.now() + 3_600_000));
    const { coupon } = await create({ redeemBy, maxRedemptions: 3 });
    expect(coupon).toMatchObject({
      name: "Welcome",
      amountOff: 100n,
      durationInMonth: 1n,
      maxRedemptions: 3n,
      redeemBy,
    });
    expect((await payers.coupons.delete({ id: coupon?.id ?? "" }, payers.root)).coupon?.id).toBe(coupon?.id);
  });

  it.each([
    ["redeem_by", { redeemBy: timestampFromDate(new Date(0)) }],
    ["redeem_by", { redeemBy: { seconds: 253_402_300_000n, nanos: 0 } }],
    ["max_redemptions", { maxRedemptions: 4_000_000_000 }],
    ["max_redemptions", { maxRedemptions: 0 }],
    ["amount_off", { amountOff: 0n }],
    ["duration_in_months", { durationInMonths: 121 }],
    ["name", { name: "x" }],
  ])("refuses a wrong %s", async (field, more) => {
    expect(await refusal(create(more))).toMatchObject({ code: "InvalidArgument", fields: [field] });
  });

  it("is for operators who may change something", async () => {
    const { db, clock } = platform.platform;
    await principalStore.ensureUser(db, "looker", clock(), "viewer");
    const looker = await platform.token({ owner: "looker", projectRoles: {}, tenantRoles: {}, adminRole: "viewer" });
    const id = await payers.coupon();
    for (const token of [looker, platform.tokens.owner]) {
      expect(await codeOf(payers.coupons.create(valid, as(token)))).toBe("PermissionDenied");
      expect(await codeOf(payers.coupons.delete({ id }, as(token)))).toBe("PermissionDenied");
    }
    expect(await codeOf(payers.operators.listCoupons({}, as(looker)))).toBe("OK");
  });
});

describe("DiscountService", () => {
  it("gives discounts in their order, which their tenant sees", async () => {
    const { tenant, me } = await payers.customer();
    const give = async (name: string, order: number, reduction: object) =>
      (await payers.discounts.create({ tenant, name, order, reduction: reduction as never }, payers.root)).discount;
    const last = await give("last", 2, { case: "amountOff", value: 250n });
    const first = await give("first", -1, { case: "basisPointsOff", value: 1_250 });
    const second = await give("second", 2, { case: "basisPointsOff", value: 10_000 });
    const expected = [
      { id: first?.id, name: "first", percentageOff: 12.5, amountOff: 0n, discountOrder: -1 },
      { id: last?.id, name: "last", percentageOff: 0, amountOff: 250n, discountOrder: 2 },
      { id: second?.id, name: "second", percentageOff: 100, amountOff: 0n, discountOrder: 2 },
    ];
    expect((await payers.discounts.list({ tenant }, payers.root)).discounts).toMatchObject(expected);
    const seen = await payers.payment.getSubscriptionDiscounts({ login: tenant }, me);
    expect(seen.discounts).toMatchObject(expected);
    await payers.discounts.delete({ tenant, id: first?.id ?? "" }, payers.root);
    const left = await payers.payment.getSubscriptionDiscounts({ login: tenant }, me);
    expect(left.discounts).toMatchObject(expected.slice(1));
  });

  it("knows tenants with an account, and their own discounts", async () => {
    const { tenant } = await payers.customer();
    const other = await payers.customer();
    const without = await platform.newTenant();
    const make = (login: string) =>
      payers.discounts.create(
        { tenant: login, name: "Friends", order: 0, reduction: { case: "amountOff", value: 1n } },
        payers.root,
      );
    expect(await codeOf(make(without.tenant))).toBe("NotFound");
    const { discount } = await make(tenant);
    const remove = (login: string, id = discount?.id ?? "") =>
      codeOf(payers.discounts.delete({ tenant: login, id }, payers.root));
    expect(await remove(other.tenant)).toBe("NotFound");
    expect(await remove(tenant, "no uuid")).toBe("NotFound");
    expect(await remove(tenant)).toBe("OK");
    expect(await remove(tenant)).toBe("NotFound");
    expect((await payers.discounts.list({ tenant: without.tenant }, payers.root)).discounts).toEqual([]);
  });

  it("gives no more than 20, however many ask at once", async () => {
    const { tenant } = await payers.customer();
    const codes = await Promise.all(
      Array.from({ length: 24 }, () =>
        codeOf(
          payers.discounts.create(
            { tenant, name: "Friends", order: 0, reduction: { case: "amountOff", value: 1n } },
            payers.root,
          ),
        ),
      ),
    );
    expect(codes.filter((code) => code === "OK")).toHaveLength(20);
    expect(codes.filter((code) => code === "ResourceExhausted")).toHaveLength(4);
    expect((await payers.discounts.list({ tenant }, payers.root)).discounts).toHaveLength(20);
  });

  it("refuses what is neither an amount nor a part", async () => {
    const { tenant } = await payers.customer();
    for (const reduction of [
      { case: undefined },
      { case: "amountOff", value: 0n },
      { case: "basisPointsOff", value: 10_001 },
    ] as const) {
      expect(await codeOf(payers.discounts.create({ tenant, name: "Friends", reduction }, payers.root))).toBe(
        "InvalidArgument",
      );
    }
  });
});

describe("PaymentMethodService", () => {
  it("needs no setup where nobody but the own books is asked", async () => {
    const { tenant, tokens, me } = await payers.customer();
    const refused = await refusal(payers.methods.startSetup({ login: tenant }, me));
    expect(refused.code).toBe("FailedPrecondition");
    expect(refused.message).toContain("payment_method_id");
    expect(await codeOf(payers.methods.startSetup({ login: tenant }, as(tokens.editor)))).toBe("PermissionDenied");
    const without = await platform.newTenant();
    const setup = payers.methods.startSetup({ login: without.tenant }, as(without.tokens.owner));
    expect(await codeOf(setup)).toBe("NotFound");
  });
});
