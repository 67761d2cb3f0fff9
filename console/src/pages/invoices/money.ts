const formats = new Map<string, Intl.NumberFormat>();

function formatOf(currency: string): Intl.NumberFormat {
  const known = formats.get(currency);
  if (known !== undefined) return known;
  // What is no code must not keep an amount from being shown.
  const isCode = /^[a-z]{3}$/i.test(currency);
  const format = new Intl.NumberFormat(
    "en",
    isCode ? { style: "currency", currency } : { minimumFractionDigits: 2, maximumFractionDigits: 2 },
  );
  formats.set(currency, format);
  return format;
}

/** How many digits of a currency's amounts stand behind the point. */
export function minorDigits(currency: string): number {
  return formatOf(currency).resolvedOptions().maximumFractionDigits ?? 2;
}

/** An amount of minor units as a decimal number, exactly: 123456n → "1234.56". */
export function decimalOf(amount: bigint, digits: number): string {
  const sign = amount < 0n ? "-" : "";
  const text = String(amount < 0n ? -amount : amount).padStart(digits + 1, "0");
  return digits === 0 ? `${sign}${text}` : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** An amount of minor units for people: "€1,234.56". No digit is lost on the way. */
export function moneyText(amount: bigint, currency: string): string {
  // Formatting decimal text is exact; a number has only 15 digits.
  return formatOf(currency).format(decimalOf(amount, minorDigits(currency)) as Intl.StringNumericLiteral);
}

/** A price in minor units with any number of places, for people: "0.4215" of eur → "€0.004215". */
export function priceText(unitAmount: string, currency: string): string {
  const digits = minorDigits(currency);
  const [whole = "0", fraction = ""] = unitAmount.replace("-", "").split(".");
  const padded = whole.padStart(digits + 1, "0");
  const text = `${padded.slice(0, padded.length - digits)}.${padded.slice(padded.length - digits)}${fraction}`;
  const sign = unitAmount.startsWith("-") ? "-" : "";
  const isCode = /^[a-z]{3}$/i.test(currency);
  const format = new Intl.NumberFormat("en", {
    ...(isCode ? { style: "currency", currency } : {}),
    minimumFractionDigits: digits,
    maximumFractionDigits: 12,
  });
  return format.format(`${sign}${text}` as Intl.StringNumericLiteral);
}

const quantities = new Intl.NumberFormat("en", { maximumFractionDigits: 6 });

/** A decimal number of units, with its thousands apart and no digit lost. */
export function quantityText(quantity: string): string {
  return quantities.format(quantity as Intl.StringNumericLiteral);
}

/** Reads what somebody typed as an amount: "1,234.5" of eur → 123450n; undefined when it is none. */
export function minorOf(text: string, currency: string): bigint | undefined {
  const digits = minorDigits(currency);
  const [, whole, fraction = ""] = /^(\d{1,13})(?:\.(\d*))?$/.exec(text.replaceAll(/[\s,]/g, "")) ?? [];
  if (whole === undefined || fraction.length > digits) return undefined;
  return BigInt(whole + fraction.padEnd(digits, "0"));
}
