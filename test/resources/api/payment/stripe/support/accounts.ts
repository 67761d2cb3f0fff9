import { type Book, type Doc, newId, page } from "./book.js";
import { invalid, object, only, optionalText, type Params, Refusal, text } from "./params.js";
import type { Routes } from "./routes.js";

export interface FakeCustomer extends Doc {
  balance: number;
  invoice_settings: { default_payment_method: string | null };
}

export interface FakeMethod extends Doc {
  customer: string | null;
}

const addressing = ["name", "email", "phone", "address", "metadata", "invoice_settings"];

/** Customers, tax ids, balances, payment methods and setup intents. */
export function accountRoutes(book: Book): Routes {
  return {
    "POST /v1/customers": (params) => {
      only(params, addressing);
      const customer: FakeCustomer = {
        id: newId("cus", 14),
        object: "customer",
        created: book.now(),
        balance: 0,
        livemode: false,
        invoice_settings: { default_payment_method: null },
      };
      apply(book, customer, params);
      return book.add(customer);
    },
    "GET /v1/customers": (params) => page(book.all("customer"), params, "/v1/customers"),
    "GET /v1/customers/{id}": (_, { id }) => book.get("customer", id),
    "POST /v1/customers/{id}": (params, { id }) => {
      only(params, addressing);
      const customer = book.get<FakeCustomer>("customer", id);
      apply(book, customer, params);
      book.emit("customer.updated", customer);
      return customer;
    },
    "GET /v1/customers/{id}/tax_ids": (params, { id }) => page(ofCustomer(book, "tax_id", id), params, "/tax_ids"),
    "POST /v1/customers/{id}/tax_ids": (params, { id }) => {
      only(params, ["type", "value"]);
      const value = text(params, "value");
      const forms: Record<string, RegExp> = { eu_vat: /^[A-Z]{2}[A-Z0-9]{2,12}$/, ch_vat: /^CHE/, gb_vat: /^GB/ };
      if (forms[text(params, "type")]?.test(value) !== true) {
        throw invalid(`Invalid value for ${params.type}.`, "value", "tax_id_invalid");
      }
      return book.add({ id: newId("txi"), object: "tax_id", customer: id, type: text(params, "type"), value });
    },
    "DELETE /v1/customers/{id}/tax_ids/{item}": (_, { item }) => {
      book.get("tax_id", item);
      book.docs.delete(item);
      return { id: item, object: "tax_id", deleted: true };
    },
    "GET /v1/customers/{id}/payment_methods": (params, { id }) =>
      page(ofCustomer(book, "payment_method", id), params, `/v1/customers/${id}/payment_methods`),
    "GET /v1/payment_methods/{id}": (_, { id }) => book.get("payment_method", id),
    "POST /v1/payment_methods/{id}/attach": (params, { id }) => attach(book, id, text(params, "customer")),
    "POST /v1/payment_methods/{id}/detach": (_, { id }) => detach(book, id),
    "POST /v1/setup_intents": (params) => {
      only(params, ["customer", "usage", "allowed_payment_method_types"]);
      const id = newId("seti");
      const { id: customer } = book.get("customer", text(params, "customer"));
      return book.add({
        id,
        object: "setup_intent",
        customer,
        status: "requires_payment_method",
        client_secret: `${id}_secret_${newId("x", 10)}`,
      });
    },
  };
}

export function ofCustomer(book: Book, kind: string, customer: string): Doc[] {
  book.get("customer", customer);
  return book.all(kind).filter((doc) => doc.customer === customer);
}

function apply(book: Book, customer: FakeCustomer, params: Params): void {
  for (const name of ["name", "email", "phone"]) if (params[name] !== undefined) customer[name] = params[name] || null;
  if (params.address !== undefined) customer.address = params.address === "" ? null : params.address;
  customer.metadata = { ...(customer.metadata as object), ...object(params, "metadata") };
  const method = optionalText(object(params, "invoice_settings"), "default_payment_method");
  if (method === undefined) return;
  if (book.get<FakeMethod>("payment_method", method).customer !== customer.id) {
    throw invalid(
      `The customer does not have a payment method with the ID ${method}.`,
      "invoice_settings[default_payment_method]",
      "resource_missing",
    );
  }
  customer.invoice_settings = { default_payment_method: method };
}

function attach(book: Book, id: string, customer: string): Doc {
  const method = book.get<FakeMethod>("payment_method", id);
  if (method.declines === true) {
    throw new Refusal(402, { type: "card_error", code: "card_declined", message: "Your card was declined." });
  }
  if (method.customer !== null && method.customer !== customer) {
    throw invalid(
      `The payment method ${id} has already been attached to customer ${method.customer}.`,
      "payment_method",
    );
  }
  method.customer = book.get("customer", customer).id;
  book.emit("payment_method.attached", method);
  return method;
}

/** Takes a payment method from its customer, as the API and the dashboard do. */
export function detach(book: Book, id: string): Doc {
  const method = book.get<FakeMethod>("payment_method", id);
  if (method.customer === null)
    throw invalid(`The payment method ${id} is not attached to a customer.`, "payment_method");
  const customer = book.get<FakeCustomer>("customer", method.customer);
  method.customer = null;
  if (customer.invoice_settings.default_payment_method === id)
    customer.invoice_settings = { default_payment_method: null };
  book.emit("payment_method.detached", method, { customer: customer.id });
  return method;
}

/** What a browser does with a client secret: the card becomes the customer's. */
export function confirmSetup(book: Book, clientSecret: string, method: string): void {
  const intent = book.all("setup_intent").find(({ client_secret }) => client_secret === clientSecret);
  if (intent === undefined) throw invalid("No such setup intent", "client_secret");
  attach(book, method, String(intent.customer));
  Object.assign(intent, { status: "succeeded", payment_method: method });
  book.emit("setup_intent.succeeded", intent);
}
