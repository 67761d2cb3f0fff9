import type { ResourceType } from "../../../kube/objects.js";
import { applicationStanding, customStanding, helmReleaseStanding } from "./standing-chart.js";
import { type HealthName, type LiveObject, type Standing, standing } from "./standing-facts.js";
import { podStanding } from "./standing-pod.js";
import { plainStandings } from "./standing-workload.js";

export type { HealthName, LiveObject, Standing } from "./standing-facts.js";

/** What a kind of objects is known by. */
export type KindName = Pick<ResourceType, "group" | "kind">;

/**
 * How a live object is, by its own words. Reads of it: `metadata` (generation, deletionTimestamp), `spec` (replicas,
 * suspend, type, source, template labels) and `status`. Entries of lists carry no kind: give it for them.
 */
export function standingOf(object: LiveObject, { group, kind }: KindName = kindOf(object)): Standing {
  if (object.metadata.deletionTimestamp !== undefined) return standing("progressing", "it is being deleted");
  if (kind === "HelmRelease" && group === "helm.toolkit.fluxcd.io") return helmReleaseStanding(object);
  if (kind === "Application" && group === "argoproj.io") return applicationStanding(object);
  if (kind === "Pod" && group === "") return podStanding(object);
  const own = plainStandings[`${group}/${kind}`];
  return own === undefined ? customStanding(object, group) : own(object);
}

function kindOf({ apiVersion = "", kind = "" }: LiveObject): KindName {
  const slash = apiVersion.indexOf("/");
  return { group: slash < 0 ? "" : apiVersion.slice(0, slash), kind };
}

/** A standing in a sum, and what its message is about there. */
export interface TitledStanding extends Standing {
  readonly title?: string;
}

/** How a workload is whose Pods tell more: what keeps them from starting comes to its own words. */
export function withPods(workload: Standing, pods: readonly Standing[]): Standing {
  if (workload.health === "healthy" || workload.health === "stopped") return workload;
  const broken = pods.find(({ health }) => health === "unhealthy");
  if (broken === undefined) {
    const waits = pods.find(({ health, message }) => health === "progressing" && message !== "");
    return { ...workload, message: joined(workload.message, waits?.message ?? "") };
  }
  const health = (workload.ready ?? 0) > 0 ? "degraded" : "unhealthy";
  return { ...workload, health, message: joined(workload.message, broken.message) };
}

const joined = (...parts: readonly string[]): string => parts.filter((part) => part !== "").join(": ");

const mostTold = 5;
const longestMessage = 1_000;
const severity: readonly HealthName[] = ["unhealthy", "degraded", "progressing", "unknown"];

/** How all of it is together: unhealthy when nothing that is wanted runs, degraded when some does. */
export function combined(all: readonly TitledStanding[]): Standing {
  if (all.length === 0) return standing("unknown", "nothing of it is on the target");
  const running = all.filter(({ runs }) => runs);
  const told = severity.flatMap((health) => all.filter((each) => each.health === health && each.message !== ""));
  const message = told
    .slice(0, mostTold)
    .map(({ title = "", message }) => joined(title, message))
    .join("; ");
  return standing(healthOf(all, running), message.slice(0, longestMessage), {
    runs: running.length > 0,
    failed: all.some(({ failed }) => failed),
    ...sums(all),
  });
}

function healthOf(all: readonly Standing[], running: readonly Standing[]): HealthName {
  const has = (health: HealthName) => all.some((each) => each.health === health);
  const wanted = (running.length > 0 ? running : all).filter(({ health }) => health !== "stopped");
  if (wanted.length > 0 && wanted.every(({ health }) => health === "unhealthy")) return "unhealthy";
  if (has("unhealthy") || has("degraded")) return "degraded";
  if (has("progressing")) return "progressing";
  if (has("unknown")) return "unknown";
  return wanted.length === 0 ? "stopped" : "healthy";
}

function sums(all: readonly Standing[]): Pick<Standing, "current" | "ready"> {
  const counted = all.filter(({ current }) => current !== undefined);
  if (counted.length === 0) return {};
  return {
    current: counted.reduce((sum, { current = 0 }) => sum + current, 0),
    ready: counted.reduce((sum, { ready = 0 }) => sum + ready, 0),
  };
}
