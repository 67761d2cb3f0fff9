import { createHash } from "node:crypto";
import { apiVersionOf, type KubeObject, type ResourceType } from "../../../kube/objects.js";
import { isRecord } from "../../../record.js";
import { labels, statusAnnotation } from "../engine/labels.js";
import type { LiveObject } from "../engine/standing-facts.js";

const keptLabels: readonly string[] = [
  labels.deployment,
  labels.process,
  labels.release,
  labels.variant,
  labels.instance,
];
/** What changes all the time, is large, or says nothing of how an object is. */
const dropped: ReadonlySet<string> = new Set([
  "image",
  "imageID",
  "containerID",
  "hostIP",
  "hostIPs",
  "podIP",
  "podIPs",
  "resources",
  "allocatedResources",
  "volumeMounts",
  "currentMetrics",
  "lastProbeTime",
  "lastUpdateTime",
  "lastHeartbeatTime",
  "lastScheduleTime",
  "lastScaleTime",
  "lastTransitionTime",
  "startTime",
  "startedAt",
  "finishedAt",
  "resource",
  "images",
  "operation",
  "managedFields",
]);
const longestText = 512;
const mostEntries = 40;

/** Deep enough for the states of containers: `containerStatuses[].state.waiting.reason`. */
const statusDepth = 5;
const specDepth = 1;

/**
 * What the observer needs of an object of a type: its name, whose it is, and how it is. Objects of lists do not say of
 * what kind they are: what is picked does. Never throws, whatever the object is.
 */
export function picker(type: ResourceType): (object: KubeObject) => LiveObject | undefined {
  const head = { apiVersion: apiVersionOf(type), kind: type.kind };
  return (object) => {
    const { metadata, spec, status }: Record<string, unknown> = { ...object };
    if (!isRecord(metadata) || typeof metadata.name !== "string") return undefined;
    return {
      ...head,
      metadata: metadataOf(metadata, metadata.name),
      ...(isRecord(spec) ? { spec: { ...slim(spec, specDepth), ...templateOf(spec) } } : {}),
      ...(isRecord(status) ? { status: slim(status, statusDepth) } : {}),
    };
  };
}

function metadataOf(metadata: Record<string, unknown>, name: string): KubeObject["metadata"] {
  const { namespace, uid, generation, creationTimestamp, deletionTimestamp } = metadata;
  const reported = recordOf(metadata.annotations)[statusAnnotation];
  return {
    name,
    ...(typeof namespace === "string" ? { namespace } : {}),
    ...(typeof uid === "string" ? { uid } : {}),
    ...(typeof generation === "number" ? { generation } : {}),
    ...(typeof creationTimestamp === "string" ? { creationTimestamp } : {}),
    ...(typeof deletionTimestamp === "string" ? { deletionTimestamp } : {}),
    labels: Object.fromEntries(
      keptLabels.flatMap((key) => {
        const value = recordOf(metadata.labels)[key];
        return typeof value === "string" ? [[key, value]] : [];
      }),
    ),
    ...(typeof reported === "string" ? { annotations: { [statusAnnotation]: reported.slice(0, longestText) } } : {}),
  };
}

/** Of Pods' templates whose release they are: a workload's Pods may be of several. */
function templateOf({ template }: Record<string, unknown>): object {
  const release = recordOf(recordOf(recordOf(template).metadata).labels)[labels.release];
  return typeof release === "string" ? { template: { metadata: { labels: { [labels.release]: release } } } } : {};
}

/** Texts, numbers and truths down to a depth; lists and objects that are too deep or too long are cut. */
function slim(value: Record<string, unknown>, depth: number): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  let count = 0;
  for (const [key, each] of Object.entries(value)) {
    if (dropped.has(key)) continue;
    const piece = key === "source" && isRecord(each) ? digestOf(each) : slimValue(each, depth);
    if (piece === undefined) continue;
    kept[key] = piece;
    count += 1;
    if (count >= mostEntries) break;
  }
  return kept;
}

function slimValue(value: unknown, depth: number): unknown {
  if (typeof value === "string") return value.slice(0, longestText);
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (depth === 0) return undefined;
  if (Array.isArray(value)) {
    return value
      .slice(0, mostEntries)
      .map((each: unknown) => slimValue(each, depth - 1))
      .filter((each) => each !== undefined);
  }
  return isRecord(value) ? slim(value, depth - 1) : undefined;
}

/** Sources of charts are only compared with each other, and may be large. */
const digestOf = (value: unknown): string => createHash("sha256").update(canonical(value)).digest("base64");

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!isRecord(value)) return JSON.stringify(value) ?? "null";
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join()}}`;
}

const recordOf = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {});
