/** A figure on its own. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  /** What the product promises: the value stays below it. */
  readonly below?: number;
}

/** A figure beside that of the least program that could do the same, taken in the same run; ratio is ours / baseline. */
export interface Comparison {
  readonly name: string;
  readonly unit: string;
  readonly ratio: number;
  readonly ours: number;
  readonly baseline: number;
  /** What the product promises: ours stays below it. */
  readonly below?: number;
}

export type Measure = Figure | Comparison;

/** What a bench is given. */
export interface BenchRun {
  /** Only shows that the bench works; its figures mean nothing. */
  readonly short: boolean;
  /** URL of a PostgreSQL server on which databases may be made; undefined: only the embedded database is measured. */
  readonly databaseUrl: string | undefined;
  /** Where the measured processes leave CPU profiles; undefined: they are not profiled. */
  readonly profileDir: string | undefined;
  readonly report: (measure: Measure) => void;
  /** Calls this after the bench, however it ends; the last one first. */
  readonly onEnd: (close: () => Promise<void> | void) => void;
}

/** Measures something and reports it. */
export type Bench = (run: BenchRun) => Promise<void>;

/** Ours and the baseline's, as a Comparison. */
export function compare(name: string, unit: string, ours: number, baseline: number, below?: number): Comparison {
  const goal = below === undefined ? {} : { below };
  return { name, ratio: rounded(ours / baseline), unit, ours: rounded(ours), baseline: rounded(baseline), ...goal };
}

/** One value, as a Figure. */
export function figure(name: string, unit: string, value: number, below?: number): Figure {
  return { name, unit, value: rounded(value), ...(below === undefined ? {} : { below }) };
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
