import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import { CouponService, type CouponServiceCreateRequest } from "../../../../gen/ts/billing/v1/offer_pb.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { type CouponRow, creditStore } from "../../api/payment/credit-store.js";
import { couponMessage } from "../../api/payment/messages.js";
import { currencyOf } from "../price/current.js";

/** As many as a list of them can show. */
const mostCoupons = 1_000;
const lastRedeemBy = Date.UTC(9999, 0, 1);
const mostRedemptions = 2_147_483_647;

/** billing.v1.CouponService: what operators can grant. */
export function registerCoupon(router: ConnectRouter, platform: Platform): void {
  const { db, clock } = platform;
  router.service(CouponService, {
    async create(request) {
      return { coupon: couponMessage({ coupon: await createCoupon(platform, request), redeemed: 0 }) };
    },
    async delete({ id }) {
      return await db.transaction(async (tx) => {
        const use = await creditStore.lockCoupon(tx, id);
        if (use === undefined || !(await creditStore.withdraw(tx, id, clock()))) {
          throw new DomainError("missing", `coupon ${id} does not exist, or was withdrawn`);
        }
        return { coupon: couponMessage(use) };
      });
    },
  });
}

async function createCoupon(
  platform: Platform,
  { name, amountOff, durationInMonths, redeemBy, maxRedemptions }: CouponServiceCreateRequest,
): Promise<CouponRow> {
  const { db, clock, newId } = platform;
  const now = clock();
  const until = redeemBy === undefined ? null : timestampDate(redeemBy);
  if (until !== null && !(until > now && until.getTime() < lastRedeemBy)) {
    throw invalidField("redeem_by", "must be a time to come, and before the year 9999");
  }
  if (maxRedemptions !== undefined && maxRedemptions > mostRedemptions) {
    throw invalidField("max_redemptions", `must be at most ${mostRedemptions}`);
  }
  if ((await creditStore.countOffered(db)) >= mostCoupons) {
    throw new DomainError("exhausted", `there are ${mostCoupons} coupons: withdraw some that are not needed any more`);
  }
  return await creditStore.insertCoupon(db, {
    id: newId(),
    name,
    amountOff,
    currency: await currencyOf(platform),
    durationInMonths,
    redeemBy: until,
    maxRedemptions: maxRedemptions ?? null,
    createdAt: now,
  });
}
