import type { Stripe } from "stripe";
import type { RequestedJob } from "../../../../jobs/request.js";
import { requestJob } from "../../../../jobs/request.js";
import type { Platform } from "../../../../platform.js";
import { idOf, type StripeAccess } from "./client.js";
import { stripeStore } from "./store.js";

/** An event as it came in. */
export interface WebhookRequest {
  /** To the letter: it is what was signed. */
  readonly body: Buffer;
  readonly signature: string;
}

/** Names of the jobs that read again what an event was about. */
export const invoiceTask = "stripe.invoice";
export const accountTask = "stripe.account";

/** How old a signature may be. */
const toleranceSeconds = 300;

/**
 * Takes in an event: it is stored and its job queued in one transaction, once however often it comes. What the event
 * says is not believed: the job reads the object anew, so that order does not matter. False when nobody signed it.
 */
export async function takeWebhook(
  { db, clock }: Pick<Platform, "db" | "clock">,
  access: StripeAccess,
  request: WebhookRequest,
): Promise<boolean> {
  const event = await verifiedEvent(access, request);
  if (event === undefined) return false;
  await db.transaction(async (tx) => {
    if (!(await stripeStore.takeEvent(tx, event.id, event.type, clock()))) return;
    const job = jobOf(event);
    if (job !== undefined) await requestJob(tx, job);
  });
  return true;
}

/** The event, if one of the secrets signed it just now. While a secret is replaced there are two. */
function verifiedEvent(access: StripeAccess, { body, signature }: WebhookRequest): Promise<Stripe.Event | undefined> {
  return access.call(async (stripe) => {
    for (const secret of access.settings.webhookSecrets) {
      try {
        return stripe.webhooks.constructEvent(body, signature, secret, toleranceSeconds);
      } catch {
        // Not signed with this one, or no event at all.
      }
    }
    return undefined;
  });
}

/** The job for what an event is about; undefined for events that change nothing here. */
export function jobOf(event: Pick<Stripe.Event, "type"> & { readonly data: unknown }): RequestedJob | undefined {
  const { object, previous_attributes: previous } = event.data as EventData;
  if (event.type.startsWith("invoice.")) return object.object === "invoice" ? invoiceJob(object.id) : undefined;
  if (event.type === "customer.updated") return accountJob(object.id);
  if (!event.type.startsWith("payment_method.") && event.type !== "setup_intent.succeeded") return undefined;
  const customer = idOf(object.customer) ?? previous?.customer;
  if (customer === undefined || customer === null) return undefined;
  return accountJob(customer, event.type === "setup_intent.succeeded");
}

interface EventData {
  readonly object: { readonly id: string; readonly object: string; readonly customer?: string | null };
  readonly previous_attributes?: { readonly customer?: string | null };
}

/** Brings an invoice of Stripe into the books. */
export function invoiceJob(id: string): RequestedJob {
  return { task: invoiceTask, payload: { id }, key: `${invoiceTask}:${id}`, queue: `${invoiceTask}:${id}` };
}

/** Brings the payment method of an account into the books; one that adopts takes what was set up, if it has none. */
export function accountJob(id: string, adopts = false): RequestedJob {
  const queue = `${accountTask}:${id}`;
  return { task: accountTask, payload: { id, adopts }, key: adopts ? `${queue}:adopts` : queue, queue };
}
