import { type Fault, useUp } from "./faults.js";
import { type Step, stepAt, stepsOf } from "./steps.js";
import {
  type Condition,
  keys,
  type LastOperation,
  type OperationState,
  type OperationType,
  type Shoot,
  timestamp,
} from "./types.js";

/** What a Shoot is waiting for. */
export type Phase =
  | { readonly do: "begin"; readonly type: OperationType; readonly ms: number }
  | { readonly do: "maintain"; readonly ms: number }
  | { readonly do: "start"; readonly ms: number } // a pending operation begins to be processed
  | { readonly do: "step"; readonly step: Step; readonly next: Step | undefined; readonly ms: number }
  | { readonly do: "resume"; readonly ms: number } // after an error
  | { readonly do: "settle"; readonly ms: number }; // the conditions become true

const conditionTypes = [
  "APIServerAvailable",
  "ControlPlaneHealthy",
  "ObservabilityComponentsHealthy",
  "EveryNodeReady",
  "SystemComponentsHealthy",
];

const beginMs = 200;
const pendingMs = 300;
const errorMs = 2000;
const settleMs = 2000;

/** Decides from the stored object alone what comes next, and after how long; undefined when nothing is to be done. */
export function phaseOf(shoot: Shoot): Phase | undefined {
  const { metadata, status } = shoot;
  const last = status?.lastOperation;
  if (metadata.deletionTimestamp !== undefined && last?.type !== "Delete") {
    return { do: "begin", type: "Delete", ms: beginMs };
  }
  if (last === undefined) return { do: "begin", type: "Create", ms: beginMs };
  if (metadata.annotations?.[keys.operation] === "maintain" && last.type !== "Delete") {
    return { do: "maintain", ms: beginMs };
  }
  if (last.state === "Pending") return { do: "start", ms: pendingMs };
  if (last.state === "Processing") return runningPhase(shoot, last);
  if (last.state === "Error") return { do: "resume", ms: errorMs };
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    const type = last.type === "Create" && last.state === "Succeeded" ? "Reconcile" : last.type;
    return { do: "begin", type, ms: beginMs };
  }
  const unsettled = status?.conditions?.some((condition) => condition.status === "Progressing");
  return last.state === "Succeeded" && unsettled ? { do: "settle", ms: settleMs } : undefined;
}

function runningPhase(shoot: Shoot, last: LastOperation): Phase {
  const steps = stepsOf(shoot, last.type);
  const index = stepAt(steps, last) ?? steps.length - 1;
  const step = steps[index];
  if (step === undefined) throw new Error("an operation has no steps");
  return { do: "step", step, next: steps[index + 1], ms: step.ms };
}

/** Distinguishes the phases of one Shoot, so that an unrelated change does not restart the clock of a step. */
export function phaseKey(shoot: Shoot, phase: Phase): string {
  const { type, state, progress } = shoot.status?.lastOperation ?? {};
  return [phase.do, type, state, progress, shoot.metadata.annotations?.[keys.operation]].join("/");
}

/** Writes the beginning of an operation into a draft. */
export function begin(draft: Shoot, type: OperationType, technicalID: string, now: Date): void {
  const { uid, generation } = draft.metadata;
  const first = stepsOf(draft, type)[0];
  const status = { seedName: "soil", technicalID, uid, ...draft.status };
  draft.status = { ...status, gardener: { id: "simulator", name: "gardenlet", version: "v1.150.0" } };
  observe(draft, generation);
  if (draft.status.conditions === undefined) {
    const message = "The condition has been initialized but its semantic check has not been performed yet.";
    draft.status.conditions = conditionTypes.map((one) => ({
      ...condition(one, "Unknown", "ConditionInitialized", message, now),
    }));
  }
  // Only a new cluster is seen waiting: the others are picked up at once.
  const state = type === "Create" ? "Pending" : "Processing";
  const waiting = "Waiting to be picked up.";
  setOperation(draft, { type, state, progress: 0, description: state === "Pending" ? waiting : describe(first) }, now);
  setLabel(draft, "progressing");
}

/** A pending or failed operation is processed (again), from the step where it was. */
export function start(draft: Shoot, now: Date): void {
  const last = draft.status?.lastOperation;
  if (last === undefined) return;
  const steps = stepsOf(draft, last.type);
  observe(draft, draft.metadata.generation);
  const { type, progress } = last;
  setOperation(
    draft,
    { type, state: "Processing", progress, description: describe(steps[stepAt(steps, last) ?? 0]) },
    now,
  );
}

/** A step is done, and the next one begins. */
export function advance(draft: Shoot, next: Step, now: Date): void {
  const type = draft.status?.lastOperation?.type ?? "Create";
  setOperation(draft, { type, state: "Processing", progress: next.progress, description: describe(next) }, now);
}

/** The last step of a creation or reconciliation is done: conditions are checked anew. */
export function succeed(draft: Shoot, now: Date): void {
  const type = draft.status?.lastOperation?.type ?? "Create";
  const done = type === "Create" ? "created" : "reconciled";
  const description = `Shoot cluster has been successfully ${done}.`;
  setOperation(draft, { type, state: "Succeeded", progress: 100, description }, now);
  if (draft.status === undefined) return;
  delete draft.status.lastErrors;
  draft.status.hibernated = draft.spec.hibernation?.enabled ?? false;
  draft.status.conditions = conditionTypes.map((one) =>
    condition(one, "Progressing", "Progressing", "The check has just been taken up after the operation.", now),
  );
  setLabel(draft, "progressing");
}

/** All conditions hold. */
export function settle(draft: Shoot, now: Date): void {
  if (draft.status === undefined) return;
  draft.status.conditions = conditionTypes.map((one) =>
    condition(one, "True", `${one}Succeeded`, "All checks passed.", now),
  );
  setLabel(draft, "healthy");
}

/** A step ends with an error: it is tried again, or the operation has failed for good. */
export function strike(draft: Shoot, fault: Fault, now: Date): void {
  const last = draft.status?.lastOperation;
  if (last === undefined || draft.status === undefined) return;
  useUp(draft, fault);
  const state: OperationState = fault.times === "failed" ? "Failed" : "Error";
  const description = `task "${fault.step}" failed: simulated fault`;
  setOperation(draft, { type: last.type, state, progress: last.progress, description }, now);
  draft.status.lastErrors = [{ description, taskID: fault.step, codes: [fault.code], lastUpdateTime: timestamp(now) }];
  setLabel(draft, "unhealthy");
}

function observe(draft: Shoot, generation: number | undefined): void {
  if (draft.status !== undefined && generation !== undefined) draft.status.observedGeneration = generation;
}

function describe(step: Step | undefined): string {
  return step?.description ?? "";
}

function setOperation(draft: Shoot, operation: Omit<LastOperation, "lastUpdateTime">, now: Date): void {
  draft.status = { ...draft.status, lastOperation: { ...operation, lastUpdateTime: timestamp(now) } };
}

function setLabel(draft: Shoot, value: string): void {
  draft.metadata.labels = { ...draft.metadata.labels, [keys.status]: value };
}

function condition(type: string, status: Condition["status"], reason: string, message: string, now: Date): Condition {
  return { type, status, reason, message, lastTransitionTime: timestamp(now), lastUpdateTime: timestamp(now) };
}
