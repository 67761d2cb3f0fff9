import { createConnectTransport } from "@connectrpc/connect-web";
import { interceptorsOf } from "./interceptors.js";
import { type Slipway, type SlipwayOptions, serverUrl, slipwayOver } from "./options.js";

export type { Slipway, SlipwayOptions, TokenSource } from "./options.js";

/** What a client in a browser can be told. */
export interface BrowserSlipwayOptions extends SlipwayOptions {
  /** Makes the requests; that of the browser unless told. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/** Opens a client for browsers, over the Connect protocol and fetch. */
export function openSlipway(options: BrowserSlipwayOptions): Slipway {
  const url = serverUrl(options.url);
  const transport = createConnectTransport({
    baseUrl: url.href,
    interceptors: interceptorsOf(options, url),
    useBinaryFormat: true,
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
  });
  return slipwayOver(transport, options.timeoutMs);
}
