import type { ObjectStore } from "../types.js";
import { compareVersions, minorOf } from "./kubernetes-version.js";
import { type CloudProfile, cloudProfiles, keys, type Shoot } from "./types.js";

/** Carries out the operation "maintain": updates what may be updated, and reconciles. */
export function maintain(draft: Shoot, store: ObjectStore): void {
  const annotations = { ...draft.metadata.annotations };
  delete annotations[keys.operation];
  draft.metadata.annotations = annotations;
  const version = newestPatch(draft, store);
  if (version !== undefined) draft.spec.kubernetes.version = version;
  // The store counts a changed spec by itself; without one, the reconciliation must be asked for.
  else draft.metadata.generation = (draft.metadata.generation ?? 0) + 1;
}

function newestPatch({ spec }: Shoot, store: ObjectStore): string | undefined {
  if (spec.maintenance?.autoUpdate?.kubernetesVersion === false) return undefined;
  const profile = store.get({ ...cloudProfiles, name: spec.cloudProfile.name }) as CloudProfile | undefined;
  const { version } = spec.kubernetes;
  const newer = (profile?.spec.kubernetes.versions ?? [])
    .map((one) => one.version)
    .filter((one) => minorOf(one) === minorOf(version) && compareVersions(one, version) > 0)
    .sort(compareVersions);
  return newer.at(-1);
}
