// npm run bench [-- NAME ...] [--json] [--short] [--profile DIR]
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { allocate } from "./allocate.js";
import { audit } from "./audit.js";
import { auth } from "./auth.js";
import { configToStep } from "./config-to-step.js";
import { deploymentInformers } from "./deployment-informers.js";
import { get } from "./get.js";
import type { Bench, Measure } from "./measure.js";
import { metering } from "./metering.js";
import { compile } from "./processes.js";
import { standing } from "./standing.js";
import { start } from "./start.js";
import { statusToReader } from "./status-to-reader.js";
import { statusWatchers } from "./status-watchers.js";
import { volumeList } from "./volume-list.js";

const benches: Readonly<Record<string, Bench>> = {
  start,
  get,
  auth,
  audit,
  standing,
  "status-to-reader": statusToReader,
  allocate,
  "volume-list": volumeList,
  metering,
  "status-watchers": statusWatchers,
  "config-to-step": configToStep,
  "deployment-informers": deploymentInformers,
};

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    short: { type: "boolean", default: false },
    profile: { type: "string" },
  },
});

/** Runs a bench and then closes what it opened, the last first. */
async function run(bench: Bench): Promise<void> {
  const closers: (() => Promise<void> | void)[] = [];
  try {
    await bench({
      short: options.short,
      databaseUrl: process.env.DATABASE_URL || process.env.TEST_DATABASE_URL || undefined,
      profileDir: options.profile,
      report: (measure) => console.log(options.json ? JSON.stringify(measure) : lineOf(measure)),
      onEnd: (close) => void closers.push(close),
    });
  } finally {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
  }
}

function lineOf(measure: Measure): string {
  const value = "ratio" in measure ? measure.ours : measure.value;
  const compared = "ratio" in measure ? `${measure.ratio} × the baseline's ${measure.baseline} ${measure.unit}` : "";
  const goal = measure.below === undefined ? "" : `goal: below ${measure.below} ${measure.unit}`;
  const left = `${measure.name.padEnd(44)} ${String(value).padStart(9)} ${measure.unit.padEnd(8)}`;
  return [left, compared, goal].filter((part) => part !== "").join("  ");
}

const names = positionals.length > 0 ? positionals : Object.keys(benches);
const chosen = names.map((name) => {
  const bench = benches[name];
  if (bench === undefined) throw new Error(`there is no bench ${name}; there are ${Object.keys(benches).join(", ")}`);
  return bench;
});

// The program that is measured is the compiled one.
compile();
const load = () => loadavg()[0]?.toFixed(2);
console.error(`node ${process.version}, load average ${load()} before`);
for (const bench of chosen) await run(bench);
console.error(`load average ${load()} after`);
