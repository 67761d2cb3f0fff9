import { asFields, asNumber, asText } from "../../fields.js";
import { timestamp } from "../../lifecycle.js";
import type { Fields, KubeObject } from "../../types.js";
import type { Controller } from "../controller.js";
import { deployments } from "../names.js";
import { conditionOf, durationOf, isDying, type NewCondition, refTo } from "../objects.js";
import type { World } from "../world.js";
import { digestOf, renderChart } from "./charts.js";
import { helmCharts, helmReleases, ociRepositories } from "./definitions.js";
import { releaseOfChart } from "./flux-sources.js";
import { fail } from "./helm-remedy.js";
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
import { forgetRevisions, keepRevision } from "./helm-storage.js";
import { type ChartRef, chartName, chartOf, sourceNamespace, valuesOf } from "./helm-values.js";
import { healthOf, install, prune } from "./installed.js";

const finalizer = "finalizers.fluxcd.io";
const standardTimeout = 300_000;
/** What is to be released. */
interface Wanted {
  readonly chart: ChartRef;
  readonly values: Fields;
  readonly configDigest: string;
}

/** Installs and upgrades the charts of HelmReleases, waits for them, and goes back when they fail. */
export const helmReleaseController: Controller = {
  resource: helmReleases,
  triggers: [
    { resource: helmCharts, keys: ({ object }) => releaseOfChart(object) },
    {
      resource: ociRepositories,
      keys: (_, { store }) => store.list(helmReleases).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
    },
    { resource: deployments, keys: ({ object }) => releaseOfChart(object) },
  ],
  gone: ({ metadata }, { waits }) => waits.forget(metadata.uid),
  async reconcile(release, world) {
    if (isDying(release)) return await uninstall(release, world);
    if (release.spec?.suspend === true) return undefined;
    await prepare(release, world);
    const current = world.store.get(refTo(helmReleases, release)) ?? release;
    const chart = chartOf(current, world);
    if (typeof chart === "string") return await refuse(current, world, "SourceNotReady", chart);
    const values = valuesOf(current, world);
    if (typeof values === "string") return await refuse(current, world, "ValuesError", values);
    return await advance(current, world, { chart, values, configDigest: digestOf(values) });
  },
};

/** Sets the finalizer, answers requests to reconcile, and makes the HelmChart. */
async function prepare(release: KubeObject, { store }: World): Promise<void> {
  const requested = release.metadata.annotations?.["reconcile.fluxcd.io/requestedAt"];
  await store.modify(refTo(helmReleases, release), (draft) => {
    draft.metadata.finalizers = [...new Set([...(draft.metadata.finalizers ?? []), finalizer])];
    if (requested !== undefined) draft.status = { ...draft.status, lastHandledReconcileAt: requested };
  });
  const { spec: wanted } = asFields(release.spec?.chart);
  if (wanted === undefined) return;
  const { chart, version, sourceRef } = asFields(wanted);
  const namespace = sourceNamespace(release);
  const name = chartName(release);
  const { kind, name: source } = asFields(sourceRef);
  const spec = {
    chart,
    version: asText(version) || "*",
    sourceRef: { kind, name: source },
    interval: release.spec?.interval,
  };
  const found = await store.modify({ ...helmCharts, namespace, name }, (draft) => {
    draft.spec = spec;
  });
  const { labels } = marksOf(release);
  if (found === undefined)
    await store.create(helmCharts, { metadata: { name, namespace, labels: { ...labels } }, spec });
}

async function refuse(release: KubeObject, world: World, reason: string, message: string): Promise<undefined> {
  await writeStatus(release, world, [{ type: "Ready", status: "False", reason, message }], {});
  return undefined;
}

async function advance(release: KubeObject, world: World, wanted: Wanted): Promise<number | undefined> {
  const [last] = historyOf(release);
  const { chart, configDigest } = wanted;
  const isCurrent =
    last?.chartVersion === chart.version && last.chartName === chart.name && last.configDigest === configDigest;
  if (isCurrent && last.status.startsWith("pending")) return await wait(release, world, wanted, last);
  if (isCurrent && last.status === "deployed") return await keep(release, world, last);
  const attempted =
    release.status?.lastAttemptedConfigDigest === configDigest &&
    release.status.lastAttemptedRevision === chart.version;
  if (attempted && conditionOf(release, "Stalled")?.status === "True") return undefined;
  await begin(release, world, wanted, attempted);
  return undefined;
}

/** A release that is as it is to be. */
async function keep(release: KubeObject, world: World, { version }: Revision): Promise<undefined> {
  const ready = conditionOf(release, "Ready");
  const done = version === 1 ? "InstallSucceeded" : "UpgradeSucceeded";
  const released = conditionOf(release, "Released");
  const message = asText(released?.message) || asText(ready?.message);
  await writeStatus(
    release,
    world,
    [{ type: "Ready", status: "True", reason: asText(released?.reason) || done, message }],
    {},
  );
  return undefined;
}

function actionOf(release: KubeObject): "install" | "upgrade" {
  const [last] = historyOf(release).filter(
    ({ status }) => status !== "uninstalled" && !status.startsWith("pending-install"),
  );
  return last === undefined || (last.status === "failed" && last.action === "install") ? "install" : "upgrade";
}

async function begin(release: KubeObject, world: World, wanted: Wanted, isRetry: boolean): Promise<void> {
  const { store, clock } = world;
  const place = placeOf(release);
  const action = actionOf(release);
  const { chart, values, configDigest } = wanted;
  const before = historyOf(release);
  const at = timestamp(clock());
  const version = Math.max(0, ...before.map((one) => asNumber(one.version))) + 1;
  const entry: Revision = {
    ...place,
    version,
    status: `pending-${action}`,
    action,
    chartName: chart.name,
    chartVersion: chart.version,
    appVersion: chart.version,
    configDigest,
    digest: digestOf([chart, values, version]),
    firstDeployed: asText(before.at(-1)?.firstDeployed) || at,
    lastDeployed: at,
  };
  const timeout = asText(release.spec?.timeout) || "5m0s";
  const running = `Running '${action}' action with timeout of ${timeout}`;
  const conditions: NewCondition[] = [
    { type: "Reconciling", status: "True", reason: "Progressing", message: running },
    { type: "Ready", status: "Unknown", reason: "Progressing", message: running },
  ];
  await keepRevision(store, place, version, { chartName: chart.name, chartVersion: chart.version, values });
  await writeStatus(release, world, conditions, {
    history: [entry, ...before].slice(0, mostHistory),
    lastAttemptedConfigDigest: configDigest,
    lastAttemptedRevision: chart.version,
    lastAttemptedRevisionDigest: chart.digest,
    lastAttemptedGeneration: release.metadata.generation,
    lastAttemptedReleaseAction: action,
    ...(isRetry ? {} : { failures: undefined, installFailures: undefined, upgradeFailures: undefined }),
  });
  const rendered = renderChart(chart.name, chart.version, values, place);
  await install(store, rendered, marksOf(release));
  await prune(
    store,
    before.flatMap((one) => renderedOf(store, release, one)),
    rendered,
  );
}

/** Waits for what was installed; answers when it is too late. */
async function wait(release: KubeObject, world: World, wanted: Wanted, entry: Revision): Promise<number | undefined> {
  const { store, waits } = world;
  const rendered = renderedOf(store, release, entry);
  const timeout = durationOf(asText(release.spec?.timeout) || undefined) ?? standardTimeout;
  const left = timeout - waits.waited(release.metadata.uid, `wait ${entry.version}`);
  const healths = rendered.map((object) => healthOf(store, object));
  // A process that was stopped may not have come to installing everything.
  if (healths.includes("Missing") && left > 0) await install(store, rendered, marksOf(release));
  const isWaiting = asFields(release.spec?.[asText(entry.action)]).disableWait !== true;
  if (!isWaiting || healths.every((health) => health === "Healthy")) return await succeed(release, world, entry);
  if (left > 0 && !healths.includes("Degraded")) return left + 1;
  return await fail(release, world, wanted.chart, entry);
}

async function succeed(release: KubeObject, world: World, entry: Revision): Promise<undefined> {
  const done = entry.action === "install" ? "InstallSucceeded" : "UpgradeSucceeded";
  const message = `Helm ${asText(entry.action)} succeeded for release ${titleOf(release, entry)}`;
  const all = historyOf(release).map((one) => {
    if (one.version === entry.version) return { ...one, status: "deployed" };
    return one.status === "deployed" ? { ...one, status: "superseded" } : one;
  });
  const conditions: NewCondition[] = [
    { type: "Released", status: "True", reason: done, message },
    { type: "Ready", status: "True", reason: done, message },
  ];
  await forgetRevisions(
    world.store,
    placeOf(release),
    all.map(({ version }) => version),
  );
  const none = { failures: undefined, installFailures: undefined, upgradeFailures: undefined };
  await writeStatus(release, world, conditions, { history: all, ...none });
  world.events.record(release, { type: "Normal", reason: done, message, component: "helm-controller" });
  return undefined;
}

async function uninstall(release: KubeObject, { store }: World): Promise<undefined> {
  if (!release.metadata.finalizers?.includes(finalizer)) return undefined;
  await prune(
    store,
    historyOf(release).flatMap((one) => renderedOf(store, release, one)),
  );
  await forgetRevisions(store, placeOf(release), []);
  await store.delete({ ...helmCharts, namespace: sourceNamespace(release), name: chartName(release) });
  await store.modify(refTo(helmReleases, release), (draft) => {
    draft.metadata.finalizers = (draft.metadata.finalizers ?? []).filter((one) => one !== finalizer);
  });
  return undefined;
}
