/** What the primary tells of its processes. */
export interface ProcessCounts {
  /** How many shall serve. */
  readonly wanted: number;
  readonly serving: number;
  /** How often one has ended that nobody had asked to. */
  readonly ended: number;
}

/** The primary's own metrics, in the text format of Prometheus. */
export function primaryMetrics({ wanted, serving, ended }: ProcessCounts): string {
  const { user, system } = process.cpuUsage();
  const started = Date.now() / 1000 - process.uptime();
  const values = [
    ["server_processes_wanted", "gauge", "Processes that shall serve", wanted],
    ["server_processes_serving", "gauge", "Processes that serve", serving],
    ["server_processes_ended_total", "counter", "Processes that ended though nobody had asked them to", ended],
    ["process_start_time_seconds", "gauge", "When the process started, in Unix time", started],
    ["process_resident_memory_bytes", "gauge", "Resident memory", process.memoryUsage.rss()],
    ["process_cpu_seconds_total", "counter", "Processor time, user and system", (user + system) / 1e6],
  ] as const;
  return values
    .map(([name, type, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`)
    .join("");
}
