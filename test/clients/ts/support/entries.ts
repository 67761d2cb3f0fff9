import { openSlipway as openBrowser } from "../../../../clients/ts/src/browser.js";
import { type NodeSlipwayOptions, openSlipway as openNode } from "../../../../clients/ts/src/node.js";
import type { Slipway, SlipwayOptions } from "../../../../clients/ts/src/options.js";

/** A way to open a client. */
export interface Entry {
  readonly name: string;
  readonly http: 1 | 2;
  open(options: SlipwayOptions): Slipway;
}

const node = (protocol: NodeSlipwayOptions["protocol"]): Entry => ({
  name: `node, ${protocol}`,
  http: 2,
  open: (options) => openNode({ ...options, protocol }),
});

/** Every way there is; that of browsers runs on the fetch of Node.js. */
export const entries: readonly Entry[] = [
  node("grpc"),
  node("connect"),
  { name: "browser", http: 1, open: (options) => openBrowser(options) },
];
