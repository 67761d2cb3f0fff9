import { DomainError } from "../../errors.js";
import type { ProviderInfo } from "../../providers.js";

/** What a sign-in begins with. */
export interface LoginOrder {
  /** Id of the provider. */
  readonly provider: string;
  /** Where the browser goes back to; for the console, this server's own `consoleCallback`. */
  readonly redirectUrl: string;
  /**
   * What the browser goes back with: a token, or (with the client's own state and PKCE challenge) a code for
   * ExchangeToken, or for this server's own console.
   */
  readonly answer:
    | { readonly kind: "token" }
    | { readonly kind: "code" | "console"; readonly state: string; readonly codeChallenge: string };
}

/** A sign-in that has begun. */
export interface BegunLogin {
  /** URL of the provider, to which the browser goes. */
  readonly url: string;
  readonly expiresAt: Date;
  /** What the browser must bring back; only where it goes back with a token. */
  readonly browser: { readonly name: string; readonly value: string } | undefined;
}

/** How a browser comes back from a provider. */
export interface LoginAnswer {
  readonly provider: string;
  readonly rawQuery: string;
  /** The browser's cookie of that name. */
  readonly cookie: (name: string) => string | undefined;
}

/** Signing in at identity providers. */
export interface SignIn {
  /** In the order of the configuration. */
  readonly providers: readonly ProviderInfo[];
  /** Throws "missing" for an unknown provider, "invalid" for a redirect URL that is not allowed, and what `failureOf` says. */
  begin(order: LoginOrder): Promise<BegunLogin>;
  /** Throws "unauthenticated" unless all holds. */
  finish(answer: LoginAnswer): Promise<FinishedLogin>;
}

/** A sign-in that has failed, of a client that is told so by the browser that comes back to it. */
export class FailedLogin extends DomainError {
  constructor(
    /** The URL to which the browser goes. */
    readonly location: string,
    { kind, message, violations }: DomainError,
  ) {
    super(kind, message, { violations });
  }
}

/** A sign-in that has succeeded. */
export interface FinishedLogin {
  /** The URL to which the browser goes, with the token or code in it. */
  readonly location: string;
  readonly principal: string;
}
