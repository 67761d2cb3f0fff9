import { asFields, asText } from "../../fields.js";
import type { Fields, KubeObject, ObjectStore } from "../../types.js";
import { secrets } from "../names.js";
import { type Release, type Rendered, renderChart } from "./charts.js";

/** What a revision of a release was rendered from. */
export interface Content {
  readonly chartName: string;
  readonly chartVersion: string;
  readonly values: Fields;
}

function refOf({ namespace, name }: Release, version: number) {
  return { ...secrets, namespace, name: `sh.helm.release.v1.${name}.v${version}` };
}

/** Keeps what a revision was rendered from in a Secret, as Helm does: values may be secret. */
export async function keepRevision(
  store: ObjectStore,
  place: Release,
  version: number,
  content: Content,
): Promise<void> {
  const ref = refOf(place, version);
  const release = Buffer.from(JSON.stringify(content)).toString("base64");
  const labels = { owner: "helm", name: place.name, version: String(version) };
  const found = await store.modify(ref, (draft) => {
    draft.data = { release };
  });
  if (found !== undefined) return;
  const metadata = { name: ref.name, namespace: ref.namespace, labels };
  await store.create(secrets, { metadata, type: "helm.sh/release.v1", data: { release } });
}

/** The objects of a revision; none when what it was rendered from is gone. */
export function renderedRevision(store: ObjectStore, place: Release, version: number): Rendered[] {
  const found = store.get(refOf(place, version));
  if (found === undefined) return [];
  const { chartName, chartVersion, values } = contentOf(found);
  return renderChart(chartName, chartVersion, values, place);
}

/** What a revision was rendered from. */
export function revisionContent(store: ObjectStore, place: Release, version: number): Content | undefined {
  const found = store.get(refOf(place, version));
  return found && contentOf(found);
}

function contentOf({ data }: KubeObject): Content {
  const text = Buffer.from(asText(asFields(data).release), "base64").toString();
  const { chartName, chartVersion, values } = asFields(JSON.parse(text));
  return { chartName: asText(chartName), chartVersion: asText(chartVersion), values: asFields(values) };
}

/** Forgets revisions that are no longer in the history. */
export async function forgetRevisions(store: ObjectStore, place: Release, kept: readonly number[]): Promise<void> {
  const labelSelector = `owner=helm,name=${place.name}`;
  for (const { metadata } of store.list(secrets, { namespace: place.namespace, labelSelector })) {
    const version = Number(metadata.labels?.version);
    if (!kept.includes(version)) await store.delete({ ...secrets, namespace: place.namespace, name: metadata.name });
  }
}
