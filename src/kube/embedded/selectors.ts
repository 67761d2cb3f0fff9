import { asText } from "./fields.js";
import { badRequest } from "./status-error.js";
import type { KubeObject } from "./types.js";

/** Says whether an object is selected. */
export type Selector = (object: KubeObject) => boolean;

type LabelTest = (labels: Readonly<Record<string, string>>) => boolean;

const nameRule = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const prefixRule = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;

/** Whether a text may be a label or annotation key, such as "app" or "example.org/app". */
export function isQualifiedName(key: string): boolean {
  const [first = "", second, ...more] = key.split("/");
  if (more.length > 0) return false;
  const name = second ?? first;
  if (second !== undefined && (first.length > 253 || !prefixRule.test(first))) return false;
  return name.length <= 63 && nameRule.test(name);
}

/** Whether a text may be the value of a label; "" may. */
export function isLabelValue(value: string): boolean {
  return value === "" || (value.length <= 63 && nameRule.test(value));
}

/** Reads a label selector such as "app=web,tier in (a, b),!old"; throws a 400 on anything else. */
export function labelSelector(text: string): Selector {
  const tests = splitRequirements(text).map(labelTest);
  return (object) => tests.every((test) => test(object.metadata.labels ?? {}));
}

/** Splits at the commas outside of parentheses. */
function splitRequirements(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "(") depth += 1;
    if (text[at] === ")") depth -= 1;
    if (text[at] === "," && depth === 0) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return text.trim() === "" ? [] : parts.map((part) => part.trim());
}

function labelTest(requirement: string): LabelTest {
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(requirement);
  if (set) return setTest(set[1] ?? "", set[2] === "in", (set[3] ?? "").split(","), requirement);
  const order = /^([^\s=!<>]+)\s*([<>])\s*(-?\d+)$/.exec(requirement);
  if (order) return orderTest(order[1] ?? "", order[2] === ">", Number(order[3]), requirement);
  const equality = /^([^\s=!]+)\s*(==|=|!=)\s*([^\s=!]*)$/.exec(requirement);
  if (equality) return setTest(equality[1] ?? "", equality[2] !== "!=", [equality[3] ?? ""], requirement);
  const presence = /^(!?)\s*([^\s=!(),]+)$/.exec(requirement);
  if (!presence) throw malformed(requirement);
  const key = checkedKey(presence[2] ?? "", requirement);
  const wanted = presence[1] === "";
  return (labels) => Object.hasOwn(labels, key) === wanted;
}

function setTest(key: string, wanted: boolean, texts: readonly string[], requirement: string): LabelTest {
  const values = new Set(texts.map((text) => text.trim()));
  checkedKey(key, requirement);
  for (const value of values) if (!isLabelValue(value)) throw malformed(requirement);
  return (labels) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    return (value !== undefined && values.has(value)) === wanted;
  };
}

function orderTest(key: string, above: boolean, bound: number, requirement: string): LabelTest {
  checkedKey(key, requirement);
  return (labels) => {
    const text = Object.hasOwn(labels, key) ? labels[key] : undefined;
    if (text === undefined || !/^-?\d+$/.test(text)) return false;
    return above ? Number(text) > bound : Number(text) < bound;
  };
}

function checkedKey(key: string, requirement: string): string {
  if (!isQualifiedName(key)) throw malformed(requirement);
  return key;
}

function malformed(requirement: string): Error {
  return badRequest(`unable to parse requirement: ${JSON.stringify(requirement)} is not a label selector`);
}

/**
 * Reads a field selector such as "metadata.name=a,status.phase!=Running".
 * Only the given fields are known besides name and namespace, as upstream:
 * others answer 400, so that nobody comes to rely on them here.
 */
export function fieldSelector(text: string, known: readonly string[]): Selector {
  if (text.trim() === "") return () => true;
  const tests = text.split(/(?<!\\),/).map((part) => fieldTest(part.trim(), known));
  return (object) => tests.every((test) => test(object));
}

function fieldTest(requirement: string, known: readonly string[]): Selector {
  const match = /^([^=!]+?)(==|=|!=)(.*)$/.exec(requirement);
  if (!match) throw badRequest(`invalid selector: ${JSON.stringify(requirement)}; can't understand it`);
  const [, field = "", operator, escaped = ""] = match;
  if (field !== "metadata.name" && field !== "metadata.namespace" && !known.includes(field)) {
    throw badRequest(`field label not supported: ${field}`);
  }
  const path = field.split(".");
  const value = escaped.replaceAll(/\\([\\,=])/g, "$1");
  const wanted = operator !== "!=";
  return (object) => (scalarAt(object, path) === value) === wanted;
}

function scalarAt(object: KubeObject, path: readonly string[]): string {
  let at: unknown = object;
  for (const step of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return "";
    at = (at as Record<string, unknown>)[step];
  }
  return asText(at);
}
