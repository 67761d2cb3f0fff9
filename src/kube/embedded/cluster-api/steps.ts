import { type Cluster, keys } from "./types.js";

export type Operation = "create" | "update" | "delete";

/** One part of an operation. */
export interface Step {
  /** What fault injection calls it. */
  readonly name: string;
  /** How long it takes at time scale 1. */
  readonly ms: number;
}

const steps: Readonly<Record<Operation, readonly Step[]>> = {
  create: [
    { name: "infrastructure", ms: 4000 },
    { name: "control-plane", ms: 5000 },
    { name: "control-plane-machines", ms: 4000 },
    { name: "machine-deployments", ms: 4000 },
    { name: "nodes", ms: 3000 },
  ],
  update: [
    { name: "control-plane-machines", ms: 4000 },
    { name: "machine-deployments", ms: 1000 },
    { name: "nodes", ms: 3000 },
  ],
  delete: [
    { name: "nodes", ms: 3000 },
    { name: "machine-deployments", ms: 1000 },
    { name: "control-plane", ms: 3000 },
    { name: "infrastructure", ms: 3000 },
  ],
};

/** Names of all steps, for checking fault injections. */
export const stepNames: ReadonlySet<string> = new Set(
  Object.values(steps).flatMap((some) => some.map(({ name }) => name)),
);

/** Where the simulation of one Cluster is. */
export interface Position {
  readonly operation: Operation | "idle";
  /** Undefined when idle. */
  readonly step: Step | undefined;
  /** What comes after the step, in the same operation. */
  readonly next: Step | undefined;
  /** The spec that the operation is about. */
  readonly generation: number;
}

/** Reads the position that the Cluster itself carries, so that a restart finds it again; undefined before the first. */
export function positionOf({ metadata }: Cluster): Position | undefined {
  const [operation = "", name, generation] = metadata.annotations?.[keys.step]?.split("/") ?? [];
  if (operation === "idle") return { operation, step: undefined, next: undefined, generation: Number(generation) };
  if (!isOperation(operation)) return undefined;
  const index = steps[operation].findIndex((step) => step.name === name);
  if (index === -1) return undefined;
  return {
    operation,
    step: steps[operation][index],
    next: steps[operation][index + 1],
    generation: Number(generation),
  };
}

/** Writes the position into a draft: the first step of an operation unless another is given. */
export function setPosition(
  draft: Cluster,
  operation: Operation | "idle",
  generation: number,
  step: Step | undefined = operation === "idle" ? undefined : steps[operation][0],
): void {
  const value = `${operation}/${step?.name ?? ""}/${generation}`;
  draft.metadata.annotations = { ...draft.metadata.annotations, [keys.step]: value };
}

function isOperation(text: string): text is Operation {
  return Object.hasOwn(steps, text);
}
