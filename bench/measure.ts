/** What the product promises of a measure. */
export interface Goal {
  /** The value, or ours, stays below it. */
  readonly below?: number;
  /** The ratio is no less. */
  readonly atLeast?: number;
}

/** A figure on its own. */
export interface Figure extends Pick<Goal, "below"> {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
}

/**
 * A figure beside that of a baseline, taken in the same run. The ratio is ours / baseline, or the other way round
 * where less is better and the goal is a ratio: see `compare` and `compareCost`.
 */
export interface Comparison extends Goal {
  readonly name: string;
  readonly unit: string;
  readonly ratio: number;
  readonly ours: number;
  readonly baseline: number;
}

export type Measure = Figure | Comparison;

/** What a bench is given. */
export interface BenchRun {
  /** Only shows that the bench works; its figures mean nothing. */
  readonly short: boolean;
  /** URL of a PostgreSQL server on which databases may be made; undefined: only the embedded database is measured. */
  readonly databaseUrl: string | undefined;
  /** What loads HTTP servers: h2load, or a client on Node.js, which takes more of the processor. */
  readonly generator: "h2load" | "node";
  /** Where the measured processes leave CPU profiles; undefined: they are not profiled. */
  readonly profileDir: string | undefined;
  readonly report: (measure: Measure) => void;
  /** Calls this after the bench, however it ends; the last one first. */
  readonly onEnd: (close: () => Promise<void> | void) => void;
}

/** Measures something and reports it. */
export type Bench = (run: BenchRun) => Promise<void>;

/** Ours and the baseline's, as a Comparison whose ratio is ours / baseline. */
export function compare(name: string, unit: string, ours: number, baseline: number, goal: Goal = {}): Comparison {
  return { name, ratio: ratioOf(ours, baseline), unit, ours: rounded(ours), baseline: rounded(baseline), ...goal };
}

/** The same of times and costs, where less is better: the ratio is baseline / ours. */
export function compareCost(name: string, unit: string, ours: number, baseline: number, goal: Goal = {}): Comparison {
  return { ...compare(name, unit, ours, baseline, goal), ratio: ratioOf(baseline, ours) };
}

/** Two that are the same are so where both are nothing, too. */
const ratioOf = (a: number, b: number): number => (a === b ? 1 : rounded(a / b));

/** One value, as a Figure. */
export function figure(name: string, unit: string, value: number, goal: Pick<Goal, "below"> = {}): Figure {
  return { name, unit, value: rounded(value), ...goal };
}

/** Whether a measure is what was promised; undefined where nothing was. */
export function isReached(measure: Measure): boolean | undefined {
  const { below } = measure;
  const atLeast = "ratio" in measure ? measure.atLeast : undefined;
  if (below === undefined && atLeast === undefined) return undefined;
  const value = "ratio" in measure ? measure.ours : measure.value;
  const ratio = "ratio" in measure ? measure.ratio : 0;
  return (below === undefined || value < below) && (atLeast === undefined || ratio >= atLeast);
}

/** The value that a share of the samples does not exceed; `share` is from 0 to 1. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  if (value === undefined) throw new Error("there are no samples");
  return value;
}

/** The middle one of the values. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

const rounded = (value: number): number => Number(value.toPrecision(4));
