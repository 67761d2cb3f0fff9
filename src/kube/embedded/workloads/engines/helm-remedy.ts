import { asFields, asNumber, asText } from "../../fields.js";
import { timestamp } from "../../lifecycle.js";
import type { KubeObject } from "../../types.js";
import type { NewCondition } from "../objects.js";
import type { World } from "../world.js";
import {
  historyOf,
  marksOf,
  mostHistory,
  placeOf,
  type Revision,
  renderedOf,
  titleOf,
  writeStatus,
} from "./helm-status.js";
import { keepRevision, revisionContent } from "./helm-storage.js";
import type { ChartRef } from "./helm-values.js";
import { install, prune } from "./installed.js";

/** Notes that a release has failed, and does about it what it asks for. */
export async function fail(release: KubeObject, world: World, chart: ChartRef, entry: Revision): Promise<undefined> {
  const action = asText(entry.action);
  const reason = action === "install" ? "InstallFailed" : "UpgradeFailed";
  const { remediation } = asFields(release.spec?.[action]);
  const { retries, remediateLastFailure, strategy } = asFields(remediation);
  const failures = asNumber(release.status?.[`${action}Failures`]) + 1;
  const exhausted = asNumber(retries) >= 0 && failures > asNumber(retries);
  const last = remediateLastFailure ?? (action === "upgrade" && asNumber(retries) > 0);
  const message = `Helm ${action} failed for release ${placeOf(release).namespace}/${placeOf(release).name} with chart ${chart.name}@${chart.version}: context deadline exceeded`;
  const failed = historyOf(release).map((one) => (one.version === entry.version ? { ...one, status: "failed" } : one));
  const remediated =
    !exhausted || last === true ? await remediate(release, world, failed, entry, strategy === "uninstall") : undefined;
  const stalled = {
    type: "Stalled",
    status: "True",
    reason: "RetriesExceeded",
    message: `Failed to ${action} after ${failures} attempt(s)`,
  } as const;
  const conditions: NewCondition[] = [
    { type: "Released", status: "False", reason, message },
    ...(remediated === undefined ? [] : [remediated.condition]),
    { type: "Ready", status: "False", reason, message: exhausted ? message : `${message}; retrying` },
    ...(exhausted ? [stalled] : []),
  ];
  const counts = { failures: asNumber(release.status?.failures) + 1, [`${action}Failures`]: failures };
  await writeStatus(release, world, conditions, { history: remediated?.history ?? failed, ...counts });
  world.events.record(release, { type: "Warning", reason, message, component: "helm-controller" });
  return undefined;
}

/** Takes a failed release away, or goes back to the one before it. */
async function remediate(
  release: KubeObject,
  world: World,
  history: Revision[],
  entry: Revision,
  byUninstall: boolean,
) {
  const { store, clock } = world;
  const previous = history.find(({ status }) => status === "deployed");
  if (entry.action === "install" || byUninstall || previous === undefined) {
    await prune(store, renderedOf(store, release, entry));
    const message = `Helm uninstall remediation for release ${titleOf(release, entry)} succeeded`;
    const condition = { type: "Remediated", status: "True", reason: "UninstallSucceeded", message } as const;
    return { condition, history: history.map((one) => (one === history[0] ? { ...one, status: "uninstalled" } : one)) };
  }
  const rendered = renderedOf(store, release, previous);
  await install(store, rendered, marksOf(release));
  await prune(store, renderedOf(store, release, entry), rendered);
  const version = entry.version + 1;
  const content = revisionContent(store, placeOf(release), previous.version);
  if (content !== undefined) await keepRevision(store, placeOf(release), version, content);
  const back = { ...previous, version, status: "deployed", lastDeployed: timestamp(clock()) };
  const message = `Helm rollback to previous release ${titleOf(release, previous)} succeeded`;
  const condition = { type: "Remediated", status: "True", reason: "RollbackSucceeded", message } as const;
  const others = history.map((one) => (one === previous ? { ...one, status: "superseded" } : one));
  return { condition, history: [back, ...others].slice(0, mostHistory) };
}
