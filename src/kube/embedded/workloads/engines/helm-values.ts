import { parse } from "yaml";
import { asFields, asList, asText } from "../../fields.js";
import type { Fields, KubeObject } from "../../types.js";
import { configMaps, secrets } from "../names.js";
import { conditionOf } from "../objects.js";
import type { World } from "../world.js";
import { merged } from "./charts.js";
import { helmCharts, ociRepositories } from "./definitions.js";
import { chartAt } from "./flux-sources.js";

/** A chart that is there to be installed. */
export interface ChartRef {
  readonly name: string;
  readonly version: string;
  readonly digest: string;
}

/** The values of a release: those of ConfigMaps and Secrets first, its own over them; a text says what is missing. */
export function valuesOf({ metadata, spec = {} }: KubeObject, { store }: World): Fields | string {
  let values: Fields = {};
  for (const { kind, name, valuesKey, targetPath, optional } of asList(spec.valuesFrom)) {
    const resource = kind === "Secret" ? secrets : configMaps;
    const found = store.get({ ...resource, namespace: metadata.namespace, name: asText(name) });
    const key = asText(valuesKey) || "values.yaml";
    const raw = asFields(found?.data)[key];
    if (raw === undefined) {
      if (optional === true) continue;
      return `could not resolve ${asText(kind)} chart values reference '${metadata.namespace}/${asText(name)}' with key '${key}'`;
    }
    const text = kind === "Secret" ? Buffer.from(asText(raw), "base64").toString() : asText(raw);
    const parsed = parsedAs(text, asText(targetPath));
    if (parsed === undefined) return `unable to parse values of ${asText(kind)} '${asText(name)}' as YAML`;
    values = merged(values, parsed);
  }
  return merged(values, asFields(spec.values));
}

function parsedAs(text: string, path: string): Fields | undefined {
  if (path !== "") return path.split(".").reduceRight<unknown>((inner, key) => ({ [key]: inner }), text) as Fields;
  try {
    return asFields(parse(text));
  } catch {
    return undefined;
  }
}

/** The chart of a release; a text says why there is none. */
export function chartOf(release: KubeObject, { store }: World): ChartRef | string {
  const { metadata, spec = {} } = release;
  const ref = asFields(spec.chartRef);
  if (ref.kind === "OCIRepository") {
    const namespace = asText(ref.namespace) || metadata.namespace;
    const found = store.get({ ...ociRepositories, namespace, name: asText(ref.name) });
    return fetched(found, `OCIRepository '${namespace}/${asText(ref.name)}'`, chartAt(asText(found?.spec?.url)));
  }
  const own = { namespace: sourceNamespace(release), name: chartName(release) };
  const other = { namespace: asText(ref.namespace) || metadata.namespace, name: asText(ref.name) };
  const at = ref.kind === "HelmChart" ? other : own;
  const found = store.get({ ...helmCharts, ...at });
  return fetched(found, `HelmChart '${at.namespace}/${at.name}'`, asText(found?.spec?.chart));
}

/** The name of the HelmChart that is made for a release. */
export function chartName({ metadata }: KubeObject): string {
  return `${metadata.namespace}-${metadata.name}`;
}

/** Where that is made: beside its source. */
export function sourceNamespace({ metadata, spec }: KubeObject): string {
  const { sourceRef } = asFields(asFields(spec?.chart).spec);
  return asText(asFields(sourceRef).namespace) || (metadata.namespace ?? "default");
}

function fetched(source: KubeObject | undefined, title: string, name: string): ChartRef | string {
  const ready = conditionOf(source, "Ready");
  if (source === undefined) return `${title} is not found`;
  const isSeen = source.status?.observedGeneration === source.metadata.generation;
  if (ready?.status !== "True" || !isSeen)
    return `${title} is not ready: ${asText(ready?.message) || "latest generation of object has not been reconciled"}`;
  const { revision, digest } = asFields(source.status?.artifact);
  const [version = ""] = asText(revision).split("@");
  return { name, version, digest: asText(digest) };
}
