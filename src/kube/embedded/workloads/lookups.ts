import { asFields, asText } from "../fields.js";
import type { Fields, KubeObject } from "../types.js";
import { autoscalers, budgets, services } from "./names.js";
import { podKeys } from "./object-index.js";
import { selects } from "./objects.js";
import type { World } from "./world.js";

/** What the index of those that look at others is about. */
export const lookingResources = [services, budgets, autoscalers];

const anyPair = "*";

/** Keys of the index of those that look at others: what they scale, or one of the labels that they select by. */
export const lookupKeys = {
  target: (namespace: string, kind: string, name: string) => `target ${namespace} ${kind} ${name}`,
  pair: (namespace: string, pair: string) => `pair ${namespace} ${pair}`,
};

/** The keys of an object that looks at others. */
export function keysOfLooking(object: KubeObject): string[] {
  const { namespace = "" } = object.metadata;
  if (object.kind === "HorizontalPodAutoscaler") {
    const { kind, name } = asFields(object.spec?.scaleTargetRef);
    return [lookupKeys.target(namespace, asText(kind), asText(name))];
  }
  const selector = selectorOf(object);
  return selector === undefined ? [] : [lookupKeys.pair(namespace, firstPair(selector) ?? anyPair)];
}

/** How a Service or a PodDisruptionBudget selects pods, as a label selector; undefined when it does not. */
export function selectorOf({ kind, spec }: KubeObject): Fields | undefined {
  const { selector } = spec ?? {};
  if (kind !== "Service") return selector === undefined ? undefined : asFields(selector);
  const labels = asFields(selector);
  return Object.keys(labels).length === 0 ? undefined : { matchLabels: labels };
}

function firstPair({ matchLabels }: Fields): string | undefined {
  const [first] = Object.entries(asFields(matchLabels)).sort(([a], [b]) => (a < b ? -1 : 1));
  return first && `${first[0]}=${asText(first[1])}`;
}

/** The Services or PodDisruptionBudgets that select a pod. */
export function lookingAt({ lookups }: World, pod: KubeObject, kind: string): KubeObject[] {
  const { namespace = "", labels = {} } = pod.metadata;
  const pairs = [anyPair, ...Object.entries(labels).map(([name, value]) => `${name}=${value}`)];
  const found = pairs.flatMap((pair) => lookups.get(lookupKeys.pair(namespace, pair)));
  return found.filter((object) => object.kind === kind && selects(selectorOf(object), labels));
}

/** The pods that a Service or a PodDisruptionBudget selects. */
export function podsSelectedBy({ pods }: World, object: KubeObject): KubeObject[] {
  const { namespace = "" } = object.metadata;
  const selector = selectorOf(object);
  if (selector === undefined) return [];
  const [name, value] = Object.entries(asFields(selector.matchLabels)).sort(([a], [b]) => (a < b ? -1 : 1))[0] ?? [];
  const key = name === undefined ? podKeys.namespace(namespace) : podKeys.label(namespace, name, asText(value));
  return pods.get(key).filter(({ metadata }) => selects(selector, metadata.labels));
}
