import type { LastOperation, OperationType, Shoot } from "./types.js";

/** One part of an operation; while it runs, the operation shows its description and progress. */
export interface Step {
  /** What fault injection calls it. */
  readonly name: string;
  readonly description: string;
  /** How long it takes at time scale 1. */
  readonly ms: number;
  /** Percent of the operation that is done when the step begins. */
  readonly progress: number;
}

type Line = readonly [name: string, description: string, ms: number];

const create = sequence([
  ["dns", "Creating DNS records for the API server.", 1000],
  ["infrastructure", "Creating the infrastructure.", 4000],
  ["etcd", "Starting etcd.", 2000],
  ["api-server", "Starting the Kubernetes API server.", 3000],
  ["control-plane", "Starting the control plane.", 2500],
  ["workers", "Creating machines for the worker pools.", 4000],
  ["nodes", "Waiting until all nodes have joined.", 1500],
  ["system-components", "Starting system components and monitoring.", 1500],
]);

const reconcile = sequence([
  ["infrastructure", "Reconciling the infrastructure.", 1000],
  ["api-server", "Reconciling the Kubernetes API server.", 1500],
  ["control-plane", "Reconciling the control plane.", 1500],
  ["workers", "Reconciling the worker pools.", 1500],
  ["nodes", "Waiting until all nodes are up to date.", 1000],
  ["system-components", "Reconciling system components and monitoring.", 1000],
]);

const hibernate = sequence([
  ["workers", "Draining and deleting all machines.", 3000],
  ["control-plane", "Scaling the control plane down.", 3000],
]);

const remove = sequence([
  ["cleanup", "Deleting the objects inside the cluster.", 2000],
  ["workers", "Deleting all machines.", 3000],
  ["control-plane", "Deleting the control plane.", 1500],
  ["api-server", "Deleting the Kubernetes API server.", 1000],
  ["infrastructure", "Deleting the infrastructure.", 1500],
  ["dns", "Deleting DNS records.", 500],
]);

/** Names of all steps, for checking fault injections. */
export const stepNames: ReadonlySet<string> = new Set(
  [create, reconcile, hibernate, remove].flatMap((steps) => steps.map(({ name }) => name)),
);

/** The steps of the operation that a Shoot is in. */
export function stepsOf(shoot: Shoot, type: OperationType): readonly Step[] {
  if (type === "Delete") return remove;
  if (shoot.spec.hibernation?.enabled) return type === "Create" ? create : hibernate;
  return type === "Create" ? create : reconcile;
}

/** The step that runs, found by the progress alone, so that a restart finds it again; undefined after the last. */
export function stepAt(steps: readonly Step[], { progress }: LastOperation): number | undefined {
  const index = steps.findIndex((step) => step.progress >= progress);
  return index === -1 ? undefined : index;
}

function sequence(lines: readonly Line[]): readonly Step[] {
  return lines.map(([name, description, ms], index) => ({
    name,
    description,
    ms,
    progress: Math.floor((index * 100) / lines.length),
  }));
}
