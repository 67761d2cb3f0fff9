import type { Sight } from "./look.js";
import type { TargetRow } from "./store.js";

type Health = TargetRow["health"];

/** What a look says: both axes with their words. */
export type Verdict = Pick<TargetRow, "connection" | "connectionMessage" | "health" | "healthMessage">;

/** What was seen against what is shown, until it is seen again. */
export type Doubt = Pick<Verdict, "connection" | "health">;

/** The groups whose objects deployments are made of. */
const neededGroups = ["apps", "batch", "autoscaling", "networking.k8s.io"];

const own = `admissionregistration apiextensions apiregistration authentication authorization certificates coordination
  discovery events flowcontrol.apiserver internal.apiserver networking node rbac.authorization resource scheduling
  storage storagemigration`;
/** Groups of Kubernetes itself, whose version says it all. */
const ownGroups: ReadonlySet<string> = new Set([
  ...own.split(/\s+/).map((name) => `${name}.k8s.io`),
  ...["apps", "autoscaling", "batch", "policy", "extensions"],
]);
const mostNamed = 3;

/** A target that does not answer: nothing is known of its health then. */
export function lost(connectionMessage: string): Verdict {
  return { connection: "disconnected", connectionMessage, health: "unknown", healthMessage: "" };
}

/** A target that was never reached, and cannot be yet. */
export function waiting(connectionMessage: string): Verdict {
  return { connection: "pending", connectionMessage, health: "unknown", healthMessage: "" };
}

/** A target that answers. */
export function reached(sight: Sight): Verdict {
  const [health, healthMessage] = healthOf(sight);
  return { connection: "connected", connectionMessage: "", health, healthMessage };
}

/** What a target can do, by name. */
export function capabilitiesOf({ groups, kubernetesVersion }: Sight): Record<string, string> {
  const engines = Object.entries(groups).filter(([name]) => !ownGroups.has(name));
  return { kubernetes: kubernetesVersion, ...Object.fromEntries(engines) };
}

function healthOf({ nodes, groups }: Sight): [Health, string] {
  if (nodes === undefined) return ["unknown", "the account may not list nodes: see GetJoinConfig for the rights"];
  const all = nodes.nodes;
  const away = all.filter(({ ready }) => !ready);
  if (all.length === 0) return ["unhealthy", "it has no nodes"];
  if (away.length === all.length) return ["unhealthy", "no node is ready"];
  if (away.length > 0) return ["degraded", `${away.length} of ${all.length} nodes not ready: ${namesOf(away)}`];
  const missing = neededGroups.filter((group) => !(group in groups));
  if (missing.length > 0) return ["degraded", `it does not serve ${missing.join(", ")}, which deployments need`];
  return nodes.isComplete
    ? ["healthy", ""]
    : ["unknown", `it has more nodes than the ${all.length} that are looked at`];
}

function namesOf(nodes: readonly { readonly name: string }[]): string {
  const names = nodes.slice(0, mostNamed).map(({ name }) => name);
  return nodes.length > mostNamed ? `${names.join(", ")} and others` : names.join(", ");
}

/**
 * What to show after a look. The first look at a target counts at once; later a change of the connection or the
 * health counts when two looks in a row say so, for one alone may be a restart. The doubt that is left, if any, is
 * for the next call, and the reason to look again soon.
 */
export function settle(shown: Verdict, seen: Verdict, doubt?: Doubt): { show: Verdict; doubt?: Doubt } {
  const isSame = shown.connection === seen.connection && shown.health === seen.health;
  const isTold = doubt?.connection === seen.connection && doubt.health === seen.health;
  if (isSame || isTold || shown.connection === "pending") return { show: seen };
  return { show: shown, doubt: { connection: seen.connection, health: seen.health } };
}
