// Which cores the measured servers and those who load them run on.
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** What is put before a command so that it keeps to its cores; empty where nothing can be pinned. */
export interface Placement {
  /** One core, of which every measured server has all. */
  readonly server: readonly string[];
  /** All others. */
  readonly load: readonly string[];
  readonly loadCores: number;
}

/** The placement on this machine: Linux with taskset and at least two cores, or nothing is pinned. */
export function placement(): Placement {
  const cores = allowedCores();
  const server = cores.at(-1);
  if (server === undefined || cores.length < 2 || !isThere("taskset")) return { server: [], load: [], loadCores: 1 };
  const others = cores.slice(0, -1);
  return {
    server: ["taskset", "-c", String(server)],
    load: ["taskset", "-c", others.join(",")],
    loadCores: others.length,
  };
}

/** Whether a program can be run. */
export function isThere(program: string): boolean {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0;
}

/** Processor time in seconds that a process has used, or those children that it has waited for; undefined where there is no /proc. */
export function cpuSeconds(pid: number, of: "itself" | "children" = "itself"): number | undefined {
  const stat = readProc(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The name of the program, in parentheses, may contain spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const at = of === "itself" ? 11 : 13;
  return (Number(fields[at]) + Number(fields[at + 1])) / ticksPerSecond();
}

let ticks: number | undefined;

function ticksPerSecond(): number {
  ticks ??= Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
  return ticks;
}

/** The cores that this process may use, as in "0-3,8". */
export function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readProc("/proc/self/status") ?? "")?.[1] ?? "";
  return list
    .split(",")
    .filter((part) => part !== "")
    .flatMap((part) => {
      const [first = 0, last = first] = part.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
