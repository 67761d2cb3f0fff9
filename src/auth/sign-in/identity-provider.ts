import type { Account } from "./account.js";

/** What ties the answer of a provider to the sign-in that began it. */
export interface LoginSecrets {
  readonly state: string;
  readonly nonce: string;
  /** PKCE verifier. */
  readonly verifier: string;
}

/** An identity provider, to which browsers are sent and which says who they are. */
export interface Provider {
  /** The URL to send the browser to; it comes back to `redirectUri`. */
  begin(secrets: LoginSecrets, redirectUri: string): Promise<string>;
  /** Trades the URL by which the browser came back for the account. */
  finish(secrets: LoginSecrets, answer: URL): Promise<Account>;
}
