/** A unit in which an amount can be entered. */
export interface Unit {
  readonly name: string;
  readonly size: number;
}

export const sizeUnits: readonly Unit[] = [
  { name: "MiB", size: 1024 ** 2 },
  { name: "GiB", size: 1024 ** 3 },
  { name: "TiB", size: 1024 ** 4 },
];

export const durationUnits: readonly Unit[] = [
  { name: "seconds", size: 1 },
  { name: "minutes", size: 60 },
  { name: "hours", size: 3_600 },
  { name: "days", size: 86_400 },
];

/** The largest unit in which an amount is a whole number; `usual` for none. */
export function unitOf(amount: number, units: readonly Unit[], usual: Unit): Unit {
  if (!Number.isFinite(amount) || amount === 0) return usual;
  return [...units].reverse().find(({ size }) => amount % size === 0) ?? usual;
}

/** An amount in another unit, without the noise of floating point. */
export function inUnit(amount: number, unit: Unit): string {
  return String(Number((amount / unit.size).toPrecision(12)));
}

/** A moment as a field for date and time has it, in the reader's zone. */
export function toLocalInput(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
