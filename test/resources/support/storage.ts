import { vi } from "vitest";
import type { Cluster } from "../../../gen/ts/api/v1/cluster_pb.js";
import { SnapshotService, type Volume, VolumeService } from "../../../gen/ts/api/v1/volume_pb.js";
import { type KubeClient, openKube } from "../../../src/kube/client.js";
import type { KubeObject, ResourceType } from "../../../src/kube/objects.js";
import { claims } from "../../../src/resources/api/volume/kube-types.js";
import { as, startPlatform, type TestPlatformOptions } from "../../support/platform.js";
import { clustersOf } from "./clusters.js";

/** Waits until a check passes, on slow machines too. */
export const eventually = <R>(check: () => R | Promise<R>): Promise<R> =>
  vi.waitFor(check, { timeout: 25_000, interval: 50 });

/** A platform with one ready cluster, and what tests of storage do there. */
export async function openStorageWorld(options: TestPlatformOptions = {}) {
  const platform = await startPlatform(options);
  const clusters = clustersOf(platform);
  const cluster: Cluster = await clusters.ready();
  const owner = as(platform.tokens.owner);
  const { kubeconfig } = await clusters.client.getCredentials({ project: platform.project, uuid: cluster.uuid }, owner);
  const inside: KubeClient = openKube({ kubeconfig, log: platform.platform.log });
  const write = (type: ResourceType, object: object) => inside.create<KubeObject>(type, object as KubeObject);
  const volumes = platform.client(VolumeService);
  const snapshots = platform.client(SnapshotService);
  const list = async (filter: object = {}): Promise<Volume[]> =>
    (await volumes.list({ project: platform.project, ...filter }, owner)).volumes;
  return {
    platform,
    cluster,
    clusters,
    inside,
    kubeconfig,
    owner,
    volumes,
    snapshots,
    write,
    list,
    place: (uuid: string) => ({ project: platform.project, uuid }),
    claim: (name: string) =>
      write(claims, {
        metadata: { name, namespace: "default" },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "3Gi" } } },
      }),
    /** The volume of a claim, once it fits. */
    volume: (name: string, fits: (volume: Volume) => boolean = () => true): Promise<Volume> =>
      eventually(async () => {
        const [found] = await list({ name });
        if (found === undefined || !fits(found)) throw new Error(`volume ${name} is not so yet`);
        return found;
      }),
    async close(): Promise<void> {
      inside.close();
      await platform.close();
    },
  };
}
export type StorageWorld = Awaited<ReturnType<typeof openStorageWorld>>;
