import type { Interceptor } from "@connectrpc/connect";
import { explainNetwork } from "./network.js";
import type { SlipwayOptions } from "./options.js";
import { retryReads } from "./retry.js";
import { withToken } from "./token.js";

/** What every call passes, the outermost first. */
export function interceptorsOf(options: SlipwayOptions, url: URL): Interceptor[] {
  return [...(options.interceptors ?? []), retryReads(), withToken(options, url), explainNetwork(url)];
}
