import { type Book, type Doc, newId, page } from "./book.js";
import { integer, invalid, object, only, optionalText, type Params, text, texts } from "./params.js";
import type { Routes } from "./routes.js";

export interface FakeMeter extends Doc {
  readonly event_name: string;
}

export interface FakePrice extends Doc {
  readonly meter: string;
  readonly product: string;
  /** Units that one minor unit buys. */
  readonly perMinor: number;
}

export interface MeterEvent {
  readonly identifier: string;
  readonly meter: string;
  readonly customer: string;
  readonly value: bigint;
  readonly timestamp: number;
}

const day = 86_400;

/** Products, meters, prices, coupons and tax rates. */
export function productRoutes(book: Book): Routes {
  return {
    "POST /v1/products": (params) => {
      only(params, ["id", "name", "metadata"]);
      return named(book, text(params, "id"), {
        object: "product",
        name: text(params, "name"),
        metadata: params.metadata,
      });
    },
    "GET /v1/billing/meters": (params) => page(book.all("billing.meter"), params, "/v1/billing/meters"),
    "POST /v1/billing/meters": (params) => {
      only(params, ["display_name", "event_name", "default_aggregation", "customer_mapping", "value_settings"]);
      const name = text(params, "event_name");
      if (book.all<FakeMeter>("billing.meter").some(({ event_name }) => event_name === name)) {
        throw invalid(
          `There is already an active meter using event_name '${name}'.`,
          "event_name",
          "resource_already_exists",
        );
      }
      if (object(params, "default_aggregation").formula !== "sum") throw invalid("formula", "default_aggregation");
      return book.add({
        ...params,
        id: newId("mtr_test", 24),
        object: "billing.meter",
        event_name: name,
        status: "active",
      });
    },
    "GET /v1/billing/meters/{id}/event_summaries": (params, { id }) =>
      book.get("billing.meter", id) && summaries(params, id),
    "GET /v1/prices": (params) => {
      const keys = texts(params, "lookup_keys");
      const found = book
        .all("price")
        .filter(({ lookup_key }) => keys.length === 0 || keys.includes(lookup_key as string));
      return page(found, params, "/v1/prices");
    },
    "POST /v1/prices": (params) => createPrice(book, params),
    "POST /v1/coupons": (params) => {
      only(params, ["id", "name", "duration", "percent_off", "amount_off", "currency"]);
      if (text(params, "name").length > 40) throw invalid("Invalid name: at most 40 characters", "name");
      const isPart = params.percent_off !== undefined;
      if (isPart === (params.amount_off !== undefined)) throw invalid("percent_off or amount_off", "percent_off");
      if (!isPart) text(params, "currency");
      const percent = isPart ? Number(text(params, "percent_off")) : null;
      if (percent !== null && !(percent > 0 && percent <= 100)) throw invalid("Invalid percent_off", "percent_off");
      const off = { percent_off: percent, amount_off: isPart ? null : integer(params, "amount_off") };
      return named(book, text(params, "id"), {
        object: "coupon",
        ...off,
        name: params.name,
        duration: text(params, "duration"),
      });
    },
    "GET /v1/tax_rates": (params) => page(book.all("tax_rate"), params, "/v1/tax_rates"),
    "POST /v1/tax_rates": (params) => {
      only(params, ["display_name", "inclusive", "percentage", "tax_type", "metadata"]);
      const percentage = Number(text(params, "percentage"));
      return book.add({ ...params, id: newId("txr"), object: "tax_rate", active: true, inclusive: false, percentage });
    },
    "POST /v1/billing/meter_events": (params) => takeEvent(book, params),
  };

  function summaries(params: Params, meter: string) {
    const [start, end] = [integer(params, "start_time"), integer(params, "end_time")];
    if (start % 60 !== 0 || end % 60 !== 0)
      throw invalid("start_time and end_time must be aligned with minutes", "start_time");
    const value = usedAt(book, meter, text(params, "customer"), start, end);
    const summary = {
      id: newId("mtrusg"),
      object: "billing.meter_event_summary",
      aggregated_value: Number(value),
      meter,
    };
    return {
      object: "list",
      url: "/event_summaries",
      has_more: false,
      data: value === 0n ? [] : [{ ...summary, start_time: start, end_time: end }],
    };
  }
}

function named(book: Book, id: string, doc: Record<string, unknown> & { object: string }): Doc {
  if (book.docs.has(id)) throw invalid(`${doc.object} already exists.`, "id", "resource_already_exists");
  return book.add({ ...doc, id, created: book.now() });
}

function createPrice(book: Book, params: Params): Doc {
  const names =
    "product currency lookup_key transfer_lookup_key recurring billing_scheme unit_amount_decimal tax_behavior";
  only(params, names.split(" "));
  const recurring = object(params, "recurring");
  const { id: meter } = book.get("billing.meter", text(recurring, "meter"));
  const { id: product } = book.get("product", text(params, "product"));
  const [, zeros] = /^0\.(0*)1$/.exec(text(params, "unit_amount_decimal")) ?? [];
  if (zeros === undefined || text(recurring, "usage_type") !== "metered") {
    throw invalid("this server knows prices of 0.0…1 for metered use only", "unit_amount_decimal");
  }
  const key = optionalText(params, "lookup_key");
  if (book.all("price").some(({ lookup_key }) => key !== undefined && lookup_key === key)) {
    throw invalid("A price already uses that lookup key.", "lookup_key", "resource_already_exists");
  }
  const perMinor = 10 ** (zeros.length + 1);
  const facts = { currency: text(params, "currency"), recurring, active: true, lookup_key: key ?? null };
  return book.add<FakePrice>({ ...facts, id: newId("price"), object: "price", perMinor, product, meter });
}

/** The events that were taken in, by book. */
const taken = new WeakMap<Book, MeterEvent[]>();

export function eventsOf(book: Book): MeterEvent[] {
  const events = taken.get(book) ?? [];
  taken.set(book, events);
  return events;
}

/** What a customer used by a meter in a time. */
export function usedAt(book: Book, meter: string, customer: string, start: number, end: number): bigint {
  return eventsOf(book)
    .filter((event) => event.meter === meter && event.customer === customer)
    .filter(({ timestamp }) => timestamp >= start && timestamp < end)
    .reduce((sum, { value }) => sum + value, 0n);
}

function takeEvent(book: Book, params: Params): unknown {
  only(params, ["event_name", "payload", "identifier", "timestamp"]);
  const name = text(params, "event_name");
  const meter = book.all<FakeMeter>("billing.meter").find(({ event_name }) => event_name === name);
  if (meter === undefined) throw invalid(`No active meter found for event name ${name}.`, "event_name");
  const payload = object(params, "payload");
  const [value, customer] = [text(payload, "value"), text(payload, "stripe_customer_id")];
  if (!/^-?\d{1,15}$/.test(value)) throw invalid("Invalid value", "payload[value]");
  const identifier = optionalText(params, "identifier") ?? newId("evt");
  const timestamp = params.timestamp === undefined ? book.now() : integer(params, "timestamp");
  if (timestamp < book.now() - 35 * day)
    throw invalid("The timestamp is too far in the past.", "timestamp", "timestamp_too_far_in_past");
  if (timestamp > book.now() + 300)
    throw invalid("The timestamp is too far in the future.", "timestamp", "timestamp_in_future");
  const events = eventsOf(book);
  if (events.some((event) => event.identifier === identifier)) {
    throw invalid(`An event already exists with identifier ${identifier}.`, "identifier");
  }
  events.push({ identifier, meter: meter.id, customer, value: BigInt(value), timestamp });
  return {
    object: "billing.meter_event",
    event_name: name,
    identifier,
    payload,
    timestamp,
    created: book.now(),
    livemode: false,
  };
}
