import type { DataPlanes } from "../data-plane/data-planes.js";
import type { EmbeddedKube, KubeLog } from "../embedded-kube.js";
import type { ResourceName } from "../types.js";
import { startSigner } from "./signing.js";
import { type Cluster, keys, virtualName } from "./types.js";

const secrets: ResourceName = { group: "", resource: "secrets" };

/** The virtual clusters behind Clusters, with what runs inside of them. */
export interface VirtualClusters {
  /** Makes it unless it is there, and writes the Secret with its kubeconfig. Answers where its API server is. */
  open(cluster: Cluster): Promise<{ host: string; port: number }>;
  /** Removes it and the Secret. No error when there is none. */
  close(cluster: Cluster): Promise<void>;
  /** Ends what runs inside of all. */
  stop(): Promise<void>;
}

/** Makes the virtual clusters of one server. */
export function createVirtualClusters(embedded: EmbeddedKube, dataPlanes: DataPlanes, log: KubeLog): VirtualClusters {
  const signers = new Map<string, () => void>();
  return {
    async open(cluster) {
      const made = await embedded.createCluster(virtualName(cluster));
      await dataPlanes.start(made);
      if (!signers.has(made.name)) signers.set(made.name, startSigner(embedded, made, log));
      await writeSecret(embedded, cluster, made.url);
      const { hostname, port } = new URL(made.url);
      return { host: hostname, port: Number(port) };
    },
    async close(cluster) {
      const name = virtualName(cluster);
      signers.get(name)?.();
      signers.delete(name);
      await dataPlanes.stop(name);
      await embedded.deleteCluster(name);
      await embedded.store.delete(secretOf(cluster));
    },
    async stop() {
      for (const end of signers.values()) end();
      await dataPlanes.stopAll();
    },
  };
}

function secretOf({ metadata }: Cluster) {
  return { ...secrets, namespace: metadata.namespace, name: `${metadata.name}-kubeconfig` };
}

/** Writes the Secret, unless it leads there already. */
async function writeSecret(embedded: EmbeddedKube, cluster: Cluster, url: string): Promise<void> {
  const ref = secretOf(cluster);
  const present = embedded.store.get(ref)?.data as { value?: string } | undefined;
  if (present?.value !== undefined && Buffer.from(present.value, "base64").toString().includes(`${url}\n`)) return;
  const id = virtualName(cluster);
  const { apiVersion, kind, metadata } = cluster;
  const { name } = metadata;
  const user = `${name}-admin`;
  const names = { cluster: name, user, context: `${user}@${name}` };
  const { yaml } = await embedded.kubeconfig({ user, groups: [`cluster:${id}`], cluster: id, names });
  const data = { value: Buffer.from(yaml).toString("base64") };
  const found = await embedded.store.modify(ref, (draft) => {
    draft.data = data;
  });
  if (found !== undefined) return;
  await embedded.store.create(secrets, {
    type: "cluster.x-k8s.io/secret",
    metadata: {
      name: ref.name,
      ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }),
      labels: { [keys.clusterName]: name },
      ownerReferences: [{ apiVersion, kind, name, uid: metadata.uid, controller: true }],
    },
    data,
  });
}
