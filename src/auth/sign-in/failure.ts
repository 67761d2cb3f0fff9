import { AuthorizationResponseError, ClientError, ResponseBodyError } from "openid-client";
import { DomainError } from "../../errors.js";

const refusals = ["access_denied", "login_required", "interaction_required", "consent_required"];
/** What says that an answer is wrong, and not that the provider is away. */
const unsound = [
  "OAUTH_JWT_CLAIM_COMPARISON_FAILED",
  "OAUTH_JWT_TIMESTAMP_CHECK_FAILED",
  "OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED",
  "OAUTH_INVALID_RESPONSE",
  "OAUTH_KEY_SELECTION_FAILED",
];

/**
 * What the user is told when a sign-in fails at a provider: "denied" when it was
 * refused there, "unauthenticated" when the answer does not hold, and else
 * "unavailable". The provider's own words stay out of it: anybody can write them
 * into a URL.
 */
export function failureOf(provider: string, error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  if (error instanceof AuthorizationResponseError && refusals.includes(error.error)) {
    return new DomainError("denied", `the sign-in was refused at ${provider}`, causeOf(error));
  }
  const isUnsound =
    (error instanceof ResponseBodyError && error.error === "invalid_grant") ||
    (error instanceof ClientError && unsound.includes(error.code ?? ""));
  if (!isUnsound) return away(provider, error);
  return new DomainError("unauthenticated", `the answer of ${provider} does not hold: sign in again`, causeOf(error));
}

/** What the user is told when a provider does not answer, or not as it should. */
export function away(provider: string, error?: unknown): DomainError {
  return new DomainError("unavailable", `${provider} does not sign anybody in now; try again later`, causeOf(error));
}

const causeOf = (error: unknown) => ({ cause: new Error(wordsOf(error)) });

/** What happened, for the log: names and codes, never values, which may be secret. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return "an answer that was not expected";
  const { name, code, error: told, cause } = error as Error & { readonly code?: unknown; readonly error?: unknown };
  const words = [name, code, told].filter((word) => typeof word === "string" && /^\w{1,64}$/.test(word));
  return [...words, ...(cause instanceof Error ? [wordsOf(cause)] : [])].join(" ");
}
