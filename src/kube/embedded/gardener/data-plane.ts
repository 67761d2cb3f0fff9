import { createHash, randomBytes } from "node:crypto";
import type { EmbeddedKube } from "../embedded-kube.js";
import type { NewObject, ObjectStore } from "../types.js";
import { type CloudProfile, cloudProfiles, keys, nodes, type Shoot, secrets, timestamp, type Worker } from "./types.js";

/** What finishing a step leaves in the Shoot itself. */
export type Outcome = (draft: Shoot) => void;

const nothing: Outcome = () => undefined;

/**
 * Does what a step stands for: the virtual cluster with its API server, its nodes, the access to its dashboards.
 * Idempotent, for a step that was interrupted runs again.
 */
export async function carryOut(embedded: EmbeddedKube, shoot: Shoot, step: string, now: Date): Promise<Outcome> {
  const gone = shoot.status?.lastOperation?.type === "Delete";
  const id = shoot.status?.technicalID ?? "";
  switch (step) {
    case "api-server":
      if (!gone) return await advertise(embedded, id);
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
export async function advertise(embedded: EmbeddedKube, id: string): Promise<Outcome> {
  const { url } = await embedded.createCluster(id);
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

/** Makes the nodes of the virtual cluster those of the pools: `minimum` of each. */
async function syncNodes(embedded: EmbeddedKube, shoot: Shoot, pools: readonly Worker[], now: Date): Promise<void> {
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
  const type = profile?.spec.machineTypes.find((one) => one.name === pool.machine.type);
  const capacity = { cpu: type?.cpu ?? "1", memory: type?.memory ?? "1Gi", pods: "110" };
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
    status: {
      capacity,
      allocatable: capacity,
      addresses: [
        { type: "Hostname", address: name },
        { type: "InternalIP", address: `10.250.${Number.parseInt(digest.slice(0, 2), 16)}.${(index % 250) + 2}` },
      ],
      conditions: nodeConditions(timestamp(now)),
      nodeInfo: {
        architecture: "amd64",
        operatingSystem: "linux",
        osImage: [pool.machine.image?.name, pool.machine.image?.version].filter(Boolean).join(" "),
        kernelVersion: "6.12.0",
        containerRuntimeVersion: "containerd://2.1.0",
        kubeletVersion: `v${shoot.spec.kubernetes.version}`,
        kubeProxyVersion: `v${shoot.spec.kubernetes.version}`,
        machineID: digest.slice(0, 32),
        systemUUID: uuidOf(digest),
        bootID: uuidOf(digest.slice(32)),
      },
    },
  };
}

function nodeConditions(at: string) {
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

function uuidOf(digest: string): string {
  const part = (from: number, to: number) => digest.slice(from, to);
  return `${part(0, 8)}-${part(8, 12)}-4${part(13, 16)}-8${part(17, 20)}-${part(20, 32)}`;
}
