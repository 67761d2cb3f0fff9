import type { RuntimeServiceStreamLogsRequest } from "../../../../../gen/ts/deploy/v1/runtime_pb.js";
import type { LogInstance } from "./instances.js";
import { type Line, stampOf } from "./lines.js";
import type { LogPart } from "./pod-log.js";

/** Which lines somebody wants. */
export interface LogSelection {
  /** Whether an instance is meant. */
  has(instance: LogInstance): boolean;
  /** The container of it that is meant; undefined when it has none of that name. */
  containerOf(instance: LogInstance): string | undefined;
  /** Those that are not before the time from which on lines are meant. */
  since(lines: readonly Line[]): readonly Line[];
  /** Of the lines that are there: those that are meant. */
  cut(lines: readonly Line[]): readonly Line[];
  /** Whether the lines that are known are enough for `cut`, when they are not the whole log. */
  isEnough(known: readonly Line[]): boolean;
  /** What to ask Kubernetes for. */
  readonly part: LogPart;
}

/** Reads a request; `usualTail` lines of each instance are meant unless it says otherwise. */
export function selectionOf(request: RuntimeServiceStreamLogsRequest, usualTail: number): LogSelection {
  const { processes, instances, container, since, previous } = request;
  const tail = request.tail ?? usualTail;
  const from = since === undefined ? "" : stampOf(since);
  const laterOf = (lines: readonly Line[]) => (from === "" ? lines : lines.filter(({ at }) => at >= from));
  const cut = (lines: readonly Line[]): readonly Line[] => {
    const later = laterOf(lines);
    return tail < 0 ? later : later.slice(Math.max(0, later.length - tail));
  };
  return {
    has: ({ name, process }) =>
      (processes.length === 0 || processes.includes(process)) && (instances.length === 0 || instances.includes(name)),
    containerOf: ({ containers }) => (container === "" ? containers[0] : containers.find((name) => name === container)),
    since: laterOf,
    cut,
    isEnough(known) {
      const first = known[0];
      const reachesBack = from !== "" && first !== undefined && first.at < from;
      return reachesBack || (tail >= 0 && cut(known).length >= tail);
    },
    part: {
      ...(tail < 0 ? {} : { tailLines: String(tail) }),
      // Kubernetes knows whole seconds only.
      ...(from === "" ? {} : { sinceTime: `${from.slice(0, 19)}Z` }),
      ...(previous ? { previous: "true" } : {}),
    },
  };
}
