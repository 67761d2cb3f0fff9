import type { Stripe } from "stripe";
import type { StripeSettings } from "../../../../config.js";
import { asDomainError } from "./errors.js";

/** The API of Stripe with the keys of the configuration. */
export interface StripeAccess {
  readonly settings: StripeSettings;
  /** Calls Stripe; its errors become DomainErrors. Ends when the signal aborts, though what was sent may still arrive. */
  call<T>(work: (stripe: Stripe) => Promise<T>, signal?: AbortSignal): Promise<T>;
}

/** Of a single request; the package sends it again after a failure, with the same idempotency key. */
const requestTimeoutMs = 10_000;
const retries = 2;

/** Prepares access to Stripe. Its package is loaded at the first call: a start has no time for it. */
export function openStripe(settings: StripeSettings, timeoutMs = requestTimeoutMs): StripeAccess {
  let client: Promise<Stripe> | undefined;
  return {
    settings,
    async call(work, signal) {
      signal?.throwIfAborted();
      client ??= load(settings, timeoutMs);
      const done = client.then(work);
      try {
        return await (signal === undefined ? done : untilAborted(done, signal));
      } catch (error) {
        throw asDomainError(error);
      }
    },
  };
}

async function load({ secretKey, url }: StripeSettings, timeout: number): Promise<Stripe> {
  const { Stripe: Client } = await import("stripe");
  const at = url === undefined ? undefined : new URL(url);
  const protocol = at?.protocol === "http:" ? "http" : "https";
  const port = at?.port || (protocol === "http" ? "80" : "443");
  return new Client(secretKey, {
    timeout,
    maxNetworkRetries: retries,
    telemetry: false,
    ...(at === undefined ? {} : { host: at.hostname.replace(/^\[|\]$/g, ""), port, protocol }),
  });
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** The id of what Stripe gives as an id, or as the object itself. */
export function idOf(reference: string | { readonly id: string } | null | undefined): string | undefined {
  return typeof reference === "string" ? reference : reference?.id;
}

/** Seconds since 1970, as Stripe counts time. */
export const seconds = (at: Date): number => Math.floor(at.getTime() / 1000);

/** The time of seconds since 1970. */
export const atSeconds = (value: number): Date => new Date(value * 1000);
