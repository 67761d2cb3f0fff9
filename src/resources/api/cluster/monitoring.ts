import type { Keyring } from "../../../auth/keyring.js";
import type { Database } from "../../../db/database.js";
import type { ClusterBackend } from "./kube.js";
import { type ClusterRow, clusterStore } from "./store.js";

/** Where the dashboards of a cluster are, and how to sign in to them. */
export interface Monitoring {
  readonly username: string;
  readonly password: string;
  readonly endpoint: string;
}

/** The stored access to a cluster's dashboards; undefined until it was seen. */
export async function openMonitoring(keyring: Keyring, row: ClusterRow): Promise<Monitoring | undefined> {
  return row.monitoringSealed === null
    ? undefined
    : (JSON.parse(await keyring.open(row.monitoringSealed)) as Monitoring);
}

/** Fetches and stores the access to a cluster's dashboards, once the backend offers it. */
export async function storeMonitoring(
  db: Database,
  keyring: Keyring,
  backend: ClusterBackend,
  row: ClusterRow,
  signal: AbortSignal,
): Promise<void> {
  if (row.monitoringSealed !== null || row.statusState !== "Succeeded" || row.deleteRequestedAt !== null) return;
  const monitoring = await backend.monitoring(row, signal);
  if (monitoring === undefined) return;
  const { username, password, endpoint } = monitoring;
  await clusterStore.setMonitoring(db, row.id, await keyring.seal(JSON.stringify({ username, password, endpoint })));
}
