import { DomainError } from "../../../../errors.js";
import type { ConfigContent, ProcessContent } from "../../spec/content.js";
import { secretManifest, variableValue } from "../contents.js";
import { type Manifest, secretKey } from "../engine.js";
import { configMaps } from "../kinds.js";
import { labels, ownLabels } from "../labels.js";
import { configSecretName, filesName, mountedSecretName } from "../names.js";
import { manifest, type Part } from "./part.js";

/** The Secrets and the ConfigMap of a release. Throws DomainError "precondition" when a secret is not there. */
export function configManifests(part: Part): Manifest[] {
  const { owner, number, release, secrets } = part;
  const { variables, files } = release.config;
  const ofRelease = { [labels.release]: String(number) };
  const values = variables.map((each) => [each.name, variableValue(secrets, each)] as const);
  const all = [...mountedSecrets(part)];
  if (values.length > 0) {
    all.push(secretManifest(owner, configSecretName(owner.objectName, number), values, { labels: ofRelease }));
  }
  if (files.length > 0) {
    const data = Object.fromEntries(files.map(({ content }, index) => [fileKey(index), content]));
    const metadata = { name: filesName(owner.objectName, number), labels: { ...ownLabels(owner), ...ofRelease } };
    all.push(manifest(configMaps, owner, metadata, { data }));
  }
  return all;
}

/** Paths are no keys: a file goes by its place among the files. */
const fileKey = (index: number): string => `file-${index}`;

function mountedSecrets({ owner, release, secrets }: Part): Manifest[] {
  const byName = new Map<string, Manifest>();
  for (const { secret, version, path } of release.config.secretMounts) {
    const content = secrets.get(secretKey(secret, version));
    if (content === undefined) {
      throw new DomainError("precondition", `mount ${path}: secret ${secret} has no version ${version}`);
    }
    const name = mountedSecretName(owner.objectName, secret, version);
    byName.set(name, secretManifest(owner, name, content));
  }
  return [...byName.values()];
}

/** Volumes of a Pod, and where its container has them. */
export interface Volumes {
  readonly volumes: readonly Readonly<Record<string, unknown>>[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

/** The name of the volume of a STATEFUL process's own storage. */
export const storageVolume = "storage";

/** What a process has in its files. Throws DomainError "precondition" when two are at one path, or a volume claim is not there. */
export function volumesOf(part: Part, process: ProcessContent): Volumes {
  const config = configVolumes(part, part.release.config);
  const claims = claimVolumes(part, process);
  const own = process.storage === undefined ? [] : [{ name: storageVolume, mountPath: process.storage.path }];
  const volumeMounts = [...config.volumeMounts, ...claims.volumeMounts, ...own];
  const paths = volumeMounts.map(({ mountPath }) => mountPath.replace(/\/+$/, ""));
  const twice = paths.find((path, index) => paths.indexOf(path) < index);
  if (twice !== undefined) {
    throw new DomainError("precondition", `process ${process.name}: two files or mounts are at ${twice}`);
  }
  return { volumes: [...config.volumes, ...claims.volumes], volumeMounts };
}

function configVolumes({ owner, number }: Part, { files, secretMounts }: ConfigContent): Volumes {
  const folders = secretMounts.map(({ secret, version, path }, index) => ({
    volume: { name: `secret-${index}`, secret: { secretName: mountedSecretName(owner.objectName, secret, version) } },
    mount: { name: `secret-${index}`, mountPath: path, readOnly: true },
  }));
  const configMap = { name: "files", configMap: { name: filesName(owner.objectName, number) } };
  return {
    volumes: [...(files.length > 0 ? [configMap] : []), ...folders.map(({ volume }) => volume)],
    volumeMounts: [
      ...files.map(({ path }, i) => ({ name: "files", mountPath: path, subPath: fileKey(i), readOnly: true })),
      ...folders.map(({ mount }) => mount),
    ],
  };
}

function claimVolumes({ claims }: Part, process: ProcessContent): Volumes {
  const named = process.mounts.map(({ volumeClaim, path, readOnly }) => {
    const claimName = claims.get(volumeClaim)?.name;
    if (claimName !== undefined) return { volumeClaim, claimName, path, readOnly };
    throw new DomainError("precondition", `process ${process.name}: volume claim ${volumeClaim} is not there`);
  });
  const names = [...new Set(named.map(({ claimName }) => claimName))];
  const volumeOf = (claimName: string) => `claim-${names.indexOf(claimName)}`;
  return {
    volumes: names.map((claimName) => ({ name: volumeOf(claimName), persistentVolumeClaim: { claimName } })),
    volumeMounts: named.map(({ claimName, path, readOnly }) => ({
      name: volumeOf(claimName),
      mountPath: path,
      ...(readOnly ? { readOnly } : {}),
    })),
  };
}
