import { asList, asText } from "../../fields.js";
import type { Fields, KubeObject, ObjectStore } from "../../types.js";
import { type NewCondition, refTo, withoutCondition } from "../objects.js";
import type { World } from "../world.js";
import type { Release, Rendered } from "./charts.js";
import { helmReleases } from "./definitions.js";
import { conditionsWith } from "./flux-sources.js";
import { renderedRevision } from "./helm-storage.js";
import type { Marks } from "./installed.js";

const owner = { name: "helm.toolkit.fluxcd.io/name", namespace: "helm.toolkit.fluxcd.io/namespace" };

/** How many revisions the history of a release has. */
export const mostHistory = 5;

/** One revision of a release, as its history has it, with what it was rendered from. */
export interface Revision extends Fields {
  readonly version: number;
  readonly status: string;
  readonly chartName: string;
  readonly chartVersion: string;
  readonly configDigest: string;
}

/** Where a release is installed, and under which name. */
export function placeOf({ metadata, spec = {} }: KubeObject): Release {
  const namespace = asText(spec.targetNamespace) || (metadata.namespace ?? "default");
  const prefix = asText(spec.targetNamespace) === "" ? "" : `${namespace}-`;
  return { namespace, name: asText(spec.releaseName) || `${prefix}${metadata.name}` };
}

/** What marks the objects of a release. */
export function marksOf(release: KubeObject): Marks {
  const { name, namespace = "default" } = release.metadata;
  const place = placeOf(release);
  return {
    labels: { [owner.name]: name, [owner.namespace]: namespace },
    annotations: { "meta.helm.sh/release-name": place.name, "meta.helm.sh/release-namespace": place.namespace },
  };
}

/** The revisions of a release, the newest first. */
export function historyOf({ status }: KubeObject): Revision[] {
  return asList(status?.history) as Revision[];
}

/** The objects of a revision. */
export function renderedOf(store: ObjectStore, release: KubeObject, { version }: Revision): Rendered[] {
  return renderedRevision(store, placeOf(release), version);
}

/** How a revision is called in messages. */
export function titleOf(release: KubeObject, { version, chartName: name, chartVersion }: Revision): string {
  const place = placeOf(release);
  return `${place.namespace}/${place.name}.v${version} with chart ${name}@${chartVersion}`;
}

/** Writes conditions and other parts of the status of a release. */
export async function writeStatus(
  release: KubeObject,
  world: World,
  conditions: readonly NewCondition[],
  more: Fields,
): Promise<void> {
  const kept = ["Reconciling", "Stalled"].filter((type) => !conditions.some((one) => one.type === type));
  const changes = more.history !== undefined;
  await world.store.patchStatus(refTo(helmReleases, release), (draft) => {
    const all = conditionsWith(draft, conditions, world.clock());
    // Nothing is said to go on that came to its end.
    const left = changes || conditions.some(({ status }) => status === "True") ? kept : [];
    draft.status = {
      ...draft.status,
      ...more,
      observedGeneration: release.metadata.generation,
      conditions: left.reduce<Fields[]>((list, type) => withoutCondition(list, type), all),
    };
  });
}
