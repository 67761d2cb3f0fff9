import { parse } from "yaml";
import { asFields, asList, asText } from "../../fields.js";
import { timestamp } from "../../lifecycle.js";
import type { Fields, KubeObject } from "../../types.js";
import type { Controller } from "../controller.js";
import { deployments, ingresses, secrets, services } from "../names.js";
import { isDying, refTo } from "../objects.js";
import type { World } from "../world.js";
import { digestOf, merged, type Rendered, referencesTo, renderChart, resolveChart } from "./charts.js";
import { applications } from "./definitions.js";
import { healthOf, install, isInSync, type Marks, prune } from "./installed.js";

const finalizer = "resources-finalizer.argocd.argoproj.io";
const tracking = "argocd.argoproj.io/instance";
const home = "argocd.argoproj.io/application-namespace";

/** Compares Applications with what is there, and syncs them when they are to be. */
export const applicationController: Controller = {
  resource: applications,
  triggers: [deployments, services, ingresses, secrets].map((resource) => ({
    resource,
    keys: ({ object }: { object: KubeObject }) => {
      const { labels = {}, annotations = {} } = object.metadata;
      return labels[tracking] === undefined ? [] : [`${annotations[home]}/${labels[tracking]}`];
    },
  })),
  async reconcile(application, world) {
    if (isDying(application)) return await remove(application, world);
    const wanted = wantedOf(application);
    if (typeof wanted === "string") return await tellError(application, world, wanted);
    const { automated } = asFields(application.spec?.syncPolicy);
    const asked = application.operation !== undefined;
    const known = lastSynced(application);
    const isNew = known.digest !== wanted.digest;
    const outOfSync = wanted.objects.some((object) => !isInSync(world.store, object));
    const heals = isNew || asFields(automated).selfHeal === true;
    const syncs = asked || (automated !== undefined && outOfSync && heals);
    if (syncs) await sync(application, world, wanted);
    await report(application, world, wanted, syncs);
    return undefined;
  },
};

/** What an Application is to be. */
interface Wanted {
  readonly objects: readonly Rendered[];
  readonly revision: string;
  readonly digest: string;
}

function sourceOf({ spec = {} }: KubeObject): Fields {
  return asFields(spec.source ?? asList(spec.sources)[0]);
}

function wantedOf(application: KubeObject): Wanted | string {
  const source = sourceOf(application);
  const { chart, targetRevision, helm } = source;
  if (asText(chart) === "") return "Failed to load target state: only charts of Helm repositories can be rendered here";
  const revision = resolveChart(asText(chart), asText(targetRevision));
  if (revision === undefined) {
    return `Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = error resolving chart "${asText(chart)}" to version "${asText(targetRevision)}": not found`;
  }
  const values = helmValues(asFields(helm));
  if (values === undefined) return "Failed to load target state: the values are not YAML";
  const namespace = asText(asFields(application.spec?.destination).namespace) || "default";
  const name = asText(asFields(helm).releaseName) || application.metadata.name;
  const objects = renderChart(asText(chart), revision, values, { name, namespace });
  return { objects, revision, digest: digestOf(objects) };
}

function helmValues({ values, valuesObject, parameters }: Fields): Fields | undefined {
  let all: Fields;
  try {
    all = merged(asFields(parse(asText(values))), asFields(valuesObject));
  } catch {
    return undefined;
  }
  for (const { name, value } of asList(parameters)) {
    const nested = asText(name)
      .split(".")
      .reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
    all = merged(all, asFields(nested));
  }
  return all;
}

/** What was synced last, as the status tells. */
function lastSynced({ status }: KubeObject): { readonly digest: string; readonly resources: readonly Fields[] } {
  const { syncResult } = asFields(status?.operationState);
  return { digest: asText(asFields(syncResult).digest), resources: asList(status?.resources) };
}

function marksOf({ metadata }: KubeObject): Marks {
  return { labels: { [tracking]: metadata.name }, annotations: { [home]: metadata.namespace ?? "default" } };
}

async function sync(application: KubeObject, world: World, { objects }: Wanted): Promise<void> {
  await install(world.store, objects, marksOf(application));
  const { automated } = asFields(application.spec?.syncPolicy);
  const asked = asFields(asFields(application.operation).sync).prune === true;
  if (asked || asFields(automated).prune === true) await prune(world.store, managed(application), objects);
}

/** The objects that the status lists, as far as they have to be known to be deleted. */
function managed({ status }: KubeObject): Rendered[] {
  return asList(status?.resources).map(({ group, version, kind, namespace, name }) => ({
    apiVersion: [group, version].filter(Boolean).join("/"),
    kind: asText(kind),
    metadata: { namespace: asText(namespace), name: asText(name), labels: {} },
  }));
}

const worst = ["Missing", "Degraded", "Progressing", "Healthy"] as const;

async function report(application: KubeObject, world: World, wanted: Wanted, synced: boolean): Promise<void> {
  const { store, clock } = world;
  const at = timestamp(clock());
  const { objects, revision, digest } = wanted;
  const states = objects.map((object) => ({ inSync: isInSync(store, object), health: healthOf(store, object) }));
  const health = worst.find((one) => states.some((state) => state.health === one)) ?? "Healthy";
  const references = referencesTo(objects).map((reference, index) => {
    const { inSync, health: own } = states[index] ?? { inSync: false, health: "Missing" };
    return { ...reference, status: inSync ? "Synced" : "OutOfSync", health: { status: own } };
  });
  const names = new Set(references.map(keyOf));
  const extra = lastSynced(application).resources.filter((one) => !names.has(keyOf(one)) && !isPruned(world, one));
  const isSynced = states.every(({ inSync }) => inSync) && extra.length === 0;
  await store.modify(refTo(applications, application), (draft) => {
    delete draft.operation;
    const operation = {
      phase: "Succeeded",
      message: "successfully synced (all tasks run)",
      startedAt: at,
      finishedAt: at,
      operation: { sync: { revision } },
      syncResult: { revision, digest, source: sourceOf(draft) },
    };
    const entry = { id: asList(draft.status?.history).length, revision, deployedAt: at, source: sourceOf(draft) };
    draft.status = {
      ...draft.status,
      sync: { status: isSynced ? "Synced" : "OutOfSync", revision, comparedTo: { source: sourceOf(draft) } },
      health: { status: health },
      resources: [...references, ...extra.map((one) => ({ ...one, status: "OutOfSync", requiresPruning: true }))],
      ...(synced ? { operationState: operation, history: [...asList(draft.status?.history), entry].slice(-10) } : {}),
      conditions: [],
    };
  });
}

function keyOf({ kind, namespace, name }: Fields): string {
  return `${asText(kind)}/${asText(namespace)}/${asText(name)}`;
}

function isPruned({ store }: World, { kind, namespace, name }: Fields): boolean {
  const object = {
    apiVersion: "",
    kind: asText(kind),
    metadata: { namespace: asText(namespace), name: asText(name), labels: {} },
  };
  return healthOf(store, object) === "Missing";
}

async function tellError(application: KubeObject, { store, clock }: World, message: string): Promise<undefined> {
  await store.modify(refTo(applications, application), (draft) => {
    delete draft.operation;
    const before = asList(draft.status?.conditions).find((one) => one.message === message);
    const lastTransitionTime = before?.lastTransitionTime ?? timestamp(clock());
    draft.status = {
      ...draft.status,
      sync: { status: "Unknown" },
      health: asFields(draft.status?.health).status === undefined ? { status: "Healthy" } : draft.status?.health,
      conditions: [{ type: "ComparisonError", message, lastTransitionTime }],
    };
  });
  return undefined;
}

async function remove(application: KubeObject, { store }: World): Promise<undefined> {
  if (!application.metadata.finalizers?.includes(finalizer)) return undefined;
  await prune(store, managed(application));
  await store.modify(refTo(applications, application), (draft) => {
    draft.metadata.finalizers = (draft.metadata.finalizers ?? []).filter((one) => one !== finalizer);
  });
  return undefined;
}
