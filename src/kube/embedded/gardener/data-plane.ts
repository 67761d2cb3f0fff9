import { randomBytes } from "node:crypto";
import type { DataPlanes } from "../data-plane/data-planes.js";
import type { EmbeddedKube } from "../embedded-kube.js";
import { syncNodes } from "./nodes.js";
import { keys, type Shoot, secrets } from "./types.js";

/** What finishing a step leaves in the Shoot itself. */
export type Outcome = (draft: Shoot) => void;

/** Where virtual clusters come from, and what runs inside of them. */
export interface Clusters {
  readonly embedded: EmbeddedKube;
  readonly dataPlanes: DataPlanes;
}

const nothing: Outcome = () => undefined;

/**
 * Does what a step stands for: the virtual cluster with its API server, its nodes, the access to its dashboards.
 * Idempotent, for a step that was interrupted runs again.
 */
export async function carryOut(clusters: Clusters, shoot: Shoot, step: string, now: Date): Promise<Outcome> {
  const { embedded, dataPlanes } = clusters;
  const gone = shoot.status?.lastOperation?.type === "Delete";
  const id = shoot.status?.technicalID ?? "";
  switch (step) {
    case "api-server":
      if (!gone) return await advertise(clusters, id);
      await dataPlanes.stop(id);
      await embedded.deleteCluster(id);
      return (draft) => {
        if (draft.status !== undefined) delete draft.status.advertisedAddresses;
      };
    case "workers":
      if (gone || shoot.spec.hibernation?.enabled) await syncNodes(embedded, shoot, [], now);
      return nothing;
    case "nodes":
      await syncNodes(embedded, shoot, shoot.spec.hibernation?.enabled ? [] : shoot.spec.provider.workers, now);
      return nothing;
    case "system-components":
      await createMonitoring(embedded, shoot);
      return nothing;
    case "control-plane":
      if (gone) await embedded.store.delete(monitoringSecret(shoot));
      return nothing;
    default:
      return nothing;
  }
}

/** Makes the virtual cluster, unless it is there, and notes where it can be reached. */
export async function advertise({ embedded, dataPlanes }: Clusters, id: string): Promise<Outcome> {
  const cluster = await embedded.createCluster(id);
  await dataPlanes.start(cluster);
  const { url } = cluster;
  return (draft) => {
    draft.status = {
      ...draft.status,
      advertisedAddresses: [
        { name: "external", url },
        { name: "internal", url },
        { name: "service-account-issuer", url },
      ],
    };
  };
}

function monitoringSecret({ metadata }: Shoot) {
  return { ...secrets, namespace: metadata.namespace, name: `${metadata.name}.monitoring` };
}

async function createMonitoring(embedded: EmbeddedKube, shoot: Shoot): Promise<void> {
  const { namespace, name } = monitoringSecret(shoot);
  if (embedded.store.get({ ...secrets, namespace, name }) !== undefined) return;
  const id = shoot.status?.technicalID ?? "";
  const { apiVersion, kind, metadata } = shoot;
  await embedded.store.create(secrets, {
    type: "Opaque",
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { [keys.role]: "monitoring" },
      annotations: {
        "plutono-url": `https://gu-${id}.monitoring.example`,
        "prometheus-url": `https://p-${id}.monitoring.example`,
        "alertmanager-url": `https://au-${id}.monitoring.example`,
      },
      ownerReferences: [{ apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true }],
    },
    data: { username: base64("admin"), password: base64(randomBytes(16).toString("hex")) },
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
