import type { AdmissionRequest } from "../extension.js";
import { asFields } from "../fields.js";
import { forbidden, type StatusError } from "../status-error.js";
import type { KubeObject, NewObject } from "../types.js";
import type { Controller } from "./controller.js";
import { pods, quotas } from "./names.js";
import { podKeys } from "./object-index.js";
import { isOver } from "./pod-state.js";
import { amountOf, askedFor, quantityOf } from "./requests.js";
import type { World } from "./world.js";

/** What quotas count of a pod; other resources are not counted. */
const counted: Readonly<Record<string, (pod: KubeObject) => number>> = {
  pods: () => 1,
  "count/pods": () => 1,
  cpu: (pod) => askedFor(pod, "requests", "cpu"),
  memory: (pod) => askedFor(pod, "requests", "memory"),
  "requests.cpu": (pod) => askedFor(pod, "requests", "cpu"),
  "requests.memory": (pod) => askedFor(pod, "requests", "memory"),
  "limits.cpu": (pod) => askedFor(pod, "limits", "cpu"),
  "limits.memory": (pod) => askedFor(pod, "limits", "memory"),
};

/** The resources of a quota that pods count against, with how much there may be. */
function limitsOf(quota: KubeObject): [resource: string, limit: number][] {
  const hard = Object.entries(asFields(quota.spec?.hard)).filter(([resource]) => Object.hasOwn(counted, resource));
  return hard.map(([resource, quantity]) => [resource, amountOf(resource, quantity)]);
}

function usedOf(resource: string, present: readonly KubeObject[]): number {
  const count = counted[resource] ?? (() => 0);
  return present.filter((pod) => !isOver(pod)).reduce((sum, pod) => sum + count(pod), 0);
}

/** Why a pod may not be created beside those that are there; undefined when it may. */
function refusalOf(
  pod: KubeObject,
  all: readonly KubeObject[],
  present: () => readonly KubeObject[],
): StatusError | undefined {
  for (const quota of all) {
    const over = limitsOf(quota).flatMap(([resource, limit]) => {
      const asked = (counted[resource] ?? (() => 0))(pod);
      const used = usedOf(resource, present());
      return asked > 0 && used + asked > limit ? [{ resource, asked, used, limit }] : [];
    });
    if (over.length === 0) continue;
    const list = (of: "asked" | "used" | "limit") =>
      over.map((one) => `${one.resource}=${quantityOf(one.resource, one[of])}`).join(",");
    const { name } = quota.metadata;
    const why = `exceeded quota: ${name}, requested: ${list("asked")}, used: ${list("used")}, limited: ${list("limit")}`;
    return forbidden(pods, pod.metadata.name, why);
  }
  return undefined;
}

/** Throws when a pod that comes over the API exceeds a quota. */
export function admitWithinQuota({ operation, subresource, type, object, store }: AdmissionRequest): void {
  if (operation !== "create" || subresource !== "" || type.group !== "" || type.resource !== "pods") return;
  const { namespace } = object.metadata;
  const all = store.list(quotas, { namespace });
  const refusal = refusalOf(object, all, () => store.list(pods, { namespace }));
  if (refusal !== undefined) throw refusal;
}

/** Creates a pod within the quotas of its namespace; throws as the API does when one is exceeded. */
export function createPod({ store, pods: index, alone }: World, pod: NewObject): Promise<KubeObject> {
  // One at a time, so that no two are counted beside the same others.
  return alone(async () => {
    const namespace = pod.metadata.namespace ?? "default";
    const all = store.list(quotas, { namespace });
    const named = { ...pod, metadata: { ...pod.metadata, name: pod.metadata.name ?? pod.metadata.generateName ?? "" } };
    const refusal = refusalOf(named as KubeObject, all, () => index.get(podKeys.namespace(namespace)));
    if (refusal !== undefined) throw refusal;
    return await store.create(pods, pod);
  });
}

/** Tells in the status of quotas how much of them is used. */
export const quotaController: Controller = {
  resource: quotas,
  triggers: [
    {
      resource: pods,
      keys: ({ type, object }, { store }) => {
        if (type === "MODIFIED" && !isOver(object)) return [];
        const { namespace } = object.metadata;
        return store.list(quotas, { namespace }).map(({ metadata }) => `${namespace}/${metadata.name}`);
      },
    },
  ],
  async reconcile(quota, { store, pods: index }) {
    const { namespace = "", name } = quota.metadata;
    const present = index.get(podKeys.namespace(namespace));
    const used = limitsOf(quota).map(([resource]) => [resource, quantityOf(resource, usedOf(resource, present))]);
    await store.patchStatus({ ...quotas, namespace, name }, (draft) => {
      draft.status = { hard: asFields(quota.spec?.hard), used: Object.fromEntries(used) };
    });
    return undefined;
  },
};
