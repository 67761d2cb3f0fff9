import type { EmbeddedKube } from "../embedded-kube.js";
import { machineDigest, type NewNode, nodeOf, nodes, putNode } from "../machine-nodes.js";
import type { ObjectStore } from "../types.js";
import { type CloudProfile, cloudProfiles, type Shoot, type Worker } from "./types.js";

/** Makes the nodes of the virtual cluster those of the pools: `minimum` of each. */
export async function syncNodes(
  embedded: EmbeddedKube,
  shoot: Shoot,
  pools: readonly Worker[],
  now: Date,
): Promise<void> {
  const store = embedded.cluster(shoot.status?.technicalID ?? "")?.store;
  if (store === undefined) return;
  const profile = profileOf(embedded.store, shoot);
  const wanted = pools.flatMap((pool) =>
    Array.from({ length: pool.minimum }, (_, index) => nodeOfPool(shoot, pool, index, profile, now)),
  );
  const names = new Set(wanted.map(({ metadata }) => metadata.name));
  for (const { metadata } of store.list(nodes)) {
    if (!names.has(metadata.name)) await store.delete({ ...nodes, name: metadata.name });
  }
  for (const node of wanted) await putNode(store, node);
}

function profileOf(store: ObjectStore, shoot: Shoot): CloudProfile | undefined {
  return store.get({ ...cloudProfiles, name: shoot.spec.cloudProfile.name }) as CloudProfile | undefined;
}

function nodeOfPool(
  { metadata, spec }: Shoot,
  { name: pool, machine, zones }: Worker,
  index: number,
  profile: CloudProfile | undefined,
  now: Date,
): NewNode {
  // A machine cannot become one of another type: it is replaced.
  const digest = machineDigest(metadata.uid, pool, machine.type, index);
  const type = profile?.spec.machineTypes.find(({ name }) => name === machine.type);
  return nodeOf(
    {
      name: `${pool.slice(0, 40)}-${digest.slice(0, 5)}-${digest.slice(5, 10)}`,
      digest,
      machineType: machine.type,
      capacity: type && { cpu: type.cpu, memory: type.memory },
      labels: {
        "node.kubernetes.io/role": "node",
        "topology.kubernetes.io/region": spec.region,
        "topology.kubernetes.io/zone": zones?.[index % zones.length] ?? spec.region,
        "worker.gardener.cloud/pool": pool,
        "worker.gardener.cloud/kubernetes-version": spec.kubernetes.version,
      },
      osImage: [machine.image?.name, machine.image?.version].filter(Boolean).join(" "),
      kubernetesVersion: `v${spec.kubernetes.version}`,
    },
    now,
  );
}
