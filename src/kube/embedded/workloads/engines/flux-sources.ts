import { asFields, asText } from "../../fields.js";
import { timestamp } from "../../lifecycle.js";
import type { Fields, KubeObject, ResourceName } from "../../types.js";
import type { Controller } from "../controller.js";
import { asks } from "../names.js";
import { conditionOf, controllerOf, isDying, type NewCondition, refTo, withCondition } from "../objects.js";
import type { World } from "../world.js";
import { digestOf, resolveChart } from "./charts.js";
import { helmCharts, helmRepositories, ociRepositories } from "./definitions.js";

/** Fetches charts from repositories, each of which has all that there are; those with the fault `unreachable` fail. */
export const sourceControllers: readonly Controller[] = [
  {
    resource: helmRepositories,
    reconcile: (source, world) => settle(helmRepositories, source, world, repositoryOutcome),
  },
  { resource: ociRepositories, reconcile: (source, world) => settle(ociRepositories, source, world, ociOutcome) },
  {
    resource: helmCharts,
    triggers: [
      {
        resource: helmRepositories,
        keys: ({ object }, { store }) => {
          const { namespace } = object.metadata;
          return store.list(helmCharts, { namespace }).map(({ metadata }) => `${namespace}/${metadata.name}`);
        },
      },
    ],
    reconcile: (source, world) => settle(helmCharts, source, world, chartOutcome),
  },
];

/** What came of fetching. */
interface Outcome {
  readonly ok: boolean;
  readonly reason: string;
  readonly message: string;
  readonly artifact?: Fields;
}

async function settle(
  resource: ResourceName,
  source: KubeObject,
  world: World,
  outcomeOf: (source: KubeObject, world: World) => Outcome,
): Promise<undefined> {
  if (isDying(source) || source.spec?.suspend === true) return undefined;
  const { ok, reason, message, artifact } = outcomeOf(source, world);
  const { generation } = source.metadata;
  const ready = {
    type: "Ready",
    status: ok ? "True" : "False",
    reason,
    message,
    observedGeneration: generation,
  } as const;
  await world.store.patchStatus(refTo(resource, source), (draft) => {
    const before = asFields(draft.status?.artifact);
    const next = artifact && { ...artifact, lastUpdateTime: timestamp(world.clock()) };
    const same = before.revision === artifact?.revision && before.digest === artifact?.digest;
    const kept = same || next === undefined ? draft.status?.artifact : next;
    draft.status = {
      ...draft.status,
      observedGeneration: generation,
      conditions: withCondition(draft.status?.conditions, ready, world.clock()),
      ...(kept === undefined ? {} : { artifact: kept }),
    };
  });
  return undefined;
}

function isUnreachable({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[asks.fault] === "unreachable";
}

function repositoryOutcome(source: KubeObject): Outcome {
  const url = asText(source.spec?.url);
  // One of type oci is nothing but an address.
  if (isUnreachable(source)) {
    return {
      ok: false,
      reason: "Failed",
      message: `failed to fetch Helm repository index: failed to cache index to temporary file: Get "${url}/index.yaml": connection refused`,
    };
  }
  const digest = digestOf(url);
  const message = `stored artifact: revision '${digest}'`;
  return {
    ok: true,
    reason: "Succeeded",
    message,
    artifact: { revision: digest, digest, path: `helmrepository/${source.metadata.name}` },
  };
}

/** The name of the chart at an OCI address. */
export function chartAt(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}

function ociOutcome(source: KubeObject): Outcome {
  const url = asText(source.spec?.url);
  const { tag, semver } = asFields(source.spec?.ref);
  const wanted = asText(tag) || asText(semver) || "*";
  const version = isUnreachable(source) ? undefined : resolveChart(chartAt(url), wanted);
  if (version === undefined) {
    return {
      ok: false,
      reason: "OCIArtifactPullFailed",
      message: `failed to determine artifact digest: GET ${url}:${wanted}: MANIFEST_UNKNOWN: manifest unknown`,
    };
  }
  const digest = digestOf([url, version]);
  const artifact = { revision: `${version}@${digest}`, digest };
  return { ok: true, reason: "Succeeded", message: `stored artifact for digest '${version}@${digest}'`, artifact };
}

function chartOutcome(source: KubeObject, { store }: World): Outcome {
  const { chart, version, sourceRef } = source.spec ?? {};
  const { name } = asFields(sourceRef);
  const { namespace } = source.metadata;
  const repository = store.get({ ...helmRepositories, namespace, name: asText(name) });
  if (repository === undefined) {
    return {
      ok: false,
      reason: "SourceUnavailable",
      message: `failed to get source: HelmRepository.source.toolkit.fluxcd.io "${asText(name)}" not found`,
    };
  }
  const oci = repository.spec?.type === "oci";
  if (!oci && conditionOf(repository, "Ready")?.status !== "True") {
    return { ok: false, reason: "SourceUnavailable", message: "no artifact available for HelmRepository source" };
  }
  const found = resolveChart(asText(chart), asText(version) || "*");
  if (found === undefined) {
    const wanted = asText(version) || "*";
    return {
      ok: false,
      reason: "InvalidChartReference",
      message: `invalid chart reference: failed to get chart version for remote reference: no '${asText(chart)}' chart with version matching '${wanted}' found`,
    };
  }
  const message = `pulled '${asText(chart)}' chart with version '${found}'`;
  return {
    ok: true,
    reason: "ChartPullSucceeded",
    message,
    artifact: { revision: found, digest: digestOf([chart, found]) },
  };
}

/** Sets conditions of a release at its present generation. */
export function conditionsWith(object: KubeObject, all: readonly NewCondition[], now: Date): Fields[] {
  const { generation } = object.metadata;
  return all.reduce<Fields[]>(
    (list, one) => withCondition(list, { ...one, observedGeneration: generation }, now),
    (object.status?.conditions as Fields[] | undefined) ?? [],
  );
}

/** The release that a HelmChart was made for, as "namespace/name". */
export function releaseOfChart(chart: KubeObject): string[] {
  const { labels = {} } = chart.metadata;
  const name = labels["helm.toolkit.fluxcd.io/name"];
  const namespace = labels["helm.toolkit.fluxcd.io/namespace"];
  return name === undefined || controllerOf(chart) !== undefined ? [] : [`${namespace}/${name}`];
}
