import { type Meter, metrics } from "@opentelemetry/api";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";

/** The instruments of this process. */
export interface Meters {
  /** Where instruments are declared. */
  readonly meter: Meter;
  /** What they show now, in the text format of Prometheus. */
  text(): Promise<string>;
  close(): Promise<void>;
}

/**
 * Makes its meter the one that `@opentelemetry/api` gives out. Instruments that were declared before count nothing, so
 * open this first.
 */
export function openMeters(): Meters {
  // It serves nothing by itself: it is the reader, whose state others ask for.
  const reader = new PrometheusExporter({ preventServerStart: true });
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true);
  const provider = new MeterProvider({ readers: [reader] });
  metrics.setGlobalMeterProvider(provider);
  const meter = provider.getMeter("slipway");
  observeProcess(meter);
  return {
    meter,
    async text() {
      const { resourceMetrics, errors } = await reader.collect();
      if (errors.length > 0) throw errors[0];
      return serializer.serialize(resourceMetrics);
    },
    async close() {
      metrics.disable();
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
