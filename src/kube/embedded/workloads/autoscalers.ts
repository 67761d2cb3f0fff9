import { asFields, asList, asNumber, asText } from "../fields.js";
import { timestamp } from "../lifecycle.js";
import type { Fields, KubeObject, ResourceName } from "../types.js";
import { type Controller, keyOf, type Trigger } from "./controller.js";
import { lookupKeys } from "./lookups.js";
import { asks, autoscalers, deployments, replicaSets, statefulSets } from "./names.js";
import { isDying, type NewCondition, refTo, withCondition } from "./objects.js";
import type { World } from "./world.js";

const component = "horizontal-pod-autoscaler";
const tolerance = 0.1;
const standardWindow = 300;
const standardTarget = 80;

const targets: Readonly<Record<string, ResourceName>> = {
  Deployment: deployments,
  StatefulSet: statefulSets,
  ReplicaSet: replicaSets,
};

/** Scales what HorizontalPodAutoscalers name, by the load that their annotation tells. */
export const autoscalerController: Controller = {
  resource: autoscalers,
  triggers: Object.entries(targets).map(([kind, resource]) => whenTarget(kind, resource)),
  gone: ({ metadata }, { waits }) => waits.forget(metadata.uid),
  async reconcile(scaler, world) {
    if (isDying(scaler)) return undefined;
    const { kind, name } = asFields(scaler.spec?.scaleTargetRef);
    const resource = Object.hasOwn(targets, asText(kind)) ? targets[asText(kind)] : undefined;
    const { namespace } = scaler.metadata;
    const target = resource && world.store.get({ ...resource, namespace, name: asText(name) });
    if (resource === undefined || target === undefined) {
      await report(scaler, world, undefined, [
        {
          type: "AbleToScale",
          status: "False",
          reason: "FailedGetScale",
          message: `${asText(kind)} "${asText(name)}" not found`,
        },
      ]);
      return undefined;
    }
    return await scale(scaler, world, resource, target);
  },
};

function whenTarget(kind: string, resource: ResourceName): Trigger {
  return {
    resource,
    keys: ({ object }, { lookups }) => {
      const { namespace = "", name } = object.metadata;
      return lookups.get(lookupKeys.target(namespace, kind, name)).map(keyOf);
    },
  };
}

/** What an autoscaler sees and wants. */
interface Reading {
  readonly current: number;
  readonly desired: number;
  /** Percent of what each replica asks for; undefined while nothing is known. */
  readonly utilization: number | undefined;
  readonly scaled: boolean;
}

async function scale(
  scaler: KubeObject,
  world: World,
  resource: ResourceName,
  target: KubeObject,
): Promise<number | undefined> {
  const current = asNumber(target.spec?.replicas ?? 1);
  const utilization = utilizationOf(scaler, target);
  if (current === 0) {
    const message = "scaling is disabled since the replica count of the target is zero";
    const off = { type: "ScalingActive", status: "False", reason: "ScalingDisabled", message } as const;
    await report(scaler, world, { current, desired: 0, utilization: undefined, scaled: false }, [off]);
    return undefined;
  }
  const raw = utilization === undefined ? current : recommended(scaler, target, utilization);
  const bounded = Math.min(maximumOf(scaler), Math.max(asNumber(scaler.spec?.minReplicas ?? 1), raw));
  const left =
    bounded < current && raw <= maximumOf(scaler)
      ? windowOf(scaler) - world.waits.waited(scaler.metadata.uid, "down")
      : 0;
  if (bounded >= current) world.waits.forget(scaler.metadata.uid);
  const desired = left > 0 && current <= maximumOf(scaler) ? current : bounded;
  if (desired !== current) await resize(scaler, world, resource, target, desired);
  const conditions = conditionsOf(utilization, raw, bounded, left > 0);
  await report(scaler, world, { current, desired, utilization, scaled: desired !== current }, conditions);
  return left > 0 ? left + 1 : undefined;
}

function maximumOf({ spec }: KubeObject): number {
  return asNumber(spec?.maxReplicas ?? 1);
}

function windowOf({ spec }: KubeObject): number {
  const { stabilizationWindowSeconds } = asFields(asFields(spec?.behavior).scaleDown);
  return asNumber(stabilizationWindowSeconds ?? standardWindow) * 1000;
}

function targetOf({ spec }: KubeObject): number {
  const [metric = {}] = asList(spec?.metrics);
  return asNumber(asFields(asFields(metric.resource).target).averageUtilization) || standardTarget;
}

/** The load of the annotation, shared by the replicas that are ready. */
function utilizationOf({ metadata }: KubeObject, { status }: KubeObject): number | undefined {
  const load = metadata.annotations?.[asks.load];
  if (load === undefined || !/^\d+(\.\d+)?$/.test(load)) return undefined;
  return Math.round(Number(load) / Math.max(1, asNumber(status?.readyReplicas)));
}

function recommended(scaler: KubeObject, { spec, status }: KubeObject, utilization: number): number {
  const ratio = utilization / targetOf(scaler);
  if (Math.abs(ratio - 1) <= tolerance) return asNumber(spec?.replicas ?? 1);
  return Math.ceil(ratio * Math.max(1, asNumber(status?.readyReplicas)));
}

async function resize(
  scaler: KubeObject,
  { store, events }: World,
  resource: ResourceName,
  target: KubeObject,
  replicas: number,
): Promise<void> {
  await store.modify(refTo(resource, target), (draft) => {
    draft.spec = { ...draft.spec, replicas };
  });
  const message = `New size: ${replicas}; reason: cpu resource utilization (percentage of request) differs from target`;
  events.record(scaler, { type: "Normal", reason: "SuccessfulRescale", message, component });
}

function conditionsOf(utilization: number | undefined, raw: number, bounded: number, waits: boolean): NewCondition[] {
  const able = waits ? "ScaleDownStabilized" : "ReadyForNewScale";
  const active: NewCondition =
    utilization === undefined
      ? {
          type: "ScalingActive",
          status: "False",
          reason: "FailedGetResourceMetric",
          message: "no metrics returned from resource metrics API",
        }
      : {
          type: "ScalingActive",
          status: "True",
          reason: "ValidMetricFound",
          message: "the HPA was able to calculate a replica count from cpu resource utilization",
        };
  const limited: NewCondition =
    raw === bounded
      ? {
          type: "ScalingLimited",
          status: "False",
          reason: "DesiredWithinRange",
          message: "the desired count is within the acceptable range",
        }
      : {
          type: "ScalingLimited",
          status: "True",
          reason: raw > bounded ? "TooManyReplicas" : "TooFewReplicas",
          message: "the desired replica count is beyond the range",
        };
  return [
    { type: "AbleToScale", status: "True", reason: able, message: "recommended size matches current size" },
    active,
    limited,
  ];
}

async function report(
  scaler: KubeObject,
  world: World,
  reading: Reading | undefined,
  conditions: readonly NewCondition[],
): Promise<void> {
  const now = world.clock();
  await world.store.patchStatus(refTo(autoscalers, scaler), (draft) => {
    const { current = 0, desired = 0, utilization, scaled } = reading ?? {};
    const metrics: Fields[] =
      utilization === undefined
        ? []
        : [{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: utilization } } }];
    const lastScaleTime = scaled ? timestamp(now) : draft.status?.lastScaleTime;
    draft.status = {
      currentReplicas: current,
      desiredReplicas: desired,
      ...(metrics.length > 0 ? { currentMetrics: metrics } : {}),
      ...(lastScaleTime === undefined ? {} : { lastScaleTime }),
      conditions: conditions.reduce((all, one) => withCondition(all, one, now), asList(draft.status?.conditions)),
    };
  });
}
