import { invalidField } from "../../errors.js";
import { isUuid } from "../api/uuid.js";

/** Where a page ends: a token that names the last row by what the list is sorted by. */
export function pageTokenOf(parts: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(parts.map(String))).toString("base64url");
}

/** What `pageTokenOf` was given; undefined for the first page, and "invalid" for what it has not made. */
export function pageTokenParts(token: string, count: number): string[] | undefined {
  if (token === "") return undefined;
  const parts = parsed(Buffer.from(token, "base64url").toString());
  if (Array.isArray(parts) && parts.length === count && parts.every((part) => typeof part === "string")) return parts;
  throw badToken();
}

/** A part of a token that is a uuid; undefined for none. */
export function uuidPart(part: string | undefined): string | undefined {
  if (part === undefined || isUuid(part)) return part;
  throw badToken();
}

/** A part of a token that is a number of 32 bits; undefined for none. */
export function numberPart(part: string | undefined): number | undefined {
  if (part === undefined) return undefined;
  if (/^\d{1,9}$/.test(part)) return Number(part);
  throw badToken();
}

const badToken = () => invalidField("page_token", "is none that an answer has given");

/** Cuts rows to a page, of which one more than its size was read; the token is empty on the last page. */
export function cutAt<Row>(
  rows: readonly Row[],
  size: number,
  partsOf: (row: Row) => readonly (string | number)[],
): { readonly rows: Row[]; readonly nextPageToken: string } {
  const page = rows.slice(0, size);
  const last = page.at(-1);
  const hasMore = rows.length > size && last !== undefined;
  return { rows: page, nextPageToken: hasMore ? pageTokenOf(partsOf(last)) : "" };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
