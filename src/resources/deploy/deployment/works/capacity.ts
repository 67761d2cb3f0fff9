import type { Scale } from "../../spec/content.js";
import type { DeploymentRow, TaskRow } from "../../task/work.js";
import type { Capacity } from "./plan.js";

/** What of a deployment runs when a task that scales, starts or stops it is done; the same however often it is asked. */
export function capacityAfter({ kind, params }: Pick<TaskRow, "kind" | "params">, deployment: Capacity): Capacity {
  if (kind === "scale") return { scale: scaled(deployment.scale, params.scale ?? {}), stopped: deployment.stopped };
  if (kind === "start") return { scale: marked(deployment.scale, params.processes, false), stopped: "" };
  if (params.stopMode === "uninstall") {
    return { scale: marked(deployment.scale, undefined, true), stopped: "uninstalled" };
  }
  const scale = marked(deployment.scale, params.processes, true);
  if (deployment.stopped === "uninstalled") return { scale, stopped: "uninstalled" };
  const isWhole = params.processes === undefined || params.processes.length === 0;
  const isAll = Object.values(scale).length > 0 && Object.values(scale).every(({ stopped }) => stopped === true);
  return { scale, stopped: isWhole || isAll ? "scaled" : deployment.stopped };
}

/** The processes that such a task is about; undefined for all. */
export function processesOf({ kind, params }: Pick<TaskRow, "kind" | "params">): readonly string[] | undefined {
  if (kind === "scale") return Object.keys(params.scale ?? {});
  return params.processes === undefined || params.processes.length === 0 ? undefined : params.processes;
}

/** What is stopped stays so. A process that is gone by now is left out. */
function scaled(scale: Scale, changes: Scale): Scale {
  const entries = Object.entries(scale).map(([name, entry]): [string, Scale[string]] => {
    const change = Object.hasOwn(changes, name) ? changes[name] : undefined;
    if (change === undefined) return [name, entry];
    return [name, entry.stopped === true ? { ...change, stopped: true } : { ...change, stopped: false }];
  });
  return Object.fromEntries(entries.map(([name, entry]) => [name, withoutFalse(entry)]));
}

function marked(scale: Scale, processes: readonly string[] | undefined, stopped: boolean): Scale {
  const isMeant = (name: string) => processes === undefined || processes.length === 0 || processes.includes(name);
  const entries = Object.entries(scale).map(([name, entry]): [string, Scale[string]] => [
    name,
    isMeant(name) ? withoutFalse({ ...entry, stopped }) : entry,
  ]);
  return Object.fromEntries(entries);
}

function withoutFalse({ stopped, ...entry }: Scale[string]): Scale[string] {
  return stopped === true ? { ...entry, stopped } : entry;
}

/** Whether two rows say the same of what runs. */
export const isSameCapacity = (a: Capacity, b: Pick<DeploymentRow, "scale" | "stopped">): boolean =>
  a.stopped === b.stopped && JSON.stringify(a.scale) === JSON.stringify(b.scale);
