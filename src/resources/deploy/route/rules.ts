import { DomainError, invalidField } from "../../../errors.js";
import { isLabelKey } from "../environment/labels.js";
import type { ReleaseContent } from "../spec/content.js";
import type { RouterSettings } from "../target/table.js";
import { portOf } from "./render.js";
import type { RouteRow } from "./store.js";
import type { TrafficShare } from "./table.js";

/** Most routes of a deployment. */
export const mostRoutes = 100;

/** Most releases that run beside the active one of a deployment. */
export const mostVariants = 3;

/** All annotations of an object must fit into 256 KiB; these leave room for those of the router. */
const mostAnnotationBytes = 65_536;

/** The row; or NOT_FOUND. */
export function found<Row extends object>(row: Row | undefined, route: string): Row {
  if (row === undefined) throw new DomainError("missing", `route ${route} does not exist`);
  return row;
}

/** Refuses a change that is based on another version than the present one. */
export function refuseStale({ hostname, version }: RouteRow, expected: bigint | undefined): void {
  if (expected === undefined || BigInt(version) === expected) return;
  throw new DomainError("conflict", `route ${hostname} has version ${version} now: read it again`);
}

/** Refuses to change what is going. */
export function refuseDeleting({ hostname, state }: RouteRow): void {
  if (state === "deleting") throw new DomainError("precondition", `route ${hostname} is being deleted`);
}

/**
 * The annotations of a request; throws "invalid" for what Kubernetes would refuse, for what Slipway sets by itself, and
 * for snippets, which could read what belongs to other Ingresses.
 */
export function annotationsOf(
  field: string,
  annotations: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    if (!isLabelKey(key))
      throw invalidField(field, "has a key that is none of an annotation: it must be [PREFIX/]NAME");
    if (/^([^/]*\.)?(slipway\.dev|cert-manager\.io)\/|^kubernetes\.io\/ingress\.class$|\/canary(-|$)/.test(key)) {
      throw invalidField(field, "has an annotation that Slipway sets by itself: use the fields of the route");
    }
    if (/\/server-alias(-|$)|^external-dns\.[^/]*\/.*hostname/.test(key)) {
      throw invalidField(field, "has another hostname, which may be another route's: make a route for it");
    }
    if (key.endsWith("-snippet")) throw invalidField(field, "has a snippet: only those of the router may");
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > mostAnnotationBytes) throw invalidField(field, `must be at most ${mostAnnotationBytes} bytes together`);
  return { ...annotations };
}

/**
 * The router of that name, or else the default one, or the only one. Throws "missing" when there is none of that name,
 * and "precondition" when none is named and it is not clear which is meant.
 */
export function routerOf(routers: readonly RouterSettings[], name: string): RouterSettings {
  if (name !== "") {
    const named = routers.find((router) => router.name === name);
    if (named === undefined) throw new DomainError("missing", `the target has no router ${name}`);
    return named;
  }
  const [only, ...others] = routers;
  const usual = routers.find(({ isDefault }) => isDefault) ?? (others.length === 0 ? only : undefined);
  if (usual !== undefined) return usual;
  const names = routers.map((router) => router.name).join(", ");
  const hint =
    names === "" ? "the target has no routers: give it one" : `the target has no default router: name one of ${names}`;
  throw new DomainError("precondition", hint);
}

/** Where a route leads: a process and its port of an image, or a Service of a chart. */
export type RouteGoal = Pick<RouteRow, "process" | "port" | "service">;

/**
 * Refuses what a release has not: "missing" for a process or port, "invalid" for what is not for its source.
 */
export function refuseUnknownGoal({ source, processes }: ReleaseContent, goal: RouteGoal): void {
  if (source.type === "image") {
    if (goal.service !== "") throw invalidField("service", "is for charts: name the process");
    portOf({ processes }, goal);
    return;
  }
  if (goal.process !== "") throw invalidField("process", "is for images: name the Service of the chart");
  if (goal.service === "") throw invalidField("service", "must name the Service of the chart that gets the requests");
}

/** The shares of a request, with the number of the active release in place of 0; empty when that takes all. */
export function trafficOf(
  shares: readonly TrafficShare[],
  activeRelease: number,
): readonly [] | readonly [active: TrafficShare, other: TrafficShare] {
  if (shares.length === 0) return [];
  const named = shares.map(({ release, percent }) => ({ release: release || activeRelease, percent }));
  const sum = named.reduce((total, { percent }) => total + percent, 0);
  if (sum !== 100) throw invalidField("traffic", `must be 100 percent together: it is ${sum}`);
  if (new Set(named.map(({ release }) => release)).size < named.length) {
    throw invalidField("traffic", "must name each release once: 0 is the active one");
  }
  const others = named.filter(({ release }) => release !== activeRelease);
  const [other, another] = others;
  if (another !== undefined)
    throw invalidField("traffic", `must have a share for the active release ${activeRelease}, of 0 percent or more`);
  if (other === undefined || other.percent === 0) return [];
  return [{ release: activeRelease, percent: 100 - other.percent }, other];
}

/** Refuses shares where the router cannot divide requests. */
export function refuseIndivisible({ name, ingressClass }: RouterSettings): void {
  if (/(^|-)nginx(-|$)/.test(ingressClass)) return;
  const what = ingressClass === "" ? "has no ingress class" : `is of class ${ingressClass}`;
  throw new DomainError("precondition", `requests are divided by nginx alone, and router ${name} ${what}`);
}

/** Refuses a share for a release that cannot run beside the active one, or not behind the same port. */
export function refuseUnlike(active: ReleaseContent, other: ReleaseContent, number: number, goal: RouteGoal): void {
  if (active.source.type === "chart" || other.source.type === "chart") {
    throw new DomainError("precondition", "releases of charts cannot run side by side");
  }
  const { process, port } = portOf(active, goal);
  if (process.kind !== "service") {
    throw new DomainError(
      "precondition",
      `process ${process.name} keeps state: releases of it cannot run side by side`,
    );
  }
  const same = other.processes.find(({ name }) => name === process.name);
  if (same?.kind !== "service" || !same.ports.some((each) => each.port === port.port && each.protocol === "TCP")) {
    throw new DomainError("precondition", `release ${number} has no process ${process.name} with port ${port.port}`);
  }
}
