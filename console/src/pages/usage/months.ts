const words = new Intl.DateTimeFormat("en", { month: "long", year: "numeric", timeZone: "UTC" });

/** A month as it stands in addresses: `2026-11`; billing periods are months in UTC. */
export function monthOf(date: Date): string {
  return date.toISOString().slice(0, 7);
}

/** The beginning of a month. */
export function startOf(month: string): Date {
  return new Date(`${month}-01T00:00:00Z`);
}

/** So many months further. */
export function shifted(month: string, by: number): string {
  const date = startOf(month);
  date.setUTCMonth(date.getUTCMonth() + by);
  return monthOf(date);
}

/** "November 2026". */
export function monthText(month: string): string {
  return words.format(startOf(month));
}

/** The month in an address, or this one when it is none or lies ahead. */
export function readMonth(text: string | null, now: string): string {
  return text !== null && /^\d{4}-(0[1-9]|1[0-2])$/.test(text) && text <= now ? text : now;
}
