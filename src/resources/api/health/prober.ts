import { withoutValues } from "../../../db/errors.js";
import { pause } from "../../../pause.js";
import type { Platform } from "../../../platform.js";
import { next } from "./hysteresis.js";
import { type Finding, inTime, type Probe } from "./probes.js";
import { type ProbeReport, probeStore } from "./store.js";

/** Between the first looks of two probes, so that they do not all ask at once. */
const staggerMs = 150;
/** How soon it is looked again while the results differ from what is said. */
const againMs = 2_000;
/** How old a written state may be before it is written again although it says the same. */
const confirmMs = 4_000;

type Prober = Pick<Platform, "db" | "clock" | "log">;

/** Lets all probes look, and writes what they say, until the signal aborts. One process of the platform runs it at a time. */
export async function runProbes(platform: Prober, probes: readonly Probe[], signal: AbortSignal): Promise<void> {
  const known = new Map<string, ProbeReport>();
  for (const row of await probeStore.list(platform.db)) known.set(nameOf(row), row);
  const repeat = async (probe: Probe, position: number): Promise<void> => {
    await pause(position * staggerMs, signal);
    while (!signal.aborted) {
      const isChanging = await look(platform, probe, known);
      await pause(isChanging ? Math.min(againMs, probe.everyMs) : probe.everyMs, signal);
    }
  };
  await Promise.all(probes.map(repeat));
}

/** Looks once; answers whether a state may change soon. A look that fails says nothing: silence tells of it. */
async function look(platform: Prober, probe: Probe, known: Map<string, ProbeReport>): Promise<boolean> {
  try {
    const findings = await inTime(probe.deadlineMs, probe.run());
    const reports = findings.map((finding) => reportOf(finding, known.get(nameOf(finding)), platform.clock()));
    await record(platform, reports, known);
    return reports.some(({ streak }) => streak !== 0);
  } catch (error) {
    platform.log.warn({ err: withoutValues(error), probe: probe.name }, "a probe failed");
    return false;
  }
}

function reportOf(finding: Finding, before: ProbeReport | undefined, now: Date): ProbeReport {
  const { probe, partition, observedAt = now } = finding;
  return { probe, partition, observedAt, ...next(before, finding) };
}

async function record(
  { db, log }: Prober,
  reports: readonly ProbeReport[],
  known: Map<string, ProbeReport>,
): Promise<void> {
  const news = reports.filter((report) => isNews(report, known.get(nameOf(report))));
  await probeStore.put(db, news);
  for (const report of news) {
    const { probe, partition, status, message } = report;
    const before = known.get(nameOf(report))?.status;
    if (before !== status) log.info({ probe, partition, status, before, message }, "the state of a probe changed");
    known.set(nameOf(report), report);
  }
}

function isNews(report: ProbeReport, before: ProbeReport | undefined): boolean {
  if (before === undefined) return true;
  const isSame = (["status", "message", "streak"] as const).every((field) => before[field] === report[field]);
  return !isSame || report.observedAt.getTime() - before.observedAt.getTime() >= confirmMs;
}

const nameOf = ({ probe, partition }: Pick<ProbeReport, "probe" | "partition">): string => `${probe} ${partition}`;
