import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, type Json, paths, podsOf, putNode, type Stage, startStage } from "./support.js";

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.close());

const template = (app: string, image = "registry.example/db:1", spec: Json = {}) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: "db", image }], ...spec },
});
const namesOf = async (app: string): Promise<string[]> =>
  (await podsOf(stage, app)).map(({ metadata }) => metadata.name);

describe("a StatefulSet", () => {
  const at = (name: string) => `${paths.statefulSets}/${name}`;
  const create = (name: string, spec: Json = {}) =>
    stage.create(paths.statefulSets, {
      metadata: { name },
      spec: {
        replicas: 3,
        serviceName: name,
        selector: { matchLabels: { app: name } },
        template: template(name),
        ...spec,
      },
    });
  const settled = (name: string, replicas = 3) =>
    eventually(async () => {
      const found = await stage.get(at(name));
      const { observedGeneration, currentRevision, updateRevision } = found.status ?? {};
      expect(found.status).toMatchObject({ replicas, readyReplicas: replicas, updatedReplicas: replicas });
      expect([observedGeneration, currentRevision]).toEqual([found.metadata.generation, updateRevision]);
      return found;
    });
  /** Notes in which order pods come, become ready and go. */
  const follow = (app: string) => {
    const steps: string[] = [];
    const stop = stage.store.watch({ group: "", resource: "pods" }, ({ type, object, previous }) => {
      if (object.metadata.labels?.app !== app) return;
      const ready = (pod: Json) =>
        pod?.status?.conditions?.some((one: Json) => one.type === "Ready" && one.status === "True");
      const ordinal = object.metadata.name.replace(/.*-/, "");
      if (type === "ADDED") steps.push(`+${ordinal}`);
      if (type === "DELETED") steps.push(`-${ordinal}`);
      if (type === "MODIFIED" && ready(object) && !ready(previous)) steps.push(`ready ${ordinal}`);
    });
    return { steps, stop };
  };

  it("brings its pods up one after the other and takes them down from the last", async () => {
    const { steps, stop } = follow("ordered");
    await create("ordered");
    await settled("ordered");
    expect(steps).toEqual(["+0", "ready 0", "+1", "ready 1", "+2", "ready 2"]);
    await stage.patch(`${at("ordered")}/scale`, { spec: { replicas: 1 } });
    await settled("ordered", 1);
    await eventually(async () => expect(await namesOf("ordered")).toEqual(["ordered-0"]));
    stop();
    expect(steps.slice(6)).toEqual(["-2", "-1"]);
    const [pod] = await podsOf(stage, "ordered");
    expect(pod.spec).toMatchObject({ hostname: "ordered-0", subdomain: "ordered" });
    expect(pod.metadata.labels).toMatchObject({ "apps.kubernetes.io/pod-index": "0" });
  });

  it("rolls from the last pod to the first, down to its partition", async () => {
    await create("rolled", { podManagementPolicy: "Parallel" });
    const before = await settled("rolled");
    const { steps, stop } = follow("rolled");
    const updateStrategy = { rollingUpdate: { partition: 1 } };
    await stage.patch(at("rolled"), {
      spec: { updateStrategy, template: template("rolled", "registry.example/db:2") },
    });
    await eventually(async () => {
      const { status } = await stage.get(at("rolled"));
      expect(status).toMatchObject({ readyReplicas: 3, updatedReplicas: 2, currentReplicas: 1 });
      expect(status.currentRevision).toBe(before.status.currentRevision);
      expect(status.updateRevision).not.toBe(before.status.currentRevision);
    });
    expect(steps).toEqual(["-2", "+2", "ready 2", "-1", "+1", "ready 1"]);
    await stage.remove(`${paths.pods}/rolled-0`);
    await eventually(async () => expect(steps).toContain("ready 0"));
    expect((await stage.get(`${paths.pods}/rolled-0`)).spec.containers[0].image).toBe("registry.example/db:1");
    await stage.patch(at("rolled"), { spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } });
    await settled("rolled");
    stop();
    const images = (await podsOf(stage, "rolled")).map(({ spec }) => spec.containers[0].image);
    expect(images).toEqual(Array(3).fill("registry.example/db:2"));
  });

  it("gives each pod claims of its own, which outlive it", async () => {
    const claim = { metadata: { name: "data" }, spec: { resources: { requests: { storage: "1Gi" } } } };
    await create("stored", { replicas: 1, volumeClaimTemplates: [claim] });
    const pvc = `${paths.claims}/data-stored-0`;
    await eventually(async () => expect((await stage.get(pvc)).spec.resources.requests.storage).toBe("1Gi"));
    await eventually(async () => {
      const [pod] = await podsOf(stage, "stored");
      expect(pod.status.conditions[0].message).toBe("pod has unbound immediate PersistentVolumeClaims");
      expect(pod.spec.volumes).toEqual([{ name: "data", persistentVolumeClaim: { claimName: "data-stored-0" } }]);
    });
    await stage.patch(`${pvc}/status`, { status: { phase: "Bound" } });
    await settled("stored", 1);
    await stage.patch(`${at("stored")}/scale`, { spec: { replicas: 0 } });
    await eventually(async () => expect(await namesOf("stored")).toEqual([]));
    expect((await stage.get(pvc)).status.phase).toBe("Bound");
  });
});

describe("a DaemonSet", () => {
  const at = (name: string) => `${paths.daemonSets}/${name}`;

  it("has one pod on each node that suits, and follows the nodes", async () => {
    const own = await startStage();
    const nodeSelector = { disk: "ssd" };
    const spec = { selector: { matchLabels: { app: "agent" } }, template: template("agent", "a", { nodeSelector }) };
    await own.create(paths.daemonSets, { metadata: { name: "agent" }, spec });
    const settled = (nodes: string[]) =>
      eventually(async () => {
        const count = nodes.length;
        const { status } = await own.get(at("agent"));
        expect(status).toMatchObject({ desiredNumberScheduled: count, numberReady: count, numberAvailable: count });
        expect((await podsOf(own, "agent")).map((pod) => pod.spec.nodeName).sort()).toEqual(nodes);
      });
    await settled([]);
    const label = (node: string, disk: string | null) =>
      own.patch(`${paths.nodes}/${node}`, { metadata: { labels: { disk } } });
    await label("node-0", "ssd");
    await label("node-2", "ssd");
    await settled(["node-0", "node-2"]);
    await putNode(own, "node-9");
    await label("node-9", "ssd");
    await settled(["node-0", "node-2", "node-9"]);
    await label("node-2", null);
    await settled(["node-0", "node-9"]);
    await own.remove(`${paths.nodes}/node-9`);
    await settled(["node-0"]);
    await own.close();
  });

  it("rolls to a new template, one node at a time", async () => {
    const spec = { selector: { matchLabels: { app: "rolling" } }, template: template("rolling") };
    await stage.create(paths.daemonSets, { metadata: { name: "rolling" }, spec });
    const settled = () =>
      eventually(async () => {
        const found = await stage.get(at("rolling"));
        expect(found.status).toMatchObject({
          observedGeneration: found.metadata.generation,
          updatedNumberScheduled: 3,
          numberAvailable: 3,
        });
      });
    await settled();
    let least = 3;
    const stop = stage.store.watch({ group: "apps", resource: "daemonsets" }, ({ object }) => {
      least = Math.min(least, Number(object.status?.numberAvailable ?? 0));
    });
    await stage.patch(at("rolling"), { spec: { template: template("rolling", "registry.example/db:2") } });
    await settled();
    stop();
    expect(least).toBe(2);
    const images = (await podsOf(stage, "rolling")).map((pod) => pod.spec.containers[0].image);
    expect(images).toEqual(Array(3).fill("registry.example/db:2"));
  });
});
