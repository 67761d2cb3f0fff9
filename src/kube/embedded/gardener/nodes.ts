import { createHash } from "node:crypto";
import type { EmbeddedKube } from "../embedded-kube.js";
import type { Fields, NewObject, ObjectStore } from "../types.js";
import { type CloudProfile, cloudProfiles, nodes, type Shoot, timestamp, type Worker } from "./types.js";

/** Makes the nodes of the virtual cluster those of the pools: `minimum` of each. */
export async function syncNodes(
  embedded: EmbeddedKube,
  shoot: Shoot,
  pools: readonly Worker[],
  now: Date,
): Promise<void> {
  const store = embedded.cluster(shoot.status?.technicalID ?? "")?.store;
  if (store === undefined) return;
  const wanted = new Map<string, NewObject>();
  for (const pool of pools) {
    for (let index = 0; index < pool.minimum; index++) {
      const node = nodeOf(shoot, pool, index, profileOf(embedded.store, shoot), now);
      wanted.set(node.metadata.name ?? "", node);
    }
  }
  for (const { metadata } of store.list(nodes)) {
    if (!wanted.has(metadata.name)) await store.delete({ ...nodes, name: metadata.name });
  }
  for (const [name, node] of wanted) {
    const { labels, annotations } = node.metadata;
    const found = await store.modify({ ...nodes, name }, (draft) => {
      draft.metadata.labels = { ...draft.metadata.labels, ...labels };
      draft.metadata.annotations = { ...draft.metadata.annotations, ...annotations };
      draft.status = { ...draft.status, nodeInfo: node.status?.nodeInfo, capacity: node.status?.capacity };
    });
    if (found === undefined) await store.create(nodes, node);
  }
}

function profileOf(store: ObjectStore, shoot: Shoot): CloudProfile | undefined {
  return store.get({ ...cloudProfiles, name: shoot.spec.cloudProfile.name }) as CloudProfile | undefined;
}

function nodeOf(shoot: Shoot, pool: Worker, index: number, profile: CloudProfile | undefined, now: Date): NewObject {
  const digest = createHash("sha256").update(`${shoot.metadata.uid}/${pool.name}/${index}`).digest("hex");
  const name = `${pool.name.slice(0, 40)}-${digest.slice(0, 5)}-${digest.slice(5, 10)}`;
  const zone = pool.zones?.[index % pool.zones.length] ?? shoot.spec.region;
  return {
    metadata: {
      name,
      labels: {
        "kubernetes.io/hostname": name,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": pool.machine.type,
        "topology.kubernetes.io/region": shoot.spec.region,
        "topology.kubernetes.io/zone": zone,
        "worker.gardener.cloud/pool": pool.name,
      },
    },
    spec: { providerID: `simulator://${digest.slice(0, 16)}` },
    status: nodeStatus(shoot, pool, profile, { name, digest, index, at: timestamp(now) }),
  };
}

interface NodeIdentity {
  readonly name: string;
  readonly digest: string;
  readonly index: number;
  readonly at: string;
}

function nodeStatus(
  shoot: Shoot,
  { machine }: Worker,
  profile: CloudProfile | undefined,
  { name, digest, index, at }: NodeIdentity,
): Fields {
  const type = profile?.spec.machineTypes.find((one) => one.name === machine.type);
  const capacity = { cpu: type?.cpu ?? "1", memory: type?.memory ?? "1Gi", pods: "110" };
  const subnet = Number.parseInt(digest.slice(0, 2), 16);
  return {
    capacity,
    allocatable: capacity,
    addresses: [
      { type: "Hostname", address: name },
      { type: "InternalIP", address: `10.250.${subnet}.${(index % 250) + 2}` },
    ],
    conditions: nodeConditions(at),
    nodeInfo: {
      architecture: "amd64",
      operatingSystem: "linux",
      osImage: [machine.image?.name, machine.image?.version].filter(Boolean).join(" "),
      kernelVersion: "6.12.0",
      containerRuntimeVersion: "containerd://2.1.0",
      kubeletVersion: `v${shoot.spec.kubernetes.version}`,
      kubeProxyVersion: `v${shoot.spec.kubernetes.version}`,
      machineID: digest.slice(0, 32),
      systemUUID: uuidOf(digest),
      bootID: uuidOf(digest.slice(32)),
    },
  };
}

/** The conditions of a node that is ready; `at` is RFC 3339. */
export function nodeConditions(at: string) {
  const one = (type: string, status: string, reason: string) => ({
    type,
    status,
    reason,
    message: "",
    lastHeartbeatTime: at,
    lastTransitionTime: at,
  });
  return [
    one("MemoryPressure", "False", "KubeletHasSufficientMemory"),
    one("DiskPressure", "False", "KubeletHasNoDiskPressure"),
    one("PIDPressure", "False", "KubeletHasSufficientPID"),
    one("Ready", "True", "KubeletReady"),
  ];
}

/** A uuid that is always the same for a digest in hex. */
export function uuidOf(digest: string): string {
  const part = (from: number, to: number) => digest.slice(from, to);
  return `${part(0, 8)}-${part(8, 12)}-4${part(13, 16)}-8${part(17, 20)}-${part(20, 32)}`;
}
