import { InvalidArgumentError } from "commander";
import { wholeNumber } from "../flags.js";

/** A worker group of a new cluster. */
export interface NewWorkers {
  name: string;
  machineType: string;
  minsize: number;
  maxsize: number;
}

/** What is to change of a worker group; what is left out stays as it is. */
export interface ChangedWorkers {
  name: string;
  machineType?: string;
  minsize?: number;
  maxsize?: number;
}

/** Which part of `--workers` sets a field. */
export const workerFields = {
  workers: "--workers",
  "workers.name": "--workers name=",
  "workers.machine_type": "--workers machine-type=",
  "workers.minsize": "--workers min=",
  "workers.maxsize": "--workers max=",
} as const;

const keys = ["name", "machine-type", "min", "max"] as const;

/** Reads one `--workers` of a new cluster, and adds it to the earlier ones. */
export function newWorkers(text: string, earlier: readonly NewWorkers[] = []): readonly NewWorkers[] {
  const given = parse(text);
  const min = count(given.get("min") ?? "1");
  return [
    ...earlier,
    {
      name: given.get("name") ?? `group-${earlier.length}`,
      machineType: given.get("machine-type") ?? "",
      minsize: min,
      maxsize: count(given.get("max") ?? String(Math.max(min, 3))),
    },
  ];
}

/** Reads one `--workers` of a change, and adds it to the earlier ones. */
export function changedWorkers(text: string, earlier: readonly ChangedWorkers[] = []): readonly ChangedWorkers[] {
  const given = parse(text);
  const [name, machineType, min, max] = keys.map((key) => given.get(key));
  if (name === undefined) throw new InvalidArgumentError("It must say which group: name=NAME.");
  return [
    ...earlier,
    {
      name,
      ...(machineType === undefined ? {} : { machineType }),
      ...(min === undefined ? {} : { minsize: count(min) }),
      ...(max === undefined ? {} : { maxsize: count(max) }),
    },
  ];
}

const count = wholeNumber(0, 64);

function parse(text: string): ReadonlyMap<string, string> {
  const given = new Map(
    text.split(",").map((item): [string, string] => {
      const at = item.indexOf("=");
      return [item.slice(0, Math.max(at, 0)), item.slice(at + 1)];
    }),
  );
  if ([...given.keys()].some((key) => !keys.some((known) => known === key))) {
    throw new InvalidArgumentError("It must be name=NAME,machine-type=TYPE,min=N,max=N.");
  }
  return given;
}
