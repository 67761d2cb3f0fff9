import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type {
  CouponSchema,
  DiscountSchema,
  PaymentCustomerSchema,
  PriceSchema,
} from "../../../../gen/ts/api/v1/payment_pb.js";
import type { CouponLeft, CouponUse, DiscountRow } from "./credit-store.js";
import type { CardFacts } from "./processor.js";
import type { CustomerRow } from "./store.js";

/** What belongs to an account beside its own row. */
export interface CustomerParts {
  /** Minor units. */
  readonly balance: bigint;
  readonly coupon: CouponLeft | undefined;
  readonly prices: MessageInitShape<typeof PriceSchema>[];
}

/** A customer account as the API shows it. */
export function customerMessage(
  row: CustomerRow,
  { balance, coupon, prices }: CustomerParts,
): MessageInitShape<typeof PaymentCustomerSchema> {
  const { tenant, id, subscriptionId, name, email, phoneNumber, vat, address, paymentMethodId, card } = row;
  return {
    login: tenant,
    customerId: id,
    subscriptionId,
    ...(name === "" ? {} : { name }),
    ...(email === "" ? {} : { email }),
    ...(phoneNumber === "" ? {} : { phoneNumber }),
    ...(vat === "" ? {} : { vat }),
    ...(address === null ? {} : { address }),
    ...(paymentMethodId === null ? {} : { paymentMethodId }),
    ...(card === null ? {} : { card: cardMessage(card) }),
    ...(coupon === undefined ? {} : { coupon: couponMessage(coupon, coupon.left) }),
    balance,
    prices,
  };
}

/** A coupon; `left` is what one who has it has left, in minor units. */
export function couponMessage(
  { coupon, redeemed }: CouponUse,
  left: bigint = coupon.amountOff,
): MessageInitShape<typeof CouponSchema> {
  return {
    id: coupon.id,
    name: coupon.name,
    amountOff: coupon.amountOff,
    currency: coupon.currency,
    durationInMonth: BigInt(coupon.durationInMonths),
    createdAt: timestampFromDate(coupon.createdAt),
    ...(coupon.redeemBy === null ? {} : { redeemBy: timestampFromDate(coupon.redeemBy) }),
    timesRedeemed: BigInt(redeemed),
    maxRedemptions: BigInt(coupon.maxRedemptions ?? 0),
    amountLeft: left,
  };
}

/** A discount; its part is a double in the contract, which nothing is computed from. */
export function discountMessage(row: DiscountRow): MessageInitShape<typeof DiscountSchema> {
  return {
    id: row.id,
    name: row.name,
    amountOff: row.amountOff ?? 0n,
    percentageOff: (row.basisPointsOff ?? 0) / 100,
    discountOrder: row.order,
  };
}

const cardMessage = ({ expMonth, expYear, ...card }: CardFacts) => ({
  ...card,
  expMonth: BigInt(expMonth),
  expYear: BigInt(expYear),
});
