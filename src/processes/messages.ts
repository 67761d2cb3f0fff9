import type { Address } from "../config.js";

/** What a process of the server tells the primary. */
export type FromProcess =
  /** It takes calls at this address. */
  | { readonly kind: "serving"; readonly address: Address }
  /** It cannot serve, and ends. */
  | { readonly kind: "failed"; readonly reason: string }
  /** Its metrics, as the answer to a scrape. */
  | { readonly kind: "metrics"; readonly scrape: number; readonly text: string };

/** What the primary tells a process of the server. */
export type ToProcess =
  /** Finish what is under way, and end. */
  { readonly kind: "stop" } | { readonly kind: "metrics"; readonly scrape: number };
