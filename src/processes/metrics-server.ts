import type { Meter } from "@opentelemetry/api";
import type { Address } from "../config.js";
import { openMeters } from "./meters.js";
import { serveMetricsText } from "./metrics-endpoint.js";

/** A running metrics endpoint. */
export interface MetricsServer {
  readonly port: number;
  /** Where instruments are declared. */
  readonly meter: Meter;
  close(): Promise<void>;
}

/**
 * Serves the metrics of this process as `/metrics` on a port of their own, and makes its meter the one that
 * `@opentelemetry/api` gives out. Instruments that were declared before count nothing, so start this first. Rejects
 * when the port is taken.
 */
export async function startMetricsServer(address: Address): Promise<MetricsServer> {
  const meters = openMeters();
  const endpoint = await serveMetricsText(address, meters.text);
  return {
    port: endpoint.port,
    meter: meters.meter,
    async close() {
      await endpoint.close();
      await meters.close();
    },
  };
}
