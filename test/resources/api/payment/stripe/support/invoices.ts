import type { FakeCustomer, FakeMethod } from "./accounts.js";
import { discountAmounts, taxed } from "./amounts.js";
import { type Book, type Doc, newId, page } from "./book.js";
import { changeBalance, type FakeGrant, usableGrants } from "./credits.js";
import { invalid, objects, only, type Params, text, texts } from "./params.js";
import { usedAt } from "./products.js";
import type { Routes } from "./routes.js";
import type { FakeItem, FakeSubscription } from "./subscriptions.js";

export interface FakeInvoice extends Doc {
  readonly customer: string;
  readonly created: number;
  readonly period_end: number;
  status: "draft" | "open" | "paid" | "uncollectible" | "void";
  auto_advance: boolean;
  discounts: string[];
  default_tax_rates: Doc[];
  /** The items that it bills, and when their period was. */
  readonly billed: { readonly item: FakeItem; readonly start: number; readonly end: number }[];
  status_transitions: Record<"finalized_at" | "paid_at" | "voided_at" | "marked_uncollectible_at", number | null>;
  amount_due: number;
}

const hour = 3_600;
/** What is charged at least, in minor units. */
const leastCharge = 50;

/** Invoices: a draft at the end of each period, made final on request or an hour later, and paid. */
export function invoiceRoutes(book: Book): Routes {
  const change = (act: (book: Book, invoice: FakeInvoice, params: Params) => void, names: readonly string[]) =>
    function answer(params: Params, { id }: { readonly id: string }): FakeInvoice {
      only(params, names);
      const invoice = book.get<FakeInvoice>("invoice", id);
      act(book, invoice, params);
      return invoice;
    };
  return {
    "GET /v1/invoices": (params) => {
      const fits = (name: string, value: unknown) => params[name] === undefined || params[name] === value;
      const found = book
        .all<FakeInvoice>("invoice")
        .filter((each) => fits("status", each.status) && fits("customer", each.customer));
      for (const invoice of found) refresh(book, invoice);
      return page(found, params, "/v1/invoices");
    },
    "GET /v1/invoices/{id}": (_, { id }) => refresh(book, book.get<FakeInvoice>("invoice", id)),
    "GET /v1/invoices/{id}/lines": (params, { id }) => {
      const { data } = book.get<FakeInvoice>("invoice", id).lines as { readonly data: readonly Doc[] };
      return page([...data].reverse(), params, `/v1/invoices/${id}/lines`);
    },
    "POST /v1/invoices/{id}": change(update, ["auto_advance", "default_tax_rates", "discounts"]),
    "POST /v1/invoices/{id}/finalize": change((...[, invoice]) => finalize(book, invoice), ["auto_advance"]),
    "POST /v1/invoices/{id}/pay": change((...[, invoice]) => settle(book, invoice), ["paid_out_of_band"]),
    "POST /v1/invoices/{id}/void": change((...[, invoice]) => voidInvoice(book, invoice), []),
    "POST /v1/invoices/{id}/mark_uncollectible": change((...[, invoice]) => giveUp(book, invoice), []),
  };
}

/** Bills what a subscription has used in the period that is over, and begins the next one. */
export function closePeriod(book: Book, subscription: FakeSubscription, end: number): void {
  const billed = subscription.items.data.map((item) => ({ item, start: item.current_period_start, end }));
  for (const item of subscription.items.data) {
    item.current_period_start = end;
    item.current_period_end = nextMonth(end);
  }
  draft(book, subscription, { billed, reason: "subscription_cycle", created: end, period_end: end });
}

/** The invoice of a new subscription: nothing was used yet, so it is paid at once. */
export function firstInvoice(book: Book, subscription: FakeSubscription): void {
  const facts = { billed: [], reason: "subscription_create", created: book.now(), period_end: book.now() };
  finalize(book, draft(book, subscription, facts));
}

interface DraftFacts extends Pick<FakeInvoice, "billed" | "created" | "period_end"> {
  readonly reason: string;
}

function draft(book: Book, subscription: FakeSubscription, { reason, ...facts }: DraftFacts): FakeInvoice {
  const invoice: FakeInvoice = {
    ...facts,
    id: newId("in"),
    object: "invoice",
    customer: subscription.customer,
    currency: subscription.items.data[0]?.price.currency,
    billing_reason: reason,
    collection_method: subscription.collection_method,
    days_until_due: subscription.days_until_due,
    auto_advance: true,
    status: "draft",
    number: null,
    due_date: null,
    period_start: facts.billed[0]?.start ?? facts.period_end,
    parent: {
      type: "subscription_details",
      subscription_details: { subscription: subscription.id, metadata: subscription.metadata },
    },
    discounts: [...subscription.discounts],
    default_tax_rates: [...subscription.default_tax_rates],
    status_transitions: { finalized_at: null, paid_at: null, voided_at: null, marked_uncollectible_at: null },
    amount_due: 0,
  };
  book.add(invoice);
  refresh(book, invoice);
  book.emit("invoice.created", invoice);
  return invoice;
}

function update(book: Book, invoice: FakeInvoice, params: Params): void {
  if (invoice.status !== "draft")
    throw invalid("This invoice is no longer editable", "invoice", "invoice_not_editable");
  if (params.auto_advance !== undefined) invoice.auto_advance = text(params, "auto_advance") === "true";
  if (params.default_tax_rates !== undefined) {
    invoice.default_tax_rates = texts(params, "default_tax_rates").map((id) => book.get("tax_rate", id));
  }
  if (params.discounts !== undefined) {
    invoice.discounts = objects(params, "discounts").map((each) => {
      const source = { type: "coupon", coupon: book.get("coupon", text(each, "coupon")).id } as const;
      return book.add({
        id: newId("di"),
        object: "discount",
        invoice: invoice.id,
        start: book.now(),
        end: null,
        source,
      }).id;
    });
  }
  refresh(book, invoice);
  book.emit("invoice.updated", invoice);
}

/** Reckons a draft anew: what is used belongs to it until it is final. */
function refresh(book: Book, invoice: FakeInvoice): FakeInvoice {
  if (invoice.status !== "draft") return invoice;
  const lines = invoice.billed.map(({ item, start, end }) => {
    const used = usedAt(book, item.price.meter, invoice.customer, Math.max(start, item.created), end);
    const quantity = used > 0n ? used : 0n;
    const perMinor = BigInt(item.price.perMinor);
    const amount = Number((2n * quantity + perMinor) / (2n * perMinor));
    const details = { price: item.price.id, product: item.price.product };
    const pricing = { type: "price_details", price_details: details };
    return {
      id: newId("il"),
      object: "line_item",
      amount,
      quantity: Number(quantity),
      pricing,
      period: { start, end },
    };
  });
  const subtotal = lines.reduce((sum, { amount }) => sum + amount, 0);
  const discounts = discountAmounts(book, invoice, subtotal);
  const net = discounts.reduce((left, { amount }) => left - amount, subtotal);
  Object.assign(invoice, {
    lines: { object: "list", has_more: false, url: `/v1/invoices/${invoice.id}/lines`, data: lines },
    subtotal,
    total_discount_amounts: discounts,
    total_pretax_credit_amounts: discounts.map((each) => ({ ...each, type: "discount" })),
    ...taxed(invoice, net),
  });
  return invoice;
}

/** Makes a draft final: credit pays, it gets its number, and whoever has a payment method is charged. */
export function finalize(book: Book, invoice: FakeInvoice): void {
  if (invoice.status !== "draft") throw invalid("This invoice is already finalized", "invoice", "invoice_not_editable");
  refresh(book, invoice);
  takeCredit(book, invoice);
  takeBalance(book, invoice);
  const count = book
    .all<FakeInvoice>("invoice")
    .filter(({ customer, number }) => customer === invoice.customer && number !== null);
  invoice.number = `${invoice.customer.slice(4, 12).toUpperCase()}-${String(count.length + 1).padStart(4, "0")}`;
  invoice.status = "open";
  invoice.status_transitions.finalized_at = book.now();
  if (invoice.collection_method === "send_invoice")
    invoice.due_date = book.now() + Number(invoice.days_until_due) * 24 * hour;
  book.emit("invoice.finalized", invoice);
  if (invoice.amount_due === 0) settle(book, invoice);
  else if (invoice.collection_method === "charge_automatically") charge(book, invoice);
}

function takeCredit(book: Book, invoice: FakeInvoice): void {
  let net = Number(invoice.total_excluding_tax);
  const taken: unknown[] = [];
  for (const grant of usableGrants(book, invoice.customer)) {
    const amount = Math.min(net, grant.left);
    if (amount === 0) break;
    net -= amount;
    grant.left -= amount;
    const facts = {
      object: "billing.credit_balance_transaction",
      credit_grant: grant.id,
      type: "debit",
      amount,
      invoice: invoice.id,
    };
    const { id } = book.add({ id: newId("cbtxn"), ...facts });
    taken.push({ amount, credit_balance_transaction: id, type: "credit_balance_transaction" });
  }
  invoice.total_pretax_credit_amounts = [...(invoice.total_pretax_credit_amounts as unknown[]), ...taken];
  Object.assign(invoice, taxed(invoice, net));
}

function takeBalance(book: Book, invoice: FakeInvoice): void {
  const { balance } = book.get<FakeCustomer>("customer", invoice.customer);
  const total = Number(invoice.total);
  const wanted = Math.max(-total, Math.min(0, balance)) + Math.max(0, balance);
  // What is too little to be charged is owed until the next invoice.
  const isSmall = total + wanted > 0 && total + wanted < leastCharge;
  const applied = isSmall ? -total : wanted;
  const type = isSmall ? "invoice_too_small" : "applied_to_invoice";
  invoice.starting_balance = balance;
  invoice.ending_balance = balance - applied;
  invoice.amount_due = total + applied;
  if (applied !== 0) changeBalance(book, invoice.customer, -applied, { invoice: invoice.id, type });
}

function charge(book: Book, invoice: FakeInvoice): void {
  const id = book.get<FakeCustomer>("customer", invoice.customer).invoice_settings.default_payment_method;
  const method = id === null ? undefined : book.find<FakeMethod>("payment_method", id);
  if (method === undefined || method.fails === true) book.emit("invoice.payment_failed", invoice);
  else settle(book, invoice);
}

function settle(book: Book, invoice: FakeInvoice): void {
  if (invoice.status !== "open" && invoice.status !== "uncollectible")
    throw invalid("Invoice is already paid", "invoice");
  invoice.status = "paid";
  invoice.status_transitions.paid_at = book.now();
  book.emit("invoice.paid", invoice);
}

function giveUp(book: Book, invoice: FakeInvoice): void {
  invoice.status = "uncollectible";
  invoice.status_transitions.marked_uncollectible_at = book.now();
  book.emit("invoice.marked_uncollectible", invoice);
}

/** Voids an invoice: what credit and balance paid of it is given back. */
function voidInvoice(book: Book, invoice: FakeInvoice): void {
  if (invoice.status !== "open" && invoice.status !== "uncollectible")
    throw invalid("You can only void open invoices", "invoice");
  invoice.status = "void";
  invoice.status_transitions.voided_at = book.now();
  for (const { credit_grant: grant, amount } of book
    .all("billing.credit_balance_transaction")
    .filter((each) => each.invoice === invoice.id)) {
    book.get<FakeGrant>("billing.credit_grant", String(grant)).left += Number(amount);
  }
  const applied = Number(invoice.amount_due) - Number(invoice.total);
  if (applied !== 0)
    changeBalance(book, invoice.customer, applied, { invoice: invoice.id, type: "unapplied_from_invoice" });
  book.emit("invoice.voided", invoice);
}

/** What the time does by itself: periods end, and drafts become final. */
export function passTime(book: Book): void {
  for (const subscription of book.all<FakeSubscription>("subscription")) {
    for (let end = periodEnd(subscription); end <= book.now(); end = periodEnd(subscription))
      closePeriod(book, subscription, end);
  }
  for (const invoice of book.all<FakeInvoice>("invoice")) {
    if (invoice.status === "draft" && invoice.auto_advance && invoice.created + hour <= book.now())
      finalize(book, invoice);
  }
}

const periodEnd = ({ items }: FakeSubscription): number =>
  items.data[0]?.current_period_end ?? Number.POSITIVE_INFINITY;

function nextMonth(at: number): number {
  const date = new Date(at * 1000);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1) / 1000;
}
