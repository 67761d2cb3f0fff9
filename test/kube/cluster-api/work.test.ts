import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clusterApiBackend } from "../../../src/resources/api/cluster/cluster-api.js";
import { capiNamespace } from "../../../src/resources/api/cluster/cluster-api-cluster.js";
import { capiObservationOf } from "../../../src/resources/api/cluster/cluster-api-observation.js";
import { type CapiCluster, capiClusters } from "../../../src/resources/api/cluster/cluster-api-types.js";
import type { ClusterSpec } from "../../../src/resources/api/cluster/kube.js";
import { clusterSpec, healthy, log, observed, partition, project, signal, until } from "../gardener/garden.js";
import { type Management, namespace, settings, startManagement } from "./management.js";

let management: Management;
beforeAll(async () => {
  management = await startManagement();
});
afterAll(() => management.close());

describe("ordinary work", () => {
  /** Every state that a Cluster is in while `run` runs; a watch over HTTP may leave some out. */
  const statesOf = async (spec: ClusterSpec, run: () => Promise<unknown>): Promise<CapiCluster[]> => {
    const states: CapiCluster[] = [];
    const resource = { group: capiClusters.group, resource: capiClusters.plural };
    const unwatch = management.embedded.store.watch(resource, ({ object }) => {
      if (object.metadata.name === spec.name) states.push(structuredClone(object) as unknown as CapiCluster);
    });
    await run();
    unwatch();
    return states;
  };
  const conditionOf = ({ status }: CapiCluster, type: string) =>
    status?.conditions?.find((condition) => condition.type === type);
  const [worker] = clusterSpec("any").workers;
  if (worker === undefined) throw new Error("the cluster has no workers");

  test.each<[string, (spec: ClusterSpec) => ClusterSpec, string]>([
    ["grow", (spec) => ({ ...spec, workers: [{ ...worker, minSize: 3 }] }), "ScalingUp"],
    ["shrink", (spec) => ({ ...spec, workers: [{ ...worker, minSize: 1 }] }), "ScalingDown"],
    ["roll", (spec) => ({ ...spec, kubernetesVersion: "1.33.2" }), "RollingOut"],
  ])("to %s is never an error, though the Cluster may be not available meanwhile", async (name, change, activity) => {
    const spec = clusterSpec(name);
    await management.backend.apply(spec, signal);
    await observed(management, spec, healthy);
    const states = await statesOf(spec, async () => {
      const known = await management.backend.apply(change(spec), signal);
      await observed(management, spec, (seen) => healthy(seen) && BigInt(seen.version) > BigInt(known));
    });
    expect(states.some((state) => conditionOf(state, activity)?.status === "True")).toBe(true);
    if (name === "grow") {
      // The machines are made and nothing is scaled or rolled out any more, but their nodes have not joined.
      const waiting = states.filter(
        (state) =>
          ["ScalingUp", "RollingOut"].every((type) => conditionOf(state, type)?.status === "False") &&
          conditionOf(state, "Available")?.status === "False",
      );
      expect(waiting.map((state) => conditionOf(state, "WorkersAvailable"))).toContainEqual(
        expect.objectContaining({ status: "False", reason: "NotAvailable" }),
      );
    } else {
      expect(states.every((state) => conditionOf(state, "Available")?.status === "True")).toBe(true);
    }
    const words = states.map((state) => capiObservationOf(state)).map((seen) => `${seen?.type} ${seen?.state}`);
    expect(words).toContain("Reconcile Processing");
    expect(words.filter((word) => word.endsWith("Error"))).toEqual([]);
    expect(words.at(-1)).toBe("Reconcile Succeeded");
  });

  test("to delete makes progress that never falls, though what is wanted is counted down", async () => {
    const spec = clusterSpec("delete");
    await management.backend.apply(spec, signal);
    await observed(management, spec, healthy);
    const states = await statesOf(spec, async () => {
      await management.backend.remove(spec, signal);
      await until(async () => expect(await management.backend.remove(spec, signal)).toBe("gone"));
    });
    const wanted = states.map(({ status }) => status?.workers?.desiredReplicas);
    expect(new Set(wanted)).toEqual(new Set([2, 0]));
    const progress = states.map((state) => capiObservationOf(state)?.progress ?? 0).slice(1);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(new Set(progress).size).toBeGreaterThan(2);
  });
});

describe("a changed prefix of namespaces", () => {
  test("loses no cluster: those that are there stay where they are, new ones are made elsewhere", async () => {
    const spec = clusterSpec("stays");
    await management.backend.apply(spec, signal);
    await observed(management, spec, healthy);
    const moved = { ...settings, namespacePrefix: "moved-" };
    const { client } = management;
    const backend = clusterApiBackend({ client, partition, settings: moved, log });
    const placesOf = async ({ id }: ClusterSpec) => {
      const { items } = await client.list(capiClusters, { labelSelector: `slipway.dev/cluster=${id}` });
      return items.map(({ metadata }) => metadata.namespace);
    };

    expect(await backend.observe(spec, signal)).toMatchObject({ id: spec.id, state: "Succeeded" });
    await backend.apply({ ...spec, kubernetesVersion: "1.33.2" }, signal);
    await observed({ backend }, spec, (seen) => seen.kubernetesVersion === "1.33.2" && healthy(seen));
    expect(await placesOf(spec)).toEqual([namespace]);
    expect(await backend.machines(spec, signal)).toHaveLength(5);
    expect(await backend.kubeconfig(spec, 600, signal)).toContain("stays-external");
    await backend.operate(spec, "reconcile", signal);

    const young = clusterSpec("young");
    await backend.apply(young, signal);
    expect(await placesOf(young)).toEqual([capiNamespace(project, moved)]);
    // One of the same name, or one that claims the uuid in another project, is somebody else's.
    const namesake = { ...spec, id: "6f0c2f0e-7f0b-4f0e-9b39-ffffffffffff" };
    expect(await backend.observe(namesake, signal)).toBeUndefined();
    expect(await backend.observe({ ...spec, project: namesake.id }, signal)).toBeUndefined();

    expect(await backend.remove(spec, signal)).toBe("removing");
    await until(async () => expect(await backend.remove(spec, signal)).toBe("gone"));
    expect(await placesOf(spec)).toEqual([]);
  });
});
