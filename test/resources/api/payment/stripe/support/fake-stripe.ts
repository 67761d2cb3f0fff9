import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { accountRoutes } from "./accounts.js";
import { type Book, createBook, expand, type FakeEvent, newId } from "./book.js";
import { creditRoutes } from "./credits.js";
import { createFaults, type Faults } from "./faults.js";
import { firstInvoice, invoiceRoutes, passTime } from "./invoices.js";
import { type Params, parseParams, Refusal } from "./params.js";
import { eventsOf, type MeterEvent, productRoutes } from "./products.js";
import { findRoute, type Routes } from "./routes.js";
import { subscriptionRoutes } from "./subscriptions.js";
import { createWebhooks, type Webhooks } from "./webhooks.js";

/** A server that speaks the parts of Stripe's API that are in use, with a clock that the test moves. */
export interface FakeStripe {
  readonly url: string;
  /** The settings of a platform that uses it. */
  readonly env: Readonly<Record<string, string>>;
  readonly book: Book;
  readonly faults: Faults;
  readonly webhooks: Webhooks;
  /** Requests that were carried out, as in "POST /v1/customers". */
  readonly requests: readonly string[];
  readonly meterEvents: readonly MeterEvent[];
  /** Moves the clock on: periods end, and drafts become final, as they do by themselves. */
  advance(to: Date): void;
  /** A card that a browser has set up, belonging to nobody yet. */
  newCard(facts?: Record<string, unknown>): string;
  /** What an operator does in the dashboard: one request, answered as by the API. */
  act(method: "GET" | "POST", path: string, params?: Params): unknown;
  close(): Promise<void>;
}

export interface FakeStripeOptions {
  /** What time it is there at first; now unless told. */
  readonly now?: Date;
}

export const secretKey = "sk_test_fake";

/** Starts it on a free port. */
export async function startFakeStripe(options: FakeStripeOptions = {}): Promise<FakeStripe> {
  let now = options.now ?? new Date();
  const webhooks = createWebhooks();
  const book = createBook(
    () => Math.floor(now.getTime() / 1000),
    (event: FakeEvent) => webhooks.take(event),
  );
  const routes: Routes = {
    ...accountRoutes(book),
    ...productRoutes(book),
    ...subscriptionRoutes(book, (subscription) => firstInvoice(book, subscription)),
    ...creditRoutes(book),
    ...invoiceRoutes(book),
  };
  const faults = createFaults();
  const requests: string[] = [];
  const server = createServer(listener(book, routes, faults, requests));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    env: {
      SLIPWAY_PAYMENT_PROCESSOR: "stripe",
      SLIPWAY_STRIPE_SECRET_KEY: secretKey,
      SLIPWAY_STRIPE_PUBLISHABLE_KEY: "pk_test_fake",
      // As while one secret replaces the other.
      SLIPWAY_STRIPE_WEBHOOK_SECRET: `whsec_test_next,${webhooks.secret}`,
      SLIPWAY_STRIPE_URL: url,
    },
    book,
    faults,
    webhooks,
    requests,
    get meterEvents() {
      return eventsOf(book);
    },
    advance(to) {
      now = to;
      passTime(book);
    },
    newCard(facts = {}) {
      const card = { brand: "visa", country: "DE", exp_month: 12, exp_year: 2031, last4: "4242" };
      return book.add({ id: newId("pm"), object: "payment_method", type: "card", customer: null, card, ...facts }).id;
    },
    act: (method, path, params = {}) => run(book, routes, method, path, params),
    close: () => close(server),
  };
}

function run(book: Book, routes: Routes, method: string, path: string, params: Params): unknown {
  const route = findRoute(routes, method, path);
  if (route === undefined)
    throw new Refusal(404, {
      type: "invalid_request_error",
      message: `Unrecognized request URL (${method}: ${path}).`,
    });
  return expand(book, route.answer(params, route.path), params);
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function listener(book: Book, routes: Routes, faults: Faults, requests: string[]) {
  const remembered = new Map<string, { readonly asked: string; readonly answer: Answer }>();

  function carryOut(method: string, path: string, params: Params): Answer {
    try {
      const body = JSON.stringify(run(book, routes, method, path, params));
      requests.push(`${method} ${path}`);
      return { status: 200, body };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { status: error.status, body: JSON.stringify({ error: error.body }), headers: error.headers };
    }
  }

  /** The same key has the same answer, and takes no other parameters; what was refused was not carried out. */
  function answerOnce(key: string | undefined, method: string, path: string, params: Params): Answer {
    if (key === undefined || method !== "POST") return carryOut(method, path, params);
    const asked = createHash("sha256")
      .update(JSON.stringify([path, params]))
      .digest("hex");
    const known = remembered.get(key);
    if (known === undefined) {
      const answer = carryOut(method, path, params);
      if (answer.status < 300) remembered.set(key, { asked, answer });
      return answer;
    }
    if (known.asked === asked) return { ...known.answer, headers: { "idempotent-replayed": "true" } };
    const message = "Keys for idempotent requests can only be used with the same parameters they were first used with.";
    return { status: 400, body: JSON.stringify({ error: { type: "idempotency_error", message } }) };
  }

  return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const [path = "", query = ""] = (req.url ?? "").split("?");
    const method = req.method ?? "";
    const key = req.headers["idempotency-key"];
    const isKnown = req.headers.authorization === `Bearer ${secretKey}`;
    const work = (): Answer => {
      if (!isKnown)
        return {
          status: 401,
          body: JSON.stringify({ error: { type: "invalid_request_error", message: "Invalid API Key provided" } }),
        };
      const params = parseParams(method === "POST" ? Buffer.concat(chunks).toString() : query);
      return answerOnce(typeof key === "string" ? key : undefined, method, path, params);
    };
    await faults.answer(`${method} ${path}`, work, req, res);
  };
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
