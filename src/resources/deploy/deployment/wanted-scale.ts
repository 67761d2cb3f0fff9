import type { Scale, ScaleEntry } from "../spec/content.js";
import { scaleOfProcess, unitsOf } from "../spec/scale.js";
import type { TaskRow } from "../task/work.js";
import type { DeploymentRow } from "./store.js";

/** The scale of a deployment as it will be at that time, when what waits until then is done. */
export function wantedScale({ scale }: Pick<DeploymentRow, "scale">, open: readonly TaskRow[], at: Date): Scale {
  const before = open.filter(({ kind, executeAt }) => kind === "scale" && executeAt <= at);
  return Object.assign({}, scale, ...before.map(({ params }) => params.scale));
}

/** Which processes a change is about, and what it does with them. */
export interface UnitsChange {
  /** Names of the processes that there are then; all that there are now, or will be, unless set. */
  readonly processes?: readonly string[];
  /** What it sets. */
  readonly scale?: Scale;
  /** Names of the processes that it starts; empty for all. */
  readonly starts?: readonly string[];
}

/**
 * Most units that a deployment may have when a change is done, whichever of the tasks that wait succeed before: what
 * the change does not set is as large as it is or any of them makes it, and runs when it does or any of them starts it.
 */
export function mostUnits(
  { scale }: Pick<DeploymentRow, "scale">,
  open: readonly TaskRow[],
  { processes, scale: set = {}, starts }: UnitsChange,
): number {
  const others = [scale, ...open.flatMap(({ params }) => (params.scale === undefined ? [] : [params.scale]))];
  const all = starts === undefined ? [] : [starts];
  const started = [...all, ...open.flatMap(({ kind, params }) => (kind === "start" ? [params.processes ?? []] : []))];
  const names = processes ?? [...new Set([...others, set].flatMap((each) => Object.keys(each)))];
  const units = names.map((name) => {
    const isRunning = scaleOfProcess(scale, name).stopped !== true || started.some((each) => isAmong(each, name));
    if (!isRunning) return 0;
    const sizes = (Object.hasOwn(set, name) ? [set] : others).filter((each) => Object.hasOwn(each, name));
    return Math.max(...(sizes.length === 0 ? [{}] : sizes).map((each) => sizeOf(scaleOfProcess(each, name))));
  });
  return units.reduce((sum, count) => sum + count, 0);
}

const isAmong = (names: readonly string[], name: string): boolean => names.length === 0 || names.includes(name);

const sizeOf = ({ stopped: _, ...entry }: ScaleEntry): number => unitsOf({ entry });
