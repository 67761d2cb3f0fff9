import type { Command } from "commander";
import type {
  DiscountSchema,
  PaymentCustomerSchema,
  PaymentServiceCheckAdmittedResponseSchema,
  PaymentServiceHasPaymentMethodResponseSchema,
  PriceSchema,
} from "../../gen/ts/api/v1/payment_pb.js";
import { confirmed } from "../confirmed.js";
import { setsFields } from "../fields.js";
import type { Kind } from "../output.js";
import { wordOf } from "../resources/enums.js";
import { examples } from "../resources/examples.js";
import { given } from "../resources/given.js";
import { lazy } from "../resources/lazy.js";
import { moneyOf } from "../resources/money.js";
import { addTenant, type TenantFlag, tenantOf } from "../resources/tenant-flag.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

const api = lazy(() => import("../../gen/ts/api/v1/payment_pb.js"));
const payments = async (session: Session) => session.client((await api()).PaymentService);

const customerKind: Kind<typeof PaymentCustomerSchema> = {
  schema: async () => (await api()).PaymentCustomerSchema,
  name: ({ customerId }) => customerId ?? "",
  columns: [
    { header: "TENANT", value: ({ login }) => login },
    { header: "NAME", value: ({ name }) => name },
    { header: "EMAIL", value: ({ email }) => email },
    { header: "CARD", value: ({ card }) => (card === undefined ? "" : `${card.brand} ${card.last4}`) },
    { header: "COUPON", value: ({ coupon }) => coupon?.name },
    { header: "CUSTOMER", value: ({ customerId }) => customerId, wide: true },
    { header: "VAT-ID", value: ({ vat }) => vat, wide: true },
    { header: "PHONE", value: ({ phoneNumber }) => phoneNumber, wide: true },
    { header: "CITY", value: ({ address }) => address?.city, wide: true },
    { header: "COUNTRY", value: ({ address }) => address?.country, wide: true },
  ],
};

const methodKind: Kind<typeof PaymentServiceHasPaymentMethodResponseSchema> = {
  schema: async () => (await api()).PaymentServiceHasPaymentMethodResponseSchema,
  name: ({ exists }) => String(exists),
  columns: [
    { header: "PAYMENT-METHOD", value: ({ exists }) => yesNo(exists) },
    { header: "COUPON-LEFT", value: ({ couponLeft }) => yesNo(couponLeft) },
    { header: "POSITIVE-BALANCE", value: ({ positiveBalance }) => yesNo(positiveBalance) },
  ],
};

const admissionKind: Kind<typeof PaymentServiceCheckAdmittedResponseSchema> = {
  schema: async () => (await api()).PaymentServiceCheckAdmittedResponseSchema,
  name: ({ admitted }) => String(admitted),
  columns: [
    { header: "ADMITTED", value: ({ admitted }) => yesNo(admitted) },
    { header: "REQUESTED", value: ({ requested }) => yesNo(requested) },
  ],
};

const priceKind: Kind<typeof PriceSchema> = {
  schema: async () => (await api()).PriceSchema,
  name: ({ name }) => name,
  columns: [
    { header: "NAME", value: ({ name }) => name },
    { header: "TYPE", value: ({ productType }) => wordOf(api.now().ProductType, productType) },
    { header: "MINOR-UNITS", value: ({ unitAmountDecimal }) => unitAmountDecimal },
    { header: "CURRENCY", value: ({ currency }) => currency.toUpperCase() },
    { header: "PER", value: ({ unitLabel }) => unitLabel },
    { header: "DESCRIPTION", value: ({ description }) => description, wide: true },
  ],
};

const discountKind: Kind<typeof DiscountSchema> = {
  schema: async () => (await api()).DiscountSchema,
  name: ({ id }) => id,
  columns: [
    { header: "NAME", value: ({ name }) => name },
    { header: "PERCENT-OFF", value: ({ percentageOff }) => (percentageOff === 0 ? "" : `${percentageOff}%`) },
    { header: "MINOR-UNITS-OFF", value: ({ amountOff }) => (amountOff === 0n ? "" : String(amountOff)) },
    { header: "ORDER", value: ({ discountOrder }) => discountOrder },
    { header: "ID", value: ({ id }) => id, wide: true },
  ],
};

interface CustomerFlags extends TenantFlag {
  readonly name?: string;
  readonly email?: string;
  readonly vatId?: string;
  readonly phone?: string;
  readonly acceptTerms?: boolean;
  readonly line1?: string;
  readonly line2?: string;
  readonly postalCode?: string;
  readonly city?: string;
  readonly state?: string;
  readonly country?: string;
}

/** `slipway payment`: how a tenant pays. */
export function paymentCommands(group: Command): void {
  addReading(group);
  addPrices(group);
  addSet(group);
  addTenant(group.command("remove-method"))
    .description("remove the payment method, while nothing runs that costs money")
    .option("-y, --yes", "do not ask")
    .action(
      run(async (session, options: TenantFlag & { readonly yes?: boolean }) => {
        const login = await tenantOf(session, options);
        await confirmed(options, `Remove the payment method of ${login}?`);
        await (await payments(session)).deletePaymentMethod({ login });
        session.note(`removed the payment method of ${login}`);
      }),
    );
}

function addReading(group: Command): void {
  addTenant(group.command("show"))
    .description("show the customer account of a tenant: name, card, coupon")
    .action(
      run(async (session, flags: TenantFlag) => {
        const login = await tenantOf(session, flags);
        const { customer } = await (await payments(session)).getCustomerWithLogin({ login });
        if (customer !== undefined) await session.out.one(customerKind, customer);
      }),
    );
  addTenant(group.command("methods"))
    .description("tell by what means what is in the project can be paid: payment method, coupon, balance")
    .action(
      run(async (session, flags: TenantFlag) => {
        const project = await session.project();
        const login = await tenantOf(session, flags);
        await session.out.one(methodKind, await (await payments(session)).hasPaymentMethod({ login, project }));
      }),
    );
  addTenant(group.command("admission"))
    .description("tell whether a tenant may use what costs money")
    .action(
      run(async (session, flags: TenantFlag) => {
        const login = await tenantOf(session, flags);
        await session.out.one(admissionKind, await (await payments(session)).checkAdmitted({ login }));
      }),
    );
  addTenant(group.command("balance"))
    .description("show what is left of the credit and the coupon of a tenant")
    .action(run(showBalance));
}

function addPrices(group: Command): void {
  addTenant(group.command("discounts"))
    .description("list the discounts of a tenant")
    .action(
      run(async (session, flags: TenantFlag) => {
        const login = await tenantOf(session, flags);
        const { discounts } = await (await payments(session)).getSubscriptionDiscounts({ login });
        await session.out.list(discountKind, discounts);
      }),
    );
  group
    .command("prices")
    .description("list the prices that hold where nothing else was agreed")
    .action(
      run(async (session) =>
        session.out.list(priceKind, (await (await payments(session)).getDefaultPrices({})).prices),
      ),
    );
}

function addSet(group: Command): void {
  const set = addTenant(group.command("set"))
    .description("make or change the customer account of a tenant; what is not named stays")
    .option("--name <name>", "the name on invoices")
    .option("--email <address>", "where invoices are sent")
    .option("--vat-id <id>", "VAT identification number")
    .option("--phone <number>", "phone number")
    .option("--line1 <text>", "street and number; the address is set as a whole")
    .option("--line2 <text>", "more of the address")
    .option("--postal-code <code>", "postal code")
    .option("--city <city>", "city")
    .option("--state <state>", "state or region")
    .option("--country <code>", "two letters of ISO 3166, as in DE")
    .option("--accept-terms", "accept the terms and conditions")
    .action(run(setCustomer));
  setsFields(set, {
    vat: "--vat-id",
    phone_number: "--phone",
    accepted_terms_and_conditions: "--accept-terms",
    login: "--tenant",
  });
  examples(
    set,
    "slipway payment set --name 'Acme Ltd' --email billing@acme.example --country DE --city Berlin --accept-terms",
  );
}

async function setCustomer(session: Session, flags: CustomerFlags): Promise<void> {
  const login = await tenantOf(session, flags);
  const { name, email, vatId, phone, line1, line2, postalCode, city, state, country } = flags;
  const address = given({ line1, line2, postalCode, city, state, country });
  const { customer } = await (await payments(session)).createOrUpdateCustomer({
    login,
    acceptedTermsAndConditions: flags.acceptTerms === true,
    ...given({ name, email, vat: vatId, phoneNumber: phone }),
    ...(Object.keys(address).length === 0 ? {} : { address }),
  });
  if (customer !== undefined) await session.out.one(customerKind, customer);
}

async function showBalance(session: Session, flags: TenantFlag): Promise<void> {
  const login = await tenantOf(session, flags);
  const { customer } = await (await payments(session)).getCustomerWithLogin({ login });
  const coupon = customer?.coupon;
  const currency = coupon?.currency || customer?.prices[0]?.currency || "";
  const amounts = {
    tenant: login,
    balance: String(customer?.balance ?? 0n),
    couponLeft: String(coupon?.amountLeft ?? 0n),
  };
  await session.out.plain(
    [
      { header: "TENANT", value: () => login },
      { header: "BALANCE", value: () => moneyOf(customer?.balance ?? 0n, currency) },
      { header: "COUPON-LEFT", value: () => moneyOf(coupon?.amountLeft ?? 0n, currency) },
      { header: "COUPON", value: () => coupon?.name },
    ],
    [amounts],
    (item) => ({ ...item, currency }),
  );
}

const yesNo = (value: boolean): string => (value ? "yes" : "no");
