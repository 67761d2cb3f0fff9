// Two programs that do the same in turns.
import type { MakeLoad } from "./load.js";
import { type BenchRun, compare, compareCost, type Goal, median } from "./measure.js";
import { cpuSeconds } from "./placement.js";

const roundSeconds = 2;
const rounds = 7;

/** A program under load. */
export interface Contender {
  readonly pid: number;
  readonly load: MakeLoad;
}

interface Round {
  readonly perSecond: number;
  /** Processor time of the program for one call, in µs. */
  readonly cpu: number | undefined;
}

/**
 * Reports `name`, the calls per second of both, and `name.cpu`, the processor time that the two processes take for a
 * call: medians of rounds in which they take turns, after one to warm up, so that whatever else the machine does meets
 * both.
 */
export async function race(run: BenchRun, name: string, ours: Contender, baseline: Contender, goal?: Goal) {
  const seconds = run.short ? 0.2 : roundSeconds;
  const figures: { ours: Round; baseline: Round }[] = [];
  await measure(ours, seconds);
  await measure(baseline, seconds);
  for (let i = 0; i < (run.short ? 1 : rounds); i++) {
    figures.push({ ours: await measure(ours, seconds), baseline: await measure(baseline, seconds) });
  }
  const middle = (of: (round: Round) => number): [ours: number, baseline: number] => [
    median(figures.map((one) => of(one.ours))),
    median(figures.map((one) => of(one.baseline))),
  ];
  run.report(compare(name, "calls/s", ...middle(({ perSecond }) => perSecond), goal));
  if (cpuSeconds(process.pid) === undefined) return;
  run.report(compareCost(`${name}.cpu`, "µs/call", ...middle(({ cpu = 0 }) => cpu)));
}

async function measure({ pid, load }: Contender, seconds: number): Promise<Round> {
  const before = cpuSeconds(pid);
  const { calls, seconds: took } = await load(seconds);
  const after = cpuSeconds(pid);
  const cpu = before === undefined || after === undefined ? undefined : ((after - before) / calls) * 1e6;
  return { perSecond: calls / took, cpu };
}
