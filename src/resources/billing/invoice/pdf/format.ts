import { formatDecimal, parseDecimal } from "../../decimal.js";
import { minorDigitsOf } from "../../money.js";
import type { InvoiceParty } from "../party.js";

const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/** A day in UTC: `1 February 2026`. */
export const dayText = (at: Date): string => `${at.getUTCDate()} ${months[at.getUTCMonth()]} ${at.getUTCFullYear()}`;

/** The days of a span: `1 January 2026 to 31 January 2026`. */
export const spanText = (start: Date, end: Date): string =>
  `${dayText(start)} to ${dayText(new Date(end.getTime() - 1))}`;

/** A decimal number with its thousands apart: `12,345.6`. */
export function grouped(decimal: string): string {
  const [whole = "", fraction] = decimal.split(".");
  const thousands = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? thousands : `${thousands}.${fraction}`;
}

/** The price of a unit in whole currency units: `0.032` for 3.2 cents. */
export function unitPriceText(unitAmount: string, currency: string): string {
  const nano = parseDecimal(unitAmount, 9);
  if (nano === undefined) return unitAmount;
  const digits = minorDigitsOf(currency);
  const [whole = "", fraction = ""] = formatDecimal(nano, 9 + digits).split(".");
  const decimals = fraction.padEnd(digits, "0");
  return grouped(decimals === "" ? whole : `${whole}.${decimals}`);
}

/** A party as it stands on a letter: name, address, e-mail and VAT number, each in its line. */
export function partyLines({ name, email, vat, address }: InvoiceParty): { name: string; lines: string[] } {
  const { line1 = "", line2 = "", postalCode = "", city = "", state = "", country = "" } = address ?? {};
  const place = [postalCode, city].filter((part) => part !== "").join(" ");
  const region = [state, countryName(country)].filter((part) => part !== "").join(", ");
  const number = vat === "" ? "" : `VAT number ${vat}`;
  return { name, lines: [line1, line2, place, region, email, number].filter((line) => line.trim() !== "") };
}

const countries = new Intl.DisplayNames("en", { type: "region", fallback: "code" });

function countryName(code: string): string {
  return /^[A-Z]{2}$/.test(code) ? (countries.of(code) ?? code) : code;
}
