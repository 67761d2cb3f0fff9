import type { KubeLog, VirtualCluster } from "../embedded-kube.js";
import type { ApiExtension } from "../extension.js";
import type { ObjectStore, ResourceName } from "../types.js";
import { dataPlaneAdmission } from "./admission.js";
import { settleClaims } from "./claims.js";
import { settleLoadBalancers } from "./load-balancers.js";
import { addressPools, attachments, claims, contents, nodes, pods, services, snapshots, volumes } from "./names.js";
import { settlePods } from "./pods.js";
import { dataPlaneResources } from "./resource-types.js";
import { seedCluster } from "./seeding.js";
import { settleSnapshots } from "./snapshots.js";
import { statsSummary } from "./stats-summary.js";

/** Serves snapshots, address pools and what kubelets report in every cluster but the management cluster. */
export const dataPlaneExtension: ApiExtension = {
  resources: dataPlaneResources,
  reads: [{ ...nodes, path: "proxy/stats/summary", read: statsSummary }],
  appliesTo: (cluster) => cluster !== "",
  admit: (request) => {
    if (request.cluster !== "") dataPlaneAdmission(request);
  },
};

/** Plays what runs inside of clusters: scheduler, kubelet, a CSI driver and MetalLB. */
export interface DataPlanes {
  /** Begins to act in a cluster; nothing when it does already. */
  start(cluster: VirtualCluster): Promise<void>;
  /** Ends it in a cluster; resolves when nothing of it runs any more. */
  stop(name: string): Promise<void>;
  stopAll(): Promise<void>;
}

/** Makes the data planes of one server. */
export function createDataPlanes(options: { readonly clock: () => Date; readonly log: KubeLog }): DataPlanes {
  const running = new Map<string, () => Promise<void>>();
  const stop = async (name: string): Promise<void> => {
    const end = running.get(name);
    running.delete(name);
    await end?.();
  };
  return {
    async start({ name, store }) {
      if (running.has(name)) return;
      running.set(name, settleOnChange(name, store, options));
    },
    stop,
    async stopAll() {
      await Promise.all([...running.keys()].map(stop));
    },
  };
}

const watched: readonly ResourceName[] = [
  claims,
  volumes,
  attachments,
  pods,
  nodes,
  snapshots,
  contents,
  services,
  addressPools,
];

/** Looks at everything again after each change; changes that come meanwhile share the next look. */
function settleOnChange(
  cluster: string,
  store: ObjectStore,
  { clock, log }: { readonly clock: () => Date; readonly log: KubeLog },
): () => Promise<void> {
  let stopped = false;
  let due = true;
  let working: Promise<void> = Promise.resolve();
  const settle = async (): Promise<void> => {
    while (due && !stopped) {
      due = false;
      await settleClaims(store);
      await settlePods(store, clock());
      await settleSnapshots(store, clock());
      await settleLoadBalancers(store);
    }
  };
  const look = (): void => {
    working = working.then(settle).catch((error: unknown) => {
      if (!stopped) log.error({ err: error, cluster }, "the simulated data plane failed");
    });
  };
  working = seedCluster(store);
  const unwatch = watched.map((resource) =>
    store.watch(resource, () => {
      due = true;
      look();
    }),
  );
  look();
  return async () => {
    stopped = true;
    for (const end of unwatch) end();
    await working;
  };
}
