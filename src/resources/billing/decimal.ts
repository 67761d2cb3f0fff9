/** Reads a decimal number that is not below 0, in units of 10^-places; undefined when it is none or has more places. */
export function parseDecimal(text: string, places: number): bigint | undefined {
  const match = /^(\d{1,20})(?:\.(\d+))?$/.exec(text);
  const [, whole, fraction = ""] = match ?? [];
  if (whole === undefined || fraction.length > places) return undefined;
  return BigInt(whole + fraction.padEnd(places, "0"));
}

/** Writes a number of units of 10^-places as a decimal number, without zeros at its end. */
export function formatDecimal(value: bigint, places: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  const fraction = digits.slice(digits.length - places).replace(/0+$/, "");
  return `${value < 0n ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}
