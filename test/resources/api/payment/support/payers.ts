import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PaymentService as AdminPaymentService } from "../../../../../gen/ts/admin/v1/payment_pb.js";
import { TenantService as AdminTenantService } from "../../../../../gen/ts/admin/v1/tenant_pb.js";
import { PaymentService } from "../../../../../gen/ts/api/v1/payment_pb.js";
import { CouponService, DiscountService, PaymentMethodService } from "../../../../../gen/ts/billing/v1/offer_pb.js";
import { as, type TestPlatform, type TestTenant } from "../../../../support/platform.js";

/** A billing file in which a cluster costs a cent an hour. */
const billingFile = {
  currency: "eur",
  seller: {
    name: "Cloud",
    email: "billing@example.com",
    vat: "DE136695976",
    address: { line1: "Street 1", postalCode: "80331", city: "Munich", country: "DE" },
  },
  products: {
    kubernetes: {
      name: "Kubernetes control plane",
      meter: "control_plane",
      prices: [{ validFrom: "2025-01-01T00:00:00Z", unitAmount: "1" }],
    },
  },
};

/** Writes a billing file; answers the setting that names it, and how to remove it. */
export async function withPrices(): Promise<{ readonly env: Record<string, string>; remove(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), "slipway-billing-"));
  const file = join(directory, "billing.json");
  await writeFile(file, JSON.stringify(billingFile));
  return { env: { SLIPWAY_BILLING_FILE: file }, remove: () => rm(directory, { recursive: true }) };
}

/** An address that can be on an invoice. */
export const address = {
  line1: "Street 1",
  line2: "",
  postalCode: "80331",
  city: "Munich",
  state: "",
  country: "DE",
};

/** What the tests do with those who pay. */
export function payersOf(platform: TestPlatform) {
  const payment = platform.client(PaymentService);
  const operators = platform.client(AdminPaymentService);
  const root = as(platform.adminToken);
  return {
    payment,
    operators,
    root,
    coupons: platform.client(CouponService),
    discounts: platform.client(DiscountService),
    methods: platform.client(PaymentMethodService),
    admission: platform.client(AdminTenantService),
    /** A tenant with an account and nothing to pay with. */
    async customer(): Promise<TestTenant & { readonly me: ReturnType<typeof as>; readonly customerId: string }> {
      const payer = await platform.newTenant();
      const me = as(payer.tokens.owner);
      const { customer } = await payment.createOrUpdateCustomer(
        { login: payer.tenant, acceptedTermsAndConditions: true },
        me,
      );
      return { ...payer, me, customerId: customer?.customerId ?? "" };
    },
    /** Makes a coupon that anybody can have; answers its id. */
    async coupon(more: { readonly amountOff?: bigint; readonly maxRedemptions?: number } = {}): Promise<string> {
      const asked = { name: "Welcome", amountOff: 5_000n, durationInMonths: 3, ...more };
      return (await platform.client(CouponService).create(asked, root)).coupon?.id ?? "";
    },
  };
}

/** What `payersOf` answers. */
export type Payers = ReturnType<typeof payersOf>;
