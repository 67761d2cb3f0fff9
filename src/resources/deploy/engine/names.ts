import { createHash } from "node:crypto";

/** Most letters of a DNS label. */
const longest = 63;
/** A StatefulSet's name and the hash of a revision are the value of a label together. */
export const longestStatefulSet = 52;
/** A CronJob's name and the time of a Job are a name together. */
export const longestCronJob = 52;
const hashLength = 8;

/** A name of at most `most` letters: one that is longer ends with a hash of it instead. */
export function fitted(name: string, most: number = longest): string {
  if (name.length <= most) return name;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, hashLength);
  const kept = name.slice(0, most - hashLength - 1).replace(/-+$/, "");
  return `${kept}-${hash}`;
}

/** The name of what runs a process, and of its Service; with `variant` that of the release of that number beside the active one. */
export function workloadName(objectName: string, process: string, variant?: number): string {
  return fitted(`${objectName}-${process}${variant === undefined ? "" : `-r${variant}`}`);
}

/** The name of the Service that gives the replicas of a STATEFUL process names of their own. */
export const replicasServiceName = (objectName: string, process: string): string =>
  fitted(`${objectName}-${process}-replicas`);

/** The name of the Secret with the variables of a release, or with the values of its chart. */
export const configSecretName = (objectName: string, number: number): string => fitted(`${objectName}-r${number}`);

/** The name of the ConfigMap with the files of a release. */
export const filesName = (objectName: string, number: number): string => fitted(`${objectName}-r${number}-files`);

/** The name of the Secret with the content of a secret that is mounted. The last part of a uuid is random in all versions. */
export const mountedSecretName = (objectName: string, secret: string, version: number): string =>
  fitted(`${objectName}-s${secret.slice(-12)}-v${version}`);

/** The name of the Secret with which images or charts are pulled. */
export const pullSecretName = (objectName: string): string => fitted(`${objectName}-pull`);
