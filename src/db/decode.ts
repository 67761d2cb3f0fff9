import type { PgColumn } from "drizzle-orm/pg-core";

/** Makes a value of the text in which the database writes it. */
export type Decode = (text: string) => unknown;

/** How the values of a column are read from text: as drizzle reads them, only that times cost a tenth. */
export function decoderOf(column: PgColumn): Decode {
  switch (column.columnType) {
    case "PgText":
    case "PgVarchar":
    case "PgUUID":
      return sameText;
    case "PgTimestamp":
      return timeOf;
    case "PgBoolean":
      return isTrue;
    case "PgJsonb":
    case "PgJson":
      return JSON.parse;
    default:
      return (text) => column.mapFromDriverValue(text);
  }
}

/** A value that stays the text that it is. */
export const sameText: Decode = (text) => text;

const isTrue = (text: string): boolean => text === "t";

const [zero, colon, dot, minus, plus, space] = [48, 58, 46, 45, 43, 32];

/**
 * A time of the database, such as "2026-01-31 12:00:00.123456+00", down to the millisecond, as `new Date` reads it.
 * What is spelled in another way, such as a year before Christ, is left to `new Date`.
 */
export function timeOf(text: string): Date {
  const isUsual =
    text.charCodeAt(4) === minus &&
    text.charCodeAt(7) === minus &&
    text.charCodeAt(10) === space &&
    text.charCodeAt(13) === colon &&
    text.charCodeAt(16) === colon;
  if (!isUsual) return new Date(text);
  let at = 19;
  let ms = 0;
  if (text.charCodeAt(at) === dot) {
    at += 1;
    for (let worth = 100; isDigit(text.charCodeAt(at)); at += 1, worth /= 10) {
      if (worth >= 1) ms += worth * (text.charCodeAt(at) - zero);
    }
  }
  const sign = text.charCodeAt(at);
  // An offset of whole hours, which is what there is but in India and in Nepal.
  if ((sign !== plus && sign !== minus) || text.length !== at + 3) return new Date(text);
  const offset = (sign === plus ? 1 : -1) * two(text, at + 1);
  const days = daysBefore(two(text, 0) * 100 + two(text, 2), two(text, 5), two(text, 8));
  return new Date((((days * 24 + two(text, 11) - offset) * 60 + two(text, 14)) * 60 + two(text, 17)) * 1000 + ms);
}

const isDigit = (code: number): boolean => code >= zero && code <= zero + 9;

const two = (text: string, at: number): number => (text.charCodeAt(at) - zero) * 10 + text.charCodeAt(at + 1) - zero;

/** Days from 1970-01-01 to a day of the Gregorian calendar, whose year begins with March here: then it ends with the leap day. */
function daysBefore(year: number, month: number, day: number): number {
  const y = month > 2 ? year : year - 1;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return 365 * y + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + dayOfYear - 719_468;
}
