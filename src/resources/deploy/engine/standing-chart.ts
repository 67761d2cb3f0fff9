import { isDeepStrictEqual } from "node:util";
import {
  because,
  type Condition,
  conditionOf,
  conditionsOf,
  fieldsOf,
  isObserved,
  type LiveObject,
  listOf,
  notSeen,
  type Standing,
  standing,
  textOf,
} from "./standing-facts.js";

/** Conditions that were set for the newest generation. */
function fresh(object: LiveObject, type: string): Condition | undefined {
  const found = conditionOf(object, type);
  if (found?.observedGeneration === undefined) return found;
  return found.observedGeneration >= (object.metadata.generation ?? 0) ? found : undefined;
}

/** Whether the source of a HelmRelease has not been looked at yet, rather than has been found wanting. */
const awaitsSource = ({ reason, message }: Condition): boolean =>
  reason === "SourceNotReady" && /is not found$|has not been reconciled$/.test(message);

/** How a HelmRelease of Flux is. */
export function helmReleaseStanding(object: LiveObject): Standing {
  const runs = { runs: true };
  if (isObserved(object) !== true) return standing("progressing", notSeen, runs);
  const ready = fresh(object, "Ready");
  if (ready?.status === "True") return standing("healthy", "", runs);
  const stalled = fresh(object, "Stalled");
  const released = fresh(object, "Released");
  const isTrying = fresh(object, "Reconciling")?.status === "True" || ready?.status !== "False" || awaitsSource(ready);
  // What was installed before goes on when an upgrade fails.
  const before = listOf(fieldsOf(object.status).history).some(
    ({ status }) => status === "deployed" || status === "superseded",
  );
  const broken = before ? "degraded" : "unhealthy";
  if (stalled?.status === "True") {
    return standing(broken, because(ready?.status === "False" ? ready : stalled), { ...runs, failed: true });
  }
  if (isTrying) return standing("progressing", because(ready ?? { reason: "", message: notSeen }), runs);
  const failed = released?.status === "False" && /^(Install|Upgrade)Failed$/.test(released.reason);
  return standing(broken, because(ready), { ...runs, failed });
}

/** How an Application of Argo CD is. Its status tells no generation: what was compared has to be the present source. */
export function applicationStanding(object: LiveObject): Standing {
  const { source } = fieldsOf(object.spec);
  const { sync, health, operationState } = fieldsOf(object.status);
  const runs = { runs: true };
  const error = conditionsOf(object).find(({ type }) => /Error$/.test(type));
  if (error !== undefined) return standing("unhealthy", `${error.type}: ${error.message}`, runs);
  const { status: synced, comparedTo } = fieldsOf(sync);
  if (!isDeepStrictEqual(fieldsOf(comparedTo).source, source)) return standing("progressing", notSeen, runs);
  const { phase, message, syncResult } = fieldsOf(operationState);
  const isOfNow = isDeepStrictEqual(fieldsOf(syncResult).source, source);
  if (isOfNow && (phase === "Failed" || phase === "Error")) {
    return standing("unhealthy", `the sync failed: ${textOf(message)}`, { ...runs, failed: true });
  }
  const { status, message: why } = fieldsOf(health);
  const told = textOf(why);
  if (status === "Degraded") return standing("unhealthy", told || "what it runs is degraded", runs);
  if (synced !== "Synced") return standing("progressing", `it is ${textOf(synced) || "not compared yet"}`, runs);
  if (status === "Healthy") return standing("healthy", "", runs);
  if (status === "Suspended") return standing("stopped", told, runs);
  if (status === "Unknown") return standing("unknown", told || "its health is not known", runs);
  return standing("progressing", told || "what it runs is not ready yet", runs);
}

/** Kinds whose controllers always tell conditions: without any nothing was done yet. */
const telling: ReadonlySet<string> = new Set([
  "source.toolkit.fluxcd.io",
  "cert-manager.io",
  "kustomize.toolkit.fluxcd.io",
]);

/** How any other custom resource is, by the conditions that are customary. */
export function customStanding(object: LiveObject, group: string): Standing {
  if (isObserved(object) === false) return standing("progressing", notSeen);
  const stalled = fresh(object, "Stalled");
  if (stalled?.status === "True") return standing("unhealthy", because(stalled), { failed: true });
  const issuing = fresh(object, "Issuing");
  if (group === "cert-manager.io" && issuing?.status === "False") return standing("unhealthy", because(issuing));
  const told = conditionOf(object, "Ready") ?? conditionOf(object, "Available");
  if (told === undefined) {
    return telling.has(group)
      ? standing("progressing", "its controller has not told anything yet")
      : standing("healthy");
  }
  const now = fresh(object, told.type);
  if (now === undefined) return standing("progressing", notSeen);
  if (now.status === "True") return standing("healthy");
  const isTrying =
    now.status !== "False" || fresh(object, "Reconciling")?.status === "True" || issuing?.status === "True";
  return standing(isTrying ? "progressing" : "unhealthy", because(now));
}
