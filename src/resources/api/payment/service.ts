import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect";
import {
  PaymentService,
  type PaymentServiceHasPaymentMethodRequest,
  type PaymentServiceRequestAdmissionRequest,
} from "../../../../gen/ts/api/v1/payment_pb.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { pricesNow } from "../../billing/price/current.js";
import { requestAdmission } from "../tenant/request-admission.js";
import { tenantStore } from "../tenant/store.js";
import { accountMessage, accountOf, ownAccount } from "./accounts.js";
import { discountStore } from "./credit-store.js";
import { discountMessage } from "./messages.js";
import { removePaymentMethod } from "./remove-method.js";
import { askedCustomer, askedFutureCustomer } from "./rules.js";
import { saveCustomer, termsNeeded } from "./save-customer.js";
import { type CustomerRow, customerStore } from "./store.js";
import { invoicesOf, subscriptionUsage } from "./subscription.js";

/** api.v1.PaymentService: how a tenant pays, and what it used. */
export function registerPayment(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  router.service(PaymentService, {
    ...customerMethods(platform),
    ...admissionMethods(platform),
    hasPaymentMethod: (request) => hasPaymentMethod(platform, request),
    async deletePaymentMethod({ login }, { signal }) {
      await removePaymentMethod(platform, login, signal);
      return {};
    },
    async getSubscriptionUsage({ login }) {
      return { subscriptionUsageItems: await subscriptionUsage(platform, login) };
    },
    async getInvoices({ login, customerId }) {
      await ownAccount(platform, login, customerId);
      return { invoices: await invoicesOf(platform, login) };
    },
    async getDefaultPrices() {
      return { prices: await pricesNow(platform) };
    },
    async hasChargeableResources({ login }) {
      return { hasResources: await customerStore.hasChargeable(db, login) };
    },
    async getSubscriptionDiscounts({ login }) {
      return { discounts: (await discountStore.list(db, login)).map(discountMessage) };
    },
  });
}

function customerMethods(
  platform: Platform,
): Pick<
  ServiceImpl<typeof PaymentService>,
  "createOrUpdateCustomer" | "getCustomer" | "getCustomerWithLogin" | "checkIfCustomerExists"
> {
  const answer = async (row: CustomerRow) => ({ customer: await accountMessage(platform, row) });
  return {
    async createOrUpdateCustomer(request, { signal }) {
      const { login, customer, acceptedTermsAndConditions: acceptsTerms } = request;
      const asked = askedCustomer(request);
      // Who names an account means that one.
      if (customer?.customerId) await ownAccount(platform, login, customer.customerId);
      return await answer(await saveCustomer(platform, { login, asked, acceptsTerms }, signal));
    },
    async getCustomer({ login, customerId }) {
      return await answer(await ownAccount(platform, login, customerId));
    },
    async getCustomerWithLogin({ login }) {
      return await answer(await accountOf(platform, login));
    },
    async checkIfCustomerExists({ login }) {
      const row = await customerStore.get(platform.db, login);
      return row === undefined ? { exists: false } : { exists: true, ...(await answer(row)) };
    },
  };
}

function admissionMethods(
  platform: Platform,
): Pick<ServiceImpl<typeof PaymentService>, "checkAdmitted" | "requestAdmission"> {
  return {
    async checkAdmitted({ login }) {
      const tenant = await tenantStore.get(platform.db, login);
      if (tenant === undefined) throw new DomainError("missing", `tenant ${login} does not exist`);
      return { admitted: tenant.admitted, requested: tenant.admissionRequestedAt !== null };
    },
    async requestAdmission(request, { signal }) {
      await askForAdmission(platform, request, signal);
      return {};
    },
  };
}

/** Answers from memory. */
async function hasPaymentMethod({ standings }: Platform, { login, project }: PaymentServiceHasPaymentMethodRequest) {
  if ((await standings.tenantOf(project)) !== login) {
    throw new DomainError("missing", `project ${project} does not exist in tenant ${login}`);
  }
  const means = await standings.means(login);
  if (means === undefined) throw new DomainError("missing", `tenant ${login} does not exist`);
  return { exists: means.paymentMethod, couponLeft: means.coupon, positiveBalance: means.balance };
}

/** What is said of the account makes one where there is none; only owners change one that there is. */
async function askForAdmission(
  platform: Platform,
  request: PaymentServiceRequestAdmissionRequest,
  signal: AbortSignal,
): Promise<void> {
  const { login, customer, emailConsent } = request;
  const fields = askedFutureCustomer(request);
  if (!request.acceptedTermsAndConditions) throw termsNeeded();
  const { name = "", email = "" } = fields;
  const note = [name, email === "" ? "" : `<${email}>`].filter((part) => part !== "").join(" ");
  await requestAdmission(platform, login, { note, emailConsent });
  if (customer === undefined) return;
  const asked = { fields, paymentMethodId: undefined, card: undefined };
  await saveCustomer(platform, { login, asked, acceptsTerms: true, onlyNew: true }, signal);
}
