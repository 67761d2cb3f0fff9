/** An amount in minor units, as in "12.34 EUR". */
export function moneyOf(minor: bigint | number, currency: string): string {
  const code = currency.toUpperCase();
  const digits = digitsOf(code);
  const sign = minor < 0 ? "-" : "";
  const text = String(minor)
    .replace("-", "")
    .padStart(digits + 1, "0");
  const whole = text.slice(0, text.length - digits);
  const amount = digits === 0 ? whole : `${whole}.${text.slice(-digits)}`;
  return `${sign}${amount} ${code}`.trim();
}

/** How many digits the minor unit of a currency has. */
function digitsOf(code: string): number {
  if (!/^[A-Z]{3}$/.test(code)) return 2;
  return (
    new Intl.NumberFormat("en", { style: "currency", currency: code }).resolvedOptions().maximumFractionDigits ?? 2
  );
}
