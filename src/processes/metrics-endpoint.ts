import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Address } from "../config.js";

/** Where Prometheus asks. */
export interface MetricsEndpoint {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves a text as `/metrics`; port 0 takes a free one. Rejects when the port is taken. */
export async function serveMetricsText(address: Address, text: () => Promise<string>): Promise<MetricsEndpoint> {
  const server = createServer({ headersTimeout: 5_000, requestTimeout: 5_000 }, (req, res) => {
    if (req.url?.split("?", 1)[0] !== "/metrics") {
      res.writeHead(404, { "content-type": "text/plain" }).end("metrics are at /metrics\n");
      return;
    }
    text().then(
      (body) => res.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }).end(body),
      () => res.writeHead(500, { "content-type": "text/plain" }).end("the metrics could not be read\n"),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(address.port, address.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
