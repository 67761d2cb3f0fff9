import jsvat from "jsvat-next";
import type {
  Address,
  Card,
  PaymentCustomer,
  PaymentServiceCreateOrUpdateCustomerRequest,
} from "../../../../gen/ts/api/v1/payment_pb.js";
import { holdsAccountNumber } from "../../../account-numbers.js";
import { invalidField } from "../../../errors.js";
import { isCountryCode } from "../../../iso-codes.js";
import { checkedEmail, checkedName } from "../tenant/fields.js";
import type { CardFacts, CustomerDetails, PostalAddress, Processor } from "./processor.js";
import type { CustomerFields, CustomerRow } from "./store.js";

/** What a request asks an account to be; what is undefined or left out stays. */
export interface AskedCustomer {
  readonly fields: CustomerFields;
  readonly paymentMethodId: string | undefined;
  readonly card: CardFacts | undefined;
}

type Written = Partial<
  Pick<PaymentCustomer, "name" | "paymentMethodId" | "email" | "card" | "address" | "vat" | "phoneNumber">
>;

/** What a request says of the account: the fields beside `customer` win over those in it. */
export function askedCustomer(request: PaymentServiceCreateOrUpdateCustomerRequest): AskedCustomer {
  const { customer, ...beside } = request;
  demandSameTenant(request);
  const inner = customer === undefined ? undefined : checkedCustomer(customer, "customer.");
  const outer = checkedCustomer(beside, "");
  return {
    fields: { ...inner?.fields, ...outer.fields },
    paymentMethodId: outer.paymentMethodId ?? inner?.paymentMethodId,
    card: outer.card ?? inner?.card,
  };
}

/** What a tenant that asks for its admission says of its account to be: no payment method. */
export function askedFutureCustomer(request: {
  readonly login: string;
  readonly customer?: PaymentCustomer | undefined;
}): CustomerFields {
  demandSameTenant(request);
  return request.customer === undefined ? {} : checkedCustomer(request.customer, "customer.").fields;
}

/** The account as the processor has to know it. */
export function detailsOf(
  tenant: string,
  present: CustomerRow | undefined,
  asked: AskedCustomer,
  processor: Processor["name"],
): CustomerDetails {
  const { name = "", email = "", phoneNumber = "", vat = "", address = null } = { ...present, ...asked.fields };
  const known = present?.processor === processor ? present : undefined;
  if (asked.card !== undefined && (asked.paymentMethodId ?? known?.paymentMethodId ?? null) === null) {
    throw invalidField("card", "belongs to a payment method: set payment_method_id, too");
  }
  const kept = asked.card === undefined ? undefined : (known?.paymentMethodId ?? undefined);
  const paymentMethodId = asked.paymentMethodId ?? kept;
  const isSame = paymentMethodId !== undefined && paymentMethodId === known?.paymentMethodId;
  const card = asked.card ?? (isSame ? (known?.card ?? undefined) : undefined);
  return { tenant, id: known?.id, name, email, phoneNumber, vat, address, paymentMethodId, card };
}

/** So many calendar months later in UTC; the last day of a month where it has no such day. */
export function monthsLater(time: Date, months: number): Date {
  const later = new Date(time);
  later.setUTCDate(1);
  later.setUTCMonth(later.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(later.getUTCFullYear(), later.getUTCMonth() + 1, 0)).getUTCDate();
  later.setUTCDate(Math.min(time.getUTCDate(), lastDay));
  return later;
}

function demandSameTenant({ login, customer }: { login: string; customer?: PaymentCustomer | undefined }): void {
  const named = customer?.login ?? "";
  if (named !== "" && named !== login) throw invalidField("customer.login", "must be the same as login, or empty");
}

function checkedCustomer(written: Written, at: string): AskedCustomer {
  const { name, email, phoneNumber, vat, address, card, paymentMethodId } = written;
  return {
    fields: {
      ...(name === undefined ? {} : { name: name === "" ? "" : checkedName(`${at}name`, name) }),
      ...(email === undefined ? {} : { email: checkedEmail(`${at}email`, email) }),
      ...(phoneNumber === undefined ? {} : { phoneNumber: internationalPhone(`${at}phone_number`, phoneNumber) }),
      ...(vat === undefined ? {} : { vat: vatNumber(`${at}vat`, vat) }),
      ...(address === undefined ? {} : { address: postalAddress(`${at}address`, address) }),
    },
    paymentMethodId: paymentMethodId ? reference(`${at}payment_method_id`, paymentMethodId) : undefined,
    card: card === undefined ? undefined : cardFacts(`${at}card`, card),
  };
}

/** A phone number in the form of E.164; empty clears it. */
function internationalPhone(field: string, phone: string): string {
  const compact = phone.replace(/[ ()./-]/g, "");
  if (compact !== "" && !/^\+[1-9]\d{6,14}$/.test(compact)) {
    throw invalidField(field, "must be a phone number with the code of its country like +49 89 123456, or empty");
  }
  return compact;
}

const knownPrefixes = new Set(["EL", "XI", ...jsvat.countries.flatMap(({ codes }) => codes[0] ?? [])]);

/** A value added tax number whose check digits fit, where the country's are known; empty clears it. */
function vatNumber(field: string, vat: string): string {
  const compact = vat.toUpperCase().replace(/[ ./-]/g, "");
  if (compact === "") return "";
  const prefix = compact.slice(0, 2);
  if (!/^[A-Z]{2}[0-9A-Z+*]{2,16}$/.test(compact)) {
    throw invalidField(field, "must be a VAT number with the prefix of its country, or empty");
  }
  if (knownPrefixes.has(prefix) && !hasRightDigits(prefix, compact)) {
    throw invalidField(field, "is no VAT number of its country: see whether all of its digits are right");
  }
  if (!knownPrefixes.has(prefix) && !isCountryCode(prefix)) {
    throw invalidField(field, "must begin with the two letters of its country");
  }
  return compact;
}

/** The library knows the numbers of these countries as they are written there, without a prefix. */
const unprefixed: Readonly<Record<string, (typeof jsvat.countries)[number]>> = {
  AU: jsvat.australia,
  BR: jsvat.brazil,
  NO: jsvat.norway,
};

function hasRightDigits(prefix: string, vat: string): boolean {
  const country = unprefixed[prefix];
  if (country === undefined) return jsvat.checkVAT(vat, jsvat.countries).isValid;
  const number = vat.slice(2);
  return jsvat.checkVAT(prefix === "NO" ? `${number.replace(/MVA$/, "")}MVA` : number, [country]).isValid;
}

const addressLimits = { line1: 128, line2: 128, postalCode: 16, city: 64, state: 64 } as const;

function postalAddress(field: string, address: Address): PostalAddress {
  const text = (key: keyof typeof addressLimits, isNeeded: boolean): string => {
    const value = address[key].trim();
    const path = `${field}.${key === "postalCode" ? "postal_code" : key}`;
    if (isNeeded && value === "") throw invalidField(path, "must be set");
    if (value.length > addressLimits[key]) throw invalidField(path, `must be at most ${addressLimits[key]} characters`);
    return value;
  };
  return {
    line1: text("line1", true),
    line2: text("line2", false),
    postalCode: text("postalCode", true),
    city: text("city", true),
    state: text("state", false),
    country: country(`${field}.country`, address.country),
  };
}

function country(field: string, code: string): string {
  if (!isCountryCode(code)) throw invalidField(field, "must be a two-letter code of ISO 3166 in upper case");
  return code;
}

/** The id of a payment method, and never the number of a card or an account; the answer does not repeat it. */
function reference(field: string, id: string): string {
  if (holdsAccountNumber(id)) {
    throw invalidField(field, "must not be the number of a card or an account: those never come here");
  }
  if (!/^[\w.:/+-]{1,128}$/.test(id)) {
    throw invalidField(field, "must be 1 to 128 letters, digits and . : / + - _ signs");
  }
  return id;
}

/** What may be shown of a card. */
function cardFacts(field: string, card: Card): CardFacts {
  const [month, year] = [Number(card.expMonth), Number(card.expYear)];
  if (!/^[A-Za-z][A-Za-z _-]{0,31}$/.test(card.brand)) {
    throw invalidField(`${field}.brand`, "must be 1 to 32 letters, such as visa");
  }
  if (!/^\d{4}$/.test(card.last4)) throw invalidField(`${field}.last_4`, "must be the last four digits, and no more");
  if (!(month >= 1 && month <= 12)) throw invalidField(`${field}.exp_month`, "must be 1 to 12");
  if (!(year >= 2000 && year <= 2199)) throw invalidField(`${field}.exp_year`, "must be a year of four digits");
  return {
    brand: card.brand,
    country: country(`${field}.country`, card.country),
    expMonth: month,
    expYear: year,
    last4: card.last4,
  };
}
