import { createHmac } from "node:crypto";
import type { FakeEvent } from "./book.js";

/** Delivers events to an endpoint, signed as Stripe signs them. */
export interface Webhooks {
  readonly secret: string;
  /** Events that were not delivered yet, the oldest first. */
  readonly waiting: FakeEvent[];
  take(event: FakeEvent): void;
  /** Delivers what waits, in that order or another; answers the statuses. What is refused waits on. */
  deliver(url: string, order?: (events: FakeEvent[]) => FakeEvent[]): Promise<number[]>;
  /** Delivers one event, waiting or not. */
  send(url: string, event: unknown, options?: SendOptions): Promise<Response>;
}

export interface SendOptions {
  readonly secret?: string;
  /** When it was signed; now unless told. */
  readonly at?: Date;
  /** Changes the body after it was signed. */
  readonly forge?: (body: string) => string;
}

const path = "/webhooks/stripe";

export function createWebhooks(): Webhooks {
  const secret = "whsec_test_fake";
  const waiting: FakeEvent[] = [];
  const send: Webhooks["send"] = (url, event, options = {}) => {
    const body = JSON.stringify(event);
    const at = Math.floor((options.at ?? new Date()).getTime() / 1000);
    const signature = createHmac("sha256", options.secret ?? secret)
      .update(`${at}.${body}`)
      .digest("hex");
    const headers = { "content-type": "application/json", "stripe-signature": `t=${at},v1=${signature}` };
    return fetch(`${url}${path}`, { method: "POST", headers, body: options.forge?.(body) ?? body });
  };
  return {
    secret,
    waiting,
    take: (event) => void waiting.push(event),
    async deliver(url, order = (events) => events) {
      const statuses: number[] = [];
      for (const event of order(waiting.splice(0))) {
        const { status } = await send(url, event);
        if (status >= 300) waiting.push(event);
        statuses.push(status);
      }
      return statuses;
    },
    send,
  };
}
