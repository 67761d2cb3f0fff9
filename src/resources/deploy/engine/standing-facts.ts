import type { KubeObject } from "../../../kube/objects.js";
import { isRecord } from "../../../record.js";

/** How something is, as deployments show it. */
export type HealthName = "unknown" | "healthy" | "progressing" | "degraded" | "unhealthy" | "stopped";

/** How an object is. */
export interface Standing {
  readonly health: HealthName;
  /** Why; empty when there is nothing to say. */
  readonly message: string;
  /** Whether it keeps something running, as workloads and charts do, and Services and Jobs do not. */
  readonly runs: boolean;
  /** Whether it will not become healthy by itself any more: nobody needs to wait for it. */
  readonly failed: boolean;
  /** Replicas that are there, and those that are ready; only of what has replicas. */
  readonly current?: number;
  readonly ready?: number;
}

/** A live object; whatever is in it was written by others. */
export type LiveObject = KubeObject & { readonly spec?: unknown; readonly status?: unknown };

/** A condition of a status. */
export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** The fields of a value; none of one that has no fields. */
export const fieldsOf = (value: unknown): Fields => (isRecord(value) ? value : {});

/** The entries of a list that have fields. */
export const listOf = (value: unknown): Fields[] => (Array.isArray(value) ? value.filter(isRecord) : []);

/** A text; empty for anything else. */
export const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** A number; 0, or what is given, for anything else. */
export const numberOf = (value: unknown, otherwise = 0): number => (typeof value === "number" ? value : otherwise);

/** The conditions of an object. */
export function conditionsOf({ status }: LiveObject): Condition[] {
  return listOf(fieldsOf(status).conditions).map((each) => ({
    type: textOf(each.type),
    status: textOf(each.status),
    reason: textOf(each.reason),
    message: textOf(each.message),
    observedGeneration: typeof each.observedGeneration === "number" ? each.observedGeneration : undefined,
  }));
}

/** The condition of a type, if there is one. */
export const conditionOf = (object: LiveObject, type: string): Condition | undefined =>
  conditionsOf(object).find((each) => each.type === type);

/** Reason and message of a condition in one line. */
export const because = ({ reason, message }: Pick<Condition, "reason" | "message">): string =>
  [reason, message].filter((part) => part !== "").join(": ");

/** Whether the controller has seen the newest generation; `undefined` when its status does not tell. */
export function isObserved(object: LiveObject): boolean | undefined {
  const { observedGeneration } = fieldsOf(object.status);
  if (typeof observedGeneration !== "number") return undefined;
  return observedGeneration >= numberOf(object.metadata.generation);
}

/** Said of what its controller does not know yet as it is wanted now. */
export const notSeen = "it was changed, which its controller has not seen yet";

/** What a standing is beside its health and message, unless told. */
const usual = { runs: false, failed: false } as const;

/** A standing. */
export function standing(
  health: HealthName,
  message = "",
  more: Partial<Omit<Standing, "health" | "message">> = {},
): Standing {
  return { health, message, ...usual, ...more };
}
