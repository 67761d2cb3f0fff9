import { ofCustomer } from "./accounts.js";
import { type Book, type Doc, newId, page } from "./book.js";
import { integer, invalid, objects, only, optionalText, type Params, text, texts } from "./params.js";
import type { FakePrice } from "./products.js";
import type { Routes } from "./routes.js";

export interface FakeItem extends Doc {
  readonly price: FakePrice;
  /** Use before is not billed by it. */
  readonly created: number;
  current_period_start: number;
  current_period_end: number;
}

export interface FakeSubscription extends Doc {
  readonly customer: string;
  collection_method: string;
  days_until_due: number | null;
  default_tax_rates: Doc[];
  discounts: string[];
  items: { object: "list"; url: string; has_more: false; data: FakeItem[] };
  status: string;
}

export interface FakeDiscount extends Doc {
  readonly source: { readonly type: "coupon"; readonly coupon: string };
}

const terms = ["collection_method", "days_until_due", "default_tax_rates", "discounts", "items", "proration_behavior"];

/** Subscriptions, with one item for each metered price. */
export function subscriptionRoutes(book: Book, onCreated: (subscription: FakeSubscription) => void): Routes {
  return {
    "GET /v1/subscriptions": (params) => {
      const customer = text(params, "customer");
      const present = ofCustomer(book, "subscription", customer).filter(({ status }) => status !== "canceled");
      return page(present, params, "/v1/subscriptions");
    },
    "GET /v1/subscriptions/{id}": (_, { id }) => book.get("subscription", id),
    "POST /v1/subscriptions": (params) => {
      only(params, [...terms, "customer", "billing_cycle_anchor", "off_session", "metadata"]);
      const subscription = create(book, params);
      onCreated(subscription);
      return subscription;
    },
    "POST /v1/subscriptions/{id}": (params, { id }) => {
      only(params, terms);
      const subscription = book.get<FakeSubscription>("subscription", id);
      const [first] = subscription.items.data;
      change(book, subscription, params, first?.current_period_end ?? book.now());
      book.emit("customer.subscription.updated", subscription);
      return subscription;
    },
  };
}

function create(book: Book, params: Params): FakeSubscription {
  const anchor = integer(params, "billing_cycle_anchor");
  if (anchor <= book.now() || anchor > book.now() + 31 * 86_400) {
    throw invalid("billing_cycle_anchor cannot be later than next natural billing date", "billing_cycle_anchor");
  }
  const subscription: FakeSubscription = {
    id: newId("sub"),
    object: "subscription",
    customer: book.get("customer", text(params, "customer")).id,
    created: book.now(),
    status: "active",
    collection_method: "charge_automatically",
    days_until_due: null,
    default_tax_rates: [],
    discounts: [],
    items: { object: "list", url: "/v1/subscription_items", has_more: false, data: [] },
    metadata: params.metadata ?? {},
  };
  change(book, subscription, params, anchor);
  if (subscription.items.data.length === 0) throw invalid("Missing required param: items.", "items");
  book.add(subscription);
  book.emit("customer.subscription.created", subscription);
  return subscription;
}

function change(book: Book, subscription: FakeSubscription, params: Params, periodEnd: number): void {
  const method = optionalText(params, "collection_method");
  if (method !== undefined) subscription.collection_method = method;
  if (method === "send_invoice") subscription.days_until_due = integer(params, "days_until_due");
  if (method === "charge_automatically" && params.days_until_due !== undefined) {
    throw invalid("days_until_due is for send_invoice only", "days_until_due");
  }
  if (params.default_tax_rates !== undefined) {
    subscription.default_tax_rates = texts(params, "default_tax_rates").map((id) => book.get("tax_rate", id));
  }
  if (params.discounts !== undefined) {
    subscription.discounts = objects(params, "discounts").map((each) =>
      discount(book, subscription.id, text(each, "coupon")),
    );
  }
  for (const item of objects(params, "items")) addItem(book, subscription, text(item, "price"), periodEnd);
}

function addItem(book: Book, { items }: FakeSubscription, price: string, periodEnd: number): void {
  if (items.data.some((item) => item.price.id === price)) {
    throw invalid("The price specified is already part of the subscription.", "items");
  }
  items.data.push({
    id: newId("si", 14),
    object: "subscription_item",
    price: book.get<FakePrice>("price", price),
    created: book.now(),
    current_period_start: book.now(),
    current_period_end: periodEnd,
  });
}

function discount(book: Book, subscription: string, coupon: string): string {
  const source = { type: "coupon", coupon: book.get("coupon", coupon).id } as const;
  return book.add({ id: newId("di"), object: "discount", subscription, start: book.now(), end: null, source }).id;
}
