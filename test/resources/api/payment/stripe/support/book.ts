import { randomBytes } from "node:crypto";
import { integer, missing, optionalText, type Params, texts } from "./params.js";

/** An object of Stripe's API. */
export interface Doc {
  readonly id: string;
  readonly object: string;
  [field: string]: unknown;
}

/** An event, as webhooks get it. */
export interface FakeEvent extends Doc {
  readonly type: string;
  readonly data: { readonly object: Doc; readonly previous_attributes?: Record<string, unknown> };
}

/** Everything that the account holds. */
export interface Book {
  now(): number;
  readonly docs: Map<string, Doc>;
  readonly events: FakeEvent[];
  add<T extends Doc>(doc: T): T;
  get<T extends Doc = Doc>(kind: string, id: string): T;
  find<T extends Doc = Doc>(kind: string, id: string): T | undefined;
  all<T extends Doc = Doc>(kind: string): T[];
  emit(type: string, object: Doc, previous?: Record<string, unknown>): void;
}

export function createBook(now: () => number, told: (event: FakeEvent) => void): Book {
  const docs = new Map<string, Doc>();
  const events: FakeEvent[] = [];
  const book: Book = {
    now,
    docs,
    events,
    add(doc) {
      docs.set(doc.id, doc);
      return doc;
    },
    find: <T extends Doc>(kind: string, id: string) => {
      const doc = docs.get(id);
      return doc?.object === kind ? (doc as T) : undefined;
    },
    get<T extends Doc>(kind: string, id: string) {
      const doc = book.find<T>(kind, id);
      if (doc === undefined) throw missing(kind, id);
      return doc;
    },
    all: <T extends Doc>(kind: string) => [...docs.values()].filter((doc): doc is T => doc.object === kind),
    emit(type, object, previous) {
      const data = {
        object: structuredClone(object),
        ...(previous === undefined ? {} : { previous_attributes: previous }),
      };
      const event: FakeEvent = { id: newId("evt", 24), object: "event", created: now(), livemode: false, type, data };
      events.push(event);
      told(event);
    },
  };
  return book;
}

export function newId(prefix: string, length = 24): string {
  const alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789";
  const letters = [...randomBytes(length)].map((byte) => alphabet[byte % alphabet.length]);
  return `${prefix}_${letters.join("")}`;
}

/** A page of a list, newest first, as Stripe gives them. */
export function page(docs: readonly Doc[], params: Params, url: string) {
  const limit = params.limit === undefined ? 10 : integer(params, "limit");
  const newest = [...docs].reverse();
  const after = optionalText(params, "starting_after");
  const start = after === undefined ? 0 : newest.findIndex(({ id }) => id === after) + 1;
  const data = newest.slice(start, start + limit);
  return { object: "list", url, has_more: start + limit < newest.length, data };
}

/** Puts objects in the place of ids, where the request asks for it. */
export function expand(book: Book, answer: unknown, params: Params): unknown {
  const copy = structuredClone(answer);
  for (const path of texts(params, "expand")) expandPath(book, copy, path.split("."));
  return copy;
}

function expandPath(book: Book, at: unknown, [key = "", ...rest]: readonly string[]): void {
  if (typeof at !== "object" || at === null) return;
  if (Array.isArray(at)) {
    for (const item of at) expandPath(book, item, [key, ...rest]);
    return;
  }
  const fields = at as Record<string, unknown>;
  const value = fields[key];
  if (typeof value === "string") fields[key] = structuredClone(book.docs.get(value) ?? value);
  if (Array.isArray(value)) {
    fields[key] = value.map((item) => (typeof item === "string" ? structuredClone(book.docs.get(item) ?? item) : item));
  }
  if (rest.length > 0) expandPath(book, fields[key], rest);
}
