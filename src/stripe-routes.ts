import { databaseError } from "./db/errors.js";
import type { Platform } from "./platform.js";
import { takeWebhook } from "./resources/api/payment/stripe/webhook.js";
import type { HttpAnswer, HttpRoute } from "./rpc/http-routes.js";

const maxEventBytes = 1024 * 1024;

/** /webhooks/stripe: what Stripe tells of invoices and payment methods; nothing is there with another processor. */
export function stripeRoutes(platform: Platform): readonly HttpRoute[] {
  const { stripe } = platform;
  if (stripe === undefined) return [];
  return [
    {
      method: "POST",
      path: "/webhooks/stripe",
      async handle({ headers, body }): Promise<HttpAnswer> {
        const signature = headers["stripe-signature"];
        const taken = takeWebhook(platform, stripe.access, {
          body: await body(maxEventBytes),
          signature: typeof signature === "string" ? signature : "",
        });
        const isTaken = await taken.catch((error: unknown) => {
          const known = databaseError(error);
          if (known?.kind !== "unavailable") throw error;
          return undefined;
        });
        // Stripe sends again what was not answered with 200.
        if (isTaken === undefined) return { status: 503, body: "try again later\n" };
        return isTaken ? { status: 200, body: "ok\n" } : { status: 400, body: "the signature does not hold\n" };
      },
    },
  ];
}
