import { parse } from "yaml";
import { ProductType } from "../gen/ts/api/v1/payment_pb.js";
import type { BillingSettings, Meter, Product, ProductPrice, Seller, VatSettings } from "./billing.js";
import { isCountryCode, isCurrencyCode } from "./iso-codes.js";
import { isRecord } from "./record.js";
import type { Assets } from "./resources/api/assets/assets.js";
import { parseDecimal } from "./resources/billing/decimal.js";
import { defaultBilling } from "./resources/billing/price/default-prices.js";

const hour = 3_600n;
const gibHour = 2n ** 30n * hour;

/** What a unit of each meter is: its metered quantity times seconds, its name, and the group of its products. */
const units: Readonly<Record<Meter, Pick<Product, "unitSize" | "unitLabel" | "productType">>> = {
  control_plane: { unitSize: hour, unitLabel: "cluster per hour", productType: ProductType.KUBERNETES },
  worker: { unitSize: hour, unitLabel: "machine per hour", productType: ProductType.COMPUTE },
  volume: { unitSize: gibHour, unitLabel: "GiB per hour", productType: ProductType.STORAGE },
  snapshot: { unitSize: gibHour, unitLabel: "GiB per hour", productType: ProductType.STORAGE },
  address: { unitSize: hour, unitLabel: "address per hour", productType: ProductType.NETWORK },
};
const meters = Object.keys(units) as Meter[];

/**
 * Reads the billing file (YAML or JSON: `{currency, seller, vat?, paymentTermDays?, invoiceDelayHours?, products}`).
 * Numbers are read as they are written, never as floats. Throws an error that names the first fault and where it is.
 */
export function parseBilling(text: string, assets: Assets): BillingSettings {
  // The failsafe schema leaves every scalar the text that it is.
  return readBilling(parse(text, { schema: "failsafe" }), assets);
}

/** What `slipway dev` asks for when it is given no file: the demo prices of what these assets offer. */
export function demoBilling(assets: Assets): BillingSettings {
  const offered = Object.values(assets.all).flatMap(({ machineTypes }) => Object.keys(machineTypes));
  const products = Object.entries(defaultBilling.products).filter(
    ([, product]) => product.meter !== "worker" || !("variant" in product) || offered.includes(product.variant),
  );
  return readBilling({ ...defaultBilling, products: Object.fromEntries(products) }, assets);
}

/** What a file holds, its scalars as texts. */
function readBilling(value: unknown, assets: Assets): BillingSettings {
  try {
    const file = fieldsOf(value, "the file", [
      "currency",
      "seller",
      "vat",
      "paymentTermDays",
      "invoiceDelayHours",
      "products",
    ]);
    return {
      currency: readCurrency(file.currency),
      seller: readSeller(file.seller),
      vat: readVat(file.vat ?? {}),
      paymentTermDays: readInteger(file.paymentTermDays ?? "14", "paymentTermDays", 0, 365),
      invoiceDelayHours: readInteger(file.invoiceDelayHours ?? "24", "invoiceDelayHours", 0, 240),
      products: readProducts(file.products, assets),
    };
  } catch (error) {
    throw new Error(`billing: ${(error as Error).message}`, { cause: error });
  }
}

function readCurrency(value: unknown): string {
  const currency = readText(value, "currency");
  if (isCurrencyCode(currency)) return currency;
  throw new Error("currency must be a three-letter ISO 4217 code in lower case, as in eur");
}

function readSeller(value: unknown): Seller {
  const {
    name,
    email,
    vat,
    address,
    footer = [],
  } = fieldsOf(value, "seller", ["name", "email", "vat", "address", "footer"]);
  if (!Array.isArray(footer) || footer.length > 6) throw new Error("seller.footer must be a list of 6 lines at most");
  return {
    name: readText(name, "seller.name"),
    email: readText(email, "seller.email", /^[^\s@]+@[^\s@]+$/, "must be an e-mail address"),
    vat: readText(
      vat ?? "",
      "seller.vat",
      /^[A-Z0-9 .+*-]{0,32}$/,
      "must be a value added tax number, as in DE123456789",
    ),
    address: readAddress(address),
    footer: footer.map((line: unknown, at) => readText(line, `seller.footer[${at}]`)),
  };
}

function readAddress(value: unknown): NonNullable<Seller["address"]> {
  const path = "seller.address";
  const fields = fieldsOf(value, path, ["line1", "line2", "postalCode", "city", "state", "country"]);
  return {
    line1: readText(fields.line1, `${path}.line1`),
    line2: readText(fields.line2 ?? "", `${path}.line2`, anyText),
    postalCode: readText(fields.postalCode, `${path}.postalCode`),
    city: readText(fields.city, `${path}.city`),
    state: readText(fields.state ?? "", `${path}.state`, anyText),
    country: readCountry(fields.country, `${path}.country`),
  };
}

function readVat(value: unknown): VatSettings {
  const { rates = {}, other = "0", reverseCharge = [] } = fieldsOf(value, "vat", ["rates", "other", "reverseCharge"]);
  if (!isRecord(rates)) throw new Error("vat.rates must be a map from country to percent");
  if (!Array.isArray(reverseCharge)) throw new Error("vat.reverseCharge must be a list of countries");
  return {
    rates: new Map(
      Object.entries(rates).map(([country, rate]) => [
        readCountry(country, `vat.rates.${country}`),
        readPercent(rate, `vat.rates.${country}`),
      ]),
    ),
    other: readPercent(other, "vat.other"),
    reverseCharge: new Set(reverseCharge.map((country, at) => readCountry(country, `vat.reverseCharge[${at}]`))),
  };
}

function readProducts(value: unknown, assets: Assets): Product[] {
  if (!isRecord(value) || Object.keys(value).length === 0) throw new Error("products must be a map from id to product");
  const products = Object.entries(value).map(([id, entry]) => readProduct(id, entry, assets));
  for (const [at, { id, meter, variant }] of products.entries()) {
    const earlier = products.slice(0, at).find((other) => other.meter === meter && other.variant === variant);
    if (earlier === undefined) continue;
    throw new Error(`products.${id} and products.${earlier.id} have the same meter and variant`);
  }
  return products;
}

function readProduct(id: string, value: unknown, assets: Assets): Product {
  const path = `products.${id}`;
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(id)) {
    throw new Error(`${path}: ids are 1 to 63 lower-case letters, digits and dashes`);
  }
  const fields = fieldsOf(value, path, ["name", "description", "meter", "variant", "prices"]);
  const meter = meters.find((known) => known === fields.meter);
  if (meter === undefined) throw new Error(`${path}.meter must be one of ${meters.join(", ")}`);
  return {
    id,
    name: readText(fields.name, `${path}.name`),
    description: readDescription(fields.description ?? "", `${path}.description`),
    meter,
    variant: readVariant(meter, fields.variant ?? "", `${path}.variant`, assets),
    ...units[meter],
    prices: readPrices(fields.prices, `${path}.prices`),
  };
}

function readDescription(value: unknown, path: string): string {
  return readText(value, path, /^(.{2,500})?$/, "must be a text of 2 to 500 characters");
}

function readVariant(meter: Meter, value: unknown, path: string, assets: Assets): string {
  const variant = readText(value, path, /^[A-Za-z0-9._-]{0,253}$/, "must be a name");
  if (variant === "") return variant;
  if (meter === "control_plane") throw new Error(`${path}: control planes are all alike, leave it out`);
  if (meter === "address" && variant !== "ephemeral" && variant !== "static") {
    throw new Error(`${path} must be ephemeral or static`);
  }
  const isOffered = Object.values(assets.all).some(({ machineTypes }) => Object.hasOwn(machineTypes, variant));
  if (meter === "worker" && !isOffered) throw new Error(`${path}: the assets have no machine type ${variant}`);
  return variant;
}

function readPrices(value: unknown, path: string): ProductPrice[] {
  if (!Array.isArray(value) || value.length === 0) throw new Error(`${path} must be a list of prices`);
  const prices = value.map((entry: unknown, at): ProductPrice => {
    const { validFrom, unitAmount } = fieldsOf(entry, `${path}[${at}]`, ["validFrom", "unitAmount"]);
    return {
      validFrom: readHour(validFrom, `${path}[${at}].validFrom`),
      unitAmountNano: readAmount(unitAmount, `${path}[${at}].unitAmount`),
    };
  });
  prices.sort((a, b) => a.validFrom.getTime() - b.validFrom.getTime());
  const twice = prices.find((price, at) => price.validFrom.getTime() === prices[at + 1]?.validFrom.getTime());
  if (twice !== undefined) throw new Error(`${path} has several prices from ${twice.validFrom.toISOString()} on`);
  return prices;
}

function readHour(value: unknown, path: string): Date {
  const text = typeof value === "string" ? value : "";
  const match = /^(\d{4}-\d\d-\d\dT\d\d:00:00)(\.0{1,3})?Z$/.exec(text);
  const time = new Date(`${match?.[1]}Z`);
  // 30 February is no fault to Date.
  if (match !== null && time.getTime() >= 0 && time.toISOString() === `${match[1]}.000Z`) return time;
  throw new Error(`${path} must be a whole hour in UTC, as in 2026-01-01T00:00:00Z`);
}

function readAmount(value: unknown, path: string): bigint {
  const amount = typeof value === "string" ? parseDecimal(value, 9) : undefined;
  if (amount !== undefined && amount <= 10n ** 21n) return amount;
  throw new Error(`${path} must be a decimal number of minor units from 0 to 10^12 with at most 9 places, as in "6.5"`);
}

function readPercent(value: unknown, path: string): number {
  const rate = typeof value === "string" ? parseDecimal(value, 2) : undefined;
  if (rate !== undefined && rate <= 10_000n) return Number(rate);
  throw new Error(`${path} must be a percentage from 0 to 100 with at most 2 places, as in "19" or "8.1"`);
}

function readInteger(value: unknown, path: string, least: number, most: number): number {
  const number = typeof value === "string" && /^\d{1,6}$/.test(value) ? Number(value) : -1;
  if (number >= least && number <= most) return number;
  throw new Error(`${path} must be a whole number from ${least} to ${most}`);
}

function readCountry(value: unknown, path: string): string {
  if (typeof value === "string" && isCountryCode(value)) return value;
  throw new Error(`${path} must be a two-letter ISO 3166 code of a country in upper case, as in DE`);
}

const anyText = /^[^\p{Cc}]{0,256}$/u;

function readText(
  value: unknown,
  path: string,
  pattern = /^[^\p{Cc}]{1,256}$/u,
  rule = "must be a text that is not empty, of 256 characters at most",
): string {
  if (typeof value === "string" && pattern.test(value)) return value;
  throw new Error(`${path} ${rule}`);
}

/** A map that has no other fields. */
function fieldsOf<Name extends string>(
  value: unknown,
  path: string,
  names: readonly Name[],
): Readonly<Partial<Record<Name, unknown>>> {
  if (!isRecord(value)) throw new Error(`${path} must be a map`);
  const unknown = Object.keys(value).filter((field) => !names.some((name) => name === field));
  if (unknown.length > 0) throw new Error(`${path} has unknown fields: ${unknown.join(", ")}`);
  return value as Partial<Record<Name, unknown>>;
}
