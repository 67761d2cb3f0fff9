import { setMaxListeners } from "node:events";
import type { Logger } from "pino";
import type { KubeClient } from "../../../kube/client.js";
import { type ObjectMeta, pathOf, type ResourceType } from "../../../kube/objects.js";
import type { Budget } from "../../api/cluster/inside/collection.js";
import { pods } from "../engine/kinds.js";
import { chartTypes, followedTypes, isOf, otherTypes } from "./kinds.js";
import { chartOwner, followPart, type Part, type PartKind, type PartOptions } from "./part.js";
import { isChart } from "./scope.js";
import type { Subject } from "./store.js";
import type { SeenLive, View } from "./verdict.js";

/** All that is followed on one target. */
export interface Parts {
  /** Follows what these deployments need, and nothing else. */
  settle(subjects: readonly Subject[]): Promise<void>;
  /** What is seen of a deployment; undefined while it has not been read. */
  view(subject: Subject): View | undefined;
  /** Whether all that is followed was read, or cannot be. */
  isRead(): boolean;
  stop(): Promise<void>;
}

/** What following the parts of a target needs. */
export interface PartsOptions {
  readonly target: string;
  readonly client: KubeClient;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly budget: Budget;
  readonly backoff?: PartOptions["backoff"];
  /** Hears which deployments' objects have changed. */
  readonly onChange: (deployments: Iterable<string> | "all") => void;
}

/** Opens what is followed on a target: nothing until it is settled. */
export function openParts({ target, onChange, ...options }: PartsOptions): Parts {
  const parts = new Map<string, Part>();
  const charts = chartsOn();
  setMaxListeners(0, options.signal);
  const follow = ({ type, kind }: Wanted): Part =>
    followPart(options.client, type, kind, {
      ...options,
      isChartNamespace: charts.isNamespace,
      onChange: (owners) => onChange(owners === "all" || kind === "own" ? owners : charts.idsOf(owners)),
    });
  const end = async (gone: readonly [string, Part][]): Promise<void> => {
    for (const [key] of gone) parts.delete(key);
    await Promise.all(gone.map(([, part]) => part.stop()));
  };
  return {
    async settle(subjects) {
      const isWider = charts.settle(subjects.filter(isChart));
      const wanted = new Map(wantedOf(target, subjects).map((one) => [keyOf(one.type, one.kind), one]));
      // What was left out before is read with the next list.
      await end([...parts].filter(([key]) => !wanted.has(key) || (isWider && wanted.get(key)?.kind === "chart")));
      for (const [key, one] of wanted) if (!parts.has(key)) parts.set(key, follow(one));
    },
    view(subject) {
      const mine = neededBy(target, subject).flatMap(({ type, kind }) => {
        const part = parts.get(keyOf(type, kind));
        return part === undefined ? [] : [{ part, kind }];
      });
      return viewOf(subject, mine);
    },
    isRead: () => [...parts.values()].every((part) => part.state() !== "unread"),
    stop: () => end([...parts]),
  };
}

/** The charts among the deployments of a target. */
function chartsOn() {
  let byOwner: ReadonlyMap<string, string> = new Map();
  let namespaces: ReadonlySet<string> = new Set();
  return {
    /** Takes these for all; answers whether one is in a Namespace that had none. */
    settle(charts: readonly Subject[]): boolean {
      const before = namespaces;
      byOwner = new Map(charts.map(({ id, namespace, objectName }) => [chartOwner(namespace, objectName), id]));
      namespaces = new Set(charts.map(({ namespace }) => namespace));
      return [...namespaces].some((namespace) => !before.has(namespace));
    },
    isNamespace: (namespace: string): boolean => namespaces.has(namespace),
    idsOf: (owners: Iterable<string>): string[] =>
      [...owners].map((owner) => byOwner.get(owner)).filter((id) => id !== undefined),
  };
}

/** What parts show of a deployment. */
function viewOf(subject: Subject, mine: readonly { readonly part: Part; readonly kind: PartKind }[]): View | undefined {
  const states = mine.map(({ part }) => part.state());
  const failed = states.find((state) => typeof state === "object");
  if (failed !== undefined) return { types: [], objects: [], isComplete: true, problem: failed.problem };
  if (mine.length === 0 || states.includes("unread")) return undefined;
  return {
    types: mine.map(({ part }) => part.type),
    objects: mine.flatMap(({ part, kind }) => objectsIn(part, kind, subject)),
    isComplete: mine.every(({ part }) => part.isComplete()),
    problem: "",
  };
}

interface Wanted {
  readonly type: ResourceType;
  readonly kind: PartKind;
}

const keyOf = (type: ResourceType, kind: PartKind): string => `${kind} ${pathOf(type)}`;

function wantedOf(target: string, subjects: readonly Subject[]): Wanted[] {
  const entries = subjects.flatMap(({ inventory }) => inventory.filter((entry) => entry.target === target));
  const own = [...followedTypes, ...otherTypes(entries)].map((type) => ({ type, kind: "own" as const }));
  const charts = subjects.some(isChart) ? chartTypes.map((type) => ({ type, kind: "chart" as const })) : [];
  return [...own, ...charts];
}

/** What tells how a deployment is: what is in its inventory, its pods, and what a chart is made of. */
function neededBy(target: string, subject: Subject): Wanted[] {
  const entries = subject.inventory.filter((entry) => entry.target === target);
  const types = [...followedTypes.filter((type) => entries.some((entry) => isOf(entry, type))), ...otherTypes(entries)];
  const own = [...new Set([...types, pods])].map((type) => ({ type, kind: "own" as const }));
  return [...own, ...(isChart(subject) ? chartTypes.map((type) => ({ type, kind: "chart" as const })) : [])];
}

/** A label says nothing where Slipway puts nothing for the deployment: whoever may write there may set it. */
function objectsIn(part: Part, kind: PartKind, subject: Subject): readonly SeenLive[] {
  const { id, namespace, objectName, inventory } = subject;
  const { type } = part;
  if (kind === "chart") return part.of(chartOwner(namespace, objectName)).map((object) => ({ type, object }));
  const isIn = ({ name, namespace: place = "" }: ObjectMeta): boolean =>
    inventory.some((entry) => isOf(entry, type) && entry.name === name && entry.namespace === place);
  return part
    .of(id)
    .filter(({ metadata }) => metadata.namespace === namespace || isIn(metadata))
    .map((object) => ({ type, object }));
}
