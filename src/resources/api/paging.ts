import type { Paging } from "../../../gen/ts/api/v1/common_pb.js";
import { invalidField } from "../../errors.js";

/** Which part of a list to read: ask the database for one row more than the limit, and give them to `cutPage`. */
export interface Page {
  /** Most entries on the page. */
  readonly limit: number;
  /** Entries before the page. */
  readonly offset: number;
  /** Number of the page, counted from 0. */
  readonly page: number;
}

/** The database counts rows in 64 bits, and this program exactly only to 2^53. */
const lastPage = 1_000_000_000;

/** The page that a request asks for: the first one, of `fallback` entries, unless it says otherwise; `most` at most. */
export function pageOf(
  paging: Pick<Paging, "page" | "count"> | undefined,
  { fallback = 100, most = 1_000 }: { readonly fallback?: number; readonly most?: number } = {},
): Page {
  const { page = 0n, count = BigInt(fallback) } = paging ?? {};
  if (count < 1n || count > BigInt(most)) throw invalidField("paging.count", `must be 1 to ${most}`);
  if (page < 0n || page > BigInt(lastPage)) throw invalidField("paging.page", `must be 0 to ${lastPage}`);
  const limit = Number(count);
  return { limit, offset: Number(page) * limit, page: Number(page) };
}

/** Cuts the rows that were read to the page; `next` has the field `nextPage` when there are more. */
export function cutPage<Row>(
  { limit, page }: Page,
  rows: readonly Row[],
): { readonly rows: Row[]; readonly next: { readonly nextPage?: bigint } } {
  return { rows: rows.slice(0, limit), next: nextPage(page, rows.length > limit) };
}

/** The field `next_page` of an answer: unset on the last page. */
export function nextPage(page: number, hasMore: boolean): { readonly nextPage?: bigint } {
  return hasMore ? { nextPage: BigInt(page) + 1n } : {};
}
