import { createHash } from "node:crypto";
import { asFields, asList, asText } from "../fields.js";
import { timestamp } from "../lifecycle.js";
import type { Fields, KubeObject, ObjectRef, OwnerReference, ResourceName } from "../types.js";

/** The owner that is responsible for an object. */
export function controllerOf({ metadata }: KubeObject): OwnerReference | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true);
}

/** A reference to an owner that is responsible for what carries it. */
export function ownedBy({ apiVersion, kind, metadata }: KubeObject): OwnerReference[] {
  const { name, uid } = metadata;
  return [{ apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true }];
}

/** Where an object is. */
export function refTo(resource: ResourceName, { metadata }: KubeObject): ObjectRef {
  return { ...resource, name: metadata.name, ...(metadata.namespace ? { namespace: metadata.namespace } : {}) };
}

/** Whether somebody wants an object gone. */
export function isDying({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** A condition of an object. */
export function conditionOf(object: KubeObject | undefined, type: string): Fields | undefined {
  return asList(object?.status?.conditions).find((one) => one.type === type);
}

/** What a condition says; its times are filled in. */
export interface NewCondition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason?: string;
  readonly message?: string;
  readonly observedGeneration?: number | undefined;
}

/** The conditions with one set: its transition time changes with its status only. */
export function withCondition(conditions: unknown, condition: NewCondition, now: Date): Fields[] {
  const all = asList(conditions);
  const before = all.find(({ type }) => type === condition.type);
  const at = before?.status === condition.status ? before.lastTransitionTime : timestamp(now);
  const next: Fields = { ...condition, lastTransitionTime: at ?? timestamp(now) };
  return before === undefined ? [...all, next] : all.map((one) => (one === before ? next : one));
}

/** The conditions without one. */
export function withoutCondition(conditions: unknown, type: string): Fields[] {
  return asList(conditions).filter((one) => one.type !== type);
}

/** Whether a label selector (`matchLabels` and `matchExpressions`) selects some labels; an absent one selects nothing. */
export function selects(selector: unknown, labels: Readonly<Record<string, string>> = {}): boolean {
  if (selector === undefined || selector === null) return false;
  const { matchLabels, matchExpressions } = asFields(selector);
  const equal = Object.entries(asFields(matchLabels)).every(([name, value]) => labels[name] === value);
  return equal && asList(matchExpressions).every((expression) => meets(expression, labels));
}

function meets({ key, operator, values }: Fields, labels: Readonly<Record<string, string>>): boolean {
  const value = labels[asText(key)];
  const list = Array.isArray(values) ? values.map(asText) : [];
  if (operator === "Exists") return value !== undefined;
  if (operator === "DoesNotExist") return value === undefined;
  const among = value !== undefined && list.includes(value);
  if (operator === "Gt") return value !== undefined && Number(value) > Number(list[0]);
  if (operator === "Lt") return value !== undefined && Number(value) < Number(list[0]);
  return operator === "NotIn" ? !among : among;
}

/** JSON with its keys in order, so that equal values give equal texts. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(",")}}`;
}

const hashLetters = "bcdfghjklmnpqrstvwxz2456789";

/** A short name for a value, as in the names of ReplicaSets. */
export function hashOf(value: unknown, length = 10): string {
  const digest = createHash("sha256").update(canonical(value)).digest();
  return Array.from(digest.subarray(0, length), (byte) => hashLetters[byte % hashLetters.length]).join("");
}

/** A number of replicas or a percentage of them; `fallback` for what is neither. */
export function shareOf(value: unknown, total: number, round: "up" | "down", fallback: unknown): number {
  const given = value ?? fallback;
  const percent = typeof given === "string" ? /^(\d+)%$/.exec(given)?.[1] : undefined;
  if (percent === undefined) return Math.max(0, Number(given) || 0);
  const share = (Number(percent) * total) / 100;
  return round === "up" ? Math.ceil(share) : Math.floor(share);
}

/** The milliseconds of a duration such as "1m30s", "500ms" or "2" (seconds); undefined for anything else. */
export function durationOf(text: string | undefined): number | undefined {
  if (text === undefined || text.length > 40) return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g);
  return [...parts].reduce((sum, [, amount, unit]) => sum + Number(amount) * (units[unit ?? ""] ?? 0), 0);
}
