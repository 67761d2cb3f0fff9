import type { ObjectStore } from "../types.js";
import { type CloudProfile, cloudProfiles, finalizer, type Shoot, type Worker } from "./types.js";

/** Fills in what a Shoot leaves open, as Gardener's API server does; takes over images from the Shoot before. */
export function fillShoot(draft: Shoot, previous: Shoot | undefined, store: ObjectStore): void {
  const { spec } = draft;
  spec.purpose ??= "evaluation";
  spec.cloudProfile = { ...spec.cloudProfile, kind: spec.cloudProfile.kind ?? "CloudProfile" };
  spec.networking = { pods: "100.96.0.0/11", services: "100.64.0.0/13", ...spec.networking };
  spec.hibernation = { enabled: false, ...spec.hibernation };
  spec.maintenance = {
    ...spec.maintenance,
    autoUpdate: { kubernetesVersion: true, machineImageVersion: true, ...spec.maintenance?.autoUpdate },
    timeWindow: spec.maintenance?.timeWindow ?? { begin: "220000+0000", end: "230000+0000" },
  };
  const profile = store.get({ ...cloudProfiles, name: spec.cloudProfile.name }) as CloudProfile | undefined;
  for (const worker of spec.provider.workers) {
    fillWorker(
      worker,
      previous?.spec.provider.workers.find(({ name }) => name === worker.name),
      profile,
    );
  }
  if (previous === undefined)
    draft.metadata.finalizers = [...new Set([...(draft.metadata.finalizers ?? []), finalizer])];
}

function fillWorker(worker: Worker, before: Worker | undefined, profile: CloudProfile | undefined): void {
  worker.maxSurge ??= 1;
  worker.maxUnavailable ??= 0;
  const usual = profile?.spec.machineImages[0];
  const name = worker.machine.image?.name ?? before?.machine.image?.name ?? usual?.name;
  if (name === undefined) return;
  const known = profile?.spec.machineImages.find((image) => image.name === name);
  const kept = before?.machine.image?.name === name ? before.machine.image.version : undefined;
  const version = worker.machine.image?.version ?? kept ?? known?.versions[0]?.version;
  worker.machine = { ...worker.machine, image: { name, ...(version === undefined ? {} : { version }) } };
}
