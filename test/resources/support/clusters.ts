import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import {
  type Cluster,
  ClusterService,
  type ClusterServiceCreateRequestSchema,
  type ClusterStatus,
} from "../../../gen/ts/api/v1/cluster_pb.js";
import { type Shoot, shoots } from "../../../src/resources/api/cluster/gardener-types.js";
import { as, type TestPlatform, type TestTenant } from "../../support/platform.js";

type CreateInit = Omit<
  Exclude<MessageInitShape<typeof ClusterServiceCreateRequestSchema>, { $typeName: string }>,
  "project"
>;

let made = 0;

/** A name that no other cluster of this test file has. */
export const newName = (): string => `c${process.pid % 1000}n${++made}`;

/** What the tests do with clusters of one tenant, as its owner. */
export function clustersOf(platform: TestPlatform, { project, tokens }: TestTenant = platform) {
  const client: Client<typeof ClusterService> = platform.client(ClusterService);
  const owner = as(tokens.owner);
  const get = async (uuid: string): Promise<Cluster> => {
    const { cluster } = await client.get({ project, uuid }, owner);
    if (cluster === undefined) throw new Error("the answer has no cluster");
    return cluster;
  };
  const create = async (init: CreateInit = {}): Promise<Cluster> => {
    const { cluster } = await client.create({ name: newName(), ...init, project }, owner);
    if (cluster === undefined) throw new Error("the answer has no cluster");
    return cluster;
  };
  /** Watches until a status fits, and answers it. */
  const until = async (uuid: string, fits: (status: ClusterStatus) => boolean): Promise<ClusterStatus> => {
    for await (const { status } of client.watchStatus({ project, uuid }, { ...owner, timeoutMs: 45_000 })) {
      if (status !== undefined && fits(status)) return status;
    }
    throw new Error("the watch ended before that");
  };
  const succeeded = (uuid: string) => until(uuid, ({ state }) => state === "Succeeded");
  return {
    client,
    project,
    owner,
    get,
    create,
    until,
    succeeded,
    async ready(init: CreateInit = {}): Promise<Cluster> {
      const { uuid } = await create(init);
      await succeeded(uuid);
      return await get(uuid);
    },
    async remove(uuid: string): Promise<void> {
      await client.delete({ project, uuid }, owner);
      await until(uuid, ({ type, state }) => type === "Delete" && state === "Succeeded");
    },
  };
}

/** The Shoot of a cluster; waits for it. */
export async function shootOf(platform: TestPlatform, uuid: string): Promise<Shoot> {
  const kube = kubeOf(platform);
  for (;;) {
    const { items } = await kube.list<Shoot>(shoots, { labelSelector: `slipway.dev/cluster=${uuid}` });
    if (items[0] !== undefined) return items[0];
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Lets a step of a cluster's next operation fail; docs/gardener.md says how a fault is written. */
export async function plantFault(platform: TestPlatform, uuid: string, fault: string): Promise<void> {
  const { metadata } = await shootOf(platform, uuid);
  const place = { name: metadata.name, namespace: metadata.namespace };
  await kubeOf(platform).mergePatch(shoots, place, {
    metadata: { annotations: { "simulator.slipway.dev/fail": fault } },
  });
}

function kubeOf({ platform }: TestPlatform) {
  const [partition] = platform.partitions.values();
  if (partition === undefined) throw new Error("there is no partition");
  return partition.kube;
}
