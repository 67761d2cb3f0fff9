import { DomainError, invalidField } from "../../../../errors.js";

/** What is read of an error of the stripe package, whose classes are not loaded before they are needed. */
interface StripeFailure {
  readonly type: string;
  readonly code?: string;
  readonly param?: string;
  readonly statusCode?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Names of the contract for what Stripe calls otherwise. */
const fields: Readonly<Record<string, string>> = {
  payment_method: "payment_method_id",
  "invoice_settings[default_payment_method]": "payment_method_id",
  phone: "phone_number",
  value: "vat",
};

const away = "the payment processor does not answer now: try again later";

/** The code that Stripe gives to an error; undefined for others. */
export function codeOf(error: unknown): string | undefined {
  return isFailure(error) ? error.code : undefined;
}

/** Whether Stripe says that there is no such object. */
export function isMissing(error: unknown): boolean {
  return codeOf(error) === "resource_missing";
}

/**
 * Stripe's errors in words for callers: its own text may name objects of others, and the key. A refusal of what was
 * asked is "invalid"; whatever may go well later is "unavailable". Other errors are returned as they are.
 */
export function asDomainError(error: unknown): unknown {
  if (!isFailure(error)) return error;
  switch (error.type) {
    case "StripeCardError":
      return invalidField("payment_method_id", "the card was declined: use another payment method");
    case "StripeInvalidRequestError":
      return refusal(error);
    case "StripeAuthenticationError":
    case "StripePermissionError":
      return new DomainError("unavailable", "the payment processor refuses the key of this server: tell its operators");
    default:
      return new DomainError("unavailable", away, { ...retryAfter(error), cause: new Error(describe(error)) });
  }
}

/** The kind of an error of Stripe, its code and its status, which hold nothing of anybody. */
export function describe({ type, code, statusCode }: StripeFailure): string {
  return [type, code, statusCode].filter((part) => part !== undefined).join(" ");
}

function refusal(error: StripeFailure): DomainError {
  if (error.code === "tax_id_invalid") return invalidField("vat", "it is no valid VAT number");
  const cause = new Error(`${describe(error)} ${error.param ?? ""}`);
  // The name of a parameter of ours; never its value.
  const param = error.param?.split("[")[0] ?? "";
  const field = fields[error.param ?? ""] ?? fields[param] ?? param;
  const what = field === "" ? "what was asked for" : field;
  return new DomainError("invalid", `the payment processor refuses ${what}: correct it`, { cause });
}

function retryAfter({ headers }: StripeFailure): { readonly retryAfterMs?: number } {
  const seconds = Number(headers?.["retry-after"]);
  return Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: Math.min(seconds, 3_600) * 1000 } : {};
}

function isFailure(error: unknown): error is StripeFailure {
  if (!(error instanceof Error) || !("type" in error)) return false;
  return typeof error.type === "string" && error.type.startsWith("Stripe");
}
