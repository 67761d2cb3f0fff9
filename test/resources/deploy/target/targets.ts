import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect, vi } from "vitest";
import {
  ConnectionState,
  type Target,
  TargetService,
  type TargetServiceCreateRequestSchema,
  type TargetServiceUpdateRequestSchema,
} from "../../../../gen/ts/deploy/v1/target_pb.js";
import { type KubeClient, openKube } from "../../../../src/kube/client.js";
import { type KubeObject, nodes } from "../../../../src/kube/objects.js";
import type { ObserverPace } from "../../../../src/resources/deploy/target/follow-target.js";
import { observeTargets } from "../../../../src/resources/deploy/target/observer.js";
import type { TargetVisitor } from "../../../../src/resources/deploy/target/visitor.js";
import { as, type TestPlatform, type TestTenant } from "../../../support/platform.js";

type Plain<Init> = Exclude<Init, { $typeName: string }>;
type Order = Plain<MessageInitShape<typeof TargetServiceCreateRequestSchema>>;
type Change = Plain<MessageInitShape<typeof TargetServiceUpdateRequestSchema>>;

let made = 0;

/** A name that nothing else of this test file has. */
export const newName = (prefix = "target"): string => `${prefix}-${++made}`;

/** Targets of a tenant's project, called for by its owner unless told otherwise. */
export function targetsOf(platform: TestPlatform, { project, tokens }: TestTenant) {
  const client = platform.client(TargetService);
  const owner = as(tokens.owner);
  const create = async (order: Order, by = owner): Promise<Target> =>
    demand((await client.create({ project, name: newName(), ...order }, by)).target);
  const get = async (uuid: string, by = owner): Promise<Target> =>
    demand((await client.get({ project, uuid }, by)).target);
  const until = async (uuid: string, fits: Partial<Target>): Promise<Target> => {
    await vi.waitFor(async () => expect(await get(uuid)).toMatchObject(fits), { timeout: 30_000, interval: 20 });
    return await get(uuid);
  };
  return {
    client,
    project,
    owner,
    create,
    get,
    until,
    foreign: (kubeconfig: string, order: Order = {}) =>
      create({ ...order, source: { case: "kubeconfig", value: kubeconfig } }),
    of: (cluster: string, order: Order = {}) => create({ ...order, source: { case: "cluster", value: cluster } }),
    update: async (uuid: string, change: Change, by = owner): Promise<Target> =>
      demand((await client.update({ project, uuid, ...change }, by)).target),
    delete: (uuid: string, by = owner) => client.delete({ project, uuid }, by),
    names: async (filter: Plain<Parameters<typeof client.list>[0]> = { project }, by = owner) =>
      (await client.list(filter, by)).targets.map(({ name }) => name),
    connected: (uuid: string) => until(uuid, { connection: ConnectionState.CONNECTED }),
  };
}

function demand(target: Target | undefined): Target {
  if (target === undefined) throw new Error("no target was answered");
  return target;
}

/** Looks far more often than in real life, so that tests need not wait. */
export const quick: ObserverPace = { recheckMs: 50, doubtMs: 20, lookMs: 5_000, atOnce: 4 };

/** Observes all targets until it is stopped. */
export function startObserver(
  { platform }: TestPlatform,
  { visitors = [], pace = quick }: { visitors?: readonly TargetVisitor[]; pace?: ObserverPace } = {},
): () => Promise<void> {
  const end = new AbortController();
  const working = observeTargets(platform, visitors, end.signal, pace);
  return async () => {
    end.abort();
    await working;
  };
}

/** A client of the embedded Kubernetes, past all proxies. */
export const directly = ({ kube, platform }: TestPlatform): KubeClient =>
  openKube({ kubeconfig: kube.kubeconfig, log: platform.log });

/** Makes a Node, or makes it ready or not. */
export async function putNode(kube: KubeClient, name: string, isReady = true, extra: object = {}): Promise<void> {
  await kube.apply(nodes, { metadata: { name, labels: { "example.org/pool": "one" } }, ...extra } as KubeObject);
  const condition = { type: "Ready", status: isReady ? "True" : "False" };
  const status = {
    conditions: [condition],
    addresses: [{ type: "InternalIP", address: "10.0.0.7" }],
    nodeInfo: { kubeletVersion: "v1.33.5" },
    allocatable: { cpu: "8", memory: "32Gi", pods: "110" },
  };
  const node = await kube.get<KubeObject>(nodes, { name });
  await kube.replaceSubresource(nodes, { ...node, status } as KubeObject, "status");
}
