import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type KubeClient, openKube } from "../../../src/kube/client.js";
import { type KubeObject, nodes } from "../../../src/kube/objects.js";
import type { ClusterSpec, WorkerSpec } from "../../../src/resources/api/cluster/kube.js";
import { clusterSpec, healthy, log, observed, signal, until } from "../gardener/garden.js";
import { kinds, startWorld, type World } from "./worlds.js";

interface Node extends KubeObject {
  spec?: { providerID?: string };
  status?: {
    capacity?: Record<string, string>;
    allocatable?: Record<string, string>;
    conditions?: { type: string; status: string }[];
    addresses?: { type: string; address: string }[];
  };
}

const typeLabel = "node.kubernetes.io/instance-type";
const medium = "n1-medium-x86";
const large = "c1-large-x86";

function group(name: string, machineType: string, minSize: number, maxSize = minSize): WorkerSpec {
  return { name, machineType, minSize, maxSize, maxSurge: 0, maxUnavailable: 0 };
}

describe.each(kinds)("the nodes of a cluster by $name", (kind) => {
  const spec = clusterSpec("nodes", { workers: [group("default", medium, 2, 3)] });
  let world: World;
  let inside: KubeClient;
  beforeAll(async () => {
    world = await startWorld(kind);
    await world.backend.apply(spec, signal);
    await observed(world, spec, healthy);
    inside = openKube({ kubeconfig: await world.backend.kubeconfig(spec, 600, signal), log });
  });
  afterAll(async () => {
    inside.close();
    await world.close();
  });

  const workers = async (): Promise<Node[]> => {
    const { items } = await inside.list<Node>(nodes);
    return items.filter(({ metadata }) => metadata.labels?.["node-role.kubernetes.io/control-plane"] === undefined);
  };
  /** How many of which type are in which group. */
  const counts = async (): Promise<Record<string, number>> => {
    const found: Record<string, number> = {};
    for (const { metadata } of await workers()) {
      const key = `${metadata.labels?.[kind.groupLabel]} ${metadata.labels?.[typeLabel]}`;
      found[key] = (found[key] ?? 0) + 1;
    }
    return found;
  };
  const settled = async (changed: WorkerSpec[], expected: Record<string, number>): Promise<void> => {
    const next: ClusterSpec = { ...spec, workers: changed };
    await world.backend.apply(next, signal);
    await until(async () => expect(await counts()).toEqual(expected));
    await observed(world, next, healthy);
  };

  test("are as many as the group has at least, and look like those of a real cluster", async () => {
    expect(await counts()).toEqual({ [`default ${medium}`]: 2 });
    const found = await workers();
    expect(new Set(found.map((node) => node.spec?.providerID)).size).toBe(2);
    for (const { metadata, spec, status } of found) {
      expect(Date.parse(metadata.creationTimestamp ?? "")).toBeGreaterThan(0);
      expect(metadata.labels).toMatchObject({
        "kubernetes.io/hostname": metadata.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
      });
      expect(spec?.providerID).toMatch(/^[a-z]+:\/\/.+/);
      const capacity = { cpu: "8", memory: "33554432Ki" };
      expect(status).toMatchObject({ capacity, allocatable: capacity });
      expect(status?.conditions?.find(({ type }) => type === "Ready")?.status).toBe("True");
      expect(status?.addresses).toContainEqual({ type: "Hostname", address: metadata.name });
    }
  });

  test("come and go with the size of the group; those that stay are the same", async () => {
    const ids = async () => new Set((await workers()).map(({ metadata }) => metadata.uid));
    const before = await ids();
    await settled([group("default", medium, 4)], { [`default ${medium}`]: 4 });
    const grown = await ids();
    expect([...before].every((id) => grown.has(id))).toBe(true);
    await settled([group("default", medium, 1)], { [`default ${medium}`]: 1 });
    expect([...(await ids())].every((id) => grown.has(id))).toBe(true);
  });

  test("belong to their group, each with its type of machine", async () => {
    const both = [group("default", medium, 1), group("big", large, 2)];
    await settled(both, { [`default ${medium}`]: 1, [`big ${large}`]: 2 });
    const big = (await workers()).find(({ metadata }) => metadata.labels?.[kind.groupLabel] === "big");
    expect(big?.status?.capacity).toMatchObject({ cpu: "24", memory: "201326592Ki" });
    await settled([group("big", large, 2)], { [`big ${large}`]: 2 });
  });

  test("are replaced where their group gets another type of machine", async () => {
    const before = await workers();
    await settled([group("big", medium, 2)], { [`big ${medium}`]: 2 });
    const names = new Set((await workers()).map(({ metadata }) => metadata.name));
    expect(before.some(({ metadata }) => names.has(metadata.name))).toBe(false);
  });
});
