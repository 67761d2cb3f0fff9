import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Meter, metrics } from "@opentelemetry/api";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";

/** A running metrics endpoint. */
export interface MetricsServer {
  readonly port: number;
  /** Where instruments are declared. */
  readonly meter: Meter;
  close(): Promise<void>;
}

/**
 * Serves `/metrics` for Prometheus on its own port, and makes its meter the one
 * that `@opentelemetry/api` gives out. Instruments that were declared before
 * count nothing, so start this first. Rejects when the port is taken.
 */
export async function startMetricsServer(options: { host: string; port: number }): Promise<MetricsServer> {
  const exporter = new PrometheusExporter({
    preventServerStart: true,
    withoutTargetInfo: true,
    withoutScopeInfo: true,
  });
  const provider = new MeterProvider({ readers: [exporter] });
  metrics.setGlobalMeterProvider(provider);
  const meter = provider.getMeter("slipway");
  observeProcess(meter);
  const server = createServer({ headersTimeout: 5_000, requestTimeout: 5_000 }, (req, res) => {
    if (req.url?.split("?", 1)[0] === "/metrics") exporter.getMetricsRequestHandler(req, res);
    else res.writeHead(404, { "content-type": "text/plain" }).end("metrics are at /metrics\n");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    meter,
    async close() {
      metrics.disable();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await provider.shutdown();
    },
  };
}

function observeProcess(meter: Meter): void {
  const startSeconds = Date.now() / 1000 - process.uptime();
  meter
    .createObservableGauge("process.start_time_seconds", { description: "When the process started, in Unix time" })
    .addCallback((result) => result.observe(startSeconds));
  meter
    .createObservableGauge("process.resident_memory_bytes", { description: "Resident memory" })
    .addCallback((result) => result.observe(process.memoryUsage.rss()));
  meter
    .createObservableCounter("process.cpu_seconds", { description: "Processor time, user and system" })
    .addCallback((result) => {
      const { user, system } = process.cpuUsage();
      result.observe((user + system) / 1e6);
    });
}
