import type { KubeLog, VirtualCluster } from "../embedded-kube.js";
import type { ApiExtension } from "../extension.js";
import type { ObjectStore, ResourceName, StoreEvent } from "../types.js";
import { startWorkloads, type WorkloadOptions } from "../workloads/workloads.js";
import { dataPlaneAdmission } from "./admission.js";
import { settleClaims } from "./claims.js";
import { settleLoadBalancers } from "./load-balancers.js";
import { addressPools, attachments, claims, contents, nodes, pods, services, snapshots, volumes } from "./names.js";
import { settleAttachments } from "./pods.js";
import { dataPlaneResources } from "./resource-types.js";
import { seedCluster } from "./seeding.js";
import { settleSnapshots } from "./snapshots.js";
import { statsSummary } from "./stats-summary.js";
import { claimsOf } from "./uses.js";

/** Serves snapshots, address pools and what kubelets report in every cluster but the management cluster. */
export const dataPlaneExtension: ApiExtension = {
  resources: dataPlaneResources,
  reads: [{ ...nodes, path: "proxy/stats/summary", read: statsSummary }],
  appliesTo: (cluster) => cluster !== "",
  admit: (request) => {
    if (request.cluster !== "") dataPlaneAdmission(request);
  },
};

/** Plays what runs inside of clusters: workloads with scheduler and kubelets, a CSI driver and MetalLB. */
export interface DataPlanes {
  /** Begins to act in a cluster; nothing when it does already. */
  start(cluster: VirtualCluster): Promise<void>;
  /** Ends it in a cluster; resolves when nothing of it runs any more. */
  stop(name: string): Promise<void>;
  stopAll(): Promise<void>;
}

/** How data planes are played; `timeScale` is for workloads only, the rest takes no time. */
export type DataPlaneOptions = Omit<WorkloadOptions, "timeScale"> & Partial<Pick<WorkloadOptions, "timeScale">>;

/** The part of a simulator's settings that says what clusters come with. */
export function enginesOf({ engines }: Pick<DataPlaneOptions, "engines">): Pick<DataPlaneOptions, "engines"> {
  return engines === undefined ? {} : { engines };
}

/** Makes the data planes of one server. */
export function createDataPlanes(options: DataPlaneOptions): DataPlanes {
  const running = new Map<string, () => Promise<void>>();
  const stop = async (name: string): Promise<void> => {
    const end = running.get(name);
    running.delete(name);
    await end?.();
  };
  return {
    async start({ name, store }) {
      if (running.has(name)) return;
      const workloads = startWorkloads(store, { timeScale: 1, ...options });
      const settled = settleOnChange(name, store, options);
      running.set(name, async () => void (await Promise.all([workloads.stop(), settled()])));
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
      await settleAttachments(store);
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
    store.watch(resource, (event) => {
      if (!matters(resource, event)) return;
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

/** Pods without claims are nobody's business here, of which there may be many. */
function matters(resource: ResourceName, { object }: StoreEvent): boolean {
  return resource !== pods || claimsOf(object).length > 0;
}
