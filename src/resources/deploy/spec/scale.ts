import type { Autoscale, ProcessScale } from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { invalidField } from "../../../errors.js";
import type { ProcessContent, Scale, ScaleEntry } from "./content.js";
import { refuseTwice } from "./paths.js";
import { isRunning } from "./process.js";

/** The scale of a process that has none. */
const one: ScaleEntry = { replicas: 1 };

/** Replicas that a scale may come to; the database's function units_of counts the same. */
export function unitsOf(scale: Scale): number {
  const running = Object.values(scale).filter(({ stopped }) => stopped !== true);
  return running.reduce((sum, { replicas, autoscale }) => sum + (autoscale?.max ?? replicas), 0);
}

/** How many replicas of a process are wanted: 1 where the scale does not say. */
export const scaleOfProcess = (scale: Scale, name: string): ScaleEntry =>
  Object.hasOwn(scale, name) ? (scale[name] ?? one) : one;

/** The scale with an entry for each process whose replicas run all the time, and no others. */
export function scaleFor(scale: Scale, processes: readonly ProcessContent[]): Scale {
  return Object.fromEntries(processes.filter(isRunning).map(({ name }) => [name, scaleOfProcess(scale, name)]));
}

/** The scale of a request, with an entry for each of the processes that run all the time. Throws "invalid". */
export function scaleOf(field: string, scales: readonly ProcessScale[], processes: readonly ProcessContent[]): Scale {
  const names = new Set<string>();
  const entries = scales.map(({ process, replicas, autoscale }, i): [string, ScaleEntry] => {
    const at = `${field}[${i}]`;
    refuseTwice(names, process, `${at}.process`);
    refuseUnscalable(`${at}.process`, process, processes);
    return [process, entryOf(replicas, autoscale && autoscaleOf(`${at}.autoscale`, autoscale))];
  });
  return scaleFor(Object.fromEntries(entries), processes);
}

/** Refuses the name of a process that is not there, or does not run all the time. */
export function refuseUnscalable(field: string, process: string, processes: readonly ProcessContent[]): void {
  const found = processes.find(({ name }) => name === process);
  if (found === undefined) throw invalidField(field, "is the name of no process");
  if (!isRunning(found)) throw invalidField(field, "is the name of a job, which has no replicas");
}

/** Bounds of a request between which the load decides. Throws "invalid". */
export function autoscaleOf(field: string, autoscale: Autoscale): NonNullable<ScaleEntry["autoscale"]> {
  const { minReplicas: min, maxReplicas: max, cpuPercent: cpu, memoryPercent: memory } = autoscale;
  if (max < min) throw invalidField(`${field}.max_replicas`, "must not be below min_replicas");
  if (cpu === 0 && memory === 0) throw invalidField(field, "must have cpu_percent or memory_percent");
  return { min, max, cpu, memory };
}

/** An entry; with bounds it begins within them. */
export function entryOf(replicas: number, autoscale: ScaleEntry["autoscale"]): ScaleEntry {
  if (autoscale === undefined) return { replicas };
  return { replicas: Math.min(autoscale.max, Math.max(autoscale.min, replicas)), autoscale };
}
