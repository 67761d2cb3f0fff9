import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { PgColumn } from "drizzle-orm/pg-core";
import pg from "pg";
import { timestampAt } from "../timestamp.js";

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
    case "PgArray":
      // Drizzle's own reader of arrays does not understand all that may be quoted.
      return (text) => column.mapFromDriverValue(textsOf(text));
    default:
      return (text) => column.mapFromDriverValue(text);
  }
}

// Its types do not know arrays.
const textArray = 1009 as Parameters<typeof pg.types.getTypeParser>[0];
const textsOf: Decode = pg.types.getTypeParser(textArray);

/** A value that stays the text that it is. */
export const sameText: Decode = (text) => text;

const isTrue = (text: string): boolean => text === "t";

const [zero, colon, dot, minus, plus, space] = [48, 58, 46, 45, 43, 32];

/** A time of the database as messages have it. */
export function timestampOfText(text: string): Timestamp {
  return timestampAt(timeOf(text).getTime());
}

/** A time of the database. */
export function timeOf(text: string): Date {
  const ms = timeMs(text);
  return new Date(ms ?? text.replace(" ", "T"));
}

/**
 * A time of the database, such as "2026-01-31 12:00:00.123456+00", in milliseconds, with no more digits; undefined for
 * what is spelled in another way, such as with an offset of half an hour.
 */
function timeMs(text: string): number | undefined {
  const isUsual =
    text.charCodeAt(4) === minus &&
    text.charCodeAt(7) === minus &&
    text.charCodeAt(10) === space &&
    text.charCodeAt(13) === colon &&
    text.charCodeAt(16) === colon;
  if (!isUsual) return undefined;
  let at = 19;
  let ms = 0;
  if (text.charCodeAt(at) === dot) {
    at += 1;
    for (let worth = 100; isDigit(text.charCodeAt(at)); at += 1, worth /= 10) {
      if (worth >= 1) ms += worth * (text.charCodeAt(at) - zero);
    }
  }
  const sign = text.charCodeAt(at);
  if ((sign !== plus && sign !== minus) || text.length !== at + 3) return undefined;
  const offset = (sign === plus ? 1 : -1) * two(text, at + 1);
  const days = daysBefore(two(text, 0) * 100 + two(text, 2), two(text, 5), two(text, 8));
  return (((days * 24 + two(text, 11) - offset) * 60 + two(text, 14)) * 60 + two(text, 17)) * 1000 + ms;
}

const isDigit = (code: number): boolean => code >= zero && code <= zero + 9;

const two = (text: string, at: number): number => (text.charCodeAt(at) - zero) * 10 + text.charCodeAt(at + 1) - zero;

/** Days from 1970-01-01 to a day of the Gregorian calendar, whose year begins with March here: then it ends with the leap day. */
function daysBefore(year: number, month: number, day: number): number {
  const y = month > 2 ? year : year - 1;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return 365 * y + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + dayOfYear - 719_468;
}
