import { asFields, asList, asText } from "../fields.js";
import type { Fields, KubeObject, ObjectStore, ResourceName } from "../types.js";
import { configMaps, secrets } from "./names.js";

/** The environment of a container, and what it lacks. */
export interface ContainerEnvironment {
  readonly variables: ReadonlyMap<string, string>;
  /** Why the container cannot be created; undefined when nothing is missing. */
  readonly missing: string | undefined;
}

/** The variables of a container: its own, and those of the ConfigMaps and Secrets that it names. */
export function environmentOf(store: ObjectStore, pod: KubeObject, container: Fields): ContainerEnvironment {
  const variables = new Map([
    ["PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    ["HOSTNAME", asText(pod.spec?.hostname) || pod.metadata.name],
    ["KUBERNETES_SERVICE_HOST", "10.97.0.1"],
    ["KUBERNETES_SERVICE_PORT", "443"],
    ["HOME", "/root"],
  ]);
  let missing: string | undefined;
  const lookUp = (source: Source): Map<string, string> => {
    const found = contentOf(store, pod, source);
    if (found === undefined && !source.optional) missing ??= `${source.kind} "${source.name}" not found`;
    return found ?? new Map();
  };
  for (const from of asList(container.envFrom)) {
    const source = sourceOf(from.configMapRef, from.secretRef);
    if (source === undefined) continue;
    for (const [name, value] of lookUp(source)) variables.set(asText(from.prefix) + name, value);
  }
  for (const { name, value, valueFrom } of asList(container.env)) {
    const { configMapKeyRef, secretKeyRef, fieldRef } = asFields(valueFrom);
    const source = sourceOf(configMapKeyRef, secretKeyRef);
    if (source === undefined) {
      const text = fieldRef === undefined ? asText(value) : fieldOf(pod, asText(asFields(fieldRef).fieldPath));
      variables.set(
        asText(name),
        text.replace(/\$\(([\w.-]+)\)/g, (all, other: string) => variables.get(other) ?? all),
      );
      continue;
    }
    const key = asText(asFields(configMapKeyRef ?? secretKeyRef).key);
    const found = lookUp(source).get(key);
    if (found !== undefined) variables.set(asText(name), found);
    else if (!source.optional)
      missing ??= `couldn't find key ${key} in ${source.kind} ${namespaceOf(pod)}/${source.name}`;
  }
  return { variables, missing };
}

/** Why the volumes of a pod cannot be mounted; undefined when they can. */
export function missingVolume(store: ObjectStore, pod: KubeObject): string | undefined {
  for (const volume of asList(pod.spec?.volumes)) {
    const source = volumeSource(volume);
    if (source === undefined || source.optional || contentOf(store, pod, source) !== undefined) continue;
    return `MountVolume.SetUp failed for volume "${asText(volume.name)}" : ${source.kind} "${source.name}" not found`;
  }
  return undefined;
}

/** The content of a file that a container has mounted from a ConfigMap or a Secret. */
export function mountedFile(store: ObjectStore, pod: KubeObject, container: Fields, path: string): string | undefined {
  for (const { name, mountPath, subPath } of asList(container.volumeMounts)) {
    const base = asText(mountPath).replace(/\/$/, "");
    const isFile = asText(subPath) !== "" && path === base;
    if (!isFile && !path.startsWith(`${base}/`)) continue;
    const volume = asList(pod.spec?.volumes).find((one) => one.name === name);
    const source = volume && volumeSource(volume);
    const content = source && contentOf(store, pod, source);
    const file = isFile ? asText(subPath) : path.slice(base.length + 1);
    const item = asList(asFields(volume?.configMap ?? volume?.secret).items).find((one) => one.path === file);
    const found = content?.get(asText(item?.key) || file);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Source {
  readonly kind: "configmap" | "secret";
  readonly name: string;
  readonly optional: boolean;
}

function sourceOf(configMap: unknown, secret: unknown): Source | undefined {
  if (configMap === undefined && secret === undefined) return undefined;
  const { name, optional } = asFields(configMap ?? secret);
  return { kind: configMap === undefined ? "secret" : "configmap", name: asText(name), optional: optional === true };
}

function volumeSource({ configMap, secret }: Fields): Source | undefined {
  const { secretName, optional } = asFields(secret);
  return sourceOf(configMap, secret && { name: secretName, optional });
}

/** The texts that a ConfigMap or a Secret holds; undefined when it is not there. */
function contentOf(store: ObjectStore, pod: KubeObject, { kind, name }: Source): Map<string, string> | undefined {
  const resource: ResourceName = kind === "secret" ? secrets : configMaps;
  const found = store.get({ ...resource, namespace: namespaceOf(pod), name });
  if (found === undefined) return undefined;
  const decoded = (value: unknown): string => Buffer.from(asText(value), "base64").toString();
  const data = Object.entries(asFields(found.data));
  const binary = Object.entries(asFields(found.binaryData)).map(([key, value]) => [key, decoded(value)] as const);
  return new Map([
    ...data.map(([key, value]) => [key, kind === "secret" ? decoded(value) : asText(value)] as const),
    ...binary,
  ]);
}

function namespaceOf({ metadata }: KubeObject): string {
  return metadata.namespace ?? "default";
}

/** A field of a pod as the downward API names it. */
function fieldOf(pod: KubeObject, path: string): string {
  const { metadata, spec, status } = pod;
  const entry = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  if (entry !== null) return (entry[1] === "labels" ? metadata.labels : metadata.annotations)?.[entry[2] ?? ""] ?? "";
  const known: Readonly<Record<string, unknown>> = {
    "metadata.name": metadata.name,
    "metadata.namespace": metadata.namespace,
    "metadata.uid": metadata.uid,
    "spec.nodeName": spec?.nodeName,
    "spec.serviceAccountName": spec?.serviceAccountName ?? "default",
    "status.podIP": status?.podIP,
    "status.hostIP": status?.hostIP,
  };
  return asText(known[path]);
}
