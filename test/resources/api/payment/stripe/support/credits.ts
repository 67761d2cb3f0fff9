import type { FakeCustomer } from "./accounts.js";
import { ofCustomer } from "./accounts.js";
import { type Book, type Doc, newId, page } from "./book.js";
import { integer, invalid, object, only, text } from "./params.js";
import type { Routes } from "./routes.js";

export interface FakeGrant extends Doc {
  readonly customer: string;
  readonly expires_at: number;
  /** Minor units that are left. */
  left: number;
}

/** Grants of billing credit, which pay before tax, and customer balances, which pay after it. */
export function creditRoutes(book: Book): Routes {
  return {
    "GET /v1/billing/credit_grants": (params) =>
      page(ofCustomer(book, "billing.credit_grant", text(params, "customer")), params, "/v1/billing/credit_grants"),
    "GET /v1/billing/credit_grants/{id}": (_, { id }) => book.get("billing.credit_grant", id),
    "POST /v1/billing/credit_grants": (params) => {
      only(params, ["customer", "name", "category", "amount", "applicability_config", "expires_at", "metadata"]);
      const monetary = object(object(params, "amount"), "monetary");
      const expires = integer(params, "expires_at");
      if (expires <= book.now()) throw invalid("expires_at must be in the future", "expires_at");
      if (text(params, "name").length > 100) throw invalid("name is too long", "name");
      const value = integer(monetary, "value");
      return book.add({
        ...params,
        id: newId("credgr_test", 24),
        object: "billing.credit_grant",
        customer: book.get("customer", text(params, "customer")).id,
        amount: { type: "monetary", monetary: { currency: text(monetary, "currency"), value } },
        metadata: params.metadata ?? {},
        created: book.now(),
        expires_at: expires,
        left: value,
      });
    },
    "GET /v1/billing/credit_balance_transactions/{id}": (_, { id }) =>
      book.get("billing.credit_balance_transaction", id),
    "GET /v1/customers/{id}/balance_transactions": (params, { id }) =>
      page(ofCustomer(book, "customer_balance_transaction", id), params, `/v1/customers/${id}/balance_transactions`),
    "POST /v1/customers/{id}/balance_transactions": (params, { id }) => {
      only(params, ["amount", "currency", "description", "metadata"]);
      text(params, "currency");
      return changeBalance(book, id, integer(params, "amount"), { ...params, type: "adjustment" });
    },
  };
}

/** Below 0 is owed to the customer. */
export function changeBalance(book: Book, customer: string, amount: number, facts: Record<string, unknown>): Doc {
  const doc = book.get<FakeCustomer>("customer", customer);
  doc.balance += amount;
  const common = { id: newId("cbtxn"), object: "customer_balance_transaction", created: book.now() };
  return book.add({ metadata: {}, ...facts, ...common, customer, amount, ending_balance: doc.balance });
}

/** The grants that pay now, the one that expires soonest first. */
export function usableGrants(book: Book, customer: string): FakeGrant[] {
  return book
    .all<FakeGrant>("billing.credit_grant")
    .filter((grant) => grant.customer === customer && grant.left > 0 && grant.expires_at > book.now())
    .sort((a, b) => a.expires_at - b.expires_at);
}
