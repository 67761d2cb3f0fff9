// npm run bench [-- NAME ...] [--list] [--json] [--short] [--profile DIR] [--generator h2load|node]
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { type Bench, isReached, type Measure } from "./measure.js";
import { isThere } from "./placement.js";
import { build } from "./processes.js";

/** Every bench by its name, one line each; its modules are loaded when it runs. */
const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  start: async () => (await import("./start.js")).start,
  get: async () => (await import("./get.js")).get,
  encode: async () => (await import("./encode.js")).encode,
  auth: async () => (await import("./auth.js")).auth,
  audit: async () => (await import("./audit.js")).audit,
  standing: async () => (await import("./standing.js")).standing,
  "status-to-reader": async () => (await import("./status-to-reader.js")).statusToReader,
  allocate: async () => (await import("./allocate.js")).allocate,
  "volume-list": async () => (await import("./volume-list.js")).volumeList,
  metering: async () => (await import("./metering.js")).metering,
  "status-watchers": async () => (await import("./status-watchers.js")).statusWatchers,
  "config-to-step": async () => (await import("./config-to-step.js")).configToStep,
  "deployment-informers": async () => (await import("./deployment-informers.js")).deploymentInformers,
  "unary-grpc-vs-grpcjs": async () => (await import("./unary.js")).unaryGrpcVsGrpcjs,
  "unary-grpc-vs-raw-http2": async () => (await import("./unary.js")).unaryGrpcVsRawHttp2,
  "unary-connect-h1-vs-connect-node": async () => (await import("./unary.js")).unaryConnectVsConnectNode,
  "get-pg-vs-pg": async () => (await import("./database.js")).getPgVsPg,
  "list50-pg-vs-pg": async () => (await import("./database.js")).list50PgVsPg,
  "two-processes-vs-one": async () => (await import("./two-processes.js")).twoProcessesVsOne,
  "create-pg-vs-pg": async () => (await import("./database.js")).createPgVsPg,
  "watch-10k-vs-grpcjs": async () => (await import("./watch-10k.js")).watch10kVsGrpcjs,
  soak: async () => (await import("./soak.js")).soak,
};

/** Those that run only when they are named: they take long. */
const onlyNamed = new Set(["soak"]);

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    short: { type: "boolean", default: false },
    profile: { type: "string" },
    generator: { type: "string" },
  },
});

const generators = { h2load: "h2load", node: "node" } as const;
const generator = generators[(options.generator ?? (isThere("h2load") ? "h2load" : "node")) as keyof typeof generators];
if (generator === undefined) throw new Error(`--generator is ${Object.keys(generators).join(" or ")}`);

/** Runs a bench and then closes what it opened, the last first. */
async function run(bench: Bench): Promise<void> {
  const closers: (() => Promise<void> | void)[] = [];
  try {
    await bench({
      short: options.short,
      databaseUrl: process.env.DATABASE_URL || process.env.TEST_DATABASE_URL || undefined,
      profileDir: options.profile,
      generator,
      report: (measure) => console.log(options.json ? JSON.stringify(measure) : lineOf(measure)),
      onEnd: (close) => void closers.push(close),
    });
  } finally {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
  }
}

function lineOf(measure: Measure): string {
  const value = "ratio" in measure ? measure.ours : measure.value;
  const left = `${measure.name.padEnd(44)} ${String(value).padStart(9)} ${measure.unit.padEnd(8)}`;
  return [left, comparisonOf(measure), goalOf(measure)].filter((part) => part !== "").join("  ");
}

function comparisonOf(measure: Measure): string {
  return "ratio" in measure ? `ratio ${measure.ratio} to the baseline's ${measure.baseline} ${measure.unit}` : "";
}

function goalOf(measure: Measure): string {
  const below = measure.below === undefined ? [] : [`below ${measure.below} ${measure.unit}`];
  const atLeast = "ratio" in measure && measure.atLeast !== undefined ? [`ratio at least ${measure.atLeast}`] : [];
  const goals = [...below, ...atLeast].join(" and ");
  if (goals === "") return "";
  // Figures of a short run mean nothing.
  const verdict = isReached(measure) ? ": reached" : ": NOT reached";
  return `goal: ${goals}${options.short ? "" : verdict}`;
}

/** Runs one bench after the other; one that fails keeps no other from running. */
async function runAll(chosen: readonly string[]): Promise<void> {
  for (const name of chosen) {
    try {
      const load = benches[name];
      if (load === undefined) throw new Error("there is no such bench; --list names them");
      await run(await load());
    } catch (error) {
      console.error(`${name} failed:`, error);
      process.exitCode = 1;
    }
  }
}

if (options.list) {
  console.log(Object.keys(benches).join("\n"));
} else {
  // The program that is measured is the compiled one.
  build();
  const loadAverage = () => loadavg()[0]?.toFixed(2);
  console.error(`node ${process.version}, load average ${loadAverage()} before`);
  await runAll(positionals.length > 0 ? positionals : Object.keys(benches).filter((name) => !onlyNamed.has(name)));
  console.error(`load average ${loadAverage()} after`);
}
